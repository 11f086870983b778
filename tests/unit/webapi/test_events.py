"""Events are numbered without gaps, survive a writer's death, and cost the same for one listener and for a hundred."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from webapi.runs.events import Follower, append, read_since

LAST = {"state": "succeeded", "message": ""}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the events of a run are."""
    return tmp_path / "events.jsonl"


def test_events_are_numbered_in_their_order_also_by_several_writers(path: Path) -> None:
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: append(path, "message", {"text": "x" * number}), range(100)))
    assert [event.id for event in read_since(path)] == list(range(1, 101))
    assert [event.id for event in read_since(path, 98)] == [99, 100]
    assert path.stat().st_mode & 0o777 == 0o600


def test_half_a_line_of_a_killed_writer_is_skipped(path: Path) -> None:
    append(path, "message", {"text": "one"})
    with open(path, "ab") as stream:
        stream.write(b'{"id": 2, "ty')
    assert [event.id for event in read_since(path)] == [1]
    append(path, "message", {"text": "two"})
    assert [(event.id, event.data["text"]) for event in read_since(path)] == [(1, "one"), (2, "two")]


def test_an_event_larger_than_a_look_at_the_end_is_found(path: Path) -> None:
    append(path, "message", {"text": "x" * 50_000})
    assert append(path, "message", {"text": "y"}).id == 2


def test_texts_of_any_kind_come_back(path: Path) -> None:
    for text in ("line\nbreak", "Вера\u2028", "\udc80", '"}'):
        append(path, "message", {"text": text})
    assert [event.data["text"] for event in read_since(path)] == ["line\nbreak", "Вера\u2028", "\udc80", '"}']


def test_a_run_that_has_told_nothing_yet_has_no_events(path: Path) -> None:
    assert read_since(path) == []


def test_a_listener_hears_what_was_what_comes_and_the_end(path: Path) -> None:
    append(path, "message", {"text": "before"})
    append(path, "message", {"text": "also before"})
    listening = Follower().follow(path, last_id=1)
    first = next(listening)
    assert first is not None and first.id == 2
    append(path, "message", {"text": "now"})
    append(path, "state", LAST)
    assert [event.id for event in listening if event] == [3, 4]


def test_a_listener_of_an_ended_run_hears_all_and_the_end(path: Path) -> None:
    append(path, "state", LAST)
    follower = Follower()
    assert [event and event.id for event in follower.follow(path)] == [1]
    assert [event and event.id for event in follower.follow(path, last_id=1)] == []


def test_silence_is_broken_by_signs_of_life(path: Path) -> None:
    append(path, "state", {"state": "running", "message": ""})
    listening = Follower().follow(path, last_id=1, heartbeat=0.01)
    assert [next(listening) for _number in range(3)] == [None, None, None]


def test_a_hundred_listeners_share_one_reader_and_cost_nothing_while_they_wait(path: Path) -> None:
    append(path, "state", {"state": "running", "message": ""})
    follower = Follower()
    heard: list[int] = []

    def listen() -> None:
        heard.append(len([event for event in follower.follow(path, heartbeat=60) if event]))

    before = set(threading.enumerate())
    listeners = [threading.Thread(target=listen) for _number in range(100)]
    for listener in listeners:
        listener.start()
    until = time.monotonic() + 10
    while not (readers := set(threading.enumerate()) - before - set(listeners)):
        assert time.monotonic() < until, "nobody reads"
        time.sleep(0.01)
    # As soon as all of them wait there is still one.
    time.sleep(0.2)
    assert set(threading.enumerate()) - before - set(listeners) == readers and len(readers) == 1
    used = time.process_time()
    time.sleep(1)
    assert time.process_time() - used < 0.1
    append(path, "state", LAST)
    for listener in listeners:
        listener.join(10)
    assert heard == [2] * 100
    for reader in readers:
        reader.join(5)
        assert not reader.is_alive()


def test_the_reader_ends_with_its_last_listener(path: Path) -> None:
    append(path, "state", {"state": "running", "message": ""})
    before = set(threading.enumerate())
    listening = Follower().follow(path)
    next(listening)
    (reader,) = set(threading.enumerate()) - before
    listening.close()  # type: ignore[attr-defined]
    reader.join(5)
    assert not reader.is_alive()
