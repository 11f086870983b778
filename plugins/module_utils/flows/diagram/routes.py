"""How the arrows of the diagram run: along lanes between the columns of cards, never across a card.

All arrows of one endpoint share its lanes, so that they look like one line that branches. An arrow ends at the left of
the card that it reaches, at the row that says by which ports.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.cards import Row
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.layout import (
    LANE,
    Box,
    Layout,
    gaps_of,
    place,
)

GUTTER, ENDS = 17.0, 12.0
"""The least room beside lanes between columns, and at the outer edges."""
ROUNDS = 3
"""How often places and routes are made from each other."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Arrow:
    """All flows between two endpoints."""

    source: str
    destination: str
    row: Row


@dataclass
class _Hop:
    """Where a source's lane between two columns takes its arrows: heights at its left and at its right."""

    left: set[float]
    right: set[float]

    def span(self) -> tuple[float, float]:
        """The ends of the lane."""
        heights = self.left | self.right
        return min(heights), max(heights)


def arrows(boxes: Mapping[str, Box]) -> list[Arrow]:
    """Every arrow, by source and then by destination in the catalogue's order."""
    found = [Arrow(row.sources[0], box.card.name, row) for box in boxes.values() for row in box.card.rows if row.arrow]
    order = {name: number for number, name in enumerate(boxes)}
    return sorted(found, key=lambda arrow: (order[arrow.source], order[arrow.destination]))


def route(layout: Layout) -> list[tuple[Arrow, list[Point]]]:
    """Place the cards, and give every arrow its way from corner to corner."""
    boxes = layout.boxes()
    found = arrows(boxes)
    layout.gutters = [GUTTER] * len(layout.gutters)
    place(layout)
    crossings: dict[tuple[int, str], int] = {}
    for _round in range(ROUNDS):
        for box in boxes.values():
            box.arrange({name: other.y for name, other in boxes.items()})
        place(layout)
        crossings = _crossings(layout, boxes, found)
        layout.gaps = {}
        for (column, _source), gap in crossings.items():
            layout.gaps[column, gap] = layout.gaps.get((column, gap), 0) + 1
        for gutter in range(len(layout.gutters)):
            beside = {arrow.source for arrow in found if gutter in _gutters(boxes, arrow)}
            layout.gutters[gutter] = GUTTER + LANE * len(beside) if beside else ENDS
        place(layout)
    heights = _heights(layout, crossings)
    lanes = _lanes(layout, boxes, found, heights)
    return [(arrow, _way(layout, boxes, arrow, heights, lanes)) for arrow in found]


def hues(boxes: Mapping[str, Box], found: Iterable[Arrow], count: int) -> dict[str, int]:
    """One of `count` hues for every source, and different ones for sources whose arrows run beside each other."""
    gutters: dict[str, set[int]] = {}
    for arrow in found:
        gutters.setdefault(arrow.source, set()).update(_gutters(boxes, arrow))
    chosen: dict[str, int] = {}
    for source, own in gutters.items():
        beside = [hue for other, hue in chosen.items() if gutters[other] & own]
        everywhere = list(chosen.values())
        chosen[source] = min(range(count), key=lambda hue: (beside.count(hue), everywhere.count(hue), hue))
    return chosen


def _columns_crossed(boxes: Mapping[str, Box], arrow: Arrow) -> list[int]:
    source, destination = boxes[arrow.source].column, boxes[arrow.destination].column
    if source < destination:
        return list(range(source + 1, destination))
    return list(range(source - 1, destination - 1, -1))


def _gutters(boxes: Mapping[str, Box], arrow: Arrow) -> list[int]:
    """The gutters that an arrow runs along; gutter 3 is left of column 3."""
    source, destination = boxes[arrow.source].column, boxes[arrow.destination].column
    step = 1 if source < destination else -1
    return list(range(source + 1 if step > 0 else source, destination + step, step))


def _target(boxes: Mapping[str, Box], arrow: Arrow) -> float:
    box = boxes[arrow.destination]
    return next(box.y + placed.socket for placed in box.rows if placed.row == arrow.row)


def _crossings(layout: Layout, boxes: Mapping[str, Box], found: list[Arrow]) -> dict[tuple[int, str], int]:
    """By column and source, the gap between cards through which its arrows cross the column."""
    crossings = {}
    wanted: dict[tuple[int, str], list[float]] = {}
    for arrow in found:
        for column in _columns_crossed(boxes, arrow):
            wanted.setdefault((column, arrow.source), []).append(_target(boxes, arrow))
    for (column, source), targets in wanted.items():
        start = boxes[source].out
        costs = []
        for number, (above, below) in enumerate(gaps_of(layout, column)):
            middle = (above + below) / 2
            # Of ways that are as long, the one that leaves its own column's height last.
            costs.append((1.2 * abs(start - middle) + max(abs(target - middle) for target in targets), number))
        crossings[column, source] = min(costs)[1]
    return crossings


def _heights(layout: Layout, crossings: Mapping[tuple[int, str], int]) -> dict[tuple[int, str], float]:
    """By column and source, at which height its arrows cross the column."""
    boxes = layout.boxes()
    heights = {}
    for column in sorted({column for column, _source in crossings}):
        for number, (above, below) in enumerate(gaps_of(layout, column)):
            sources = [source for (other, source), gap in crossings.items() if (other, gap) == (column, number)]
            for position, source in enumerate(sorted(sources, key=lambda name: boxes[name].out)):
                heights[column, source] = round((above + below - (len(sources) - 1) * LANE) / 2) + position * LANE
    return heights


def _steps(
    boxes: Mapping[str, Box], arrow: Arrow, heights: Mapping[tuple[int, str], float]
) -> Iterator[tuple[int, float, float, bool]]:
    """Gutter by gutter: the heights at which an arrow comes and goes, and whether it runs to the right there."""
    rightwards = boxes[arrow.source].column < boxes[arrow.destination].column
    gutters = _gutters(boxes, arrow)
    come = boxes[arrow.source].out
    for number, gutter in enumerate(gutters):
        if number == len(gutters) - 1:
            go = _target(boxes, arrow)
        else:
            go = heights[gutter if rightwards else gutter - 1, arrow.source]
        yield gutter, come, go, rightwards
        come = go


def _lanes(
    layout: Layout, boxes: Mapping[str, Box], found: list[Arrow], heights: Mapping[tuple[int, str], float]
) -> dict[tuple[int, str], float]:
    """By gutter and source, where its lane is; lanes of a gutter change places while that saves crossings."""
    hops: dict[int, dict[str, _Hop]] = {}
    for arrow in found:
        for gutter, come, go, rightwards in _steps(boxes, arrow, heights):
            hop = hops.setdefault(gutter, {}).setdefault(arrow.source, _Hop(set(), set()))
            last = gutter == boxes[arrow.destination].column
            (hop.left if rightwards else hop.right).add(come)
            (hop.right if rightwards or last else hop.left).add(go)
    lanes = {}
    for gutter, sources in sorted(hops.items()):
        order = _untangled(sources)
        left = _gutter_left(layout, gutter)
        start = left + (layout.gutters[gutter] - LANE * (len(order) - 1)) / 2
        for position, source in enumerate(order):
            lanes[gutter, source] = round(start) + position * LANE
    return lanes


def _gutter_left(layout: Layout, gutter: int) -> float:
    edges = [box.x + box.width for box in layout.boxes().values() if box.column == gutter - 1]
    inner = max(edges, default=0.0)
    # Between two panels the gutter is between the panels' edges, not the cards'.
    for panel in layout.panels():
        if layout.first[panel.group] + len(panel.columns) == gutter:
            inner = panel.x + panel.width
    return inner


def _untangled(sources: Mapping[str, _Hop]) -> list[str]:
    """The lanes from left to right: each in turn goes where it costs least, until none moves."""
    order = sorted(sources, key=lambda name: (sum(sources[name].span()), name))
    costs = {(left, right): _tangle(sources[left], sources[right]) for left, right in itertools.permutations(order, 2)}
    for _pass in order:
        before = list(order)
        for name in sorted(sources):
            own = order.index(name)
            others = [other for other in order if other != name]
            cost = sum(costs[name, other] for other in others)
            places = [(cost, own, 0)]
            for position, other in enumerate(others, 1):
                cost += costs[other, name] - costs[name, other]
                places.append((cost, abs(position - own), position))
            position = min(places)[2]
            order = [*others[:position], name, *others[position:]]
        if order == before:
            break
    return order


def _tangle(left: _Hop, right: _Hop) -> int:
    """How often the lines of two lanes cross, and ten times how often they run on top of each other."""
    top, bottom = left.span()
    cost = sum(top < height < bottom for height in right.left)
    top, bottom = right.span()
    cost += sum(top < height < bottom for height in left.right)
    return cost + 10 * sum(abs(one - other) < 4 for one in right.left for other in left.right)


def _way(
    layout: Layout,
    boxes: Mapping[str, Box],
    arrow: Arrow,
    heights: Mapping[tuple[int, str], float],
    lanes: Mapping[tuple[int, str], float],
) -> list[Point]:
    source, destination = boxes[arrow.source], boxes[arrow.destination]
    points: list[Point] = []
    for gutter, come, go, rightwards in _steps(boxes, arrow, heights):
        if not points:
            points.append((source.x + (source.width if rightwards else 0), come))
        x = lanes[gutter, arrow.source]
        points += [(x, come), (x, go)]
    points.append((destination.x, _target(boxes, arrow)))
    return [point for number, point in enumerate(points) if not number or point != points[number - 1]]
