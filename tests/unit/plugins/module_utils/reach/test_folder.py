"""A folder of manifests, whatever else lies in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.reach.folder import read_folder

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\n"


def test_objects_of_all_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text(f"{POD}---\n---\n{POD.replace('one', 'two')}", encoding="utf-8")
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("{{ nothing", encoding="utf-8")
    (tmp_path / ".hidden.yml").write_text("{{ nothing", encoding="utf-8")
    objects, others = read_folder(tmp_path)
    assert [entry.get("metadata", {}).get("name", entry["kind"]) for entry in objects] == ["List", "one", "two"]
    assert others == []


def test_files_that_hold_no_objects_are_named(tmp_path: Path) -> None:
    (tmp_path / "values.yml").write_text("replicas: 3\n---\n- list\n", encoding="utf-8")
    assert read_folder(tmp_path) == ([], [str(tmp_path / "values.yml")])


def test_all_files_that_cannot_be_read_are_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("kind: Pod\nname: {{ name }}\nmore: [\n", encoding="utf-8")
    (tmp_path / "b.yml").write_bytes(b"\xff\x00\xff")
    (tmp_path / "c.yml").write_text("kind: !!python/object/apply:os.system [ls]\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_folder(tmp_path)
    assert [Path(problem.file).name for problem in caught.value.problems] == ["a.yml", "b.yml", "c.yml"]
    assert caught.value.problems[0].line > 0


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no such folder"):
        read_folder(tmp_path / "nowhere")
