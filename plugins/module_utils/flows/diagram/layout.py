"""Where the cards of the diagram stand: columns of panels, one panel for each zone or optional part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.cards import (
    CLUSTER,
    GROUPS,
    LEFT,
    MACHINES,
    RIGHT,
    Card,
    Row,
)

# All lengths are in units of the drawing, which are pixels at its own size.
TITLE_SIZE, TEXT_SIZE = 13.0, 11.0
CARD_WIDTH = {LEFT: 162.0, CLUSTER: 164.0, MACHINES: 198.0, RIGHT: 162.0}
CARDS_A_COLUMN = {LEFT: 12, CLUSTER: 6, MACHINES: 6, RIGHT: 12}
"""With more cards than this in a panel, its group gets one more column."""
PANEL_PAD, PANEL_HEAD, PANEL_GAP = 10.0, 30.0, 14.0
CARD_HEAD, CARD_FOOT, CARD_GAP = 28.0, 7.0, 16.0
LINE, ROW_GAP = 14.0, 4.0
TEXT_LEFT, TEXT_RIGHT = 18.0, 10.0
QUIET_RULE = 5.0
"""Room for the line between rows that an arrow ends at and those without."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is in a common sans-serif face, rather too wide than too narrow."""
    narrow, wide = "ijltfrI.,:;|'()[] ", "mwMWQOGD@%"
    units = sum(0.33 if char in narrow else 0.88 if char in wide else 0.58 if char.isascii() else 0.66 for char in text)
    return units * size * (1.07 if bold else 1.0)


def wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """`text` in lines no wider than `width`; a word that is too long for one is cut with an ellipsis."""
    lines: list[str] = []
    for word in text.split(" "):
        while len(word) > 1 and text_width(word, size, bold=bold) > width:
            word = word.removesuffix("\N{HORIZONTAL ELLIPSIS}")[:-1] + "\N{HORIZONTAL ELLIPSIS}"
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@dataclass(frozen=True)
class Line:
    """A piece of text within a card, from the card's corner; `end` where x is where it ends."""

    text: str
    x: float
    y: float
    end: bool = False
    ports: bool = False


@dataclass
class PlacedRow:
    """A row of a card, from the card's top."""

    row: Row
    y: float
    height: float
    lines: list[Line]

    @property
    def socket(self) -> float:
        """Where an arrow ends, from the card's top."""
        return self.y + LINE / 2 + 1


@dataclass
class Box:
    """A card with its place; rows are in the order in which they are drawn."""

    card: Card
    width: float
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    rows: list[PlacedRow] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    height: float = 0.0
    rule: float = 0.0
    """Where the line above the quiet rows is, from the card's top; 0 for none."""

    @property
    def out(self) -> float:
        """Where arrows leave, from the top of the drawing."""
        return self.y + 16

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def arrange(self, order: Mapping[str, float]) -> None:
        """Make the rows and the height; rows with arrows come first, by where their sources stand."""
        self.title = wrapped(self.card.title, self.width - TEXT_LEFT - TEXT_RIGHT, TITLE_SIZE, bold=True)
        y = CARD_HEAD + (len(self.title) - 1) * LINE
        self.rows, self.rule = [], 0.0
        loud = sorted((row for row in self.card.rows if row.arrow), key=lambda row: order.get(row.sources[0], 0.0))
        quiet = [row for row in self.card.rows if not row.arrow]
        for row in (*loud, *quiet):
            if quiet and loud and row is quiet[0]:
                self.rule = y + QUIET_RULE / 2 - 1
                y += QUIET_RULE
            lines, height = _lines(row, self.width)
            self.rows.append(PlacedRow(row, y, height, lines))
            y += height + ROW_GAP
        self.height = y + CARD_FOOT - (ROW_GAP if self.rows else 0)


def _lines(row: Row, width: float) -> tuple[list[Line], float]:
    """The lines of a row from the row's top: who, and the ports at the end of the last line that has room for them."""
    room = width - TEXT_LEFT - TEXT_RIGHT
    label = wrapped(row.label, room, TEXT_SIZE)
    lines = [Line(text, TEXT_LEFT, (number + 1) * LINE - 3) for number, text in enumerate(label)]
    if text_width(label[-1], TEXT_SIZE) + text_width(row.ports, TEXT_SIZE, bold=True) + 8 <= room:
        lines.append(Line(row.ports, width - TEXT_RIGHT, len(label) * LINE - 3, end=True, ports=True))
        return lines, len(label) * LINE
    ports = wrapped(row.ports, room, TEXT_SIZE, bold=True)
    lines += [
        Line(text, width - TEXT_RIGHT, (len(label) + number + 1) * LINE - 3, end=True, ports=True)
        for number, text in enumerate(ports)
    ]
    return lines, (len(label) + len(ports)) * LINE


@dataclass
class Panel:
    """A zone, or an optional part of it, across the columns of its group."""

    zone: str
    part: str
    title: str
    group: int
    columns: list[list[Box]]
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    def boxes(self) -> Iterator[Box]:
        """All cards of the panel."""
        for column in self.columns:
            yield from column


@dataclass
class Layout:
    """The panels of each group from top to bottom, and the first column of each group."""

    groups: dict[int, list[Panel]]
    first: dict[int, int]
    columns: int
    gutters: list[float]
    """The room left of each column, and right of the last one."""
    gaps: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many arrows cross a column between its cards: by column and gap, which counts from its top."""
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0

    def panels(self) -> Iterator[Panel]:
        """All panels."""
        for panels in self.groups.values():
            yield from panels

    def boxes(self) -> dict[str, Box]:
        """All cards by name."""
        return {box.card.name: box for panel in self.panels() for box in panel.boxes()}


LANE = 6.0
"""Between arrows that run beside each other."""


def build(cards: Mapping[str, Card], titles: Mapping[str, str]) -> Layout:
    """Panels and columns without places; `titles` are the zones'."""
    groups: dict[int, list[Panel]] = {}
    first: dict[int, int] = {}
    columns = 0
    for group in GROUPS:
        members: dict[tuple[str, str], list[Card]] = {}
        for part in (False, True):
            for zone in titles:
                for card in cards.values():
                    if card.group == group and card.zone == zone and bool(card.part) == part:
                        members.setdefault((zone, card.part), []).append(card)
        if not members:
            continue
        count = -(-max(map(len, members.values())) // CARDS_A_COLUMN[group])
        first[group] = columns
        groups[group] = [
            Panel(zone, part, titles[zone] + (f" \N{MIDDLE DOT} {part}" if part else ""), group, _split(found, count))
            for (zone, part), found in members.items()
        ]
        for panel in groups[group]:
            for number, column in enumerate(panel.columns):
                for box in column:
                    box.column = columns + number
        columns += count
    return Layout(groups, first, columns, [0.0] * (columns + 1))


def _split(cards: Sequence[Card], count: int) -> list[list[Box]]:
    """The cards of a panel in `count` columns, those that send before those that are reached."""
    names = {card.name for card in cards}
    rank = dict.fromkeys(names, 0)
    for _round in cards:
        for card in cards:
            before = [rank[row.sources[0]] for row in card.rows if row.arrow and row.sources[0] in names]
            if before and rank[card.name] <= max(before) < len(cards):
                rank[card.name] = max(before) + 1
        # Whoever nobody reaches by an arrow, and who sends none, stands last.
    senders = {row.sources[0] for card in cards for row in card.rows if row.arrow}
    silent = {card.name for card in cards if card.name not in senders and not any(row.arrow for row in card.rows)}
    ordered = sorted(cards, key=lambda card: (card.name in silent, rank[card.name]))
    boxes = []
    for card in ordered:
        box = Box(card, CARD_WIDTH[card.group])
        box.arrange({})
        boxes.append(box)
    total = sum(box.height + CARD_GAP for box in boxes)
    columns: list[list[Box]] = [[] for _column in range(count)]
    sofar = 0.0
    for box in boxes:
        columns[min(int((sofar + box.height / 2) / total * count), count - 1)].append(box)
        sofar += box.height + CARD_GAP
    return columns


def place(layout: Layout) -> None:
    """Give every panel and card its place, with room for the arrows of `gutters` and `gaps`."""
    lefts: list[float] = []
    x = 0.0
    for group, panels in layout.groups.items():
        count = len(panels[0].columns)
        for column in range(layout.first[group], layout.first[group] + count):
            x += layout.gutters[column] + (PANEL_PAD if column == layout.first[group] else 0)
            lefts.append(x)
            x += CARD_WIDTH[group]
        x += PANEL_PAD
    layout.width = x + layout.gutters[-1]
    bottoms = []
    for group, panels in layout.groups.items():
        first, last = layout.first[group], layout.first[group] + len(panels[0].columns) - 1
        gap = dict.fromkeys(range(first, last + 1), 0)
        y = layout.top + max(_room(layout, column, 0) for column in gap)
        for panel in panels:
            panel.x, panel.y = lefts[first] - PANEL_PAD, y
            panel.width = lefts[last] + CARD_WIDTH[group] + PANEL_PAD - panel.x
            bottom = y
            for number, boxes in enumerate(panel.columns):
                column = first + number
                below = y + PANEL_HEAD
                for box in boxes:
                    box.x, box.y = lefts[column], below
                    gap[column] += 1
                    below = box.bottom + CARD_GAP + (_room(layout, column, gap[column]) if box is not boxes[-1] else 0)
                bottom = max(bottom, below - CARD_GAP + PANEL_PAD)
            panel.height = bottom - y
            y = bottom + PANEL_GAP + max(_room(layout, column, gap[column]) for column in gap)
        bottoms.append(y - PANEL_GAP)
    layout.height = max(bottoms, default=layout.top)


def _room(layout: Layout, column: int, gap: int) -> float:
    return LANE * layout.gaps.get((column, gap), 0)


def gaps_of(layout: Layout, column: int) -> list[tuple[float, float]]:
    """The room between the cards of a column, from top to bottom: above the first one, ..., below the last one."""
    (panels,) = [
        panels
        for group, panels in layout.groups.items()
        if layout.first[group] <= column < layout.first[group] + len(panels[0].columns)
    ]
    number = column - layout.first[panels[0].group]
    gaps = []
    above = panels[0].y - PANEL_GAP - _room(layout, column, 0)
    for panel in panels:
        for position, box in enumerate(panel.columns[number]):
            gaps.append((above, box.y if position else panel.y))
            above = box.bottom
        above = max(above, panel.y + panel.height) if panel.columns[number] else above
    gaps.append((above, above + PANEL_GAP + _room(layout, column, len(gaps))))
    return gaps
