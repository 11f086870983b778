"""The live state as a playbook gathered it, read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts import proxmox_answers
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Source
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Host
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import DENY
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.firewall import HostFirewall
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables import is_kernels, read_rules
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.iptables_around import KNOWN
from ansible_collections.autolabs.platform.plugins.module_utils.reach.hosts.ufw import read_status
from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import KINDS as VERSIONS

CLUSTER_PARTS = ("policies", "pods", "namespaces", "services", "nodes")
CALICO, ADMIN = "crd.projectcalico.org/v1", "policy.networking.k8s.io/v1alpha1"
OTHER_POLICIES = {
    "calico_policies": ("NetworkPolicy", CALICO),
    "calico_global_policies": ("GlobalNetworkPolicy", CALICO),
    "admin_policies": ("AdminNetworkPolicy", ADMIN),
    "baseline_admin_policies": ("BaselineAdminNetworkPolicy", ADMIN),
}
"""Policies of other APIs. Calico reads NetworkPolicies as they are, and keeps no copy of them under these kinds."""
PARTS = (*CLUSTER_PARTS, *OTHER_POLICIES, "ufw", "proxmox", "silent")
TO_A_CHAIN = re.compile(r"-A INPUT .*-[jg] (?P<chain>\S+)\s*")
OFF = re.compile(r"^Status: inactive\s*$", re.MULTILINE)
TEXTS = ("iptables", "ip6tables", "status")
KINDS = {
    "policies": "NetworkPolicy",
    "pods": "Pod",
    "namespaces": "Namespace",
    "services": "Service",
    "nodes": "Node",
}


@dataclass(frozen=True)
class Live:
    """What is in force, as far as it could be asked."""

    objects: tuple[Mapping[str, Any], ...] | None
    """None where the cluster was not asked."""
    firewalls: Mapping[str, HostFirewall] = field(default_factory=dict)
    """By machine."""
    proxmox: Mapping[str, Any] | None = None
    sources: tuple[Source, ...] = ()
    other_policies: tuple[Mapping[str, Any], ...] = ()
    """Those of OTHER_POLICIES, with kind and version."""
    unanswered: tuple[str, ...] = ()
    """Machines that Proxmox has, and whose firewall it did not tell."""


def read_live(value: Mapping[str, Any], hosts: Sequence[Host]) -> Live:
    """Read what was gathered. Raises InvalidInput with every mistake.

    value: `policies`, `pods`, `namespaces`, `services` and `nodes` are lists of objects; `ufw` holds for each machine
        a text (`ufw status`, `iptables-save`, or ufw's user.rules), or a map with `iptables`, `ip6tables` and
        `status`; `proxmox` is the firewall in the shapes of its API, or a map of `answers` by path, of the paths
        `unanswered` with the reason, and of the `hosts` that are this site's; `silent` says of what could not be asked
        why, by `cluster`, the machine's name, or `proxmox`. The parts of OTHER_POLICIES are lists of objects, too.
    hosts: the machines that have a firewall.
    """
    problems: list[Problem] = []
    for name in value:
        if name not in PARTS:
            problems.append(Problem("", 0, f"live.{name}", f"unknown field; there are {', '.join(PARTS)}"))
    silent = dict(value.get("silent") or {})
    objects = _objects(value, problems)
    others = _listed(value, OTHER_POLICIES, problems)
    firewalls = dict(_firewalls(value.get("ufw") or {}, hosts, problems))
    proxmox = value.get("proxmox") or None
    unasked: Mapping[str, str] = {}
    if proxmox and "answers" in proxmox:
        answered = proxmox_answers.read(proxmox["answers"], _hosts(proxmox, hosts), proxmox.get("unanswered") or {})
        proxmox, unasked = answered.firewall, answered.silent
        if answered.why:
            silent["proxmox"] = answered.why
    if problems:
        raise InvalidInput(problems)
    nobody = "nothing was given"
    sources = [Source("cluster", objects is not None, "" if objects is not None else silent.get("cluster", nobody))]
    for host in hosts:
        asked = host.name in firewalls
        sources.append(Source(f"firewall of {host.name}", asked, "" if asked else silent.get(host.name, nobody)))
    if proxmox is not None or "proxmox" in silent:
        sources.append(Source("Proxmox", proxmox is not None, "" if proxmox else silent.get("proxmox", nobody)))
    sources += [Source(f"Proxmox, {name}", False, why) for name, why in sorted(unasked.items())]
    return Live(objects, firewalls, proxmox, tuple(sources), others, tuple(unasked))


def _hosts(proxmox: Mapping[str, Any], hosts: Sequence[Host]) -> dict[str, tuple[str, ...]]:
    """The machines of the site that Proxmox may have, with the addresses that are known."""
    given = proxmox.get("hosts") or {}
    told = given if isinstance(given, Mapping) else dict.fromkeys(given, ())
    return {**{name: tuple(one or ()) for name, one in told.items()}, **{host.name: host.addresses for host in hosts}}


def _objects(value: Mapping[str, Any], problems: list[Problem]) -> tuple[Mapping[str, Any], ...] | None:
    if value.get("policies") is None:
        return None
    # Those that the API lists have neither kind nor version of their own.
    kinds = {part: (KINDS[part], VERSIONS[KINDS[part]]) for part in CLUSTER_PARTS}
    return _listed(value, kinds, problems)


def _listed(
    value: Mapping[str, Any], kinds: Mapping[str, tuple[str, str]], problems: list[Problem]
) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    for part, (kind, version) in kinds.items():
        entries = value.get(part) or ()
        if not isinstance(entries, list | tuple) or not all(isinstance(one, Mapping) for one in entries):
            problems.append(Problem("", 0, f"live.{part}", "must be a list of objects as the API server has them"))
            continue
        found += [{"kind": kind, "apiVersion": version, **entry} for entry in entries]
    return tuple(found)


def _firewalls(
    value: Mapping[str, Any], hosts: Iterable[Host], problems: list[Problem]
) -> Iterator[tuple[str, HostFirewall]]:
    known = {host.name: host for host in hosts}
    for name, given in value.items():
        if name not in known:
            continue
        texts = _texts(given)
        try:
            if firewall := _firewall(known[name], texts):
                yield name, firewall
        except InvalidInput as error:
            problems += error.problems


def _texts(given: Any) -> dict[str, str]:
    if isinstance(given, Mapping):
        return {name: str(given.get(name) or "") for name in TEXTS}
    text = str(given or "")
    is_status = any(line.startswith("Status:") for line in text.splitlines())
    return {"iptables": "", "ip6tables": "", "status": ""} | {"status" if is_status else "iptables": text}


def without_the_clusters_own(text: str) -> str:
    """iptables rules without the ways from INPUT into chains of kube-proxy, Calico and Docker, by their whole names.

    Who reaches pods is a matter of policies, which are audited as such. What these chains say to packets for the
    machine depends on interfaces and sets that no text shows. A chain of any other name is somebody's own.
    """
    every = text.splitlines(keepends=True)
    return "".join(line for line in every if not ((to := TO_A_CHAIN.fullmatch(line)) and to["chain"] in KNOWN))


def _firewall(host: Host, texts: Mapping[str, str]) -> HostFirewall | None:
    """What the kernel has says more than what ufw shows: the chain for published ports, and rules of others.

    ufw's files are in force only where ufw is.
    """
    off = bool(OFF.search(texts["status"])) and not is_kernels(texts["iptables"])
    if texts["iptables"].strip() and not off:
        tables = [without_the_clusters_own(texts[family]) for family in ("iptables", "ip6tables")]
        return read_rules(*tables, host=host.name, addresses=host.addresses, default=DENY)
    if texts["status"].strip():
        return read_status(texts["status"], host.name, host.addresses)
    return None
