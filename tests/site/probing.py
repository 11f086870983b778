"""Everyone who may send a packet on a site, everywhere it may go, and what became of it.

`Probes` puts listeners on the site's machines and in pods of every kind, starts labs by the product's own playbooks,
and tries every pair. Names are those that the prover's questions use.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach import request
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.ends import Filters
from kubernetes import client, config, utils
from running import DATABASE, HOST, Site

PROGRAM = Path(__file__).with_name("probe.py").read_text()
CONTROL = 7999
"""Where a pod's listener is told what to ask. Its own machine always gets through to it."""
STRAY = 8999
"""A port of every pod that no flow is for."""
IMAGE = "docker.io/library/python:3.11-slim"
OPEN, GUARDED = "probes-open", "probes-guarded"
"""Namespaces of our own: without a policy, and with policies of every kind there is."""
OUTSIDE, CONTROLLER = STRANGERS = ("outside", "controller")
MINE = {"test": "packets"}
BOTH = ("TCP", "UDP")
PATIENCE = 60

NAMESPACES = ("ingress", "platform", "infrastructure", "auth", "messaging", "labs")
# Namespace and name to labels and ports; all of them answer at STRAY, too.
PODS: dict[str, tuple[dict[str, str], tuple[int, ...]]] = {
    "ingress/probe-envoy": ({"app": "envoy"}, (8080,)),
    "ingress/probe-contour": ({"app": "contour"}, (8001,)),
    "platform/probe-frontend": ({"app": "frontend"}, (3000,)),
    "platform/probe-backend": ({"app": "backend-platform"}, (8000,)),
    "infrastructure/probe-backend": ({"app": "backend-infrastructure"}, (8000,)),
    "infrastructure/probe-worker": ({"app": "celery-worker"}, ()),
    "auth/probe-zitadel": ({"app": "zitadel"}, (8080,)),
    "messaging/probe-rabbitmq": ({"app": "rabbitmq"}, (5672, 15672)),
    **{f"{name}/probe-plain": ({}, ()) for name in NAMESPACES},
    f"{OPEN}/probe-one": ({"tier": "client"}, ()),
    f"{GUARDED}/probe-server": ({"tier": "server"}, (8000, 8005, 8010)),
    f"{GUARDED}/probe-client": ({"tier": "client"}, ()),
}
HOST_PORTS = {
    HOST: (443, 5432, 7004, 9100),
    DATABASE: (5432, 6379, 7004, 9000, 9001),
}
THEIR_OWN = {HOST: (22, 6443, 10250), DATABASE: (22,)}
KINDS = ("NetworkPolicy", "Pod", "Namespace", "Service", "EndpointSlice", "Node")
SYSTEM_SERVICES = ("kube-system/kube-dns", "default/kubernetes")
OUTSIDE_PORTS = (80, 443, 8080)
CONTROLLER_PORTS = (18443,)
AGENT_PORT, INNER_PORT = 8080, 5432
LAB = """\
name: {name}
services:
  agent: &agent
    image: {image}
    entrypoint: [python3, /srv/probe.py, listen, "0.0.0.0", "{control}", "8080", "{stray}"]
    configs: [{{source: probe, target: /srv/probe.py}}]
    mem_limit: 64m
{inner}configs:
  probe:
    content: |
{program}
x-lab: {{internet: {internet}, access: {{type: http, component: agent, port: 8080}}}}
"""
INNER = """\
  inner:
    <<: *agent
    entrypoint: [python3, /srv/probe.py, listen, "0.0.0.0", "{control}", "5432", "{stray}"]
"""
LABS = {"probe-offline": ("false", ["anna", "boris"]), "probe-online": ("true", ["eva"])}


@dataclass(frozen=True)
class Cell:
    """One question to the prover, and the packet that belongs to it."""

    source: str
    destination: str
    ports: Ports
    address: str
    port: int
    """Where the packet goes: a node port, where the question is about the pod behind it."""

    def __str__(self) -> str:
        by = f" (by {self.address}:{self.port})" if self.port != self.ports.first else ""
        return f"{self.source} to {self.destination} on {self.ports}{by}"

    @property
    def door(self) -> tuple[str, int, str]:
        """Where the packet goes, as probe.py takes it."""
        return self.address, self.port, self.ports.protocol


@dataclass(frozen=True)
class Target:
    """What a cell is about, whoever asks."""

    destination: str
    ports: Ports
    address: str
    port: int
    near: bool = True
    """Whether those in the cluster are to try it."""
    far: bool = True
    """Whether those who are not in the cluster have a way to it."""


@dataclass
class Probes:
    """The listeners of one site."""

    site: Site
    folder: Path
    api: client.ApiClient = field(init=False)
    addresses: dict[str, str] = field(default_factory=dict)
    """Of every source by its name."""

    def __post_init__(self) -> None:
        self.api = config.new_client_from_config(str(self.site.kubeconfig))
        plan = self.site.network.plan
        self.addresses = {OUTSIDE: str(plan.outside), CONTROLLER: str(plan.uplink_root)}
        self.addresses |= {host: self.site.host_address(host) for host in HOST_PORTS}

    # Listeners

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, wait until it answers, and take it away again."""
        self._remove()  # what an earlier run may have left on a kept site
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove, "--wait=false")
            self._on_machines(stack)
            self._in_pods()
            self._in_labs(stack)
            self._wait_for_pods()
            yield

    def _on_machines(self, stack: contextlib.ExitStack) -> None:
        for host, ports in HOST_PORTS.items():
            self._told(host, "sh", "-c", "cat >/root/probe.py", given=PROGRAM)
            listen = ["python3", "/root/probe.py", "listen", self.addresses[host], "0", *map(str, ports)]
            self.site.on_host("systemd-run", "--collect", "--unit=autolabs-probe", *listen, host=host)
        file = self.folder / "probe.py"
        file.write_text(PROGRAM)
        namespace = ["ip", "netns", "exec", self.site.network.outside_namespace]
        for words, name, ports in ((namespace, OUTSIDE, OUTSIDE_PORTS), ([], CONTROLLER, CONTROLLER_PORTS)):
            command = [*words, sys.executable, str(file), "listen", self.addresses[name], "0", *map(str, ports)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            stack.callback(_end, process)

    def _in_pods(self) -> None:
        core = client.CoreV1Api(self.api)
        for name in (OPEN, GUARDED):
            core.create_namespace({"metadata": {"name": name}})
        for manifest in (*self._policies(), *services(), *map(listener, PODS)):
            utils.create_from_dict(self.api, manifest)

    def _remove(self, *options: str) -> None:
        """Everything but what the product itself has made."""
        for host in HOST_PORTS:
            self.site.on_host("sh", "-c", "systemctl stop autolabs-probe 2>/dev/null || :", host=host)
        selector = ",".join(f"{key}={value}" for key, value in MINE.items())
        for name in sorted({key.partition("/")[0] for key in PODS} - {OPEN, GUARDED}):
            self.site.kubectl("-n", name, "delete", "pods,services", "-l", selector, *options)
        self.site.kubectl("delete", "namespace", OPEN, GUARDED, "--ignore-not-found", *options)

    def _in_labs(self, stack: contextlib.ExitStack) -> None:
        for name, (internet, students) in LABS.items():
            file = self.folder / f"{name}.yml"
            file.write_text(lab(name, internet))
            stack.callback(self.site.playbook, "lab_delete", {"lab_id": name})
            played = self.site.playbook("lab_start", {"lab_file": str(file), "lab_students": students})
            assert played.succeeded, played.output[-5000:]

    def _wait_for_pods(self) -> None:
        for key in PODS:
            namespace, _slash, name = key.partition("/")
            self.site.kubectl(
                "-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=90s", timeout=99
            )
        for one in self._listed("Pod"):
            if _key(one) in PODS or one["metadata"].get("labels", {}).get("lab_id") in LABS:
                self.addresses[_key(one)] = one["status"]["podIP"]

    def _policies(self) -> list[dict[str, Any]]:
        """Every kind of rule that the catalogue's policies have none of."""
        site, database = f"{self.addresses[HOST].rpartition('.')[0]}.0/24", f"{self.addresses[DATABASE]}/32"
        outside, controller = f"{self.addresses[OUTSIDE]}/32", f"{self.addresses[CONTROLLER]}/32"
        near = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [OPEN]}]}
        tier = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["client"]}]}
        dns = {"namespaceSelector": {"matchExpressions": [{"key": "test", "operator": "DoesNotExist"}]}}
        ingress = [
            {"from": [{"namespaceSelector": near}], "ports": [{"protocol": "UDP", "port": 8000, "endPort": 8005}]},
            {"from": [{"podSelector": {"matchLabels": {"tier": "client"}}}], "ports": [{"port": "web"}]},
            {"from": [{"ipBlock": {"cidr": site, "except": [controller]}}], "ports": [{"port": 8010}]},
            {"from": [{"ipBlock": {"cidr": outside}}], "ports": [{"protocol": "UDP", "port": 8010}]},
        ]
        egress: list[dict[str, Any]] = [
            {"to": [{"podSelector": tier}], "ports": [{"port": "web"}, {"protocol": "UDP"}]},
            {"to": [{"ipBlock": {"cidr": site, "except": [database]}}]},
            {"to": [{"ipBlock": {"cidr": outside}}], "ports": [{"port": 80, "endPort": 443}]},
            {"to": [{**dns, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": [_port("UDP", "dns")]},
            # Services are rewritten before this is asked.
            {"to": [{"ipBlock": {"cidr": "10.96.0.0/12"}}]},
        ]
        return [_policy("server", "Ingress", ingress), _policy("client", "Egress", egress)]

    # Cells

    def cells(self) -> list[Cell]:
        """Every source with every target that it has a way to."""
        targets, strangers = list(self._targets()), [self.addresses[name] for name in STRANGERS]
        found = []
        for source in self.addresses:
            abroad, strange = source in (*STRANGERS, DATABASE), source in STRANGERS
            asked = self.addresses[source] if strange else source
            for target in targets:
                if not (target.far if abroad else target.near) or (strange and target.address in strangers):
                    continue
                found.append(Cell(asked, target.destination, target.ports, target.address, target.port))
        return found

    def _targets(self) -> Iterator[Target]:
        for key, address in self.addresses.items():
            if "/" in key:
                for port in (*self._ports(key), STRAY):
                    yield from _both(key, port, address, far=False)
        for host, ports in HOST_PORTS.items():
            for port in ports:
                yield from _both(host, port, self.addresses[host])
            for port in THEIR_OWN[host]:
                yield Target(host, Ports(port), self.addresses[host], port)
        for name, ports in ((OUTSIDE, OUTSIDE_PORTS), (CONTROLLER, CONTROLLER_PORTS)):
            for port in ports:
                yield from _both(self.addresses[name], port, self.addresses[name])
        yield from self._services()

    def _services(self) -> Iterator[Target]:
        pods = self._listed("Pod")
        node = self.addresses[HOST]
        for one in self._listed("Service"):
            metadata, spec = one["metadata"], one["spec"]
            labels, key = metadata.get("labels") or {}, f"{metadata['namespace']}/{metadata['name']}"
            mine = MINE.items() <= labels.items() or labels.get("lab_id") in LABS
            if spec.get("clusterIP") in (None, "None") or not (mine or key in SYSTEM_SERVICES):
                continue
            for port in spec["ports"]:
                ports = Ports(port["port"], port["protocol"])
                yield Target(f"service/{key}", ports, spec["clusterIP"], port["port"], far=False)
                if not (number := port.get("nodePort")):
                    continue
                yield Target(HOST, Ports(number, port["protocol"]), node, number)
                for name in (_key(pod) for pod in pods if _selects(one, pod)):
                    # From outside, a question about the pod is one about the node port that leads to it.
                    ports = Ports(port["targetPort"], port["protocol"])
                    yield Target(name, ports, node, number, near=False)

    def _ports(self, key: str) -> tuple[int, ...]:
        if key in PODS:
            return PODS[key][1]
        return (INNER_PORT,) if key.endswith("-inner") else (AGENT_PORT,)

    # Packets

    def packets(self, cells: Iterable[Cell]) -> dict[Cell, str]:
        """What became of a packet of each cell, all of them at once."""
        by_source: dict[str, list[Cell]] = {}
        for cell in cells:
            by_source.setdefault(cell.source, []).append(cell)
        pods = {source: mine for source, mine in by_source.items() if "/" in source}
        with ThreadPoolExecutor(8) as pool:
            relayed = pool.submit(self._from_pods, pods)
            others = {
                source: pool.submit(self._from, source, mine)
                for source, mine in by_source.items()
                if source not in pods
            }
            said = relayed.result() | {source: answer.result() for source, answer in others.items()}
        return {cell: word for source, mine in by_source.items() for cell, word in zip(mine, said[source], strict=True)}

    def _from_pods(self, pods: Mapping[str, Sequence[Cell]]) -> dict[str, list[str]]:
        asked = {f"{self.addresses[key]}:{CONTROL}": [cell.door for cell in mine] for key, mine in pods.items()}
        said = json.loads(self._told(HOST, "python3", "/root/probe.py", "relay", given=json.dumps(asked)))
        silent = [answer for answer in said.values() if isinstance(answer, str)]
        assert not silent, silent
        return dict(zip(pods, said.values(), strict=True))

    def _from(self, source: str, cells: Sequence[Cell]) -> list[str]:
        given = json.dumps([cell.door for cell in cells])
        if source in HOST_PORTS:
            return list(json.loads(self._told(source, "python3", "/root/probe.py", "ask", given=given)))
        words = (
            ["ip", "netns", "exec", self.site.network.outside_namespace] if source == self.addresses[OUTSIDE] else []
        )
        return list(json.loads(_ran([*words, sys.executable, str(self.folder / "probe.py"), "ask"], given)))

    def _told(self, host: str, *words: str, given: str) -> str:
        return _ran(["ssh", "-F", str(self.site.network.folder / "ssh_config"), host, shlex.join(words)], given)

    # What is in force

    def filters(self) -> Filters:
        """What the cluster and the machines say of themselves now, as the prover reads it."""
        objects = [one for kind in KINDS for one in self._listed(kind)]
        texts = {
            host: {
                "ipv4": self.site.on_host("iptables-save", host=host),
                "ipv6": self.site.on_host("ip6tables-save", host=host),
            }
            for host in HOST_PORTS
        }
        return request.filters(objects, texts, None, {DATABASE: [self.addresses[DATABASE]]})

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        return list(json.loads(self.site.kubectl("get", kind, "-A", "-o", "json"))["items"])


def listener(key: str) -> dict[str, Any]:
    """A listener."""
    namespace, _slash, name = key.partition("/")
    labels, ports = PODS[key]
    numbers = [str(port) for port in (*ports, STRAY)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels, **MINE}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "probe",
                    "image": IMAGE,
                    "command": ["python3", "-u", "-c", PROGRAM, "listen", "0.0.0.0", str(CONTROL), *numbers],
                    "ports": [{"name": "web", "containerPort": 8005}] if 8005 in ports else [],
                    "readinessProbe": {"tcpSocket": {"port": CONTROL}, "periodSeconds": 1},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "500m", "memory": "64Mi"},
                    },
                }
            ],
        },
    }


def services() -> list[dict[str, Any]]:
    """Cluster addresses and node ports of every kind."""
    return [
        _service("platform/probe-backend", {"app": "backend-platform"}, (80, 8000)),
        _service("messaging/probe-rabbitmq", {"app": "rabbitmq"}, (5672, 5672)),
        _service("messaging/probe-admin", {"app": "rabbitmq"}, (80, 15672), kind="Local"),
        _service("ingress/probe-web", {"app": "envoy"}, (80, 8080), kind="Local"),
        _service(f"{GUARDED}/probe-server", {"tier": "server"}, (80, 8010), kind="Local"),
        _service(f"{GUARDED}/probe-anywhere", {"tier": "server"}, (80, 8010), kind="Cluster"),
        _service(f"{OPEN}/probe-one", {}, (80, STRAY), kind="Local"),
    ]


def lab(name: str, internet: str) -> str:
    """A lab whose components are listeners; one without the internet has two of them."""
    program = "".join(f"      {line}\n" for line in PROGRAM.replace("$", "$$").splitlines())
    numbers = {"control": CONTROL, "stray": STRAY}
    inner = INNER.format(**numbers) if internet == "false" else ""
    return LAB.format(name=name, image=IMAGE, inner=inner, program=program, internet=internet, **numbers)


def wait(true: Callable[[], Any]) -> None:
    """Ask until the answer is true, or PATIENCE is over: what is said then stands."""
    deadline = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.5)


def _key(one: Mapping[str, Any]) -> str:
    return f"{one['metadata']['namespace']}/{one['metadata']['name']}"


def _selects(service: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    near = service["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return near and bool(service["spec"]["selector"].items() <= (pod["metadata"].get("labels") or {}).items())


def _both(name: str, port: int, address: str, *, far: bool = True) -> Iterator[Target]:
    for protocol in BOTH:
        yield Target(name, Ports(port, protocol), address, port, far=far)


def _service(key: str, selector: dict[str, str], ports: tuple[int, int], kind: str = "") -> dict[str, Any]:
    namespace, _slash, name = key.partition("/")
    number, target = ports
    spec: dict[str, Any] = {"selector": {**selector, **MINE}}
    spec["ports"] = [
        {"name": protocol.lower(), "protocol": protocol, "port": number, "targetPort": target} for protocol in BOTH
    ]
    if kind:
        spec |= {"type": "NodePort", "externalTrafficPolicy": kind}
    metadata = {"name": name, "namespace": namespace, "labels": MINE}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _policy(tier: str, way: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"tier": tier}}, "policyTypes": [way], way.lower(): rules}
    metadata = {"name": f"probe-{tier}", "namespace": GUARDED, "labels": MINE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _port(protocol: str, port: int | str) -> dict[str, Any]:
    return {"protocol": protocol, "port": port}


def _ran(command: Sequence[str], given: str) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, f"{command[:4]}: {done.stderr[-2000:]}"
    return done.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()
