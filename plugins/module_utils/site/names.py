"""The names of a site's machines and services: one list, which a name server and `hosts` files are both made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong, did_you_mean
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError, address
from ansible_collections.autolabs.platform.plugins.module_utils.site import values

DOMAIN, ALIASES = "site_names_domain", "site_names_aliases"


@dataclass(frozen=True)
class Record:
    """An address and all its names; the first is the one that it is known by (hosts(5))."""

    address: str
    names: tuple[str, ...]


def records(
    machines: Mapping[str, Sequence[str]], aliases: Mapping[str, Sequence[str]], domain: str
) -> tuple[Record, ...]:
    """Every machine and alias as NAME.DOMAIN and as NAME; names with a dot are written as they are.

    machines: the addresses of each, by its name; a machine that is named by its address has no name.
    aliases: names to machines or addresses, of which the alias has all.
    Raises InvalidInput with every mistake, each named by the variable to change.
    """
    problems: list[Problem] = []
    _check(values.domain, domain, DOMAIN, problems)
    named = {name: tuple(texts) for name, texts in machines.items() if not _is_address(name)}
    found: dict[str, list[str]] = {}
    for name, texts in named.items():
        _check_name(name, f"the machine {name}", problems)
        for text in texts:
            found.setdefault(address(text), []).extend(_written(name, domain))
    for alias, targets in aliases.items():
        at = f"{ALIASES}.{alias}"
        _check_name(alias, at, problems)
        known = set(_addresses(targets, named, at, problems))
        if alias in named and known != {address(text) for text in named[alias]}:
            message = "is the name of a machine too, with other addresses; a name has one meaning"
            problems.append(Problem("", 0, at, message))
        for text in sorted(known):
            found.setdefault(text, []).extend(_written(alias, domain))
    if problems:
        raise InvalidInput(problems)
    return tuple(Record(text, tuple(dict.fromkeys(names))) for text, names in found.items())


def without(found: Sequence[Record], name: str, domain: str) -> tuple[Record, ...]:
    """The same for a machine that knows its own name already, and may know it by another address."""
    own = set(_written(name, domain))
    left = (Record(entry.address, tuple(one for one in entry.names if one not in own)) for entry in found)
    return tuple(entry for entry in left if entry.names)


def _written(name: str, domain: str) -> tuple[str, ...]:
    return (name,) if "." in name else (f"{name}.{domain}", name)


def _addresses(
    targets: Sequence[str], machines: Mapping[str, tuple[str, ...]], at: str, problems: list[Problem]
) -> Iterator[str]:
    for target in targets:
        if target in machines:
            yield from (address(text) for text in machines[target])
        elif _is_address(target):
            yield address(target)
        else:
            hint = did_you_mean(target, machines)
            message = f"{target!r} is neither a machine of the inventory nor an address{hint}"
            problems.append(Problem("", 0, at, message, "database-vm"))


def _is_address(text: str) -> bool:
    try:
        address(text)
    except AddressError:
        return False
    return True


def _check_name(name: str, at: str, problems: list[Problem]) -> None:
    for part in name.split("."):
        _check(values.label, part, at, problems)


def _check(read: Callable[[str], str], text: str, at: str, problems: list[Problem]) -> None:
    try:
        read(text)
    except Wrong as wrong:
        problems.append(Problem("", 0, at, wrong.message, wrong.example))
