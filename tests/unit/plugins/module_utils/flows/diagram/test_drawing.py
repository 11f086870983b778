"""The picture of the catalogue: complete, legible, and the same for the same catalogue."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import (
    EVERYONE,
    HOSTS,
    PODS,
    Catalogue,
    EndpointEntry,
    FlowEntry,
    Zone,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.cards import (
    LEADS_TO,
    Row,
    cards,
    ports_text,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.drawing import flow_diagram
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.layout import (
    TEXT_SIZE,
    TITLE_SIZE,
    Box,
    Layout,
    build,
    text_width,
    wrapped,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.routes import Arrow, Point, route
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

SVG = "{http://www.w3.org/2000/svg}"


def flow(name: str, source: str, destination: str, *ports: str, feature: str = "") -> FlowEntry:
    return FlowEntry(name, (source,), (destination,), tuple(map(Ports.parse, ports)), f"why {name}", feature=feature)


def widened() -> Catalogue:
    """The built-in catalogue with more machines, pods and zones than it has, and with long and foreign titles."""
    built_in = read_catalogue()
    zones = {**built_in.zones, "annex": Zone("annex", "Annex")}
    endpoints = dict(built_in.endpoints)
    flows = dict(built_in.flows)
    for number in range(14):
        machine, pods = f"machine-{number}", f"pods-{number}"
        title = ("Rechenzentrumsbetriebsüberwachungsanlagenverwaltung", "База данных & <кэш>")[number % 2]
        endpoints[machine] = EndpointEntry(machine, f"{title} {number}", ("annex", "infrastructure")[number % 2], HOSTS)
        endpoints[pods] = EndpointEntry(pods, f"Pods {number}", "platform", PODS, namespaces=(f"n{number}",))
        flows[f"extra-{number}"] = flow(f"extra-{number}", pods, machine, f"tcp/{4000 + number}", "udp/1-65535")
        flows[f"back-{number}"] = flow(f"back-{number}", machine, pods, "tcp/80", feature="more")
    return Catalogue(zones, endpoints, flows)


def one_card() -> Catalogue:
    endpoint = EndpointEntry("everyone", "Everyone", "outside", EVERYONE)
    return Catalogue({"outside": Zone("outside", "Outside")}, {"everyone": endpoint}, {})


def empty() -> Catalogue:
    return Catalogue({}, {}, {})


CATALOGUES = [read_catalogue, widened, one_card, empty]
each_catalogue = pytest.mark.parametrize("make", CATALOGUES)
Make = Callable[[], Catalogue]


def drawn(catalogue: Catalogue) -> tuple[Layout, list[tuple[Arrow, list[Point]]]]:
    layout = build(cards(catalogue), {name: zone.title for name, zone in catalogue.zones.items()})
    return layout, route(layout)


def overlapping(one: Box, other: Box, room: float) -> bool:
    beside = one.x + one.width + room <= other.x or other.x + other.width + room <= one.x
    return not (beside or one.bottom + room <= other.y or other.bottom + room <= one.y)


@each_catalogue
def test_it_is_valid_xml_and_the_same_for_the_same_catalogue(make: Make) -> None:
    picture = flow_diagram(make())
    assert ET.fromstring(picture).tag == f"{SVG}svg"
    assert flow_diagram(make()) == picture


@each_catalogue
def test_every_flow_is_there_by_name_and_reason(make: Make) -> None:
    catalogue = make()
    hints = [element.text or "" for element in ET.fromstring(flow_diagram(catalogue)).iter(f"{SVG}title")]
    for entry in catalogue.flows.values():
        explaining = [hint for hint in hints if f"\n{entry.name}: " in hint and f"\n  {entry.why}" in hint]
        assert explaining, entry.name


@each_catalogue
def test_every_endpoint_is_a_card_with_its_title(make: Make) -> None:
    catalogue = make()
    texts = " ".join("".join(element.itertext()) for element in ET.fromstring(flow_diagram(catalogue)).iter())
    for name, entry in catalogue.endpoints.items():
        assert f"{entry.title} ({name})" in texts


@each_catalogue
def test_no_two_cards_overlap_and_each_is_within_its_panel(make: Make) -> None:
    layout, _ways = drawn(make())
    for one, other in itertools.combinations(layout.boxes().values(), 2):
        assert not overlapping(one, other, room=8), (one.card.name, other.card.name)
    for panel in layout.panels():
        for box in panel.boxes():
            assert panel.x < box.x < box.x + box.width < panel.x + panel.width <= layout.width
            assert panel.y < box.y < box.bottom < panel.y + panel.height <= layout.height


@each_catalogue
def test_text_is_never_wider_than_its_card_and_lines_never_touch(make: Make) -> None:
    layout, _ways = drawn(make())
    for box in layout.boxes().values():
        assert all(text_width(text, TITLE_SIZE, bold=True) <= box.width - 24 for text in box.title)
        for placed in box.rows:
            lines: dict[float, list[tuple[float, float]]] = {}
            for line in placed.lines:
                width = text_width(line.text, TEXT_SIZE, bold=line.ports)
                left = line.x - width if line.end else line.x
                assert left >= 15 and left + width <= box.width - 8, line.text
                lines.setdefault(line.y, []).append((left, left + width))
            for spans in lines.values():
                assert all(one[1] < other[0] for one, other in itertools.pairwise(sorted(spans)))
        for upper, lower in itertools.pairwise(box.rows):
            assert upper.y + upper.height < lower.y


@each_catalogue
def test_no_arrow_crosses_a_card(make: Make) -> None:
    layout, ways = drawn(make())
    for arrow, way in ways:
        for start, end in itertools.pairwise(way):
            left, right = sorted((start[0], end[0]))
            top, bottom = sorted((start[1], end[1]))
            for box in layout.boxes().values():
                beside = right <= box.x or left >= box.x + box.width
                assert beside or bottom <= box.y or top >= box.bottom, (arrow.source, arrow.destination, box.card.name)


@each_catalogue
def test_an_arrow_leads_from_its_source_to_the_row_that_names_it(make: Make) -> None:
    layout, ways = drawn(make())
    boxes = layout.boxes()
    for arrow, way in ways:
        source, destination = boxes[arrow.source], boxes[arrow.destination]
        assert way[0] in [(source.x, source.out), (source.x + source.width, source.out)]
        (row,) = [placed for placed in destination.rows if placed.row.arrow and placed.row.sources == (arrow.source,)]
        assert way[-1] == (destination.x, destination.y + row.socket)


def test_arrows_of_different_endpoints_never_run_on_one_lane() -> None:
    _layout, ways = drawn(widened())
    lanes: dict[float, set[str]] = {}
    for arrow, way in ways:
        for start, end in itertools.pairwise(way):
            if start[0] == end[0]:
                lanes.setdefault(round(start[0], 3), set()).add(arrow.source)
    assert all(len(sources) == 1 for sources in lanes.values())


def test_the_built_in_catalogue_fits_a_screen_and_a_page_on_its_side() -> None:
    layout, _ways = drawn(read_catalogue())
    assert layout.width <= 1280
    assert layout.height <= layout.width


def test_the_built_in_catalogue_reads_from_the_left_to_the_right() -> None:
    boxes = drawn(read_catalogue())[0].boxes()
    way = ["everyone", "ingress", "database", "cloud-database"]
    assert [boxes[name].x for name in way] == sorted(boxes[name].x for name in way)
    assert boxes["internet"].x > boxes["database"].x


def test_it_explains_itself_to_readers_who_do_not_see_it_and_needs_nothing_else() -> None:
    picture = flow_diagram(read_catalogue())
    root = ET.fromstring(picture)
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    assert labels == [element.get("id") for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")]
    assert not list(root.iter(f"{SVG}script"))
    assert "prefers-color-scheme:dark" in picture and "@media print" in picture
    assert not any(word in picture for word in ("url(", "@import", "@font-face", "href"))


def row(catalogue: Catalogue, name: str, source: str) -> Row:
    (found,) = [row for row in cards(catalogue)[name].rows if source in row.sources]
    return found


def test_an_arrow_stands_for_all_flows_between_two_endpoints() -> None:
    found = row(read_catalogue(), "database", "backend-platform")
    assert [flow.name for flow in found.flows] == ["platform-postgresql", "platform-redis", "platform-object-store"]
    assert (found.arrow, found.ports) == (True, "5432 6379\N{EN DASH}6380 6432 9000")


def test_a_flow_of_many_endpoints_is_one_quiet_row() -> None:
    found = row(read_catalogue(), "cluster-dns", "frontend")
    assert not found.arrow
    assert {"ingress", "worker", "grafana", "lab-instances"} <= set(found.sources)
    assert {flow.name for flow in found.flows} == {"dns", "monitoring-dns", "lab-dns"}


def test_monitoring_is_a_part_of_its_own_and_quiet_outside_of_it() -> None:
    catalogue = read_catalogue()
    assert row(catalogue, "loki", "grafana").arrow
    assert not row(catalogue, "database", "prometheus").arrow
    assert [cards(catalogue)[name].part for name in ("grafana", "ingress")] == ["monitoring", ""]


def test_a_flow_of_machines_among_themselves_has_a_row_and_no_arrow() -> None:
    found = row(read_catalogue(), "k8s", "k8s")
    assert (found.label, found.ports, found.arrow) == ("among themselves", "udp\N{NO-BREAK SPACE}4789", False)


@pytest.mark.parametrize(
    ("ports", "published", "text"),
    [
        (["tcp/443", "tcp/80"], [], "80 443"),
        (["udp/53", "tcp/53"], [], "tcp+udp\N{NO-BREAK SPACE}53"),
        (["tcp/1-65535"], ["tcp/30000-32767"], f"30000\N{EN DASH}32767 {LEADS_TO} any\N{NO-BREAK SPACE}tcp"),
        (["tcp/8080"], ["tcp/80"], f"80 {LEADS_TO} 8080"),
        (["tcp/8080"], ["tcp/8080"], "8080"),
        (["udp/500", "esp"], [], "esp udp\N{NO-BREAK SPACE}500"),
        (["vrrp"], [], "vrrp"),
        (["sctp/5000", "tcp/22"], [], "22 sctp\N{NO-BREAK SPACE}5000"),
        ([], [], "any"),
    ],
)
def test_ports_are_written_for_people(ports: list[str], published: list[str], text: str) -> None:
    entry = flow("a", "b", "c", *ports)
    assert ports_text([replace(entry, published_ports=tuple(map(Ports.parse, published)))]) == text


def test_a_word_that_is_too_long_for_a_line_is_cut() -> None:
    (_first, cut) = wrapped("a " + "m" * 30, 100, 10)
    assert cut.startswith("mmm") and cut.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert text_width(cut, 10) <= 100
