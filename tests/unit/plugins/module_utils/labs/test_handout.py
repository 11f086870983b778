"""Credentials reach their file whole, and nobody else."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs import handout
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Student
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status
from unit.support.classes import CREDENTIALS

NAME = "lab-1-student-anna"
READY = Outcome(NAME, "anna", Status("ready"), (Student("anna", "Анна"),), (Connection("ssh", "h", 30001),))
OUTCOME = ClassOutcome((READY,), changed=True)
GIVEN = {NAME: CREDENTIALS}


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_file_belongs_to_its_owner_alone_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def dump(*words: object, **named: object) -> None:
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())

    monkeypatch.setattr(handout.json, "dump", dump)
    handout.write(str(tmp_path / "out.json"), OUTCOME, GIVEN)
    modes.append(stat.S_IMODE((tmp_path / "out.json").stat().st_mode))
    assert modes == [0o600, 0o600]


def test_it_holds_what_each_student_needs(tmp_path: Path) -> None:
    handout.write(str(tmp_path / "out.json"), OUTCOME, GIVEN)
    (entry,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert entry == {
        "instance": NAME,
        "owner": "anna",
        "members": [{"id": "anna", "name": "Анна"}],
        "connections": [Connection("ssh", "h", 30001).as_result()],
        "password": CREDENTIALS.password,
    }


def test_each_member_of_a_group_gets_what_is_theirs(tmp_path: Path) -> None:
    ways_in = tuple(Connection("ssh", "h", port, member=who) for port, who in ((30001, "anna"), (30002, "bob")))
    members = (Student("anna", "Анна"), Student("bob"), Student("new"))
    outcome = Outcome("lab-1-group-7", "7", Status("ready"), members, ways_in)
    given = replace(CREDENTIALS, members={"anna": "a-password", "bob": "b-password", "new": "n-password"})
    handout.write(str(tmp_path / "out.json"), ClassOutcome((outcome,), changed=True), {"lab-1-group-7": given})
    (entry,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    anna, bob, new = entry["members"]
    assert anna == {
        "id": "anna", "name": "Анна", "connections": [ways_in[0].as_result()], "password": "a-password"
    }  # fmt: skip
    assert (bob["password"], bob["connections"][0]["port"]) == ("b-password", 30002)
    assert (new["password"], new["connections"]) == ("n-password", [])
    assert "password" not in json.dumps([outcome.as_result() for outcome in (outcome,)])


def test_a_file_that_was_open_to_all_is_replaced_and_not_written_to(tmp_path: Path) -> None:
    target, other = tmp_path / "out.json", tmp_path / "linked"
    target.write_text("old")
    target.chmod(0o666)
    other.hardlink_to(target)
    handout.write(str(target), OUTCOME, GIVEN)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert other.read_text() == "old"


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out.json").write_text("old")

    def dump(entries: object, stream: object, **named: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(handout.json, "dump", dump)
    with pytest.raises(OSError, match="no space left"):
        handout.write(str(tmp_path / "out.json"), OUTCOME, GIVEN)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.json", "old")]


def test_nothing_is_left_where_a_folder_has_the_name(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        handout.write(str(tmp_path / "out.json"), OUTCOME, GIVEN)
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_what_has_no_credentials_is_left_out(tmp_path: Path) -> None:
    leftover = Outcome("lab-1-student-boris", "boris", Status("failed"))
    handout.write(str(tmp_path / "out.json"), ClassOutcome((READY, leftover), changed=True), GIVEN)
    assert [entry["owner"] for entry in json.loads((tmp_path / "out.json").read_text())] == ["anna"]


def test_a_folder_that_is_not_there_is_noticed_before_anything_starts(tmp_path: Path) -> None:
    handout.check(str(tmp_path / "credentials.json"))
    with pytest.raises(InvalidInput, match="does not exist or cannot be written"):
        handout.check(str(tmp_path / "nowhere" / "credentials.json"))
    with pytest.raises(InvalidInput, match="is a folder"):
        handout.check(str(tmp_path))
