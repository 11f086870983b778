"""VMs for real: the stand-in on a network of test hosts, driven by a client that users have, from image to removal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from proxmoxer import ProxmoxAPI
from proxmoxer.tools import Tasks
from testbed.hosts import disk, machine, processes, registry, removal, site
from testbed.mirror import service as servers
from testbed.proxmox import service
from testbed.proxmox.service import Service
from testbed.shell import CommandFailed, run

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="test hosts need root"),
]

NETWORK = f"test-{os.getpid()}-vms"
NODE = "demo-pve"
PASSWORD = "of-the-stand-in"
TEMPLATE, FIRST, SECOND = 9000, 120, 130
NAMES = {FIRST: "database-vm", SECOND: "k8s-vm"}
USER = "autolabs"
MACS = {FIRST: "BC:24:11:00:01:20", SECOND: "BC:24:11:00:01:30"}
SECOND_CARD = "BC:24:11:00:02:30"


def place() -> registry.Network:
    found = registry.load(NETWORK)
    assert found is not None
    return found


def address(vmid: int) -> str:
    return str(place().plan.host(vmid - 100))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "id_ed25519"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path])
    return path


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Service]:
    site.up(NETWORK, [site.Wanted(NODE)], owner=os.getpid(), mirror=False)
    try:
        yield service.up(NETWORK, NODE, PASSWORD, {})
    finally:
        removal.down(NETWORK)


def client(stand_in: Service) -> ProxmoxAPI:
    """A session of its own: one that is kept open ends with the server."""
    return ProxmoxAPI(stand_in.host, user="root@pam", password=PASSWORD, verify_ssl=str(stand_in.ca), timeout=30)


@pytest.fixture
def api(stand_in: Service) -> ProxmoxAPI:
    return client(stand_in)


@pytest.fixture(scope="module")
def template(stand_in: Service, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A template, made as from any cloud image; what is in the file makes no difference to test hosts."""
    api = client(stand_in)
    folder = tmp_path_factory.mktemp("image")
    (folder / "debian-12.qcow2").write_bytes(b"QFI\xfb" + b"\0" * 4092)
    api.storage("local").put(content="backup,import,iso,snippets,vztmpl")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/debian-12.qcow2"
        done(api, api.nodes(NODE).storage("local").post("download-url", content="import", filename="debian-12.qcow2",
                                                        url=url))  # fmt: skip
        server.shutdown()
    drives = {"scsi0": "local-lvm:0,import-from=local:import/debian-12.qcow2", "ide2": "local-lvm:cloudinit"}
    done(
        api,
        api.nodes(NODE).qemu.post(vmid=TEMPLATE, name="debian-12", scsihw="virtio-scsi-single", agent="1", **drives),
    )
    done(api, api.nodes(NODE).qemu(TEMPLATE).template.post())
    return TEMPLATE


@pytest.fixture(scope="module")
def vms(stand_in: Service, template: int, key: Path) -> dict[int, float]:
    """Two VMs, cloned and started at once; for each the seconds from its start to its ssh."""

    def make(vmid: int) -> None:
        api = client(stand_in)
        vm = api.nodes(NODE).qemu(vmid)
        done(api, api.nodes(NODE).qemu(template).clone.post(newid=vmid, name=NAMES[vmid], full=1))
        plan = place().plan
        vm.config.put(
            memory=1024,
            ciuser=USER,
            sshkeys=quote(key.with_suffix(".pub").read_text().strip(), safe=""),
            nameserver=str(plan.bridge),
            searchdomain="autolabs.internal",
            ciupgrade=0,
            net0=f"virtio={MACS[vmid]},bridge=vmbr0",
            ipconfig0=f"ip={address(vmid)}/{plan.segment.prefixlen},gw={plan.bridge}",
            **({"net1": f"virtio={SECOND_CARD},bridge=vmbr0,tag=5", "ipconfig1": "ip=172.20.0.30/24"}
               if vmid == SECOND else {}),
        )  # fmt: skip

    def start(vmid: int) -> float:
        api = client(stand_in)
        begun = time.monotonic()
        done(api, api.nodes(NODE).qemu(vmid).status.start.post())
        wait_for_ssh(vmid, key)
        return time.monotonic() - begun

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, NAMES))
        return dict(zip(NAMES, pool.map(start, NAMES), strict=True))


def done(api: ProxmoxAPI, upid: str) -> None:
    """Wait for a task's good end."""
    status = Tasks.blocking_status(api, upid, timeout=60, polling_interval=0.1)
    assert status is not None, f"{upid} does not end"
    assert status["exitstatus"] == "OK", status["exitstatus"]


def ssh(vmid: int, key: Path, command: str, user: str) -> list[str]:
    """The command line that runs a command on a VM."""
    options = ("StrictHostKeyChecking=yes", f"UserKnownHostsFile={place().folder}/ssh/known_hosts", "BatchMode=yes",
               "IdentitiesOnly=yes", "ConnectTimeout=5")  # fmt: skip
    return ["ssh", "-F", "none", "-i", str(key), *(f"-o{option}" for option in options),
            f"{user}@{address(vmid)}", command]  # fmt: skip


def login(vmid: int, key: Path, command: str, user: str = USER) -> str:
    """Run a command on a VM as a user whose key cloud-init has put there."""
    return run(ssh(vmid, key, command, user), timeout=30)


def wait_for_ssh(vmid: int, key: Path, user: str = USER, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            login(vmid, key, "true", user)
            return
        except CommandFailed as failed:
            if time.monotonic() > deadline:
                raise AssertionError(f"VM {vmid} has no ssh: {failed}\n{console(vmid)}") from failed
            time.sleep(0.1)


def console(vmid: int) -> str:
    return (place().host_folder(NAMES[vmid]) / machine.CONSOLE).read_text(errors="replace")[-2000:]


def test_a_started_vm_answers_ssh_within_seconds(vms: dict[int, float]) -> None:
    assert max(vms.values()) < 30, vms


def test_the_user_of_the_data_has_sudo_and_root_has_no_login(vms: dict[int, float], key: Path) -> None:
    for vmid in vms:
        assert login(vmid, key, "id -un; sudo -n id -un").split() == [USER, "root"]
    # Told at once; the connection ends 10 s later.
    with subprocess.Popen(ssh(FIRST, key, "id -un", "root"), stdout=subprocess.PIPE, text=True) as refused:
        assert refused.stdout is not None
        assert "Please login as the user" in refused.stdout.readline()
        refused.kill()


def test_name_address_gateway_and_names_are_those_of_the_data(vms: dict[int, float], key: Path) -> None:
    plan = place().plan
    for vmid in vms:
        told = login(vmid, key, "hostname -f; ip -4 -br address show eth0; ip route show default; resolvectl dns eth0")
        name, own, route, names = told.splitlines()
        assert name == f"{NAMES[vmid]}.autolabs.internal"
        assert own.split()[2] == f"{address(vmid)}/{plan.segment.prefixlen}"
        assert route.startswith(f"default via {plan.bridge} dev eth0")
        assert names.endswith(str(plan.bridge))
        assert login(vmid, key, "cat /sys/class/net/eth0/address").strip() == MACS[vmid].lower()
    assert "1 received" in login(FIRST, key, f"ping -c 1 {address(SECOND)}")


def test_a_second_card_has_its_own_address(vms: dict[int, float], key: Path) -> None:
    assert "172.20.0.30/24" in login(SECOND, key, "ip -4 -br address show eth1")


def test_the_agent_tells_the_vms_own_addresses(vms: dict[int, float], api: ProxmoxAPI) -> None:
    told = api.nodes(NODE).qemu(SECOND).agent("network-get-interfaces").get()["result"]
    first = next(one for one in told if one["hardware-address"] == MACS[SECOND].lower())
    assert address(SECOND) in [one["ip-address"] for one in first["ip-addresses"]]


def test_a_vm_is_ready_for_containers(vms: dict[int, float], key: Path) -> None:
    login(SECOND, key, "systemctl is-active autolabs-testbed-prepare && mountpoint /sys/fs/bpf")
    assert login(SECOND, key, "cat /proc/sys/net/ipv4/ip_forward").strip() == "1"


def test_vms_are_listed_with_the_hosts_and_have_the_test_beds_way_in(vms: dict[int, float]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    listed = run([sys.executable, "-m", "testbed", "list"], env=environment)
    assert re.search(rf"^{NETWORK} .* {NAMES[SECOND]} +{address(SECOND)} +running", listed, re.MULTILINE)
    assert run(["ssh", "-F", place().folder / "ssh_config", NAMES[SECOND], "id -un"]).strip() == "root"
    assert NAMES[SECOND] in (place().folder / "inventory.yml").read_text()


def test_changed_data_and_memory_are_taken_at_the_next_boot(vms: dict[int, float], api: ProxmoxAPI, key: Path) -> None:
    vm = api.nodes(NODE).qemu(FIRST)
    login(FIRST, key, "sudo touch /etc/kept /var/lib/kept")
    vm.config.put(ciuser="other", nameserver="10.9.9.9", memory=2048)
    done(api, vm.status.shutdown.post(timeout=30))
    assert vm.status.current.get()["status"] == "stopped"
    done(api, vm.status.start.post())
    wait_for_ssh(FIRST, key, "other")
    told = login(FIRST, key, "ls /etc/kept /var/lib/kept; resolvectl dns eth0; sudo -n id -un", "other")
    assert told.split()[:2] == ["/etc/kept", "/var/lib/kept"]
    assert "10.9.9.9" in told
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true"
    assert login(FIRST, key, f"sudo sh -c '{limit}'", "other").strip() == str(2 << 30)


def test_a_vm_that_boots_anew_from_inside_goes_on_running(vms: dict[int, float], api: ProxmoxAPI, key: Path) -> None:
    before = machine.leader(place(), place().hosts[NAMES[SECOND]])
    login(SECOND, key, "sudo systemctl --no-block reboot")
    deadline = time.monotonic() + 30
    while machine.leader(place(), place().hosts[NAMES[SECOND]]) in (before, None):
        assert time.monotonic() < deadline, console(SECOND)
    wait_for_ssh(SECOND, key)
    assert api.nodes(NODE).qemu(SECOND).status.current.get()["status"] == "running"


def test_a_snippet_written_on_the_node_is_a_file_of_the_storage(vms: dict[int, float], api: ProxmoxAPI) -> None:
    run(
        [
            "ssh",
            "-F",
            place().folder / "ssh_config",
            NODE,
            "mkdir -p /var/lib/vz/snippets && echo '#cloud-config' >/var/lib/vz/snippets/vendor.yml",
        ]
    )
    volumes = api.nodes(NODE).storage("local").content.get(content="snippets")
    assert "local:snippets/vendor.yml" in [volume["volid"] for volume in volumes]


def test_the_api_comes_back_with_the_node_and_knows_its_vms(vms: dict[int, float], stand_in: Service) -> None:
    site.stop_host(NETWORK, NODE)
    with pytest.raises(OSError, match=r"timed out|refused|No route"):
        service.probe(stand_in)
    site.start_host(NETWORK, NODE)
    deadline = time.monotonic() + 30
    while True:
        try:
            service.probe(stand_in)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert client(stand_in).nodes(NODE).qemu(FIRST).status.current.get()["status"] == "running"


def test_the_stand_in_that_was_killed_is_started_again_with_all_it_knew(
    vms: dict[int, float], stand_in: Service
) -> None:
    assert service.up(NETWORK, NODE, PASSWORD, {}) == stand_in
    who = servers.recorded(service.NAME, service.folder(place()))
    assert who is not None
    os.kill(who.pid, signal.SIGKILL)
    processes.end([who.pid], lambda _: processes.lives(who))
    service.up(NETWORK, NODE, PASSWORD, {})
    states = {vm["vmid"]: vm["status"] for vm in client(stand_in).nodes(NODE).qemu.get()}
    assert states == {TEMPLATE: "stopped", FIRST: "running", SECOND: "running"}


def test_a_vm_that_is_killed_from_outside_is_stopped(vms: dict[int, float], api: ProxmoxAPI) -> None:
    machine.kill(place(), place().hosts[NAMES[FIRST]])
    assert api.nodes(NODE).qemu(FIRST).status.current.get()["status"] == "stopped"


def test_a_vm_that_cannot_be_a_test_host_says_why_in_its_task(vms: dict[int, float], api: ProxmoxAPI) -> None:
    vm = api.nodes(NODE).qemu(FIRST)
    vm.config.put(ipconfig0="ip=192.168.100.20/24")
    status = Tasks.blocking_status(api, vm.status.start.post(), timeout=30, polling_interval=0.1)
    assert status is not None
    assert "192.168.100.20 is no host's address" in status["exitstatus"]


def test_a_destroyed_vm_leaves_nothing(vms: dict[int, float], api: ProxmoxAPI) -> None:
    gone = place()
    done(api, api.nodes(NODE).qemu(SECOND).status.stop.post())
    for vmid in vms:
        done(api, api.nodes(NODE).qemu(vmid).delete())
    assert list(place().hosts) == [NODE]
    for vmid, name in NAMES.items():
        assert not disk.upper(gone, gone.hosts[name]).parent.exists()
        assert not list(Path("/sys/fs/cgroup").glob(f"*/autolabs-testbed.{NETWORK}.{name}"))
        links = json.loads(run(["ip", "-n", gone.namespace, "-json", "link"]))
        assert not [link for link in links if link["ifname"].startswith(f"vb-{gone.plan.machine(vmid - 100)}")]
        assert name not in (gone.folder / "inventory.yml").read_text()


def test_down_leaves_nothing_of_stand_in_and_vms(vms: dict[int, float], stand_in: Service) -> None:
    who, gone = servers.recorded(service.NAME, service.folder(place())), place()
    assert who is not None
    removal.down(NETWORK)
    assert not processes.lives(who)
    assert registry.load(NETWORK) is None
    assert not gone.folder.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/autolabs-testbed.{NETWORK}.*"))
    assert processes.having(lambda pid: f"{gone.folder}/" in processes.command_line(pid)) == []
    assert processes.having(lambda pid: f" serve {NETWORK} " in processes.command_line(pid)) == []
