"""The flows of a lab as rows for people: from, to, ports and why, of the same flows that the policies are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Endpoint, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.labs import CLUSTER_DNS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.networking import (
    Guarded,
    class_flows,
    flows_of_instance,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

STUDENTS, INTERNET, DNS = "students", "internet", "cluster DNS"
EVERY_COMPONENT, SAME_INSTANCE = "every component", "components of the same instance"
EVERY_PORT = "every port"


@dataclass(frozen=True)
class FlowRow:
    """Something that the network policies of a lab let through; what has no row is closed."""

    name: str
    """As the flow catalogue has it: `lab-access`."""
    source: str
    """`students`, `every component`, or the name of the component."""
    destination: str
    """`web`, `cluster DNS`, `internet`, `components of the same instance`."""
    ports: str
    """`TCP 80, 443`; of Pods those in the container."""
    why: str

    def as_result(self) -> dict[str, str]:
        """As data, under the names of the table's columns."""
        return {"name": self.name, "from": self.source, "to": self.destination, "ports": self.ports, "why": self.why}


def flow_rows(lab_class: LabClass, settings: Settings = Settings()) -> tuple[FlowRow, ...]:
    """The flows of a class as rows, students first; those of one instance stand for all."""
    lab = lab_class.lab
    of_class = class_flows(lab_class, settings)
    of_instance = flows_of_instance(lab_class, lab_class.instances[0]) if lab_class.instances else []
    rows: list[FlowRow] = []
    everyone = EVERY_COMPONENT if len(lab.components) > 1 else lab.components[0].name
    for guarded in [*of_class[1:], *of_instance, of_class[0]]:
        subject = SAME_INSTANCE if guarded in of_instance else guarded.component or everyone
        rows += _rows(guarded, subject, everyone)
    return tuple(rows)


def _rows(guarded: Guarded, subject: str, everyone: str) -> Iterable[FlowRow]:
    for flow in guarded.flows:
        among_themselves = flow.source == flow.destination
        source = everyone if among_themselves else _words(flow.source, guarded.pods, subject, STUDENTS)
        destination = _words(flow.destination, guarded.pods, subject, INTERNET)
        yield FlowRow(flow.name, source, destination, ports_words(flow.ports), flow.why)


def _words(endpoint: Endpoint, own: Pods, subject: str, outside: str) -> str:
    if endpoint == own:
        return subject
    return DNS if endpoint == CLUSTER_DNS else outside


def ports_words(ports: Iterable[Ports]) -> str:
    """`TCP 80, 443`, `UDP 53, TCP 53`, `TCP 2222-2253`; `every port` where none is named."""
    words = [
        f"{protocol} {', '.join(f'{one.first}-{one.last}' if one.last > one.first else str(one.first) for one in of)}"
        for protocol, of in groupby(ports, key=lambda one: one.protocol)
    ]
    return ", ".join(words) or EVERY_PORT
