"""Threads that work for one that decides."""

from __future__ import annotations

import threading
import time

from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.workers import Workers


def test_there_are_no_more_threads_than_asked_for_and_all_work_is_done() -> None:
    workers, names = Workers(3, "test"), set()
    done = workers.each(lambda _number: names.add(threading.current_thread().name), range(50))
    assert sorted(number for number, _error in done) == list(range(50))
    assert len(names) <= 3
    workers.close(5)


def test_what_goes_wrong_is_told_with_its_item() -> None:
    workers = Workers(2, "test")
    told = dict(workers.each(lambda number: 1 // number, [0, 1]))
    assert isinstance(told[0], ZeroDivisionError)
    assert told[1] is None
    workers.close()


def test_nobody_waits_for_what_is_under_way_when_they_are_closed() -> None:
    workers, free, begun = Workers(1, "test"), threading.Event(), threading.Event()
    later: list[str] = []

    def hang() -> None:
        begun.set()
        free.wait(10)

    workers.submit(hang)
    workers.submit(lambda: later.append("begun"))
    assert begun.wait(10)
    before = time.monotonic()
    workers.close(0.05)
    assert time.monotonic() - before < 5
    free.set()
    workers.close(5)
    assert later == []
