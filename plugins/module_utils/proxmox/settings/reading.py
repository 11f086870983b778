"""Reads the objects that people wrote: what each is to be, with every mistake at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.settings.kinds import KINDS, Field, Kind

PRESENT, ABSENT, KNOWN = STATES = ("present", "absent", "known")
"""To be as it is written; not to be; to be there already, whoever made it: nothing is changed without it."""
TOKEN = "token"
SECRET_FILE, RENEW = TOKEN_WORDS = ("secret_file", "renew")


@dataclass(frozen=True)
class Wanted:
    """One object as it should be."""

    kind: Kind
    key: tuple[str, ...]
    state: str = PRESENT
    fields: Mapping[str, Any] = field(default_factory=dict)
    """In the form that is compared; None: the field is taken away. A field that is not here is left as it is."""
    secret_file: str = ""
    """Of a token: where its secret goes."""
    renew: bool = False
    """Of a token: make it anew where its secret is lost."""

    @property
    def title(self) -> str:
        """The object in words."""
        return self.kind.title(self.key)

    def described(self, name: str) -> Field:
        """What the table says of a field."""
        return self.kind.fields["" if self.kind.entries else name]


def read_objects(value: Any) -> tuple[Wanted, ...]:
    """The objects of a list of maps, each with `kind`, its key, maybe `state`, and its fields by the API's names.

    Raises InvalidInput with every mistake.
    """
    problems: list[Problem] = []
    found: list[Wanted] = []
    if not isinstance(value, list | tuple):
        raise InvalidInput([Problem("", 0, "objects", "must be a list", "[{kind: pool, poolid: autolabs}]")])
    for number, entry in enumerate(value):
        place = f"objects[{number}]"
        wrong = len(problems)
        if not isinstance(entry, Mapping):
            problems.append(Problem("", 0, place, "must be a map with the field kind"))
            continue
        kind = KINDS.get(str(entry.get("kind")))
        if kind is None:
            hint = did_you_mean(str(entry.get("kind")), KINDS)
            problems.append(Problem("", 0, f"{place}.kind", f"is none of {', '.join(KINDS)}{hint}"))
            continue
        wanted = _read(entry, kind, place, problems)
        if len(problems) == wrong:
            twin = next((at for at, other in enumerate(found) if (other.kind, other.key) == (kind, wanted.key)), None)
            if twin is not None:
                problems.append(Problem("", 0, place, f"{wanted.title} is in the list twice; keep one of them"))
            found.append(wanted)
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


def _read(entry: Mapping[Any, Any], kind: Kind, place: str, problems: list[Problem]) -> Wanted:
    problems += _key_problems(entry, kind, place)
    state = str(entry.get("state") or PRESENT)
    allowed = (KNOWN,) if kind.told else (PRESENT, KNOWN) if kind.single else STATES
    if state not in allowed:
        problems.append(Problem("", 0, f"{place}.state", f"a {kind.name} can be {' or '.join(allowed)}"))
    given = {str(name): value for name, value in entry.items() if name not in ("kind", "state", *kind.key)}
    words = {name: given.pop(name) for name in TOKEN_WORDS if kind.name == TOKEN and name in given}
    if kind.entries:
        entries = given.pop(kind.entries, {})
        if not isinstance(entries, Mapping):
            problems.append(Problem("", 0, f"{place}.{kind.entries}", "must be a map"))
            entries = {}
        problems += [_unknown(f"{place}.{name}", (kind.entries,)) for name in given]
        given = {str(name): value for name, value in entries.items()}
    if kind.name == TOKEN and state == PRESENT and not words.get(SECRET_FILE):
        message = "is not said; Proxmox tells the secret once, and it is written there"
        problems.append(Problem("", 0, f"{place}.{SECRET_FILE}", message, "/root/.autolabs/proxmox-token.json"))
    fields: dict[str, Any] = {}
    for name, value in given.items():
        fields |= _field(kind, name, value, f"{place}.{name}", problems)
    return Wanted(
        kind,
        tuple(str(entry.get(name, "")) for name in kind.key),
        state,
        fields,
        str(words.get(SECRET_FILE) or ""),
        bool(words.get(RENEW)),
    )


def _key_problems(entry: Mapping[Any, Any], kind: Kind, place: str) -> Iterator[Problem]:
    for name in kind.key:
        if entry.get(name) in (None, ""):
            yield Problem("", 0, f"{place}.{name}", f"is not said; it tells which {kind.name} is meant")


def _field(kind: Kind, name: str, value: Any, place: str, problems: list[Problem]) -> dict[str, Any]:
    known = kind.fields.get("" if kind.entries else name)
    if known is None:
        problems.append(_unknown(place, kind.fields))
        return {}
    if value is None or (value == "" and known.default in (None, "")):
        return {name: None}
    try:
        return {name: known.form.canon(value)}
    except ValueError as error:
        problems.append(Problem("", 0, place, str(error), known.form.example))
        return {}


def _unknown(place: str, known: Any) -> Problem:
    name = place.rpartition(".")[2]
    told = f"no such field is known here: {', '.join(one for one in known if one) or 'it has none'}"
    return Problem("", 0, place, f"{told}{did_you_mean(name, known)}")
