"""Holds requests against the schema of the API where it is (pve-common, PVE/JSONSchema.pm, for the texts).

The schema is `{paths: {path: {METHOD: operation}}}`. AUTOLABS_PVE_SCHEMA names it, or it stands beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .formats import FormatError, check_format, check_properties

VARIABLE = "AUTOLABS_PVE_SCHEMA"
BESIDE = Path(__file__).parents[4] / "shared" / "pve" / "schema-min.json"
UNDEFINED = "property is not defined in schema and the schema does not allow additional properties"
MISSING = "property is missing and it is not optional"


def schema_path() -> Path | None:
    """Where the schema is, if it is."""
    told = os.environ.get(VARIABLE)
    path = Path(told) if told else BESIDE
    return path if path.is_file() else None


@cache
def _paths(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())["paths"]
    return found


class Schema:
    """Checks requests; without a schema it knows no path and checks nothing."""

    def __init__(self) -> None:
        path = schema_path()
        self.paths = _paths(path) if path else {}

    def operation(self, template: str, method: str) -> dict[str, Any] | None:
        """An operation, or None when there is none."""
        found: dict[str, Any] | None = self.paths.get(template, {}).get(method)
        return found

    def knows(self, method: str, path: str) -> bool:
        """Whether the real API has such a path and method."""
        for template, methods in self.paths.items():
            pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))
            if method in methods and re.fullmatch(pattern, path):
                return True
        return False

    def errors(self, template: str, method: str, given: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with these parameters, by parameter."""
        operation = self.operation(template, method)
        if operation is None:
            return {}
        parameters = operation.get("parameters", {})
        if parameters.get("additionalProperties"):
            given = {name: value for name, value in given.items() if name in parameters.get("properties", {})}
        return check_object(parameters.get("properties", {}), given)


def check_object(properties: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with an object of these properties (`check_object`)."""
    errors: dict[str, str] = {}
    indexed = [name[: -len("[n]")] for name in properties if name.endswith("[n]")]
    for name, value in given.items():
        description = properties.get(name)
        if description is None and (found := re.fullmatch(r"([a-z]+)(\d+)", name)) and found[1] in indexed:
            description = properties[f"{found[1]}[n]"]
        if description is None:
            errors[name] = UNDEFINED
            continue
        requires = description.get("requires")
        if isinstance(requires, str) and requires not in given:
            errors[requires] = f"missing property - '{name}' requires this property"
        if wrong := check_value(value, description):
            errors[name] = wrong
    for name, description in properties.items():
        if name not in given and not name.endswith("[n]") and not description.get("optional"):
            errors.setdefault(name, MISSING)
    return errors


def check_value(value: Any, description: Mapping[str, Any]) -> str:
    """What is wrong with a value; nothing when it is empty (`check_prop`, `check_type`)."""
    kind = description.get("type", "string")
    if isinstance(value, list):
        if kind == "array":
            wrong = [check_value(entry, description.get("items", {})) for entry in value]
            return next((f"[{index}] {text}" for index, text in enumerate(wrong) if text), "")
        if len(value) != 1:
            return f"type check ('{kind}') failed - got ARRAY"
        value = value[0]
    elif kind == "array":
        # A single form value stands for a list of one.
        return check_value(value, description.get("items", {}))
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return _wrong_type(text, kind) or _wrong_text(text, description)


def _wrong_type(text: str, kind: str) -> str:
    fits = {
        "boolean": lambda: text in ("0", "1", "on", "off", "yes", "no", "true", "false"),
        "integer": lambda: re.fullmatch(r"[+-]?\d+", text) is not None,
        "number": lambda: re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text) is not None,
    }.get(kind)
    return "" if fits is None or fits() else f"type check ('{kind}') failed - got '{text}'"


def _wrong_text(text: str, description: Mapping[str, Any]) -> str:
    form = description.get("format")
    if form:
        try:
            if isinstance(form, Mapping):
                check_properties(text, form)
            else:
                check_format(form, text)
        except FormatError as wrong:
            return f"invalid format - {wrong}\n"
    pattern = description.get("pattern")
    if pattern and not re.search(f"^(?:{_python(pattern)})$", text):
        return "value does not match the regex pattern"
    if len(text) > int(description.get("maxLength", len(text))):
        return f"value may only be {description['maxLength']} characters long"
    if len(text) < int(description.get("minLength", 0)):
        return f"value must be at least {description['minLength']} characters long"
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        if "maximum" in description and float(text) > float(description["maximum"]):
            return f"value must have a maximum value of {description['maximum']}"
        if "minimum" in description and float(text) < float(description["minimum"]):
            return f"value must have a minimum value of {description['minimum']}"
    options = description.get("enum")
    if options and text not in [str(option) for option in options]:
        listed = ", ".join(str(option) for option in options)
        return f"value '{text}' does not have a value in the enumeration '{listed}'"
    return ""


def _python(pattern: str) -> str:
    """A pattern of Perl as one of Python: flags in the middle and POSIX classes are written otherwise."""
    words = {"[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:xdigit:]": "0-9a-fA-F"}
    for word, meaning in words.items():
        pattern = pattern.replace(word, meaning)
    return re.sub(r"\(\?\^?([a-z]*):", lambda found: f"(?{found[1]}:" if found[1] else "(?:", pattern).replace(
        "\\z", "\\Z"
    )
