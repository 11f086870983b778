"""Who reaches whom: every pair of the catalogue's endpoints, with what is allowed, what is so, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import EXTRA, MISSING, Finding
from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import UNDECIDED as UNDECIDED_KIND
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.port_sets import PortSet
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts.ranges import Span, merged, span, spans
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.endpoints import Endpoint
from ansible_collections.autolabs.platform.plugins.module_utils.audit.matrix.way import Answer, Ways
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import DIFFERS, OPEN, Cell, Line
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Endpoint as End
from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Flow, Host, Hosts, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.flows.proxmox.rules import FLOW_SEPARATOR
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, UNDECIDED

PROBES = (*(Ports(number) for number in (22, 443, 5432, 8080, 9, 7)), Ports(9, "UDP"), Ports(7, "UDP"))
"""Of which the first that no flow names stands for every other port."""
UP_TO_LABS = "at most; the policies of each lab say whether its instances use it"
Meant = tuple[Flow, Host | None, Host | None]
"""A flow between two endpoints, and which of their machines it means."""
GRAVITY = (DENIED, UNDECIDED, "", ALLOWED)


def matrix(
    endpoints: Sequence[Endpoint],
    flows: Sequence[Flow],
    catalogue: Catalogue,
    ways: Ways,
    findings: Sequence[Finding],
) -> tuple[Cell, ...]:
    """A cell for each pair, in the order of the endpoints."""
    differing: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        for pair in finding.cells:
            differing.setdefault(pair, []).append(finding)
    # What a flow's ends mean is asked once for each endpoint, not once for each pair.
    starts, ends = (
        {one.name: [_meant(end, one) for end in side] for one in endpoints}
        for side in ([flow.source for flow in flows], [flow.destination for flow in flows])
    )
    cells = []
    for source in endpoints:
        for destination in endpoints:
            meant = [
                (flow, _host(sender), _host(host))
                for flow, sender, host in zip(flows, starts[source.name], ends[destination.name], strict=True)
                if sender is not None and host is not None
            ]
            pair = (source.name, destination.name)
            cells.append(_cell(source, destination, meant, catalogue, ways, differing.get(pair, ())))
    return tuple(cells)


def _cell(
    source: Endpoint,
    destination: Endpoint,
    flows: Sequence[Meant],
    catalogue: Catalogue,
    ways: Ways,
    findings: Sequence[Finding],
) -> Cell:
    lines = list(_lines(source, destination, flows, catalogue, ways))
    if not _filtered(source, destination):
        return Cell(source.name, destination.name, ALLOWED if lines else OPEN, tuple(lines))
    lines = [*_differences(source, destination, findings, ways, lines), *lines]
    lines += _rest(source, destination, lines, ways, findings)
    return Cell(source.name, destination.name, _answer(lines, findings), tuple(lines))


def _rest(
    source: Endpoint, destination: Endpoint, lines: Sequence[Line], ways: Ways, findings: Sequence[Finding]
) -> Iterator[Line]:
    """What becomes of every other port."""
    if any(line.catalogue == ALLOWED and not line.ports for line in lines):
        return
    known = PortSet.of(Ports.parse(text) for line in lines for text in line.ports)
    probe = next((one for one in PROBES if PortSet.of([one]) - known), None)
    if probe is None:
        return
    found = ways.ask(source, destination, probe)
    # What a finding tells already needs no second line.
    if found.answer != ALLOWED or not findings:
        yield Line((), DENIED, found.answer, steps=found.steps, assumptions=found.assumptions)


def _filtered(source: Endpoint, destination: Endpoint) -> bool:
    """Whether any firewall of the site stands between the two."""
    if source.hosts and source.hosts == destination.hosts and len(source.hosts) == 1:
        return False
    return any(one.guarded or one.per_lab for one in (source, destination)) or bool(destination.hosts)


def _answer(lines: Sequence[Line], findings: Sequence[Finding]) -> str:
    if any(finding.kind in (EXTRA, MISSING) for finding in findings):
        return DIFFERS
    if any(line.live not in ("", UNDECIDED, line.catalogue) for line in lines):
        return DIFFERS
    if any(line.live == UNDECIDED for line in lines) or any(one.kind == UNDECIDED_KIND for one in findings):
        return UNDECIDED
    return ALLOWED if any(line.catalogue == ALLOWED for line in lines) else DENIED


def _lines(
    source: Endpoint, destination: Endpoint, flows: Sequence[Meant], catalogue: Catalogue, ways: Ways
) -> Iterator[Line]:
    """One for each flow between the two, also those between larger endpoints that hold them."""
    seen: set[tuple[str, tuple[Ports, ...]]] = set()
    for flow, sender, host in flows:
        if (flow.name, flow.ports) in seen:
            continue
        seen.add((flow.name, flow.ports))
        if source.per_lab or destination.per_lab:
            found = Answer("", (), (UP_TO_LABS,))
        elif _filtered(source, destination):
            asked = [
                ways.ask(source, destination, port, host, sender, flow.published) for port in flow.ports or PROBES[:1]
            ]
            found = min(asked, key=lambda one: GRAVITY.index(one.answer))
        else:
            found = Answer(ALLOWED)
        entry = catalogue.flows[flow.name]
        ports = tuple(map(str, flow.ports))
        if flow.published and not source.pods:
            entrance = ", ".join(map(str, flow.published.ports))
            why = f"{flow.why}. It comes in at {entrance} of {flow.published.at.group}"
        else:
            why = flow.why
        yield Line(ports, ALLOWED, found.answer, (flow.name,), why, entry.reference, found.steps, found.assumptions)


def _differences(
    source: Endpoint, destination: Endpoint, findings: Sequence[Finding], ways: Ways, lines: Sequence[Line]
) -> Iterator[Line]:
    """What findings tell and the lines of the flows do not."""
    for finding in findings:
        # A rule of Proxmox may be for several flows.
        flows = tuple(finding.flow.split(FLOW_SEPARATOR)) if finding.flow else ()
        told = {name for line in lines if line.live == DENIED for name in line.flows}
        if finding.kind == MISSING and told & {*flows}:
            continue
        if finding.kind not in (EXTRA, MISSING, UNDECIDED_KIND):
            continue
        ports = [Ports.parse(text) for text in finding.ports] or list(PROBES[:1])
        found = ways.ask(source, destination, ports[0])
        live = {EXTRA: ALLOWED, MISSING: DENIED}.get(finding.kind, UNDECIDED)
        catalogue = ALLOWED if finding.kind == MISSING or finding.flow else DENIED
        steps = found.steps if found.answer == live else ()
        depends = (finding.assumption,) if finding.assumption else ()
        yield Line(finding.ports, catalogue, live, flows, finding.what, (), steps, depends)


def _meant(end: End, endpoint: Endpoint) -> Host | bool | None:
    """None where a flow's end is not about the endpoint; the machine that both mean, or True for what is none."""
    if isinstance(end, Pods):
        return True if any(_pods_within(pods, end) for pods in endpoint.pods) else None
    if isinstance(end, Hosts):
        return next((host for host in endpoint.hosts if host in end.hosts), None)
    held = merged(spans(end.blocks))
    if endpoint.hosts:
        return next((host for host in endpoint.hosts if _held(map(span, host.addresses), held)), None)
    return True if endpoint.spans and _held(merged(endpoint.spans), held) else None


def _host(meant: Host | bool) -> Host | None:
    return None if isinstance(meant, bool) else meant


def _held(inner: Iterable[Span], outer: Sequence[Span]) -> bool:
    return all(any(one.within(other) for other in outer) for one in inner)


def _pods_within(inner: Pods, outer: Pods) -> bool:
    return inner.namespace == outer.namespace and set(outer.labels) <= set(inner.labels)
