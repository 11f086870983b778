"""What the engine says, in the reader's language.

The engine speaks English. Its sentences about instances, which teachers read every day, and the commonest ones about
mistakes are in the catalogues with the parts that vary as `{name}`; whatever is not there is shown as it is, and
marked as English for screen readers.

The names say what a part may be: `number`, `all`, `fits`, `seconds` and `line` are numbers, `amount` and `resource`
hold no semicolon, `node` no space, `lines` is translated line by line, and a sentence with `each_…` counts only where
each of these parts is in the catalogues too, since hardly anything else tells it. All other parts are translated where
they can be.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from markupsafe import Markup, escape

from webapi.pages import language
from webapi.pages.engine_sentences import SENTENCES
from webapi.pages.mistakes import MISTAKES
from webapi.pages.states import state_word
from webapi.pages.texts import _

PLACE = re.compile(r"\{(\w+)\}")
PARTS = {
    **dict.fromkeys(("number", "all", "fits", "seconds", "line"), r"[\d.]+"),
    **dict.fromkeys(("amount", "resource"), "[^;]+"),
    "node": r"\S+",
}
LONGEST = 4000
"""Characters of a text that is looked up."""
OUTCOME = re.compile(
    r"(?P<number>\d+) of (?P<all>\d+) instances (?P<state>\w+)(?P<others>(?:, \d+ \w+)*)"
    r"(?: \((?P<what>\d+ of \d+ fit.*?)\))?(?:: (?P<failures>lab-.*))?",
    re.DOTALL,
)
"""How the engine tells what came of a class: `28 of 30 instances ready, 2 failed: lab-1-student-a: …; lab-1-…`."""
PROBLEM = re.compile(
    r"(?P<place>[^\s:]*\.(?:yml|csv|json)(?::\d+)?): (?:(?P<field>[\w.\[\]-]+): )?(?P<message>.+?)"
    r"(?: \(for example: (?P<example>.*)\))?",
    re.DOTALL,
)
"""How the engine tells a mistake in one line: `roster.csv:3: id: the id 'anna' is already on line 2; …`."""


def told(text: str) -> Markup:
    """A sentence of the engine as HTML."""
    own = translated(text)
    if own is not None or language.chosen() == "en":
        return escape(own or text)
    return Markup('<span lang="en">{}</span>').format(text)


def translated(text: str) -> str | None:
    """A sentence of the engine in the reader's language, or None where it is not in the catalogues."""
    chosen = language.chosen()
    if chosen == "en":
        return text if _found(text) else None
    return _translated(text, chosen) if len(text) <= LONGEST else None


def _found(text: str) -> bool:
    return len(text) <= LONGEST and any(_pattern(sentence).fullmatch(text) for sentence in _ordered())


@lru_cache(maxsize=4096)
def _translated(text: str, chosen: str) -> str | None:
    """chosen: the language of this request, by which the answers are kept."""
    outcome, problem = OUTCOME.fullmatch(text), PROBLEM.fullmatch(text)
    if outcome:
        return _outcome(outcome.groupdict(""), chosen)
    if problem:
        return _problem(problem.groupdict(""), chosen)
    for sentence in _ordered():
        found = _pattern(sentence).fullmatch(text)
        parts = {name: _part(name, part, chosen) for name, part in found.groupdict().items()} if found else {}
        if found and None not in parts.values():
            return _(sentence).format(**parts)
    return None


def _part(name: str, text: str, chosen: str) -> str | None:
    if name == "lines":
        return "\n".join(_translated(line, chosen) or line for line in text.split("\n"))
    own = _translated(text, chosen)
    return own if own is not None or name.startswith("each_") else text


def _outcome(found: dict[str, str], chosen: str) -> str:
    states = [(found["number"], found["state"]), *(part.split() for part in found["others"].split(", ")[1:])]
    counts = ", ".join(f"{state_word(state)} – {number}" for number, state in states)
    sentence = "{all} instances ({what}): {counts}" if found["what"] else "{all} instances: {counts}"
    what = _part("what", found["what"], chosen)
    text = _(sentence).format(all=found["all"], what=what, counts=counts)
    # Reasons hold semicolons themselves, and an instance's name begins each entry.
    failures = [_failure(one, chosen) for one in re.split(r"; (?=lab-[a-z0-9-]+: |and \d+ more$)", found["failures"])]
    return ": ".join(part for part in (text, "; ".join(failures)) if part)


def _failure(text: str, chosen: str) -> str:
    instance, separator, reason = text.partition(": ")
    return f"{instance}: {_part('what', reason, chosen)}" if separator else _translated(text, chosen) or text


def _problem(found: dict[str, str], chosen: str) -> str | None:
    message = _translated(found["message"], chosen)
    if message is None:
        return None
    hint = _(" (for example: %(example)s)", example=found["example"]) if found["example"] else ""
    return ": ".join(part for part in (found["place"], found["field"], f"{message}{hint}") if part)


@cache
def _ordered() -> tuple[str, ...]:
    """Those that say most themselves first: a part takes everything."""
    return tuple(sorted((*SENTENCES, *MISTAKES), key=lambda sentence: -len(PLACE.sub("", sentence))))


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """Matches a sentence with what may be in the places of its `{names}`."""
    pieces = PLACE.split(sentence)
    return re.compile(
        "".join(
            f"(?P<{piece}>{PARTS.get(piece, '.+')})" if index % 2 else re.escape(piece)
            for index, piece in enumerate(pieces)
        ),
        re.DOTALL,
    )
