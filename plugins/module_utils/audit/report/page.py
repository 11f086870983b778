"""An audit as one HTML file that needs no network: a matrix to look at, and why each cell is what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import EXTRA, KINDS, MISSING, Finding
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.moment import iso, readable
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import (
    DIFFERS,
    OPEN,
    Audit,
    Cell,
    Named,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, DENIED, UNDECIDED

FOLDER = Path(__file__).parent
PLACE = re.compile("@([a-z]+)@")
GLYPHS = {ALLOWED: "✓", DENIED: "·", UNDECIDED: "?", DIFFERS: "!", OPEN: ""}
"""Colours are not all that tells answers apart: not everybody sees them, and not every printer has them."""
WORDS = {**{answer: answer for answer in GLYPHS}, DIFFERS: "differs from the catalogue", OPEN: "not filtered"}
MEANINGS = {
    EXTRA: "open, but not in the catalogue",
    MISSING: "in the catalogue, but closed",
    "shadowed": "rules that never decide",
    "undecided": "depends on something",
}


def page(audit: Audit) -> str:
    """The page; every text in it is escaped, and its scripts and styles are its own."""
    state = "bad" if audit.grave else "wait" if audit.unasked or audit.counts[UNDECIDED] else "good"
    parts = {
        "title": escape(audit.sentence()),
        "site": escape(audit.site),
        "iso": iso(audit.time),
        "time": readable(audit.time),
        "state": state,
        "lamp": {"bad": "!", "wait": "?", "good": "✓"}[state],
        "verdict": f"<span>{escape(audit.sentence())}</span>",
        "tiles": _tiles(audit),
        "sources": _sources(audit),
        "findings": _findings(audit.findings),
        "matrix": _matrix(audit),
        "first": "<p>Choose a cell.</p>",
        "objects": _list("Objects that differ", [(one.name, one.state) for one in audit.objects]),
        "absent": _list("Flows that this site has not", audit.absent),
        "footer": escape(", ".join(f"{number} {what}" for what, number in audit.facts.items())),
    }
    parts |= {"style": _own("page.css"), "script": _own("page.js"), "data": _data(audit)}
    # In one go: what a cluster calls things must not be taken for a place in the template.
    return PLACE.sub(lambda found: parts[found[1]], _own("page.html")) + "\n"


def _own(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8").strip()


def _data(audit: Audit) -> str:
    """What the script needs, so written that it cannot end the element it stands in."""
    result = audit.as_result()
    wanted = {key: result[key] for key in ("endpoints", "matrix")}
    text = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _tiles(audit: Audit) -> str:
    found = []
    for kind in (EXTRA, MISSING, *(kind for kind in KINDS if kind not in (EXTRA, MISSING))):
        number = audit.counts[kind]
        heat = "" if not number else ' class="hot"' if kind in (EXTRA, MISSING) else ' class="warm"'
        found.append(f'<li{heat} title="{escape(MEANINGS[kind])}"><b>{number}</b><span>{kind}</span></li>')
    agree = sum(cell.answer in (ALLOWED, DENIED) for cell in audit.cells)
    found.append(f"<li><b>{agree}</b><span>pairs as written</span></li>")
    return "".join(found)


def _sources(audit: Audit) -> str:
    if not audit.sources:
        return ""
    entries = (
        f"<li>{escape(one.name)}</li>"
        if one.asked
        else f'<li class="silent">{escape(one.name)} could not be asked: {escape(one.why)}</li>'
        for one in audit.sources
    )
    return f'<ul class="sources" aria-label="What was asked">{"".join(entries)}</ul>'


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return '<p class="none">None.</p>'
    rows = "".join(_finding(one) for one in findings)
    heads = "".join(f"<th scope=col>{text}</th>" for text in ("Kind", "Where", "What a packet notices", "What to do"))
    return f'<table class="findings"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _finding(one: Finding) -> str:
    flow = f'<span class="rule">flow <code>{escape(one.flow)}</code></span>' if one.flow else ""
    rule = f'<code class="rule">{escape(one.rule)}</code>' if one.rule else ""
    depends = f'<span class="rule">It depends: {escape(one.assumption)}</span>' if one.assumption else ""
    show = ""
    if one.cells:
        key = escape(">".join(one.cells[0]))
        show = f'<button type="button" class="show" data-cell="{key}">show in the matrix</button>'
    return (
        f'<tr><td><span class="kind {one.kind}">{one.kind}</span></td><td>{escape(one.where)}{flow}</td>'
        f'<td>{escape(one.what)}{rule}{depends}{show}</td><td><span class="do">{escape(one.do)}</span></td></tr>'
    )


def _matrix(audit: Audit) -> str:
    if not audit.endpoints:
        return '<p class="none">The catalogue has no endpoint on this site.</p>'
    titles = {zone.name: zone.title for zone in audit.zones}
    groups = [(titles.get(zone, zone), list(of)) for zone, of in groupby(audit.endpoints, lambda one: one.zone)]
    cells = {(cell.source, cell.destination): cell for cell in audit.cells}
    heads = _between(
        groups, lambda one: f'<th scope=col data-name="{escape(one.name)}"><div>{escape(one.title)}</div></th>'
    )
    width = 1 + len(audit.endpoints) + len(groups) - 1
    body = []
    for zone, rows in groups:
        body.append(f'<tr class="zone"><th colspan={width}><span>{escape(zone)}</span></th></tr>')
        for row in rows:
            head = f'<th scope=row data-name="{escape(row.name)}">{escape(row.title)}</th>'
            body.append(f"<tr>{head}{_between(groups, _row(row, cells))}</tr>")
    corner = '<th class="corner">to →<br>from ↓</th>'
    return f'<table class="matrix"><thead><tr>{corner}{heads}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _head(one: Named) -> str:
    return f'<th scope=col data-name="{escape(one.name)}"><div>{escape(one.title)}</div></th>'


def _row(row: Named, cells: Mapping[tuple[str, str], Cell]) -> Callable[[Named], str]:
    return lambda column: _cell(cells.get((row.name, column.name)), row, column)


def _between(groups: Iterable[tuple[str, list[Named]]], draw: Callable[[Named], str]) -> str:
    """One column for each endpoint, and a gap between zones."""
    return '<td class="gap"></td>'.join("".join(draw(one) for one in of) for _zone, of in groups)


def _cell(cell: Cell | None, row: Named, column: Named) -> str:
    if cell is None:
        return "<td></td>"
    ports = [port for line in cell.lines if line.catalogue == ALLOWED for port in line.ports]
    label = f"{row.title} to {column.title}: {WORDS[cell.answer]}" + (f", {', '.join(ports)}" if ports else "")
    key = escape(f"{cell.source}>{cell.destination}")
    return (
        f'<td><button type="button" class="c {cell.answer}" data-cell="{key}" tabindex=-1 aria-pressed=false '
        f'title="{escape(label)}" aria-label="{escape(label)}">{GLYPHS[cell.answer]}</button></td>'
    )


def _list(heading: str, entries: Sequence[tuple[str, str]]) -> str:
    if not entries:
        return ""
    rows = "".join(f"<li><code>{escape(name)}</code> <span>{escape(text)}</span></li>" for name, text in entries)
    title = f"<summary><h2>{heading} ({len(entries)})</h2></summary>"
    return f'<section><details>{title}<ul class="plain">{rows}</ul></details></section>'
