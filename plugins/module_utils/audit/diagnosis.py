"""The checklists of document 000 ("Типичные проблемы и диагностика"): what was gathered, judged check by check."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.cluster.stage import stage
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import SOMEBODY
from ansible_collections.autolabs.platform.plugins.module_utils.audit.live import Live, read_live
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import Endpoint, endpoints
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.way import NOT_ASKED, Ways
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import Resolved, resolve
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import PUBLISHED
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts import firewall as host_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies import explain
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, UNDECIDED, Step

POSTGRESQL = Ports(5432)
DATABASE, PLATFORM = "database", "backend-platform"
"""Endpoints of the catalogue."""
ADDRESS = "diagnose_address"
"""The variable with the address of the student."""
OWNERS = ("student_id", "group_id")
GOOD, BAD, UNKNOWN, ABSENT = STATES = ("good", "bad", "unknown", "not on this site")
LIVE = ("policies", "pods", "namespaces", "services", "nodes", "ufw", "silent")
"""What of the gathered is the live state."""
LISTENING = re.compile(r"^LISTEN\s.*?[:\]](\d+)\s", re.MULTILINE)
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One check."""

    check: str
    found: str
    state: str
    do: str = ""

    def as_result(self) -> dict[str, str]:
        """As plain data."""
        return dict(vars(self))


def node_ports(listed: Mapping[str, Sequence[Object]], lab: str, class_id: str, owner: str) -> list[dict[str, Any]]:
    """Where an instance's node ports are: `host` and `port` of each, to be tried.

    listed: `pods` and `services` of the cluster.
    """
    pods = [one for one in listed.get("pods") or () if _of(one, lab, class_id, owner)]
    addresses = [address for one in pods if (address := (one.get("status") or {}).get("hostIP"))]
    return [
        {"host": addresses[0], "port": port["nodePort"]}
        for service in listed.get("services") or ()
        if addresses and _of(service, lab, class_id, owner)
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort")
    ]


def address_problems(given: Mapping[str, str]) -> list[Problem]:
    """What is wrong with addresses that people gave, by the name of their variable."""
    problems = []
    for name, text in given.items():
        try:
            # A scope (fe80::1%eth0) is nothing that a packet carries, and may hold any text.
            if ipaddress.ip_address(text) and "%" in text:
                raise ValueError(text)
        except ValueError:
            message = f"{text!r} is not one address, such as {SOMEBODY[0]} or {SOMEBODY[1]}, without a prefix length"
            problems.append(Problem("", 0, name, message))
    return problems


class Diagnosis:
    """All checks of one site; what was not gathered is unknown, what the site has not is said to be absent."""

    def __init__(self, catalogue: Catalogue, site: Site, gathered: Mapping[str, Any]) -> None:
        """gathered: as `live.read_live` takes it, with `endpoints` (EndpointSlices), `dns`, `certificates`,
        `listening`, `log` and `open` besides. Raises InvalidInput for what cannot be read."""
        self._site, self._gathered = site, gathered
        self._endpoints = {one.name: one for one in endpoints(catalogue, site)}
        known = {key: value for key, value in gathered.items() if key in LIVE}
        self._live: Live = read_live(known, site.machines())
        resolved: Resolved = resolve(catalogue, site)
        self._stage = stage(tuple(self._endpoints.values()), resolved, site, self._live.objects)
        firewalls = {name: (one,) for name, one in self._live.firewalls.items()}
        self._ways = Ways(site, self._stage, self._live.objects is not None, firewalls)

    def rows(self, lab: str = "", class_id: str = "1", owner: str = "", address: str = SOMEBODY[0]) -> list[Row]:
        """Every check. lab, class_id and owner name an instance; without a lab its checks are left out.

        address: the one that the student has. Raises InvalidInput for what is none.
        """
        if wrong := address_problems({ADDRESS: address}):
            raise InvalidInput(wrong)
        found = [*self._cluster()]
        if lab:
            found += self._instance(lab, class_id, owner, address)
        return [*found, *self._postgresql()]

    def _objects(self, kind: str) -> list[Object]:
        return [one for one in self._live.objects or () if one["kind"] == kind]

    def _cluster(self) -> Iterator[Row]:
        if not self._site.groups.get("k8s"):
            yield Row("Kubernetes", "the inventory has no machine in the group k8s", ABSENT)
            return
        if self._live.objects is None:
            why = (self._gathered.get("silent") or {}).get("cluster", "it was not asked")
            yield Row("API server", why, BAD, "check kubelet and the API server's container on a control plane machine")
            return
        nodes = self._objects("Node")
        unready = [one["metadata"]["name"] for one in nodes if not _is(one, "Ready")]
        yield _row(
            "nodes ready",
            f"{len(nodes) - len(unready)} of {len(nodes)}",
            not unready and bool(nodes),
            f"read `kubectl describe node {' '.join(unready)}` and the journal of kubelet there",
        )
        dns = [one for one in self._objects("Pod") if _labels(one).get("k8s-app") == "kube-dns"]
        ready = sum(_is(one, "Ready") for one in dns)
        yield _row(
            "CoreDNS runs",
            f"{ready} of {len(dns)} pods ready",
            ready > 0,
            "read `kubectl -n kube-system logs -l k8s-app=kube-dns`",
        )
        answer = self._gathered.get("dns")
        if answer is None:
            yield Row("CoreDNS answers", "nobody asked it", UNKNOWN)
        else:
            yield _row(
                "CoreDNS answers",
                str(answer.get("said", "")),
                bool(answer.get("good")),
                "check Service kube-dns, kube-proxy and Calico on that machine",
            )
        for one in self._gathered.get("certificates") or ():
            yield _row(
                f"certificate {one['name']}",
                str(one["said"]),
                bool(one["good"]),
                "run `kubeadm certs renew all` on the control plane machines, and restart their containers",
            )

    def _instance(self, lab: str, class_id: str, owner: str, address: str) -> Iterator[Row]:
        if self._live.objects is None:
            return
        pods = [one for one in self._objects("Pod") if _of(one, lab, class_id, owner)]
        if not pods:
            yield Row(
                "the instance runs",
                f"there is no Pod of lab {lab}, class {class_id}{f', {owner}' if owner else ''}",
                BAD,
                "start the class (playbooks/lab_start.yml), or check the ids with playbooks/lab_status.yml",
            )
        for pod in pods:
            phase = (pod.get("status") or {}).get("phase", "unknown")
            yield _row(
                f"Pod {_name(pod)}",
                f"{phase}, {'ready' if _is(pod, 'Ready') else 'not ready'}",
                phase == "Running" and _is(pod, "Ready"),
                f"read `kubectl -n {pod['metadata']['namespace']} describe pod {_name(pod)}`, events last",
            )
        services = [
            one
            for one in self._objects("Service")
            if _of(one, lab, class_id, owner) and one["spec"].get("type") == "NodePort"
        ]
        if not services:
            yield Row(
                "Service", "there is none with a node port", BAD, "start the class again (playbooks/lab_start.yml)"
            )
        for service in services:
            yield from self._service(service, pods, address)

    def _service(self, service: Object, pods: Sequence[Object], address: str) -> Iterator[Row]:
        name = _name(service)
        slices = [
            one
            for one in self._gathered.get("endpoints") or ()
            if _labels(one).get("kubernetes.io/service-name") == name
            and one["metadata"]["namespace"] == service["metadata"]["namespace"]
        ]
        ready = sum(
            (each.get("conditions") or {}).get("ready") is not False
            for one in slices
            for each in one.get("endpoints") or ()
        )
        yield _row(
            f"Service {name}",
            f"{ready} endpoints",
            ready > 0,
            "the Pod is not ready, or its labels are not those of the selector: see the Pod above",
        )
        node = next(((pod.get("spec") or {}).get("nodeName", "") for pod in pods), "")
        for port in service["spec"].get("ports") or ():
            number = port.get("nodePort")
            # Where nothing runs, nobody knows which machine will have it; the rows above say what to do.
            if number and node:
                yield from self._node_port(int(number), port.get("protocol") or "TCP", node, address)

    def _node_port(self, number: int, protocol: str, node: str, address: str) -> Iterator[Row]:
        opened = (self._gathered.get("open") or {}).get(str(number))
        if opened is not None:
            yield _row(
                f"node port {number} from the controller",
                "open" if opened else "closed",
                bool(opened),
                "see policy and firewall below; the controller may be kept out where students are let in",
            )
        try:
            verdict = explain.verdict(self._stage.live, address, node, number, protocol, calico=True)
        except ValueError as error:
            yield Row("network policies", str(error), UNKNOWN)
        else:
            yield _judged(
                f"policies let {address} in",
                _told(verdict.steps),
                verdict.answer,
                "start the class again, which applies its policies; then run playbooks/flows_audit.yml",
            )
        host = next((one for one in self._site.machines() if one.name == node), None)
        yield self._firewall(f"firewall of {node} at {number}", host, address, Ports(number, protocol), PUBLISHED)

    def _postgresql(self) -> Iterator[Row]:
        database, platform = (self._endpoints.get(name) for name in (DATABASE, PLATFORM))
        if database is None or not database.hosts:
            yield Row("PostgreSQL", "the inventory has no machine in the group database", ABSENT)
            return
        host = database.hosts[0]
        if platform is not None:
            yield from self._way_to_postgresql(platform, database)
        listening = self._gathered.get("listening")
        if listening is None:
            yield Row("PostgreSQL listens", f"{host.name} could not be asked", UNKNOWN)
        else:
            ports = {int(number) for number in LISTENING.findall(f"{listening}\n")}
            open_ports = [str(number) for number in (5432, 6432) if number in ports]
            yield _row(
                "PostgreSQL listens",
                f"on {', '.join(open_ports)}" if open_ports else "neither 5432 nor 6432",
                "5432" in open_ports,
                f"read `systemctl status postgresql` on {host.name}; check listen_addresses",
            )
        if log := self._gathered.get("log"):
            last = str(log).strip().splitlines()[-1:]
            wrong = any(word in str(log) for word in ("FATAL", "PANIC"))
            yield _row(
                "log of PostgreSQL",
                last[0] if last else "empty",
                not wrong,
                "a FATAL there names the reason: password, pg_hba.conf, or too many clients",
            )

    def _way_to_postgresql(self, platform: Endpoint, database: Endpoint) -> Iterator[Row]:
        if self._live.objects is None:
            yield Row("policies let the platform out", "the cluster was not asked", UNKNOWN)
        answer = self._ways.ask(platform, database, POSTGRESQL)
        known = [step for step in answer.steps if step.answer != NOT_ASKED]
        for step in known:
            yield _judged(
                f"platform to PostgreSQL: {step.where}",
                _told([step]),
                step.answer,
                "run playbooks/site.yml --tags network_policies,firewall; why: playbooks/flows_audit.yml",
            )

    def _firewall(self, check: str, host: Host | None, address: str, port: Ports, chain: str) -> Row:
        firewall = self._live.firewalls.get(host.name) if host else None
        if firewall is None:
            return Row(check, "its rules could not be read", UNKNOWN, "give the playbook a way in to that machine")
        step = host_rules.verdict(firewall, address, port, chain)
        return _judged(check, _told([step]), step.answer, f"run playbooks/site.yml --tags firewall -l {firewall.host}")


def _row(check: str, found: str, good: bool, do: str) -> Row:
    return Row(check, found, GOOD if good else BAD, "" if good else do)


def _judged(check: str, found: str, answer: str, do: str) -> Row:
    """By the answer of a verdict: what depends on something is neither good nor bad."""
    if answer == UNDECIDED:
        return Row(check, found, UNKNOWN, "why: playbooks/flows_audit.yml")
    return _row(check, found, answer == ALLOWED, do)


def _told(steps: Iterable[Step]) -> str:
    words = []
    for step in steps:
        why = step.rule or step.why
        words.append(f"{step.where} {step.answer}" + (f" ({why})" if why else ""))
    return "; ".join(words)


def _labels(one: Object) -> Mapping[str, str]:
    return one["metadata"].get("labels") or {}


def _name(one: Object) -> str:
    return str(one["metadata"]["name"])


def _of(one: Object, lab: str, class_id: str, owner: str) -> bool:
    labels = _labels(one)
    if labels.get("lab_id") != lab or labels.get("class_id") != class_id:
        return False
    return not owner or owner in (labels.get(key) for key in OWNERS)


def _is(one: Object, condition: str) -> bool:
    conditions = (one.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == condition and each.get("status") == "True" for each in conditions)
