"""The flow catalogue as a picture (SVG) that explains itself when the pointer rests on a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue, FlowEntry
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.cards import LEADS_TO, cards, ports_text
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.layout import (
    LINE,
    TEXT_LEFT,
    TEXT_RIGHT,
    Box,
    Panel,
    build,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.routes import Arrow, Point, hues, route
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.style import HUES, STYLE

HEAD, LEGEND, RADIUS = 58.0, 44.0, 6.0
WIDTH = 1200.0
"""The least width of the drawing: what the legend needs."""


def flow_diagram(catalogue: Catalogue) -> str:
    """Draw all endpoints and flows of a catalogue, also those that a site may not have; the same bytes for the same
    catalogue.

    The drawing needs no script and no font, follows the reader's dark or light colours, and is printed in light ones.
    """
    layout = build(cards(catalogue), {name: zone.title for name, zone in catalogue.zones.items()})
    layout.top = HEAD
    ways = route(layout)
    boxes = layout.boxes()
    colours = hues(boxes, (arrow for arrow, _way in ways), HUES)
    width, height = max(layout.width, WIDTH), layout.height + LEGEND
    count = len(catalogue.flows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" style="max-width:100%;height:auto" role="img" aria-labelledby="flows-title flows-about">',
        '<title id="flows-title">Who may talk to whom</title>',
        f'<desc id="flows-about">{count} flows between {len(boxes)} endpoints. Every card lists who comes in, and by '
        "which ports; everything else is closed.</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width:g}" height="{height:g}"/>',
        '<text class="head" x="20" y="30">Who may talk to whom</text>',
        f'<text class="about" x="20" y="47">{count} flows between {len(boxes)} endpoints. '
        "Each card lists who comes in, and by which ports; everything else is closed.</text>",
    ]
    parts += [line for panel in layout.panels() for line in _panel(panel)]
    for source in colours:
        parts += _trunk([(arrow, way) for arrow, way in ways if arrow.source == source], boxes, colours[source])
    parts += [line for box in boxes.values() for line in _card(box, colours)]
    parts += _legend(layout.height + 24)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _panel(panel: Panel) -> Iterator[str]:
    part = " part" if panel.part else ""
    yield (
        f'<rect class="panel{part}" x="{panel.x:g}" y="{panel.y:g}" width="{panel.width:g}" '
        f'height="{panel.height:g}" rx="10"/>'
    )
    yield f'<text class="zone" x="{panel.x + 14:g}" y="{panel.y + 20:g}">{escape(panel.title)}</text>'


def _trunk(ways: list[tuple[Arrow, list[Point]]], boxes: dict[str, Box], hue: int) -> Iterator[str]:
    """All arrows of a source. Where they share a lane they are one line, and what is always there covers what is
    optional; each has a wide stroke of its own that is seen only under the pointer."""
    paths = [_rounded([*way[:-1], (way[-1][0] - 5, way[-1][1])]) for _arrow, way in ways]
    optional = [path for path, (arrow, _way) in zip(paths, ways, strict=True) if arrow.row.optional]
    always = [path for path in paths if path not in optional]
    yield f'<g class="h{hue}">'
    yield f'<path class="halo" d="{"".join(paths)}"/>'
    if optional:
        yield f'<g class="optional"><path class="line" d="{"".join(optional)}"/></g>'
    if always:
        yield f'<path class="line" d="{"".join(always)}"/>'
    for path, (arrow, way) in zip(paths, ways, strict=True):
        source, destination = boxes[arrow.source].card.title, boxes[arrow.destination].card.title
        x, y = way[-1]
        yield '<g class="arrow">'
        yield f"<title>{escape(f'{source} to {destination}')}\n{_explained(arrow.row.flows)}</title>"
        yield f'<path class="touch" d="{path}"/><path class="tip" d="M{x:g} {y:g}l-8 -4v8z"/>'
        yield "</g>"
    yield "</g>"


def _rounded(way: list[Point]) -> str:
    """A path along the points, its corners rounded."""
    points = [
        point
        for number, point in enumerate(way)
        if not 0 < number < len(way) - 1 or not _straight(way[number - 1], point, way[number + 1])
    ]
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(RADIUS, _length(before, corner) / 2, _length(corner, after) / 2)
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    parts.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(parts)


def _straight(before: Point, point: Point, after: Point) -> bool:
    return before[0] == point[0] == after[0] or before[1] == point[1] == after[1]


def _length(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(one: Point, other: Point, length: float) -> Point:
    """The point `length` away from `one` on the way to `other`, which is right above, below or beside it."""
    whole = _length(one, other) or 1.0
    return one[0] + (other[0] - one[0]) * length / whole, one[1] + (other[1] - one[1]) * length / whole


def _card(box: Box, colours: dict[str, int]) -> Iterator[str]:
    hue = f" h{colours[box.card.name]}" if box.card.name in colours else ""
    yield f'<g class="card{hue}" transform="translate({box.x:g} {box.y:g})">'
    yield f"<title>{escape(box.card.title)} ({escape(box.card.name)})</title>"
    yield f'<rect class="paper" width="{box.width:g}" height="{box.height:g}" rx="7"/>'
    if hue:
        yield f'<rect class="edge" x="{box.width / 2 - 17:g}" y="-1" width="34" height="3" rx="1.5"/>'
    for number, text in enumerate(box.title):
        yield f'<text class="name" x="{TEXT_LEFT - 6:g}" y="{20 + number * LINE:g}">{escape(text)}</text>'
    if box.rule:
        yield f'<path class="rule" d="M{TEXT_LEFT - 6:g} {box.rule:g}H{box.width - TEXT_RIGHT:g}"/>'
    for placed in box.rows:
        kind = "row" if placed.row.arrow else "row quiet"
        row_hue = f" h{colours[placed.row.sources[0]]}" if placed.row.arrow else ""
        optional = " optional" if placed.row.optional else ""
        yield f'<g class="{kind}{row_hue}{optional}" transform="translate(0 {placed.y:g})">'
        yield f"<title>{escape(placed.row.label)}\n{_explained(placed.row.flows)}</title>"
        yield f'<circle cx="{TEXT_LEFT - 9:g}" cy="{LINE / 2 + 1:g}" r="2.5"/>'
        for line in placed.lines:
            name = ("ports" if line.ports else "who") + (" end" if line.end else "")
            yield f'<text class="{name}" x="{line.x:g}" y="{line.y:g}">{escape(line.text)}</text>'
        yield "</g>"
    yield "</g>"


def _explained(flows: Iterable[FlowEntry]) -> str:
    lines = []
    for flow in flows:
        needs = [f"with {flow.feature}"] if flow.feature else []
        needs += [f"in {' or '.join(flow.phases)}"] if flow.phases else []
        condition = f" (only {' and '.join(needs)})" if needs else ""
        lines += [f"{flow.name}: {ports_text([flow])}{condition}", f"  {flow.why}"]
    return escape("\n".join(lines))


def _legend(y: float) -> Iterator[str]:
    example = f"443 {LEADS_TO} 8443"
    yield f'<g class="legend" transform="translate(20 {y:g})">'
    for hue, x, kind, text in (
        (0, 0, "", "may open connections; it ends at the row with the ports"),
        (3, 356, " optional", "only where the site has the feature"),
    ):
        yield f'<g class="h{hue}{kind}" transform="translate({x} 0)"><path class="line" d="M0 -4H26"/>'
        yield f'<path class="tip" d="M32 -4l-8 -4v8z"/></g><text x="{x + 40}" y="0">{text}</text>'
    yield '<g class="row quiet" transform="translate(606 -12)"><circle cx="4" cy="8" r="2.5"/></g>'
    yield '<text x="618" y="0">likewise, without an arrow</text>'
    yield f'<text class="ports" x="776" y="0">{example}</text>'
    yield '<text x="838" y="0">port of the machine, port within; TCP where nothing is named</text>'
    yield "</g>"
