"""The script of live pages, in a browser whose requests the app answers; not tested where there is no Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright
from unit.webapi.front import HERE, LAB, Front

from webapi import files
from webapi.runs.model import RunState

CHROMIUM = shutil.which("chromium")
CLASS = f"{HERE}/labs/linux/classes/1"
# Events come when the test says so, and something may happen while a page is fetched.
PREPARED = """
window.EventSource = class {
  static CLOSED = 2;
  constructor() { window.source = this; this.on = {}; }
  addEventListener(name, act) { this.on[name] = (data) => act({ data: JSON.stringify(data) }); }
  close() {}
};
window.fetched = [];
const real = window.fetch;
window.fetch = async (...given) => {
  const text = await (await real(...given)).text();
  window.meanwhile?.();
  window.meanwhile = undefined;
  window.fetched.push(performance.now());
  return new Response(text);
};
"""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]


@pytest.fixture
def front(tmp_path: Path) -> Front:
    """An app with one lab."""
    made = Front(tmp_path)
    made.library.add(LAB)
    return made


@pytest.fixture
def page(front: Front) -> Iterator[Page]:
    """A page whose requests go to the app."""

    def answer(route: Route) -> None:
        found = front.client().get(route.request.url.removeprefix(HERE))
        route.fulfill(status=found.status_code, body=found.data, content_type=found.content_type)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--no-proxy-server"])
        made = browser.new_page()
        made.add_init_script(PREPARED)
        made.route("**/*", answer)
        yield made
        browser.close()


def test_an_older_page_does_not_hide_a_newer_event(front: Front, page: Page) -> None:
    run = front.run(RunState.RUNNING)
    page.goto(CLASS)
    progress = {"done": 1, "total": 3, "instance": "lab-linux-student-anna", "state": "ready", "seconds": 1.0}
    progress |= {"reason": "", "connections": []}
    page.evaluate("told => { meanwhile = () => source.on.progress(told); source.on.state({ state: 'x' }); }", progress)
    page.wait_for_function("fetched.length == 1")
    front.tell(run, "progress", **progress)
    page.wait_for_timeout(300)
    expect(page.locator(".student.is-ready")).to_have_count(1, timeout=1)
    page.wait_for_function("fetched.length == 2")
    expect(page.locator(".student.is-ready")).to_have_count(1)


def test_a_fresh_page_keeps_the_focus_and_what_is_open(front: Front, page: Page) -> None:
    run = front.run()
    front.outcome(run)
    outcome = front.store.outcome(run.id) or {}
    for one in outcome["instances"]:
        one["detail"] = "exit code 1"
    files.write_json(front.store.folder(run.id).outcome, outcome)
    page.goto(CLASS)
    page.locator("summary").nth(1).click()
    page.locator("button[data-copy]:visible").nth(2).focus()
    held = page.locator("#live .student").first.element_handle()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("fetched.length == 1")
    page.wait_for_timeout(100)
    assert held and not held.evaluate("one => one.isConnected")
    assert [one.evaluate("one => one.open") for one in page.locator("details").all()] == [False, True, False]
    assert page.evaluate("document.activeElement.dataset.copy") == "ssh -p 31002 student@192.0.2.31"


def test_what_a_task_tells_does_not_bring_all_pages_at_once(front: Front, page: Page) -> None:
    front.run(RunState.RUNNING)
    page.goto(CLASS)
    page.evaluate("Math.random = () => 0.5; began = performance.now(); source.on.message({})")
    page.wait_for_function("fetched.length == 1")
    assert page.evaluate("fetched[0] - began") > 1100
