"""Stored labs: by the id in their config, whole, and never outside of their folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from unit.webapi.conftest import LAB

from webapi import engine
from webapi.labs.library import LabExists, Library, OtherLab, UnknownLab


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty one."""
    return Library(tmp_path / "labs")


def test_a_lab_is_stored_under_its_own_name_and_comes_back_as_it_was(library: Library) -> None:
    stored = library.add(LAB + "# Вера\r\n")
    assert (stored.id, stored.text, stored.problems) == ("a-lab", LAB + "# Вера\r\n", ())
    assert stored.lab is not None and stored.lab.access[0].kind == "ssh"
    assert [lab.id for lab in library.all()] == ["a-lab"]


def test_a_mistake_is_told_and_nothing_stored(library: Library) -> None:
    with pytest.raises(engine.InvalidInput, match=r"lab.yml:3: services.linux.*image"):
        library.add(LAB.replace("image", "imaeg"))
    assert library.all() == []


def test_a_change_replaces_the_lab_that_it_names(library: Library) -> None:
    library.add(LAB)
    changed = library.replace("a-lab", LAB + "  internet: true\n")
    assert changed.lab is not None and changed.lab.internet
    assert library.get("a-lab").text.endswith("internet: true\n")
    with pytest.raises(OtherLab, match="write `name: a-lab`"):
        library.replace("a-lab", LAB.replace("a-lab", "b-lab"))
    with pytest.raises(LabExists, match="there is a lab 'a-lab' already"):
        library.add(LAB)


def test_of_two_who_add_the_same_lab_one_is_told(library: Library) -> None:
    def add(_number: int) -> bool:
        try:
            return bool(library.add(LAB))
        except LabExists:
            return False

    with ThreadPoolExecutor(8) as people:
        assert sum(people.map(add, range(16))) == 1


def test_a_full_disk_leaves_nothing_of_a_new_lab(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as changed:
        changed.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            library.add(LAB)
    assert list((tmp_path / "labs").iterdir()) == []
    assert library.add(LAB).id == "a-lab"
    assert [path.name for path in (tmp_path / "labs").iterdir()] == ["a-lab.yml"]
    assert (tmp_path / "labs/a-lab.yml").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_shown_and_can_be_deleted(library: Library, tmp_path: Path) -> None:
    (tmp_path / "labs" / "a-lab.yml").touch()
    assert library.get("a-lab").problems
    library.delete("a-lab")
    assert library.add(LAB).id == "a-lab"


def test_a_removed_lab_is_gone(library: Library) -> None:
    library.add(LAB)
    library.delete("a-lab")
    assert library.all() == []
    with pytest.raises(UnknownLab):
        library.delete("a-lab")


@pytest.mark.parametrize("name", ["", "..", "../a-lab", "a/b", "A", "a" * 100, "a-lab\n", "a-lab.yml"])
def test_no_other_file_passes_for_a_lab(name: str, library: Library) -> None:
    library.add(LAB)
    for ask in (library.get, library.delete, lambda name: library.replace(name, LAB)):
        with pytest.raises(UnknownLab):
            ask(name)


def test_a_lab_that_the_engine_no_longer_takes_is_shown_with_its_mistakes(library: Library, tmp_path: Path) -> None:
    (tmp_path / "labs" / "old.yml").write_text("name: old\nservices: {}\n", encoding="utf-8")
    (old,) = library.all()
    assert old.lab is None and old.problems and old.text.startswith("name: old")
