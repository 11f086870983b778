"""Run folders: for their owner only, whole or not at all, and credentials once."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from unit.webapi.conftest import LAB, ROSTER, asked

from webapi.runs.model import Kind, RunState, UnknownRun
from webapi.runs.retention import DAY, Retention
from webapi.runs.store import FolderRunStore


@pytest.fixture
def store(tmp_path: Path) -> FolderRunStore:
    """An empty one."""
    return FolderRunStore(tmp_path / "runs")


def ended(
    store: FolderRunStore, kind: Kind = Kind.START, state: RunState = RunState.SUCCEEDED, *, tells: bool = True
) -> str:
    """A run that has ended, with or without instances in its outcome."""
    run = store.create(asked(kind))
    store.change(run.id, state=state)
    if tells:
        store.folder(run.id).outcome.write_text('{"instances": [{}]}', encoding="utf-8")
    # The order of ids is that of their milliseconds.
    time.sleep(0.002)
    return run.id


def test_what_was_asked_for_comes_back_to_the_byte(store: FolderRunStore) -> None:
    request = asked(lab_text=LAB + "# \u2028 \udc80 Вера\r\n", roster=ROSTER + b"\xff\x00\r\n", language="ru")
    request = dataclasses.replace(request, roster_format="json", options={"course_id": "{{ x }}", "recreate": True})
    run = store.create(request)
    assert FolderRunStore(store.path).request(run.id) == request
    assert json.loads(store.folder(run.id).options.read_bytes())["class_id"] == "1"
    assert (store.folder(run.id).path / "roster.json").read_bytes() == request.roster
    modes = {path.stat().st_mode & 0o777 for path in store.folder(run.id).path.iterdir()}
    assert (store.folder(run.id).path.stat().st_mode & 0o777, modes) == (0o700, {0o600})


def test_a_run_is_found_by_lab_and_class_the_newest_first(store: FolderRunStore) -> None:
    first = store.create(asked())
    time.sleep(0.002)
    second = store.create(asked(class_id="2"))
    assert [run.id for run in store.find()] == [second.id, first.id]
    assert [run.id for run in store.find("a-lab", "1")] == [first.id]
    assert store.find("other") == []


def test_a_change_by_another_process_is_seen_and_never_half(store: FolderRunStore) -> None:
    run = store.create(asked())
    assert store.get(run.id).state == RunState.QUEUED
    other = FolderRunStore(store.path)
    done = threading.Event()

    def change() -> None:
        for number in range(300):
            other.change(run.id, state=RunState.RUNNING, pid=number, message="x" * number)
        done.set()

    writer = threading.Thread(target=change)
    writer.start()
    while not done.is_set():
        seen = store.get(run.id)
        assert len(seen.message) == seen.pid
    writer.join()
    assert store.get(run.id).pid == 299


def test_what_gets_a_name_is_on_the_disk_already(store: FolderRunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda descriptor: (done.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr("os.replace", lambda old, new: (done.append("replace"), replace(old, new)))
    store.change(store.create(asked()).id, state=RunState.RUNNING)
    assert done and done == ["fsync", "replace"] * (len(done) // 2)


@pytest.mark.parametrize("content", [b"", b"[1]"])
def test_an_outcome_that_is_damaged_tells_nothing(store: FolderRunStore, content: bytes) -> None:
    run = store.create(asked())
    store.folder(run.id).outcome.write_bytes(content)
    assert store.outcome(run.id) is None


@pytest.mark.parametrize("name", ["", ".", "..", "../runs", "a/b", "/etc", "A", "a" * 100, "nothing", "a\n", "%2e"])
def test_no_other_folder_passes_for_a_run(name: str, store: FolderRunStore) -> None:
    (store.path / "nothing").mkdir()
    for ask in (store.get, store.request, store.log, store.take_credentials, store.delete, store.events_path):
        with pytest.raises(UnknownRun, match="there is no run"):
            ask(name)


def test_of_many_who_take_credentials_one_gets_them(store: FolderRunStore) -> None:
    run = store.create(asked())
    store.folder(run.id).credentials.write_text('[{"password": "secret"}]', encoding="utf-8")
    assert store.has_credentials(run.id)
    with ThreadPoolExecutor(16) as takers:
        taken = [found for found in takers.map(lambda _number: store.take_credentials(run.id), range(64)) if found]
    assert taken == [[{"password": "secret"}]]
    assert not store.has_credentials(run.id)
    assert [path for path in store.path.rglob("*") if path.is_file() and b"secret" in path.read_bytes()] == []


def test_credentials_that_a_killed_process_left_half_way_are_removed(store: FolderRunStore) -> None:
    run = store.create(asked())
    for name in (".credentials.json.abc", "credentials.json"):
        (store.folder(run.id).path / name).write_text("[]", encoding="utf-8")
    store.sweep(run.id)
    assert [path.name for path in store.folder(run.id).path.glob("*cred*")] == ["credentials.json"]


def test_the_last_part_of_a_log_is_given(store: FolderRunStore) -> None:
    run = store.create(asked())
    assert store.log(run.id) == ""
    store.folder(run.id).log.write_bytes("начало и конец".encode())
    assert store.log(run.id).startswith("начало")
    assert store.log(run.id, 10) == "конец"


def test_too_many_and_too_old_runs_go_and_what_a_class_is_known_by_stays(store: FolderRunStore) -> None:
    ids = [ended(store, tells=number == 1) for number in range(6)]
    running = store.create(asked()).id
    assert set(Retention(runs=3).apply(store)) == {ids[0]}
    assert [run.id for run in store.find()] == [running, *reversed(ids[1:])]


def test_of_a_deleted_class_nothing_is_needed(store: FolderRunStore) -> None:
    ids = [ended(store), ended(store, Kind.STOP), ended(store, Kind.DELETE)]
    assert Retention(runs=1).apply(store) == [ids[1], ids[0]]


def test_an_old_preview_goes_by_its_age(store: FolderRunStore) -> None:
    preview, start = ended(store, Kind.PREVIEW), ended(store)
    in_a_week = time.time() + 8 * DAY
    assert Retention(days=9).apply(store, in_a_week) == []
    assert Retention(days=7).apply(store, in_a_week) == [preview]
    assert store.get(start).state == RunState.SUCCEEDED
