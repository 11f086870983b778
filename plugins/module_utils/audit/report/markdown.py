"""An audit as Markdown, for a merge request or a ticket; and as a plain table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import Finding
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.moment import readable
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import DIFFERS, Audit
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import ALLOWED, UNDECIDED

FINDINGS = ("kind", "where", "flow", "from", "to", "ports", "rule", "what to do")
MARKS = {ALLOWED: "+", UNDECIDED: "?", DIFFERS: "!"}


def markdown(audit: Audit) -> str:
    """The summary, the findings, and what is allowed, as tables."""
    parts = [f"# Flow audit of {_text(audit.site)}", f"{_text(audit.sentence())}. {readable(audit.time)}."]
    if audit.sources:
        asked = [
            f"- {_text(one.name)}" + ("" if one.asked else f": could not be asked, {_text(one.why)}")
            for one in audit.sources
        ]
        parts += ["## What was asked", "\n".join(asked)]
    parts += ["## Findings", _table(FINDINGS, map(_row, audit.findings)) if audit.findings else "None."]
    if audit.objects:
        parts += [
            "## Objects that differ",
            _table(("object", "state"), [(one.name, one.state) for one in audit.objects]),
        ]
    allowed = [
        (MARKS[cell.answer], titles[0], titles[1], ", ".join(port for line in cell.lines for port in line.ports), flows)
        for cell in audit.cells
        if cell.answer in MARKS
        for titles in [(_title(audit, cell.source), _title(audit, cell.destination))]
        for flows in [", ".join(dict.fromkeys(flow for line in cell.lines for flow in line.flows))]
    ]
    legend = (
        "`+` as written, `?` undecided, `!` differs. What is not here is closed, or not behind the site's firewalls."
    )
    parts += ["## Who reaches whom", legend, _table(("", "from", "to", "ports", "flows"), allowed)]
    if audit.absent:
        parts += ["## Flows that this site has not", _table(("flow", "why"), audit.absent)]
    return "\n\n".join(parts) + "\n"


def sentences(audit: Audit) -> list[str]:
    """The findings for a terminal, a block of lines each."""
    return [_block(number, one) for number, one in enumerate(audit.findings, 1)]


def _block(number: int, one: Finding) -> str:
    lines = [f"{number}. {one.kind.upper()} {one.where}: {one.what}"]
    lines += [f"   {name}: {text}" for name, text in (("flow", one.flow), ("rule", one.rule)) if text]
    lines += [f"   it depends: {one.assumption}"] if one.assumption else []
    return "\n".join([*lines, f"   do: {one.do}"])


def _row(one: Finding) -> tuple[str, ...]:
    ports = ", ".join(one.ports) or "every port"
    return one.kind, one.where, one.flow, one.source, one.destination, ports, one.rule, one.do


def _title(audit: Audit, name: str) -> str:
    return next((one.title for one in audit.endpoints if one.name == name), name)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [tuple(columns), tuple("---" for _column in columns), *rows]
    return "\n".join(f"| {' | '.join(_text(cell) for cell in line)} |" for line in lines)


def _text(text: str) -> str:
    """Text that is neither a new column nor markup."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
