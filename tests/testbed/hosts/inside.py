"""The files of a host that are not from packages: its network, its ssh, its mounts, what it trusts."""

from __future__ import annotations

from pathlib import Path

from testbed.hosts import image, outer
from testbed.hosts.registry import Host, Network

PREPARE = "autolabs-testbed-prepare.service"
# Timers that would hold dpkg's lock at a time of their own choosing.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service")
ENABLED = {PREPARE: "multi-user.target", "systemd-networkd.service": "multi-user.target"}

PREPARE_UNIT = """\
[Unit]
Description=Mounts and switches that containers need and systemd-nspawn does not give
After=systemd-networkd.service systemd-sysctl.service
Before=containerd.service kubelet.service docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -eu /usr/local/lib/autolabs-testbed/prepare

[Install]
WantedBy=multi-user.target
"""

PREPARE_SCRIPT = """\
# systemd-nspawn mounts these read-only; kubelet, kube-proxy and Calico write to them.
mount -o remount,rw /sys
mount -o remount,rw /proc/sys

# cgroup version 1: mounted anew from inside, each hierarchy is rooted in this host's own cgroup.
while read -r _ place type _; do
    case "$type:$place" in
    cgroup:/sys/fs/cgroup/systemd) ;;
    cgroup:/sys/fs/cgroup/*) mounts="${mounts:-} $place" ;;
    esac
done </proc/mounts
for place in ${mounts:-}; do
    umount "$place"
    mount -t cgroup -o "${place##*/}" cgroup "$place"
done

mkdir -p /sys/fs/bpf
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
echo 1 >/proc/sys/net/ipv4/ip_forward
"""

# With a writable /sys networkd would wait for udev, which no container has. Foreign routes are Calico's.
NETWORKD_UNIT = "[Service]\nReadOnlyPaths=/sys\n"
NETWORKD = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"

SSHD = "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n"


def given(network: Network, host: Host) -> dict[Path, str]:
    """What a VM takes from its cloud-init data and any other host finds on its disk: its name and its network."""
    return {
        Path("etc/hostname"): f"{host.name}\n",
        Path("etc/resolv.conf"): outer.resolver(),
        Path("etc/systemd/network/10-host0.network"): _link(network, host),
    }


def files(network: Network, host: Host, base: Path) -> dict[Path, str]:
    """The files of every host and VM: their paths below the root, and their texts."""
    trusted = Path("/") / outer.CA_BUNDLE
    known = (base / outer.CA_BUNDLE).read_text()
    extra = outer.extra_certificates(trusted.read_text(), known) if trusted.exists() else []
    texts = {
        "etc/machine-id": f"{host.machine_id}\n",
        "etc/default/locale": "LANG=C.UTF-8\n",
        "etc/systemd/networkd.conf.d/testbed.conf": NETWORKD,
        "etc/systemd/system/systemd-networkd.service.d/testbed.conf": NETWORKD_UNIT,
        f"etc/systemd/system/{PREPARE}": PREPARE_UNIT,
        "usr/local/lib/autolabs-testbed/prepare": PREPARE_SCRIPT,
        "etc/ssh/sshd_config.d/testbed.conf": SSHD,
        "etc/apt/sources.list": "",
        "etc/apt/sources.list.d/debian.sources": sources(_mirrors(base)),
        "etc/apt/apt.conf.d/80testbed": outer.apt_settings(),
        # update-ca-certificates makes the same bundle from the single files.
        str(outer.CA_BUNDLE): known + "".join(f"{certificate}\n" for certificate in extra),
    }
    for number, certificate in enumerate(extra):
        texts[f"usr/local/share/ca-certificates/testbed-{number}.crt"] = f"{certificate}\n"
    return {Path(path): text for path, text in texts.items()}


def sources(mirrors: outer.Mirrors) -> str:
    """The apt sources: the release, its updates and its security updates."""
    key = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    common = f"Components: main\n{key}"
    return (
        f"Types: deb\nURIs: {mirrors.main}\nSuites: {image.SUITE} {image.SUITE}-updates\n{common}\n"
        f"Types: deb\nURIs: {mirrors.security}\nSuites: {image.SUITE}-security\n{common}"
    )


def _mirrors(base: Path) -> outer.Mirrors:
    """The machine's mirrors, or else the one that debootstrap chose."""
    machine = outer.debian_mirrors()
    chosen = outer.one_line_entries((base / "etc/apt/sources.list").read_text())[0][0].rstrip("/")
    return outer.Mirrors(machine.main or chosen, machine.security or f"{machine.main or chosen}-security")


def _link(network: Network, host: Host) -> str:
    plan = network.plan
    return (
        "[Match]\nName=host0\n\n"
        f"[Link]\nMTUBytes={outer.mtu()}\n\n"
        "[Network]\n"
        f"Address={plan.host(host.number)}/{plan.segment.prefixlen}\n"
        f"Gateway={plan.bridge}\n"
        "LinkLocalAddressing=ipv6\nIPv6AcceptRA=no\nLLDP=no\n"
    )
