"""Every field of a catalogue file, with its shape, a sentence and an example.

No field is required by its shape: a further file may give a single field of an entry that an earlier one has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import Mapping, Node
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Either,
    Field,
    Findings,
    ListOf,
    MapOf,
    Place,
    Record,
    Values,
    Word,
    Wrong,
    is_nothing,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import KINDS
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

PHASES = ("demo", "dev", "stage", "prod")
LONGEST_NAME = 40
LONGEST_TITLE = 60
LONGEST_TEXT = 300


def _matching(pattern: str, what: str, longest: int) -> Callable[[str], str]:
    allowed = re.compile(pattern)

    def parse(text: str) -> str:
        if len(text) > longest:
            raise Wrong(f"{quoted(text)} is longer than {longest} characters")
        if not allowed.fullmatch(text):
            raise Wrong(f"{quoted(text)} is not {what}")
        return text

    return parse


def _text(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.strip():
            raise Wrong("is empty")
        if "\n" in text.strip():
            raise Wrong("must be one line")
        if len(text) > longest:
            raise Wrong(f"is longer than {longest} characters")
        return text.strip()

    return parse


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Wrong(f"is {quoted(text)}, which is neither true nor false")
    return text.lower() == "true"


def _yes(text: str) -> bool:
    if not _truth(text):
        raise Wrong("can only be true; leave it out for an endpoint that is something else")
    return True


def _range(text: str) -> str:
    try:
        return addresses.written_range(text)
    except addresses.AddressError as error:
        raise Wrong(str(error)) from None


def _ports(text: str) -> Ports:
    try:
        return Ports.parse(text)
    except ValueError as error:
        raise Wrong(str(error)) from None


def _phase(text: str) -> str:
    if text not in PHASES:
        raise Wrong(f"is {quoted(text)}, which is none of {', '.join(PHASES)}")
    return text


def quoted(text: str) -> str:
    """A text in quotation marks, shortened for a message."""
    return repr(text if len(text) <= 2 * LONGEST_NAME else f"{text[: 2 * LONGEST_NAME]}...")


name = _matching(
    "[a-z]([a-z0-9-]*[a-z0-9])?", "a name of the letters a-z, digits and dashes, a letter first", LONGEST_NAME
)
group_name = _matching("[A-Za-z_][A-Za-z0-9_]*", "the name of an inventory group", 60)
network_name = _matching("[a-z][a-z0-9_]*", "the name of a network: letters a-z, digits and underscores", LONGEST_NAME)
feature_name = _matching("[a-z][a-z0-9_-]*", "the name of a feature: letters a-z, digits and dashes", LONGEST_NAME)
# RFC 1123 and https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
namespace_name = _matching("[a-z0-9]([a-z0-9-]*[a-z0-9])?", "the name of a namespace", 63)
label_name = _matching(
    "([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", "the name of a label", 317
)
label_value = _matching("([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?", "the value of a label", 63)

NAME = Word(name, "a name")
TITLE = Field(Word(_text(LONGEST_TITLE)), "What people call it.", "Database VM")
TRUTH = Word(_truth, "true or false")
NETWORK = Word(network_name, "the name of a network")
GROUP = Word(group_name, "the name of a group")
RANGES = ListOf(Word(_range, "an address range"), "a list of address ranges")
PORTS = ListOf(Word(_ports, "a port"), "a list of ports")
NAMES = Either(single=NAME, several=ListOf(NAME, "a list of names"))
PHASE = Word(_phase, "a phase")

ZONE = Record(
    {
        "title": TITLE,
        "network": Field(NETWORK, "The network of the site that is this zone.", "infrastructure"),
        "addresses": Field(RANGES, "The zone's addresses, literally.", "[192.168.100.0/24]"),
    }
)

PODS = Record(
    {
        "namespace": Field(Word(namespace_name, "a name"), "Where the pods are.", "platform"),
        "namespaces": Field(
            ListOf(Word(namespace_name, "a name")), "Where they are, if several.", "[labs, labs-baseline]"
        ),
        "labels": Field(
            MapOf(Word(label_value, "a label"), label_name), "Which pods; without it, all.", "{app: backend-platform}"
        ),
        "host_network": Field(TRUTH, "Whether they have the addresses of their machines.", "true"),
        "on": Field(GROUP, "The inventory group of the machines of such pods.", "k8s"),
        "per_lab": Field(TRUTH, "Whether their policies come with each class of labs.", "true"),
        "unguarded": Field(TRUTH, "Whether their namespace is left open.", "true"),
    }
)

ENDPOINT = Record(
    {
        "title": TITLE,
        "zone": Field(NAME, "Where it lives.", "infrastructure"),
        "hosts": Field(GROUP, "The machines of this inventory group.", "database"),
        "pods": Field(PODS, "Pods of the cluster.", "{namespace: platform, labels: {app: backend-platform}}"),
        "network": Field(NETWORK, "Addresses that the site names.", "admin"),
        "addresses": Field(RANGES, "Addresses, literally.", "[203.0.113.0/24]"),
        "except": Field(RANGES, "Parts of `addresses` that are not meant.", "[203.0.113.128/25]"),
        "internet": Field(Word(_yes, "true"), "Every public address that is not the site's own.", "true"),
        "everyone": Field(Word(_yes, "true"), "Every address.", "true"),
    }
)

WHEN = Record(
    {
        "feature": Field(Word(feature_name, "a name"), "Only on sites that have it.", "monitoring"),
        "phase": Field(Either(single=PHASE, several=ListOf(PHASE)), "Only in these phases.", "[stage, prod]"),
    }
)

PUBLISHED = Record(
    {
        "at": Field(GROUP, "The inventory group of the machines.", "k8s"),
        "ports": Field(PORTS, "Their ports by which sources come in.", "[tcp/443]"),
    }
)

FLOW = Record(
    {
        "from": Field(NAMES, "Who opens the connection.", "backend-platform"),
        "to": Field(NAMES, "Who answers.", "database"),
        "ports": Field(PORTS, "The ports that who answers listens on.", "[tcp/5432]"),
        "why": Field(Word(_text(LONGEST_TEXT)), "What it is for.", "The platform keeps its data there"),
        "reference": Field(ListOf(Word(_text(LONGEST_TEXT)), "a list of texts"), "Who asks for it.", "[000 flow 2]"),
        "when": Field(WHEN, "Under which conditions.", "{feature: monitoring}"),
        "published": Field(PUBLISHED, "How sources outside of the cluster come in.", "{at: k8s, ports: [tcp/443]}"),
    }
)


@dataclass(frozen=True)
class Said:
    """What one file says about an entry."""

    values: Values
    emptied: frozenset[str]
    """Fields that are written without a value, which takes away what an earlier file gave them."""


@dataclass(frozen=True)
class _Entry:
    """A Record, or nothing: that removes the entry of an earlier file. Read into Said, or None."""

    record: Record

    @property
    def words(self) -> str:
        """See Shape."""
        return self.record.words

    def read(self, node: Node, at: Place, findings: Findings) -> Any:
        """See Shape."""
        if is_nothing(node):
            return None
        empty = (
            {key for key, value in node.entries.items() if is_nothing(value)} if isinstance(node, Mapping) else set()
        )
        return Said(self.record.read(node, at, findings), frozenset(empty))


ZONES, ENDPOINTS, FLOWS = MAPS = ("zones", "endpoints", "flows")
FILE = Record(
    {
        ZONES: Field(
            MapOf(_Entry(ZONE), name, words="a map of zones"), "Where endpoints live.", "{cloud: {title: Cloud}}"
        ),
        ENDPOINTS: Field(
            MapOf(_Entry(ENDPOINT), name, words="a map of endpoints"),
            "Who talks, and who is talked to.",
            "{database: {title: Database, zone: infrastructure, hosts: database}}",
        ),
        FLOWS: Field(
            MapOf(_Entry(FLOW), name, words="a map of flows"),
            "Who may reach whom.",
            "{data: {from: backend-platform, to: database, ports: [tcp/5432], why: The platform's data}}",
        ),
    }
)
KIND_FIELDS = frozenset((*KINDS, "except"))
"""Fields of an endpoint that say what it is: a further file that gives one of the kinds replaces them all."""
