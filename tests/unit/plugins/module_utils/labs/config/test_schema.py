"""The JSON Schema of lab files: right for every lab, and as strict as a schema of single fields can be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import read_document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Place, Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config import schema, words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.shapes import Word

ROOT = Path(__file__).parents[6]
COMMITTED = ROOT / "docs/labs/lab.schema.json"
COMMAND = "python -m ansible_collections.autolabs.platform.plugins.module_utils.labs.config.schema"
SCHEMA = schema.schema()
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
DATA = ROOT / "tests/data/labs"
FILES = [*(ROOT / "docs/labs").glob("*.yml"), *DATA.glob("*/*.yml")]
# What a schema cannot see: what the fields of a file say of each other.
UNSEEN = {
    "access-component",
    "access-none",
    "access-twice",
    "command-quote",
    "depends-on",
    "groups-healthcheck",
    "groups-port",
    "groups-two-ways-into-one-service",
    "healthcheck-without-test",
    "resources-reserved-more",
    "resources-twice",
    "restart-never",
    "same-path-twice",
    "service-internal",
    "services-empty",
    "services-too-many",
    "user-root",
    "which-service",
}


def mistakes(path: Path) -> list[str] | None:
    """What the schema finds wrong in a file; None where that is not even right as YAML."""
    try:
        document, problems = read_document(decoded(path.read_bytes(), path.name), path.name)
    except InvalidInput:
        return None
    if problems:
        return None
    return [f"{error.json_path}: {error.message[:200]}" for error in JUDGE.iter_errors(schema.plain(document))]


def is_lab(path: Path) -> bool:
    try:
        parse_lab(decoded(path.read_bytes(), path.name))
    except InvalidInput:
        return False
    return True


LABS = sorted(filter(is_lab, FILES))
REFUSED = sorted(set(FILES) - set(LABS))


def test_the_schema_is_a_schema_and_the_documented_one_is_this_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert COMMITTED.read_text(encoding="utf-8") == schema.text(), f"PYTHONPATH=.collections {COMMAND} > {COMMITTED}"


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_every_lab_is_valid(path: Path) -> None:
    assert mistakes(path) == []


def test_what_the_schema_can_see_of_the_refused_files_it_refuses() -> None:
    judged = {path.stem: found for path in REFUSED if (found := mistakes(path)) is not None}
    seen = {name for name, found in judged.items() if found}
    assert judged.keys() - seen == UNSEEN
    assert len(seen) / len(judged) > 0.75


@pytest.mark.parametrize(
    ("path", "where", "said"),
    [
        ("bad/unknown-field", "$.services.lab", "comand"),
        ("bad/image-latest", "$.services.lab.image", "does not match"),
        ("bad/ports", "$.services.lab.ports[0]", "3000-3005"),
        ("bad/name-reserved-word", "$.name", "linux-student-2"),
        ("bad/refused-fields", "$.services.lab.build", "is not one of [None]"),
        ("bad/variable-in-command", "$.services.lab.command", "echo $HOME"),
        ("bad/services-missing", "$", "'services' is a required property"),
        ("bad/working-dir", "$.services.lab.working_dir", "home"),
        ("corpus/jupyter", "$.services.notebook.user", "root"),
        ("corpus/common-logging", "$.services.api.logging", "json-file"),
    ],
)
def test_a_mistake_is_told_at_its_place(path: str, where: str, said: str) -> None:
    found = mistakes(DATA / f"{path}.yml")
    assert any(line.startswith(f"{where}: ") and said in line for line in found or ()), found


def described(part: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of the schema that has an example, with where it is."""
    if isinstance(part, dict):
        if "examples" in part:
            yield name, part
        for key, value in part.items():
            yield from described(value, f"{name}.{key}")
    elif isinstance(part, list):
        for value in part:
            yield from described(value, name)


@pytest.mark.parametrize(("name", "part"), described(SCHEMA), ids=lambda value: value if isinstance(value, str) else "")
def test_the_example_of_a_field_is_valid_in_its_place(name: str, part: dict[str, Any]) -> None:
    assert part["title"] and part["description"].endswith(".")
    for example in part["examples"]:
        jsonschema.Draft202012Validator(part).validate(example)


def test_a_refused_field_says_why_where_an_editor_shows_it() -> None:
    build = SCHEMA["properties"]["services"]["additionalProperties"]["properties"]["build"]
    assert build["errorMessage"] == (
        "images are not built when a class starts; build and push the image, and name it in `image`"
    )


SAMPLES = """
a a-b A a_b -a 0 1 7 22:22 80 8080:80 127.0.0.1:53:53/udp [::1]:80:80 3000-3005 65536 53/icmp 53/UDP
0.5 .5 1.5 0 1.2345 1e3 512m 1.5gb 5Gi 12 8192kb 512Mi 1m30s 4h 90m 1m2h 500ms 1w2d 10s 0s
/home / // /run/autolabs /run/autolabs/x /run/autolabs2 /srv/../etc /srv/..a home:/home home:/home:ro home:/home:z
./a:/b data:/run/autolabs A=b AUTOLABS_X=1 AUTOLABS_X A_B.c-d 1A A=$B A=$$B $X $$X 1000 1000:1000 root 99999999999
0440 440 0o440 0888 true Yes OFF maybe volume bind always no on-failure sometimes debian debian:12 debian:latest
registry.example.org:5000/labs/web_app:v1.2 a//b:1 class student-a linux-basics tcp UDP sctp
""".split()


@pytest.mark.parametrize("word", schema.WORDS, ids=lambda word: word.__name__)
def test_the_schema_takes_every_word_that_the_parser_takes(word: Any) -> None:
    judge = jsonschema.Draft202012Validator(schema.WORDS[word])
    taken = 0
    for text in SAMPLES:
        node = read_document(f"a: {text}" if text[0] != "[" else f"a: '{text}'", "sample")[0].entries["a"]
        try:
            Word(word).read(node, Place(1), Findings("sample"))
        except Wrong:
            continue
        taken += 1
        assert judge.is_valid(schema.plain(node)), text
    assert taken


def test_every_word_of_a_field_is_known_to_the_schema() -> None:
    public = {
        value
        for name, value in vars(words).items()
        if callable(value) and getattr(value, "__module__", "") == words.__name__ and name.islower()
    }
    assert public - {words.choice} == schema.WORDS.keys() - {str}


def test_the_page_says_how_an_editor_finds_the_schema() -> None:
    page = (ROOT / "docs/labs/README.md").read_text(encoding="utf-8")
    assert "# yaml-language-server: $schema=" in page
    assert json.loads(COMMITTED.read_text(encoding="utf-8"))["$schema"] == schema.DIALECT
