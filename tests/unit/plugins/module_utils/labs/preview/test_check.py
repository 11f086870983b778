"""A folder of labs: every file has its say, whatever it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check import check_folder, check_lab

LAB = "name: NAME\nservices: {linux: {image: 'r.example/linux:1'}}\nx-lab: {access: ssh}\n"


def lab(name: str) -> str:
    return LAB.replace("NAME", name)


def written(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return str(folder)


def said(folder: str) -> dict[str, list[str]]:
    """File to mistakes, without the folder."""
    return {
        Path(one.file).name: [str(problem).replace(f"{folder}/", "") for problem in one.problems]
        for one in check_folder(folder)
    }


def test_a_good_lab_is_told_with_what_it_will_be() -> None:
    found = check_lab(lab("shop"))
    assert found.lab and found.estimate and found.problems == ()
    result = found.as_result()
    assert (result["id"], result["components"], result["internet"], result["problems"]) == (
        "shop",
        ["linux"],
        False,
        [],
    )
    assert result["access"] == [{"kind": "ssh", "component": "linux", "port": 2222}]
    assert result["objects"] == {"Secret": 1, "Service": 1, "Pod": 1}
    assert result["class_objects"] == {"NetworkPolicy": 1}


def test_a_bad_lab_is_told_with_all_its_mistakes() -> None:
    found = check_lab("name: shop\nservices: {}\nx-lab: {internet: 1}", "shop.yml")
    assert found.lab is None and found.estimate is None
    assert len(found.problems) == 3
    assert found.as_result().keys() == {"file", "problems"}


def test_files_are_told_by_name_and_only_lab_files_are(tmp_path: Path) -> None:
    folder = written(
        tmp_path, b_yml=lab("b"), a_yaml=lab("a"), C_YML=lab("c"), readme_md="# Labs", Makefile="all:", _hidden_yml="x"
    )
    (tmp_path / "deeper").mkdir()
    written(tmp_path / "deeper", d_yml="not read")
    assert said(folder) == {"C.YML": [], "a.yaml": [], "b.yml": []}


def test_an_id_that_two_labs_have_is_a_mistake_that_names_both(tmp_path: Path) -> None:
    folder = written(tmp_path, a_yml=lab("shop"), b_yml=lab("shop"), c_yml=lab("shop"))
    mistakes = said(folder)
    assert mistakes["a.yml"] == []
    for name in ("b.yml", "c.yml"):
        (mistake,) = mistakes[name]
        assert mistake.startswith(f"{name}: name: the id 'shop' is also that of a.yml;")


def test_what_cannot_be_read_is_a_mistake_and_the_others_are_told_all_the_same(tmp_path: Path) -> None:
    folder = written(tmp_path, good_yml=lab("good"))
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    (tmp_path / "gone.yml").symlink_to("nowhere.yml")
    (tmp_path / "folder.yml").mkdir()
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "huge.yml").write_bytes(b" " * ((2 << 20) + 1))
    (tmp_path / "latin.yml").write_bytes(b"name: caf\xe9")
    mistakes = {name: " ".join(listed) for name, listed in said(folder).items()}
    assert mistakes.pop("good.yml") == ""
    for name, words in {
        "loop.yml": "cannot be read: Too many levels of symbolic links",
        "gone.yml": "cannot be read: No such file or directory",
        "folder.yml": "this is no file",
        "pipe.yml": "this is no file",
        "huge.yml": "the file is larger than 1 MiB",
        "latin.yml": "the file is not in UTF-8",
    }.items():
        assert words in mistakes.pop(name)
    assert not mistakes


def test_a_file_without_permission_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    folder = written(tmp_path, a_yml=lab("a"))
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert said(folder) == {"a.yml": ["a.yml: cannot be read: Permission denied"]}


def test_a_file_name_that_no_terminal_should_see_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\n.yml").write_text("", encoding="utf-8")
    (tmp_path / os.fsdecode(b"\xff.yml")).write_text("", encoding="utf-8")
    found = check_folder(str(tmp_path))
    assert [one.file.removeprefix(f"{tmp_path}/") for one in found] == ["a\\x1b[31m\\n.yml", "\\udcff.yml"]
    for one in found:
        assert all(str(problem).isprintable() for problem in one.problems)


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(lab("a"), encoding="utf-16")
    assert said(str(tmp_path)) == {"a.yml": []}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere: the folder cannot be read: No such file or directory"),
        ("file", "file: the folder cannot be read: Not a directory"),
        ("empty", "empty: the folder holds no lab: the name of a lab's file ends in .yml or .yaml"),
    ],
)
def test_a_folder_without_labs_is_refused_by_name(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput) as refused:
        check_folder(str(tmp_path / name))
    assert str(refused.value) == f"{tmp_path}/{message}"


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"folder: .*for example: labs"):
        check_folder("")
