"""A role's defaults and its argument_specs say the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# Type of an argument_specs option to what YAML makes of such a value; a template may stand for any of them.
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "raw": (object,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def findings(root: Path) -> Iterator[str]:
    """What differs between defaults and argument_specs, for every role of `root`."""
    for role in sorted(path for path in (root / "roles").glob("*") if path.is_dir()):
        specs = role / "meta" / "argument_specs.yml"
        if not specs.exists():
            yield f"roles/{role.name}: there is no meta/argument_specs.yml"
            continue
        yield from _role_findings(role, _loaded(specs))


def _role_findings(role: Path, specs: dict[str, Any]) -> Iterator[str]:
    entries = specs.get("argument_specs") or {}
    place = f"roles/{role.name}"
    if "main" not in entries:
        yield f"{place}: argument_specs has no entry main"
    options: dict[str, Any] = {}
    for entry in entries.values():
        options |= entry.get("options") or {}
    defaults = _loaded(role / "defaults" / "main.yml")
    for name in sorted(defaults.keys() - options.keys()):
        yield f"{place}: {name} has a default and is not in argument_specs"
    for name, option in sorted(options.items()):
        yield from (f"{place}: {name} {finding}" for finding in _option_findings(role.name, name, option, defaults))


def _option_findings(role: str, name: str, option: dict[str, Any], defaults: dict[str, Any]) -> Iterator[str]:
    if not name.startswith(f"{role}_"):
        yield "does not carry the role's name"
    if not option.get("description"):
        yield "has no description"
    if name not in defaults:
        if not option.get("required"):
            yield "is in argument_specs, has no default and is not required"
        return
    value, kind = defaults[name], option.get("type", "str")
    if option.get("required"):
        yield "is required and has a default"
    if "default" in option and option["default"] != value:
        yield f"has the default {value!r}, and {option['default']!r} in argument_specs"
    template = isinstance(value, str) and "{{" in value
    if value is not None and not template and not _is(value, kind):
        yield f"is of type {kind} and has the default {value!r}"
    choices = option.get("choices")
    if choices and not template and value not in choices:
        yield f"has the default {value!r}, which is none of its choices"


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("int", "float"):
        return False
    return isinstance(value, TYPES.get(kind, (object,)))


def _loaded(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}
