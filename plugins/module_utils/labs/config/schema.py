"""The JSON Schema (draft 2020-12) of lab files, for editors: the tables of fields in their words.

It says of every single field what can be written there; what several fields say together, only `parse_lab` judges.
The schema on the page for teachers is what running this module prints, with the collection's root in PYTHONPATH:
`python -m ansible_collections.autolabs.platform.plugins.module_utils.labs.config.schema > docs/labs/lab.schema.json`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    read_document,
)
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Either,
    Field,
    ListOf,
    MapOf,
    Record,
    Refusal,
    Shape,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config import words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.fields import LAB
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.shapes import Word
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import LONGEST, RESERVED_WORDS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOTES = "^x-"
"""Names of blocks that are people's own."""
NAME = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
LITERAL = r"([^$]|\$\$)*"
"""Text without a variable."""
PATH = r"/(?!(.*/)?\.\.(/|$))([^:$]|\$\$)*"
MOUNT_PATH = rf"(?!/+(:|$))(?!/*{words.RESERVED_FOLDER}(/|:|$)){PATH}"
VARIABLE = f"(?!{words.RESERVED_VARIABLES})[A-Za-z_][A-Za-z0-9_.-]{{0,252}}"
HOST = r"([0-9.]+:|\[[0-9a-fA-F:]+\]:)?"
PROTOCOL = "([tT][cC][pP]|[uU][dD][pP])"
DURATION = "([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
TRUTH = ("true", "yes", "on", "false", "no", "off")


def _text(pattern: str, *types: str, **more: Any) -> Schema:
    """What is written as a text of this pattern, or as a value of one of `types`."""
    return {"type": ["string", *types], "pattern": f"^({pattern})$", **more}


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_PORT = {"minimum": 1, "maximum": 65535}
_DURATION = _text(DURATION, minLength=2)
_LAB_ID = rf"(?!(.*-)?({'|'.join(RESERVED_WORDS)})(-.*)?$){NAME}"

WORDS: dict[Callable[[str], Any], Schema] = {
    str: _text(LITERAL, "number", "boolean"),
    words.assignment: _text(f"{VARIABLE}={LITERAL}"),
    words.count: _text("[0-9]{1,4}", "integer", minimum=1, maximum=1000),
    words.entry: _text(words.ENTRY, "number", "boolean"),
    words.file_mode: _text("0o?[0-7]{3}", "integer", minimum=0, maximum=777),
    words.image: _text(
        f"{words.IMAGE_NAME}(:{words.IMAGE_TAG})?{words.IMAGE_DIGEST}|{words.IMAGE_NAME}:(?!latest$){words.IMAGE_TAG}"
    ),
    words.lab_id: _text(_LAB_ID, "integer", "boolean", maxLength=LONGEST, minimum=0),
    words.label: _text(NAME, "integer", "boolean", maxLength=LONGEST, minimum=0),
    words.lifetime: _DURATION,
    words.millicores: _text(
        r"[0-9]{0,4}(\.[0-9]{1,3}0*)?", "number", minLength=1, exclusiveMinimum=0, maximum=9999.999
    ),
    words.mount: _text(f"{words.ENTRY}:{MOUNT_PATH}(:(ro|rw)?)?"),
    words.mount_path: _text(MOUNT_PATH),
    words.mount_type: {"enum": ["volume"]},
    words.path: _text(PATH),
    words.port: _text(f"({HOST}[0-9]*(-[0-9]+)?:)?[0-9]{{1,5}}(/{PROTOCOL})?", "integer", **_PORT),
    words.port_number: _text("[0-9]{1,5}", "integer", **_PORT),
    words.protocol_name: _text(PROTOCOL),
    words.restart: {"enum": [*words.RESTARTS]},
    words.seconds: _DURATION,
    words.shell_words: _text(LITERAL, "number", "boolean", minLength=1),
    words.size: _text(
        r"[0-9]{1,15}(\.[0-9]{1,6})?[kKmMgGtT]?([iI][bB]?|[bB])?", "number", minimum=words.SMALLEST_MEMORY
    ),
    words.tmpfs: _text(MOUNT_PATH),
    words.truth: _text("|".join(map(_any_case, TRUTH)), "boolean"),
    words.user: _text("[0-9]{1,10}(:[0-9]{1,10})?", "integer", minimum=0, maximum=words.LARGEST_ID),
    words.variable: _text(VARIABLE, "boolean"),
}
"""What each word may look like. Nothing that the parser takes is refused; where a pattern cannot tell, it says yes."""


def schema() -> Schema:
    """The schema of a lab file."""
    return {
        "$schema": DIALECT,
        "title": "A lab",
        "description": "A Compose file of the services that run, and a block x-lab of what makes it a lab.",
        **_shape(LAB),
    }


def plain(node: Node) -> Any:
    """What a JSON Schema judges: a tree of maps, lists and values, typed as YAML's core schema has it."""
    if isinstance(node, Mapping):
        return {name: plain(value) for name, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return _value(node)


def _value(node: Scalar) -> Any:
    if node.type == "int":
        return int(node.text, 0 if node.text[:2] in ("0o", "0x") else 10)
    if node.type == "float":
        return float(node.text)
    if node.type == "bool":
        return node.text.lower() == "true"
    return None if node.type == "null" else node.text


def _shape(shape: Shape) -> Schema:
    if isinstance(shape, Word):
        return dict(_word(shape))
    if isinstance(shape, ListOf):
        return {"type": "array", "items": _shape(shape.item)}
    if isinstance(shape, MapOf):
        item = _shape(shape.item)
        key = {name: value for name, value in WORDS[shape.key].items() if name in ("pattern", "maxLength")}
        return {
            "type": "object",
            "propertyNames": key,
            "additionalProperties": _or_nothing(item) if shape.nothing else item,
        }
    if isinstance(shape, Either):
        return {"anyOf": [_shape(part) for part in (shape.single, shape.several, shape.fields) if part]}
    if isinstance(shape, Record):
        return _record(shape)
    raise TypeError(f"{shape} has no form in a schema")


def _word(shape: Word) -> Schema:
    if isinstance(shape.parse, words.Choice):
        return {"enum": [*shape.parse.allowed]}
    return WORDS[shape.parse]


def _record(shape: Record) -> Schema:
    known = {name: _field(name, field) for name, field in shape.fields.items()}
    refused = {name: _refused(name, refusal) for name, refusal in sorted(shape.refused.items())}
    found: Schema = {"type": "object", "properties": known | refused}
    required = [name for name, field in shape.fields.items() if field.required]
    if required:
        found["required"] = required
    return found | {"patternProperties": {NOTES: {}}, "additionalProperties": False}


def _field(name: str, field: Field) -> Schema:
    found = _shape(field.shape)
    found = found if field.required else _or_nothing(found)
    return {"title": name, "description": field.about, "examples": [example(name, field)], **found}


def example(name: str, field: Field) -> Any:
    """The example of a field, as `plain` has it."""
    document, _problems = read_document(f"{name}: {field.example}", name)
    return plain(document.entries[name])


def _refused(name: str, refusal: Refusal) -> Schema:
    """A field that may be there only where it says what happens anyway.

    `errorMessage` and `doNotSuggest` are what the YAML language server shows, and keeps from its suggestions.
    """
    harmless = [plain(read_document(f"a: {word}", name)[0].entries["a"]) for word in refusal.harmless]
    said = f"{refusal.reason}; {refusal.way_out}"
    return {
        "title": name,
        "description": f"Cannot be honoured: {said}.",
        "enum": [None, *harmless],
        "errorMessage": said,
        "doNotSuggest": True,
    }


def _or_nothing(found: Schema) -> Schema:
    """The same, or nothing: a field without a value counts as not written."""
    if "anyOf" in found:
        return {**found, "anyOf": [*found["anyOf"], {"type": "null"}]}
    if "enum" in found:
        return {**found, "enum": [*found["enum"], None]}
    kinds = found["type"] if isinstance(found["type"], list) else [found["type"]]
    return {**found, "type": [*kinds, "null"]}


def text() -> str:
    """The schema as it is written to a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
