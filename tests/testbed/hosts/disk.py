"""A host's disk: an overlay over the base root, and a /var of its own.

/var is a plain folder because overlayfs cannot be stacked: containerd keeps its overlays there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from testbed.hosts import image, inside, registry, vm
from testbed.hosts.registry import Host, Network
from testbed.shell import run

BLOCK = re.compile(r"# test hosts: begin\n.*# test hosts: end\n", re.DOTALL)


def upper(network: Network, host: Host) -> Path:
    return network.host_folder(host.name) / "upper"


def root(network: Network, host: Host) -> Path:
    """Where the host's own mount namespace has its root; empty for everybody else."""
    return network.host_folder(host.name) / "root"


def base(host: Host) -> Path:
    """The base root that the host's disk lies over; made when it is not there."""
    return image.ensure(image.VM_PACKAGES if host.vmid else image.PACKAGES)


def ensure(network: Network, host: Host, base: Path) -> None:
    """Make the disk unless it is there whole; a disk that is there is kept as it is."""
    folder = network.host_folder(host.name)
    if (folder / "complete").exists():
        return
    remove(network, host)
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "upper").chmod(0o755)
    run(["cp", "--archive", "--reflink=auto", base / "var", folder / "var"], keep=registry.held())
    texts = {**inside.files(network, host, base), **(vm.files() if host.vmid else inside.given(network, host))}
    for path, text in texts.items():
        target = folder / path if path.parts[0] == "var" else folder / "upper" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    _host_keys(network, host)
    _access(network, host)
    _units(folder / "upper/etc/systemd/system", {**inside.ENABLED, **(vm.ENABLED if host.vmid else {})})
    if host.vmid:
        (folder / "upper/etc/resolv.conf").symlink_to(vm.RESOLVER)
    (folder / "complete").touch()


def remove(network: Network, host: Host) -> None:
    """Remove the disk; first what says that it is whole."""
    folder = network.host_folder(host.name)
    if folder.exists():
        (folder / "complete").unlink(missing_ok=True)
        shutil.rmtree(folder)


def write_names(network: Network, etc: Path) -> None:
    """Put every host's name into the `hosts` file of a host's /etc, and leave its other lines alone.

    VMs are left out: to make them known is the site's own task.
    """
    path = etc / "hosts"
    rows = [f"{network.plan.host(host.number)} {host.name}" for host in network.hosts.values() if not host.vmid]
    block = "\n".join(["# test hosts: begin", *rows, "# test hosts: end", ""])
    text = path.read_text() if path.exists() else "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
    wanted = BLOCK.sub("", text) + block
    if wanted != text:
        path.write_text(wanted)


def _units(system: Path, enabled: Mapping[str, str]) -> None:
    for unit, wanted_by in enabled.items():
        link = system / f"{wanted_by}.wants" / unit
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/etc/systemd/system/{unit}" if (system / unit).exists() else f"/lib/systemd/system/{unit}")
    for unit in inside.MASKED:
        (system / unit).symlink_to("/dev/null")


def _host_keys(network: Network, host: Host) -> None:
    key = upper(network, host) / "etc/ssh/ssh_host_ed25519_key"
    key.parent.mkdir(parents=True, exist_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", key])


def host_key(network: Network, host: Host) -> str:
    """The public host key: its type and its base64 form."""
    text = (upper(network, host) / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
    return " ".join(text.split()[:2])


def _access(network: Network, host: Host) -> None:
    key = (network.folder / "ssh/id_ed25519.pub").read_text()
    if host.vmid:
        # Not in root's own file: cloud-init puts a command that refuses before keys that are there and in its data.
        (upper(network, host) / vm.ROOT_KEYS).write_text(key)
        return
    folder = upper(network, host) / "root/.ssh"
    folder.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    folder.chmod(0o700)
    (folder / "authorized_keys").write_text(key)
