"""The role firewall on a real host: what is open and to whom, and no moment in which it is otherwise.

The host has services that listen, and a "container": a network namespace behind ports that iptables rewrites, as Docker
does it. Probes come from the controller, from a second machine of the site, and from the outside host.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import environment
from testbed.hosts import machine, registry, removal
from testbed.hosts import site as hosts
from testbed.shell import run

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="test hosts need root"),
]

NAME = f"test-{os.getpid()}-fw"
HOST, OTHER = "fw-host", "fw-other"
HOST6, OTHER6 = "fd77::11", "fd77::12"
BOX = "10.200.0.2"
STATE = "/var/lib/autolabs/firewall"

# The host's services. The first three ports have flows; 7004 listens and has none. 7080 is published for the second
# machine; 7081 and the node port lead to the container as well, and no flow knows them.
CATALOGUE = """
endpoints:
  outside-host: {{title: Outside host, zone: outside, addresses: [{outside}/32]}}
flows:
  for-all: {{from: everyone, to: database, ports: [tcp/7001], why: A test}}
  for-neighbour: {{from: gitlab, to: database, ports: [tcp/7002, udp/7002], why: A test}}
  for-outside: {{from: outside-host, to: database, ports: [tcp/7003], why: A test}}
  container:
    from: gitlab
    to: database
    ports: [tcp/80]
    published: {{at: database, ports: [tcp/7080]}}
    why: A test
"""
SERVER = r"""
import selectors, socket
chosen = selectors.DefaultSelector()
for port in PORTS:
    tcp = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", port))
    chosen.register(tcp, 1)
    chosen.register(udp, 1)
while True:
    for key, _ in chosen.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            key.fileobj.sendto(b"here", key.fileobj.recvfrom(10)[1])
        else:
            key.fileobj.accept()[0].close()
"""
# Which of [PROTOCOL, ADDRESS, PORT] answer; UDP is asked three times.
PROBE = r"""
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def answers(target):
    protocol, address, port = target
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    for _ in range(1 if protocol == "tcp" else 3):
        with socket.socket(family, kind) as tried:
            tried.settimeout(3)
            try:
                tried.connect((address, port))
                if protocol == "udp":
                    tried.send(b"there?")
                    tried.recv(10)
                return True
            except OSError:
                pass
    return False
targets = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(list(pool.map(answers, targets))))
"""
# Tries ports without a pause until it is ended, then tells how often it tried and what was open.
WATCH = r"""
import json, signal, socket, sys, time
address, ports = sys.argv[1], json.loads(sys.argv[2])
tried, opened, ended = 0, [], []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
print("watching", flush=True)
while not ended:
    sockets = []
    for port in ports:
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((address, port))
        sockets.append((port, one))
    time.sleep(0.15)
    for port, one in sockets:
        try:
            one.getpeername()
            opened.append([port, time.time()])
        except OSError:
            pass
        one.close()
        tried += 1
print(json.dumps([tried, opened]), flush=True)
"""


@dataclass
class Played:
    """One run of the site's firewall stage."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something on the host."""
        found = re.search(rf"^{HOST} .*\bchanged=(\d+)", self.output, re.MULTILINE)
        assert found, self.output[-3000:]
        return int(found[1])


class Site:
    """The two hosts, and ways to ask them."""

    def __init__(self, folder: Path) -> None:
        found = registry.load(NAME)
        assert found is not None
        self.network, self.folder = found, folder
        self.address = str(found.plan.host(found.hosts[HOST].number))
        catalogue = folder / "flows.yml"
        catalogue.write_text(CATALOGUE.format(outside=found.plan.outside))
        self.variables: dict[str, Any] = {
            "flows_files": [str(catalogue)],
            "flows_networks": {"admin": [f"{found.plan.uplink_root}/32"]},
        }

    def play(self, options: tuple[str, ...] = (), **variables: Any) -> Played:
        """The stage firewall of site.yml, on the host alone."""
        given = json.dumps({**self.variables, **variables})
        command = ["ansible-playbook", "-i", str(self.network.folder / "inventory.yml"), "--limit", HOST, "-e", given]
        command += ["--tags", "firewall", *options, "autolabs.platform.site"]
        done = subprocess.run(
            command,
            env={**os.environ, **environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        return Played(done.returncode, done.stdout)

    def on(self, command: str, host: str = HOST, given: str = "") -> str:
        way = ["ssh", "-F", str(self.network.folder / "ssh_config"), host, command]
        done = subprocess.run(way, input=given, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def in_host(self, command: str) -> str:
        """Run a command on the host without ssh."""
        leader = machine.leader(self.network, self.network.hosts[HOST])
        return run(["nsenter", "-t", str(leader), "-a", "sh", "-c", command], timeout=60)

    def from_all(self, *targets: tuple[str, int]) -> dict[tuple[str, int], set[str]]:
        """Who of controller, other and outside gets an answer from the host's (protocol, port)."""
        given = json.dumps([(protocol, self.address, port) for protocol, port in targets])
        namespace = ["ip", "netns", "exec", self.network.outside_namespace]
        answers = {
            "controller": run([sys.executable, "-c", PROBE, given], timeout=60),
            "outside": run([*namespace, sys.executable, "-c", PROBE, given], timeout=60),
            "other": self.from_other([(protocol, self.address, port) for protocol, port in targets]),
        }
        read = {who: json.loads(text) if isinstance(text, str) else text for who, text in answers.items()}
        return {target: {who for who in read if read[who][index]} for index, target in enumerate(targets)}

    def from_other(self, targets: list[tuple[str, str, int]]) -> list[bool]:
        quoted = json.dumps(targets).replace('"', '\\"')
        return list(json.loads(self.on(f'python3 - "{quoted}"', OTHER, PROBE)))

    def rules(self) -> str:
        """Everything about the rules on the host: files, and what the kernel has of them."""
        return self.in_host(
            "cat /etc/ufw/*.rules /etc/ufw/*.init /etc/ufw/ufw.conf /etc/default/ufw;"
            "(iptables-save; ip6tables-save) | grep -E '^(:INPUT|:FORWARD|-A (ufw|INPUT|PREROUTING|autolabs))'"
            " | sed 's/ [[].*//'"
        )

    @contextlib.contextmanager
    def watched(self, *ports: int) -> Iterator[None]:
        """Nothing gets through to these ports from outside meanwhile."""
        command = ["ip", "netns", "exec", self.network.outside_namespace, sys.executable, "-c", WATCH]
        process = subprocess.Popen(
            [*command, self.address, json.dumps(ports)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "watching\n"
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=30)
        tried, opened = json.loads(told)
        assert tried > 20
        assert opened == []

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """An ssh session that is there before and still answers afterwards."""
        process = subprocess.Popen(
            ["ssh", "-F", self.network.folder / "ssh_config", HOST, "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            for word in ("before\n", "after\n"):
                process.stdin.write(word)
                assert process.stdout.readline() == word
                if word == "before\n":
                    yield
        finally:
            process.kill()
            process.communicate()


def wait_for(what: Any, seconds: float, told: str) -> None:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s: {told}"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two hosts without a firewall, with services that everybody reaches."""
    wanted = [hosts.Wanted(HOST, 1 << 30), hosts.Wanted(OTHER, 1 << 29)]
    groups: Mapping[str, list[str]] = {"database": [HOST], "gitlab": [OTHER]}
    try:
        hosts.up(NAME, wanted, groups=groups, owner=os.getpid(), mirror=False)
        site = Site(tmp_path_factory.mktemp("firewall"))
        serve(site)
        yield site
    finally:
        removal.down(NAME)


@pytest.fixture(scope="module")
def site(empty: Site) -> Site:
    """The host with its firewall."""
    with empty.session():
        played = empty.play(("--diff",))
    assert played.code == 0, played.output[-5000:]
    return empty


def serve(site: Site) -> None:
    ports = [7001, 7002, 7003, 7004]
    site.on(
        "cat >/root/serve.py; systemd-run --quiet --unit=serve python3 /root/serve.py",
        given=SERVER.replace("PORTS", str(ports)),
    )
    rewritten = " ".join(
        f"iptables -t nat -A PREROUTING -p tcp -m addrtype --dst-type LOCAL --dport {port} -j DNAT --to {BOX}:80;"
        for port in (7080, 7081, 30080)
    )
    site.on(
        "cat >/root/box.py; set -e; ip netns add box; ip link add br-box type veth peer name eth0 netns box;"
        "ip addr add 10.200.0.1/24 dev br-box; ip link set br-box up;"
        f"ip -n box addr add {BOX}/24 dev eth0; ip -n box link set eth0 up; ip -n box route add default via 10.200.0.1;"
        f"{rewritten} iptables -I FORWARD -o br-box -j ACCEPT; iptables -I FORWARD -i br-box -j ACCEPT;"
        "systemd-run --quiet --unit=box ip netns exec box python3 /root/box.py",
        given=SERVER.replace("PORTS", "[80]"),
    )
    for host, address in ((HOST, HOST6), (OTHER, OTHER6)):
        site.on(f"ip -6 addr add {address}/64 dev host0 nodad", host)
    all_of_them = {"controller", "other", "outside"}
    # A neighbour may send packets for the containers to the host: nobody asks it.
    site.on(f"ip route add 10.200.0.0/24 via {site.address}", OTHER)
    wait_for(lambda: site.from_other([("tcp", BOX, 80)]) == [True], 30, "the container answers by its own address")
    wanted = {("tcp", 7004): all_of_them, ("udp", 7004): all_of_them, ("tcp", 7081): all_of_them}
    wait_for(lambda: site.from_all(*wanted) == wanted, 30, "the services answer while there is no firewall")


def test_a_plan_for_a_host_without_ufw_says_what_is_known_later(empty: Site) -> None:
    played = empty.play(("--check", "--diff"))
    assert played.code == 0, played.output[-3000:]
    assert "known after firewall has installed ufw" in played.output
    assert empty.on("command -v ufw || echo none") == "none\n"


def test_what_the_catalogue_says_is_open_and_nothing_else(site: Site) -> None:
    expected = {
        ("tcp", 22): {"controller"},
        ("tcp", 7001): {"controller", "other", "outside"},
        ("tcp", 7002): {"other"},
        ("udp", 7002): {"other"},
        ("tcp", 7003): {"outside"},
        ("tcp", 7004): set(),
        ("udp", 7001): set(),
        ("udp", 7004): set(),
        # Rewritten and forwarded, as Docker and kube-proxy do it.
        ("tcp", 7080): {"other"},
        ("tcp", 7081): set(),
        ("tcp", 30080): set(),
    }
    assert site.from_all(*expected) == expected


def test_a_container_is_not_reached_by_its_own_address(site: Site) -> None:
    assert site.from_other([("tcp", BOX, 80), ("tcp", BOX, 7080), ("tcp", site.address, 7080)]) == [False, False, True]
    # What the container opens itself goes out, and the host reaches it.
    other = site.network.plan.host(site.network.hosts[OTHER].number)
    tried = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
    site.on(f'ip netns exec box python3 -c "{tried}" {other} 22')
    site.on(f'python3 -c "{tried}" {BOX} 80')


def test_ipv6_is_as_closed_as_ipv4(site: Site) -> None:
    targets = [("tcp", HOST6, port) for port in (22, 7001, 7002, 7004)] + [("udp", HOST6, 7002)]
    assert site.from_other(targets) == [False, True, False, False, False]


def test_ufws_own_tools_show_the_flows(site: Site) -> None:
    shown = site.on("ufw status numbered")
    assert re.search(r"22/tcp +ALLOW IN +10[.]77[.]\d+[.]254 +# admin-ssh", shown)
    assert re.search(r"7001/tcp +ALLOW IN +Anywhere +# for-all", shown)
    assert re.search(r"7001/tcp \(v6\) +ALLOW IN +Anywhere \(v6\) +# for-all", shown)
    assert "Default: deny (incoming), allow (outgoing)" in site.on("ufw status verbose")


def test_ufw_writes_the_files_as_we_do(site: Site) -> None:
    before = site.rules()
    site.on("ufw allow 9999/tcp && ufw delete allow 9999/tcp")
    assert site.rules() == before


def test_a_second_run_and_a_plan_change_nothing(site: Site) -> None:
    assert (site.play().changed, site.play(("--check", "--diff")).changed) == (0, 0)


def test_a_rule_added_by_hand_is_in_the_plan_and_goes_with_the_next_run(site: Site) -> None:
    before = site.rules()
    site.on("ufw allow 7004")
    assert ("tcp", 7004) in [target for target, who in site.from_all(("tcp", 7004)).items() if "outside" in who]
    plan = site.play(("--check", "--diff"))
    told = "-allow 7004 from anywhere (by hand, in no flow)"
    assert (plan.changed, told in plan.output) == (1, True), plan.output[-3000:]
    with site.session():
        played = site.play(("--diff",))
    assert played.code == 0 and told in played.output
    assert site.rules() == before
    assert site.from_all(("tcp", 7004)) == {("tcp", 7004): set()}


def test_a_catalogue_that_would_cut_ssh_is_taken_back(site: Site) -> None:
    before = site.rules()
    # Ansible's address is not among the administrators', and every other flow stays.
    wrong = {"admin": ["192.0.2.0/24"]}
    seen: list[tuple[float, bool]] = []
    with site.watched(7002, 7004, 7081, 30080), site.session():
        with ssh_watched(site, seen):
            played = site.play(flows_networks=wrong)
        assert site.on("true") == ""
    assert played.code != 0
    assert "let no new connection of Ansible's in" in " ".join(played.output.split()).replace("''", "'")
    assert "192.0.2.0/24" in played.output
    assert "has its old rules back" in " ".join(played.output.split())
    cut = [moment for moment, came_in in seen if not came_in]
    assert cut, "ssh was never cut, so nothing was proved"
    assert cut[-1] - cut[0] < 90
    assert site.rules() == before
    assert site.play(("--check",)).changed == 0


@contextlib.contextmanager
def ssh_watched(site: Site, seen: list[tuple[float, bool]]) -> Iterator[None]:
    """Note whether a new connection to the host's ssh comes up, again and again."""
    script = (
        "import socket, sys, time\n"
        "while True:\n"
        "    try:\n"
        "        socket.create_connection((sys.argv[1], 22), 1).close()\n"
        "        print(time.time(), 1, flush=True)\n"
        "    except OSError:\n"
        "        print(time.time(), 0, flush=True)\n"
        "    time.sleep(0.5)\n"
    )
    notes = site.folder / "ssh"
    with notes.open("w") as file:
        process = subprocess.Popen([sys.executable, "-c", script, site.address], stdin=subprocess.DEVNULL, stdout=file)
    try:
        yield
    finally:
        process.kill()
        process.wait()
        for line in notes.read_text().splitlines():
            moment, came_in = line.split()
            seen.append((float(moment), came_in == "1"))


def test_rules_without_ssh_are_refused_before_the_host_is_touched(site: Site) -> None:
    played = site.play(firewall_rules=[{"chain": "input", "source": "", "ports": "tcp/7001", "flow": "for-all"}])
    assert played.code != 0
    assert "No rule lets anybody in at tcp/22" in played.output
    assert played.changed == 0


def test_a_module_that_is_killed_halfway_leaves_the_old_rules(site: Site) -> None:
    before = site.rules()
    # Once the files are written, whoever loads them is killed, as by SIGKILL from outside.
    site.on(
        "cat >/usr/local/sbin/iptables-restore; chmod 755 /usr/local/sbin/iptables-restore",
        given='#!/bin/sh\ncase "$*" in *--test*) exec /usr/sbin/iptables-restore "$@" ;; esac\n'
        "rm -f /usr/local/sbin/iptables-restore\nkill -9 $PPID\n",
    )
    closed = site.folder / "closed.yml"
    closed.write_text(Path(site.variables["flows_files"][0]).read_text() + "  for-nobody: {from: gitlab, to: database, "
                      "ports: [tcp/7005], why: A test}\n")  # fmt: skip
    with site.watched(7002, 7004, 7081, 30080):
        played = site.play(flows_files=[str(closed)], firewall_rollback_seconds=30)
        assert played.code != 0
        wait_for(lambda: not pending(site), 90, "the host takes the change back by itself")
    assert site.rules() == before


def test_a_way_back_that_fails_is_tried_until_it_works(site: Site) -> None:
    before = site.rules()
    rules = [{"chain": "input", "source": "", "ports": f"tcp/{port}", "flow": "new"} for port in (22, 7004)]
    applied(site, rules, 30)
    site.on(
        "cat >/usr/local/sbin/iptables-restore; chmod 755 /usr/local/sbin/iptables-restore",
        given="#!/bin/sh\necho no >>/root/tried\nexit 1\n",
    )
    wait_for(lambda: len(site.in_host("cat /root/tried 2>/dev/null || :").split()) >= 2, 90, "it is tried twice")
    assert pending(site) and "--dports 22,7004 " in site.in_host("iptables-save")
    site.in_host("rm /usr/local/sbin/iptables-restore")
    wait_for(lambda: not pending(site), 40, "the host takes the change back by itself")
    assert site.rules() == before
    wait_for(lambda: "rollback" not in site.in_host("systemctl list-timers --all"), 10, "the timer is gone")


def test_lines_of_an_administrator_are_left_alone(site: Site) -> None:
    masked = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.8.0.0/24 -o host0 -j MASQUERADE\nCOMMIT\n"
    site.on("cat >>/etc/ufw/before.rules; ufw reload", given=masked)
    count = "iptables-save -t nat | grep -c MASQUERADE"
    assert site.on(count) == "1\n"
    assert site.play().changed == 0
    site.on("ufw allow 7004")
    assert site.play().changed == 1
    assert site.on(count) == "1\n"


def test_another_firewall_is_refused_before_the_host_is_touched(site: Site) -> None:
    unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
    site.on("cat >/run/systemd/system/firewalld.service; systemctl start firewalld", given=unit)
    played = site.play()
    site.on("systemctl stop firewalld; rm /run/systemd/system/firewalld.service; systemctl daemon-reload")
    told = " ".join(played.output.split())
    assert played.code != 0 and "disable --now firewalld" in told and "Nothing was changed" in told
    assert played.changed == 0


def test_a_rule_of_others_that_is_asked_before_ours_is_told(site: Site) -> None:
    site.on("iptables -I INPUT -p tcp --dport 7099 -j ACCEPT")
    played = site.play()
    site.on("iptables -D INPUT -p tcp --dport 7099 -j ACCEPT")
    assert played.code == 0 and played.changed == 0
    assert "is asked before the rules of the catalogue" in " ".join(played.output.split())


def applied(site: Site, rules: list[dict[str, str]], seconds: int) -> None:
    """Rules on the host that nobody confirms."""
    play = site.folder / "apply.yml"
    task = {"autolabs.platform.ufw_ruleset": {"rules": rules, "rollback_after": seconds}}
    play.write_text(json.dumps([{"hosts": HOST, "gather_facts": False, "tasks": [task]}]))
    inventory = str(site.network.folder / "inventory.yml")
    run(["ansible-playbook", "-i", inventory, play], env={**os.environ, **environment()}, timeout=200)
    assert pending(site)


def test_a_host_that_restarts_before_the_confirmation_starts_with_its_old_rules(site: Site) -> None:
    rules = [{"chain": "input", "source": "", "ports": f"tcp/{port}", "flow": "new"} for port in (22, 7004)]
    files = site.in_host("cat /etc/ufw/*.rules")
    applied(site, rules, 900)
    assert "new" in site.on("ufw status")
    machine_restarts(site)
    assert not pending(site)
    assert site.in_host("cat /etc/ufw/*.rules") == files
    wait_for(lambda: "admin-ssh" in site.in_host("ufw status"), 30, "ufw is started at boot")
    assert "# new" not in site.in_host("ufw status")
    assert "-A PREROUTING -j autolabs-published" in site.in_host("iptables-save -t mangle")
    assert site.play().changed == 0


def pending(site: Site) -> bool:
    return site.in_host(f"ls {STATE}/pending 2>/dev/null || true") != ""


def machine_restarts(site: Site) -> None:
    """A restart that nobody announced."""
    [launcher] = machine.launcher(site.network, site.network.hosts[HOST])
    os.kill(launcher, signal.SIGKILL)
    wait_for(lambda: machine.state(site.network, site.network.hosts[HOST]) != "running", 30, "the host is down")
    hosts.up(NAME, [hosts.Wanted(HOST, 1 << 30)], owner=os.getpid(), mirror=False)
