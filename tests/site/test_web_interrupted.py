"""Whatever ends in the middle of a start, the web app, the run or the teacher's patience: nothing is lost or left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from browsing import Teacher, browser, teacher
from playwright.sync_api import Browser
from running import Site
from testbed.paths import REPOSITORY
from web_app import WebApp, serving

from webapi.runs.model import Run
from webapi.runs.processes import alive, of_run

BASICS = (REPOSITORY / "docs/labs/linux-basics.yml").read_text()
COUNT = 4
NEVER = "    healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 100}\n    volumes:\n"
"""Goes into a lab that is never ready."""
CLASS = "".join(f"s{number}\n" for number in range(COUNT))


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[WebApp]:
    with serving(site, "web-interrupted") as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def in_the_middle(web: WebApp, at: Teacher, lab: str, *, ready: bool = True) -> Run:
    """Start a class, and be back when the first instance is on the cluster."""
    config = BASICS.replace("name: linux-basics", f"name: {lab}")
    at.add_lab(config if ready else config.replace("    volumes:\n", NEVER, 1))
    at.open(f"/labs/{lab}/start")
    at.fill(roster=CLASS)
    at.press("Start the class")
    at.states("starting", COUNT)
    (run,) = web.store.find(lab)
    until(lambda: bool(web.site.objects("pods", "labs", f"lab_id={lab}")))
    return web.store.get(run.id)


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_page_goes_on_after_the_web_app_was_killed_and_started_again(web: WebApp, chromium: Browser) -> None:
    with teacher(chromium, web.url) as at:
        run = in_the_middle(web, at, "web-killed")
        web.stop(signal.SIGKILL)
        assert not web.healthy()
        assert alive(run.pid, run.process_started), "the run ended with the web app"
        web.start()
        at.states("ready", COUNT)
        at.ended()
        at.sees("The passwords are ready")
    assert [(one.id, one.state) for one in web.store.find("web-killed")] == [(run.id, "succeeded")]


def test_a_run_that_ended_while_no_web_app_was_there_is_told(web: WebApp, chromium: Browser) -> None:
    with teacher(chromium, web.url) as at:
        run = in_the_middle(web, at, "web-alone")
        web.stop(signal.SIGKILL)
        until(lambda: web.store.get(run.id).state.ended)
        # Its last words are on disk a moment before it is gone.
        until(lambda: not of_run(run.id), 10)
        web.start()
        at.states("ready", COUNT)
        at.ended()
        at.sees("The passwords are ready")


def test_a_run_whose_process_was_killed_is_lost_and_the_class_goes_on_with_another(
    web: WebApp, chromium: Browser
) -> None:
    with teacher(chromium, web.url) as at:
        run = in_the_middle(web, at, "web-lost")
        os.kill(run.pid, signal.SIGKILL)
        at.sees("The run was lost", 20)
        at.looks_at("class-lost")
        until(lambda: not of_run(run.id), 10)
        at.press("What was done")
        at.sees("Start every instance")
        at.open("/labs/web-lost/classes/1")
        at.press("Start again")
        at.press("Start the class")
        at.states("ready", COUNT)
        at.ended()


def test_a_start_that_is_cancelled_leaves_no_process(web: WebApp, chromium: Browser) -> None:
    with teacher(chromium, web.url) as at:
        run = in_the_middle(web, at, "web-cancelled", ready=False)
        assert len(of_run(run.id)) > 1
        asked = time.monotonic()
        at.press("Cancel")
        at.sees("What was already made on the cluster stays", 15)
        assert time.monotonic() - asked < 10
        assert of_run(run.id) == []
        assert web.store.get(run.id).state == "cancelled"
        at.looks_at("class-cancelled")
        at.press("Delete…")
        at.press("Delete the class")
        at.states("absent", COUNT)
        at.ended()
    assert web.site.objects("pods,services,secrets", "labs", "lab_id=web-cancelled") == []
