"""One list of rules: what brings it from what it is to what it should be, so that nothing is shut out on the way. Pure.

PVE puts a new rule first, whatever position is asked for, and takes one that says nothing of `enable` for a disabled
one (pve-firewall, `PVE/API2/Firewall/Rules.pm`). So a new rule is made disabled, moved to its place, and enabled when
all are there, from the first to the last; rules that are wanted no more then go from the last to the first. A packet on
which the old and the new list agree thus meets that answer at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, TypeAlias

FIELDS = (
    "type",
    "action",
    "macro",
    "iface",
    "source",
    "dest",
    "proto",
    "sport",
    "dport",
    "icmp-type",
    "log",
    "enable",
    "comment",
)
DEFAULTS = {"log": "nolog", "enable": "0"}
SAME = {"ipv6-icmp": "icmpv6"}
ENABLE, COMMENT = "enable", "comment"

Rule = Mapping[str, str]
"""A rule in the form that is compared: FIELDS alone, as texts, without those that are empty or say the default."""


@dataclass(frozen=True)
class Add:
    """POST: the rule becomes the first one, disabled."""

    rule: Rule


@dataclass(frozen=True)
class Move:
    """PUT with `moveto`: the rule at `position` goes to where `before` is now, or behind the last one."""

    position: int
    before: int


@dataclass(frozen=True)
class Set:
    """PUT: the rule at `position` gets these fields; those that are empty are taken away."""

    position: int
    fields: Rule


@dataclass(frozen=True)
class Drop:
    """DELETE the rule at `position`."""

    position: int


Step: TypeAlias = "Add | Move | Set | Drop"


def canon(rule: Mapping[str, Any]) -> dict[str, str]:
    """A rule of the API, or one that is rendered, in the form that is compared."""
    found = {}
    for name in FIELDS:
        value = rule.get(name)
        text = "" if value is None else str(int(value) if isinstance(value, bool) else value).strip()
        text = SAME.get(text, text) if name == "proto" else text
        if text and text != DEFAULTS.get(name):
            found[name] = text
    return found


def text_of(rule: Rule) -> str:
    """A rule as a line of Proxmox's own files: `IN ACCEPT -source +dc/network-admin -proto tcp -dport 22 # ssh`."""
    if rule.get("type") == "group":
        words = ["GROUP", rule.get("action", "")]
    else:
        action = rule.get("action", "")
        words = [rule.get("type", "").upper(), f"{rule['macro']}({action})" if rule.get("macro") else action]
    for name in FIELDS[3:-2]:
        words += [f"-{name}", rule[name]] if name in rule else []
    line = " ".join(words) + (f" # {rule[COMMENT]}" if rule.get(COMMENT) else "")
    return line if rule.get(ENABLE) == "1" else f"|{line}"


@dataclass(frozen=True)
class Steps:
    """What is to be done with one list, in two parts, between which other lists may come."""

    adding: tuple[Step, ...]
    dropping: tuple[Step, ...]


def steps(there: Sequence[Rule], wanted: Sequence[Rule]) -> Steps:
    """The steps from one list to the other."""
    old, new = [*map(_identity, there)], [*map(_identity, wanted)]
    kept = {
        block.b + offset: block.a + offset
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        for offset in range(block.size)
    }
    adding = [*_comments(there, wanted, kept)]
    # What stands in the list for the time being: numbers of wanted rules, and None for what will go.
    stays = {position: number for number, position in kept.items()}
    line: list[int | None] = [stays.get(position) for position in range(len(there))]
    for number in reversed(range(len(wanted))):
        if number in kept:
            continue
        place = line.index(number + 1) if number + 1 < len(wanted) else len(line)
        adding.append(Add({**wanted[number], ENABLE: "0"}))
        if place:
            adding.append(Move(0, place + 1))
        line.insert(place, number)
    fresh = [number for number in range(len(wanted)) if number not in kept and wanted[number].get(ENABLE) == "1"]
    adding += [Set(line.index(number), {ENABLE: "1"}) for number in fresh]
    dropping = [Drop(position) for position in reversed(range(len(line))) if line[position] is None]
    return Steps(tuple(adding), tuple(dropping))


def after(rules: Sequence[Rule], step: Step) -> list[Rule]:
    """What the list is after a step, as PVE carries it out."""
    line = [*rules]
    if isinstance(step, Add):
        return [canon(step.rule), *line]
    if isinstance(step, Drop):
        del line[step.position]
    elif isinstance(step, Set):
        line[step.position] = canon({**line[step.position], **step.fields})
    else:
        rule = line.pop(step.position)
        line.insert(step.before - (step.position < step.before), rule)
    return line


def _identity(rule: Rule) -> tuple[tuple[str, str], ...]:
    """What makes a rule another one; a comment does not."""
    return tuple(sorted((name, value) for name, value in rule.items() if name != COMMENT))


def _comments(there: Sequence[Rule], wanted: Sequence[Rule], kept: Mapping[int, int]) -> Iterator[Step]:
    for number, position in sorted(kept.items()):
        comment = wanted[number].get(COMMENT, "")
        if comment != there[position].get(COMMENT, ""):
            yield Set(position, {COMMENT: comment})


def emptied(count: int) -> Steps:
    """The steps that take all rules of a list away."""
    return replace(Steps((), ()), dropping=tuple(Drop(position) for position in reversed(range(count))))
