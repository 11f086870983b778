"""The roles gateway, site_names and site_ca on real hosts: a gateway, and two machines in networks behind it.

Machines and gateway share a wire with the test hosts' own network, as they share a bridge on a Proxmox host.
The outside host stands for the internet; it sees the addresses that packets come with.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import environment
from testbed.hosts import machine, registry, removal
from testbed.hosts import site as hosts
from testbed.shell import run

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="test hosts need root"),
]

NAME = f"test-{os.getpid()}-gw"
GATEWAY, K8S, DATABASE = "gw-host", "gw-k8s", "gw-database"
OWN = {GATEWAY: ("192.168.100.1", "192.168.200.1"), K8S: ("192.168.100.30",), DATABASE: ("192.168.200.20",)}
WAY_OUT = {K8S: "192.168.100.1", DATABASE: "192.168.200.1"}
DOMAIN = "autolabs.internal"
PLAY = """
- {name: Gateway, hosts: gw-host, become: true, tags: [gateway], roles: [autolabs.platform.gateway]}
- {name: Names, hosts: all, become: true, gather_facts: false, tags: [names], roles: [autolabs.platform.site_names]}
- {name: CA, hosts: all, gather_facts: false, become: true, tags: [ca], roles: [autolabs.platform.site_ca]}
- name: Certificate
  hosts: gw-k8s
  become: true
  gather_facts: false
  tags: [certificate]
  tasks:
    - ansible.builtin.include_role:
        name: autolabs.platform.site_ca
        tasks_from: certificate
        apply: {tags: [certificate]}
      vars:
        site_ca_certificate_name: web
        site_ca_certificate_names: [k8s.autolabs.internal, gw-k8s.autolabs.internal]
        site_ca_certificate_addresses: [192.168.100.30]
        site_ca_certificate_notify: [Restart the service]
  handlers:
    - name: Restart the service
      ansible.builtin.debug: {msg: the service was restarted}
"""
# Tells each who connects the address that it comes from.
TELLER = """
import socketserver, sys, threading
class Tell(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.client_address[0].encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
started = [Server(("", int(port)), Tell) for port in sys.argv[1:]]
print("listening", flush=True)
for server in started[1:]:
    threading.Thread(target=server.serve_forever).start()
started[0].serve_forever()
"""
ASKER = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 2) as made:
        print(made.recv(100).decode())
except OSError:
    print("closed")
"""
# NAME TYPE SERVER: the answers to one question over UDP.
LOOKUP = r"""
import ipaddress, socket, struct, sys
name, kind, server = sys.argv[1:]
def read(data, at):
    labels = []
    while data[at]:
        if data[at] >= 192:
            return labels + read(data, (data[at] & 63) << 8 | data[at + 1])[0], at + 2
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += data[at] + 1
    return labels, at + 1
if kind == "PTR":
    name = ipaddress.ip_address(name).reverse_pointer
code = {"A": 1, "PTR": 12}[kind]
question = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
question += b"\0" + struct.pack(">HH", code, 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
    made.settimeout(2)
    try:
        made.connect((server, 53))
        made.send(struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + question)
        data = made.recv(2000)
    except OSError:
        print("silence")
        sys.exit()
at = read(data, 12)[1] + 4
for _ in range(struct.unpack(">H", data[6:8])[0]):
    at = read(data, at)[1]
    found, size = struct.unpack(">HxxxxxxH", data[at:at + 10])
    at += 10
    print(".".join(read(data, at)[0]) if found == 12 else socket.inet_ntoa(data[at:at + 4]) if found == 1 else found)
    at += size
"""
TLS = """
import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/autolabs/tls/web.crt", "/etc/autolabs/tls/web.key")
served = http.server.HTTPServer(("", 443), http.server.SimpleHTTPRequestHandler)
served.socket = context.wrap_socket(served.socket, server_side=True)
served.serve_forever()
"""


@dataclass
class Played:
    """One run of the playbook."""

    code: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: int(count) for host, count in re.findall(r"^(gw-\w+) .*\bchanged=(\d+)", self.output, re.M)}

    @property
    def words(self) -> str:
        """The output without line ends."""
        return " ".join(self.output.split())


class Site:
    """The three hosts, and ways to ask them."""

    def __init__(self, folder: Path) -> None:
        found = registry.load(NAME)
        assert found is not None
        self.network, self.folder = found, folder
        self.uplink = str(found.plan.host(found.hosts[GATEWAY].number))
        self.outside = str(found.plan.outside)
        (folder / "play.yml").write_text(PLAY)
        known = {host: {"flows_host_addresses": list(addresses[:1])} for host, addresses in OWN.items()}
        variables = {
            "autolabs_site": "test",
            "autolabs_site_folder": str(folder / "site"),
            "flows_networks": {"admin": [f"{found.plan.uplink_root}/32"], "infrastructure": ["192.168.100.0/24"]},
            "site_networks": {"storage": {"cidr": "192.168.200.0/24", "gateway": "192.168.200.1", "vlan": 200}},
            "site_names_aliases": {"files": K8S},
            "site_names_upstreams": [OWN[DATABASE][0]],
            "site_ca_registry": f"gitlab.{DOMAIN}:5050",
        }
        (folder / "site.yml").write_text(yaml.safe_dump({"all": {"hosts": known, "vars": variables}}))

    def play(self, *options: str, **variables: Any) -> Played:
        """The roles in the order of a site."""
        command = ["ansible-playbook", "-i", str(self.network.folder / "inventory.yml"), "-i", self.folder / "site.yml"]
        done = subprocess.run(
            [*command, "--diff", "-e", json.dumps(variables), *options, self.folder / "play.yml"],
            env={**os.environ, **environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return Played(done.returncode, done.stdout)

    def on(self, host: str, command: str, given: str = "") -> str:
        """What a command says on a host, without ssh: the gateway's rules must not matter to the test."""
        leader = machine.leader(self.network, self.network.hosts[host])
        way = ["nsenter", "-t", str(leader), "-a", "sh", "-c", command]
        done = subprocess.run(way, input=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, who: str, script: str, *arguments: object) -> list[str]:
        """What a script of Python says on a host, or outside."""
        words = [str(argument) for argument in arguments]
        if who == "outside":
            namespace = ["ip", "netns", "exec", self.network.outside_namespace]
            return run([*namespace, sys.executable, "-c", script, *words], timeout=30).split()
        return self.on(who, f"python3 - {' '.join(words)}", script).split()

    def rules(self) -> str:
        """The tables of the gateway."""
        return self.on(GATEWAY, "nft -s list ruleset | grep -A100 -F autolabs_ || true")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Hosts in their networks, with services that tell who asks; nothing of the product yet."""
    groups = {"proxmox": [GATEWAY], "k8s_control_plane": [K8S], "database": [DATABASE]}
    teller = None
    try:
        hosts.up(NAME, [hosts.Wanted(host, 1 << 29) for host in OWN], groups=groups, owner=os.getpid(), mirror=False)
        site = Site(tmp_path_factory.mktemp("gateway"))
        connect(site)
        site.on(K8S, f"cat >/root/tell.py; {unit('tell', 'python3 /root/tell.py 80 8080 30022')}", TELLER)
        resolver = (
            f"dnsmasq -k -C /dev/null --no-resolv --no-hosts --listen-address={OWN[DATABASE][0]} --bind-interfaces"
        )
        site.on(
            DATABASE, f"{install('dnsmasq-base')}; {unit('upstream', resolver + ' --address=/example.org/192.0.2.77')}"
        )
        route_away(site)
        namespace = ["ip", "netns", "exec", site.network.outside_namespace]
        teller = subprocess.Popen(
            [*namespace, sys.executable, "-c", TELLER, "80"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert teller.stdout is not None and teller.stdout.readline() == b"listening\n"
        yield site
    finally:
        if teller:
            teller.kill()
            teller.wait()
        removal.down(NAME)


def unit(name: str, command: str) -> str:
    return f"systemd-run --quiet --unit={name} {command}"


def install(*packages: str) -> str:
    return f"(apt-get update -q && apt-get install -y -q --no-install-recommends {' '.join(packages)}) >/dev/null 2>&1"


def connect(site: Site) -> None:
    """Addresses that outlive a restart, as a Proxmox host's do."""
    for host, addresses in OWN.items():
        lines = "".join(f"Address={address}/24\n" for address in addresses)
        folder = "/etc/systemd/network/10-host0.network.d"
        added = "; ".join(f"ip addr add {address}/24 dev host0" for address in addresses)
        site.on(host, f"mkdir -p {folder}; cat >{folder}/site.conf; {added}", f"[Network]\n{lines}")


def route_away(site: Site) -> None:
    """Machines know no way out but the gateway; the way to this controller is the test hosts' own."""
    plan = site.network.plan
    for host, way in WAY_OUT.items():
        site.on(
            host,
            f"ip route add {plan.uplink} via {plan.bridge}; ip route replace default via {way} src {OWN[host][0]}",
        )
    # Somebody outside may know that there is a network behind the gateway.
    for network in ("192.168.100.0/24", "192.168.200.0/24"):
        run(["ip", "-n", site.network.namespace, "route", "add", network, "via", site.uplink])


@pytest.fixture(scope="module")
def planned(empty: Site) -> tuple[Played, str]:
    """The plan for hosts that have nothing yet, and what it left there."""
    played = empty.play("--check")
    listed = "command -v nft dnsmasq; ls /etc/autolabs /usr/local/share/ca-certificates/autolabs* 2>/dev/null || :"
    return played, empty.on(GATEWAY, listed)


@pytest.fixture(scope="module")
def site(empty: Site, planned: tuple[Played, str]) -> Site:
    """The hosts with the roles on them."""
    played = empty.play()
    assert played.code == 0, played.output[-5000:]
    empty.on(K8S, f"echo 'nameserver {WAY_OUT[K8S]}\nsearch {DOMAIN}' >/etc/resolv.conf")
    empty.on(DATABASE, f"echo 'nameserver {WAY_OUT[DATABASE]}' >/etc/resolv.conf")
    empty.on(K8S, f"cat >/root/tls.py; {unit('tls', 'python3 /root/tls.py')}", TLS)
    return empty


def test_a_plan_for_empty_hosts_shows_what_comes_and_changes_nothing(planned: tuple[Played, str], empty: Site) -> None:
    played, left = planned
    assert played.code == 0, played.output[-5000:]
    assert "dnat to 192.168.100.30" in played.output and "192.168.200.20 gw-database." in played.output
    assert left == "" and not (empty.folder / "site").exists()


def test_machines_leave_the_site_with_the_address_of_the_gateway(site: Site) -> None:
    assert [site.ask(host, ASKER, site.outside, 80) for host in (K8S, DATABASE)] == [[site.uplink], [site.uplink]]


def test_within_the_site_every_machine_is_seen_by_its_own_address(site: Site) -> None:
    assert site.ask(DATABASE, ASKER, OWN[K8S][0], 8080) == [OWN[DATABASE][0]]


def test_a_forward_leads_to_the_machine_which_sees_who_comes(site: Site) -> None:
    assert site.ask("outside", ASKER, site.uplink, 80) == [site.outside]
    assert site.ask("outside", ASKER, site.uplink, 30022) == [site.outside]


def test_what_no_forward_names_stays_closed(site: Site) -> None:
    assert site.ask("outside", ASKER, site.uplink, 8080) == ["closed"]
    # By the machine's own address, too: only what is forwarded is let through.
    assert site.ask("outside", ASKER, OWN[K8S][0], 80) == [site.outside]
    assert site.ask("outside", ASKER, OWN[K8S][0], 8080) == ["closed"]


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        (f"gw-k8s.{DOMAIN}", "A", ["192.168.100.30"]),
        ("gw-database", "A", ["192.168.200.20"]),
        (f"database.{DOMAIN}", "A", ["192.168.200.20"]),
        (f"k8s.{DOMAIN}", "A", ["192.168.100.30"]),
        (f"files.{DOMAIN}", "A", ["192.168.100.30"]),
        ("192.168.200.20", "PTR", [f"gw-database.{DOMAIN}"]),
        (f"nobody.{DOMAIN}", "A", []),
        ("www.example.org", "A", ["192.0.2.77"]),
    ],
)
def test_names_are_answered(site: Site, name: str, kind: str, answer: list[str]) -> None:
    assert site.ask(K8S, LOOKUP, name, kind, WAY_OUT[K8S]) == answer
    assert site.ask(DATABASE, LOOKUP, name, kind, WAY_OUT[DATABASE]) == answer


def test_the_gateway_knows_the_names_without_another_resolver(site: Site) -> None:
    assert site.on(GATEWAY, f"getent hosts database.{DOMAIN}").split()[0] == "192.168.200.20"


def test_who_is_not_of_the_site_gets_no_answer(site: Site) -> None:
    for server in (site.uplink, *OWN[GATEWAY]):
        for name in ("www.example.org", f"gw-k8s.{DOMAIN}"):
            assert site.ask("outside", LOOKUP, name, "A", server) == ["silence"]


def curl(site: Site, url: str, *options: str) -> bool:
    try:
        site.on(DATABASE, f"curl -sS --max-time 5 -o /dev/null {' '.join(options)} {url}")
    except AssertionError as error:
        assert "SSL certificate problem" in str(error)
        return False
    return True


def test_a_certificate_of_the_ca_is_trusted_by_other_hosts_and_only_for_its_names(site: Site) -> None:
    assert curl(site, "https://192.168.100.30/", "--insecure --retry 20 --retry-connrefused --retry-delay 1")
    assert curl(site, f"https://k8s.{DOMAIN}/") and curl(site, "https://192.168.100.30/")
    # What a host without the CA knows: curl asks the system's folder besides the file that it is given.
    others = "--capath /root --cacert /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt"
    assert not curl(site, f"https://k8s.{DOMAIN}/", others)


def test_keys_stay_where_they_were_made(site: Site) -> None:
    assert site.on(K8S, "stat -c '%a %U' /etc/autolabs/tls/web.key").split() == ["600", "root"]
    folder = site.folder / "site/ca"
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {"ca.key": 0o600, "ca.crt": 0o644}
    assert site.on(GATEWAY, "grep -rl 'PRIVATE KEY' /etc/autolabs /usr/local/share || :") == ""


def test_machines_of_the_cluster_know_the_ca_of_the_registry(site: Site) -> None:
    folder = f"/etc/containerd/certs.d/gitlab.{DOMAIN}:5050"
    assert 'ca = "/usr/local/share/ca-certificates/autolabs-site-ca.crt"' in site.on(K8S, f"cat {folder}/hosts.toml")
    assert site.on(DATABASE, "ls /etc/containerd 2>/dev/null || :") == ""


def test_a_second_run_changes_nothing(site: Site) -> None:
    played = site.play()
    assert played.code == 0 and set(played.changed.values()) == {0}, played.output[-5000:]


def test_what_somebody_did_to_the_rules_is_in_the_plan_and_mended(site: Site) -> None:
    before = site.rules()
    site.on(GATEWAY, "nft flush chain ip autolabs_gateway outbound; nft delete table inet autolabs_names")
    plan = site.play("--check", "--tags", "gateway,names", "--limit", GATEWAY)
    assert plan.changed == {GATEWAY: 2}, plan.output[-5000:]
    assert re.search(r"^\+\t\tip saddr @site ip daddr != @site masquerade", plan.output, re.M)
    assert "autolabs_names" in plan.output and site.rules() != before
    mended = site.play("--tags", "gateway,names", "--limit", GATEWAY)
    assert (mended.changed, site.rules()) == ({GATEWAY: 2}, before)


def test_without_dns_the_same_names_are_in_hosts_files(site: Site) -> None:
    played = site.play("--tags", "names", "--limit", DATABASE, site_names_mode="hosts")
    assert played.changed == {DATABASE: 1}, played.output[-3000:]
    written = site.on(DATABASE, "cat /etc/hosts")
    assert f"\n192.168.100.30 gw-k8s.{DOMAIN} gw-k8s k8s.{DOMAIN} k8s files.{DOMAIN} files\n" in written


def test_a_certificate_is_renewed_in_time_with_the_same_key(site: Site) -> None:
    serial = "openssl x509 -noout -serial -pubkey -in /etc/autolabs/tls/web.crt"
    first, *key = site.on(K8S, serial).splitlines()
    renewed = site.play(
        "--tags", "certificate", site_ca_certificate_days=500, site_ca_certificate_renew_days=450,
    )  # fmt: skip
    assert renewed.code == 0 and "the service was restarted" in renewed.output, renewed.output[-3000:]
    second, *same = site.on(K8S, serial).splitlines()
    assert first != second and key == same


def test_a_ca_that_hosts_trust_and_nobody_has_is_told_and_not_made_anew(site: Site) -> None:
    folder, kept = site.folder / "site/ca", site.folder / "kept"
    folder.rename(kept)
    played = site.play("--tags", "ca")
    made = folder.exists()
    kept.rename(folder)
    assert played.code != 0 and not made and set(played.changed.values()) <= {0}
    told = re.search(r"these hosts trust one that was made earlier: ([^.]*)[.]", played.words)
    assert told and {*told[1].split(", ")} == {*OWN}


def test_a_restart_of_the_gateway_keeps_everything(site: Site) -> None:
    before = site.rules()
    place, host = site.network, site.network.hosts[GATEWAY]
    [launcher] = machine.launcher(place, host)
    os.kill(launcher, signal.SIGKILL)
    wait_for(lambda: machine.state(place, host) != "running", 30, "the gateway is down")
    hosts.up(NAME, [hosts.Wanted(GATEWAY, 1 << 29)], owner=os.getpid(), mirror=False)
    assert site.rules() == before
    assert site.ask(K8S, ASKER, site.outside, 80) == [site.uplink]
    assert site.ask("outside", ASKER, site.uplink, 30022) == [site.outside]
    asked = (K8S, LOOKUP, f"database.{DOMAIN}", "A", WAY_OUT[K8S])
    wait_for(lambda: site.ask(*asked) == ["192.168.200.20"], 20, "names are answered")
    assert site.ask("outside", LOOKUP, f"database.{DOMAIN}", "A", OWN[GATEWAY][0]) == ["silence"]


def wait_for(what: Any, seconds: float, told: str) -> None:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s: {told}"
        time.sleep(0.3)
