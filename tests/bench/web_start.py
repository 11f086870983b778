"""How long a teacher waits: from the click to the first event, and for a page while a class starts before an audience.

Writes build/bench/web_start.json. The web app is served by gunicorn as users have it, and runs the real playbooks
against a real cluster. AUTOLABS_TEST_SITE names a site that is kept and used again; without it the benchmark makes one
of its own and removes it.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import sys
import time
from typing import Any
from urllib.parse import urlencode

from _listeners import listening
from running import Site
from testbed.paths import REPOSITORY
from testbed.progress import say, step
from web_app import ADDRESS, WebApp, serving

STARTS = 20
LISTENERS = 100
STUDENTS = 30
LAB = "web-bench"
CONFIG = f"""\
name: {LAB}
services:
  linux:
    image: registry.autolabs.internal/labs/linux-ssh:1
    deploy: {{resources: {{reservations: {{cpus: '0.01', memory: 32M}}}}}}
x-lab:
  title: Benchmark
  text: Thirty at once.
  access: ssh
"""
RESULT = REPOSITORY / "build/bench/web_start.json"


def main() -> int:
    """Bring the site up, measure, and print one line of JSON last."""
    kept = os.environ.get("AUTOLABS_TEST_SITE")
    site = Site(kept or f"bench-{os.getpid()}", owner=None if kept else os.getpid())
    try:
        site.start()
        with step("the site", minutes=2):
            played = site.playbook("site")
        assert played.succeeded, played.output[-3000:]
        figures = measure(site)
    finally:
        if not kept:
            site.down()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return 0


def measure(site: Site) -> dict[str, Any]:
    """Both figures, on a site that is up; the classes are gone afterwards."""
    with serving(site, "web-bench") as web:
        web.done("POST", "/api/v1/labs", CONFIG)
        with step(f"{STARTS} starts of a class of three"):
            clicks = [click_to_event(web) for _number in range(STARTS)]
        with step(f"a class of {STUDENTS} before {LISTENERS} listeners"):
            pages = page_seconds(web)
    return {
        "cluster": "real",
        "starts": STARTS,
        "click_to_event_p50_s": round(statistics.median(clicks), 3),
        "click_to_event_p95_s": round(_p95(clicks), 3),
        "click_to_event_s": [round(seconds, 3) for seconds in clicks],
        "listeners": LISTENERS,
        "students": STUDENTS,
        "pages": len(pages),
        "page_p50_ms": round(1000 * statistics.median(pages), 1),
        "page_p95_ms": round(1000 * _p95(pages), 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


def click_to_event(web: WebApp) -> float:
    """Seconds from the sending of the form to the first event of the playbook, on the way that a browser takes."""
    began = time.monotonic()
    events = click(web, "three", 3)
    stream = http.client.HTTPConnection(ADDRESS, web.port, timeout=60)
    stream.request("GET", events)
    answer = stream.getresponse()
    while b'"stage"' not in (line := answer.readline()):
        assert line, "the run ended without an event of the playbook"
    seconds = time.monotonic() - began
    stream.close()
    web.wait(events.split("/")[4])
    return seconds


def page_seconds(web: WebApp) -> list[float]:
    """How long each request for the page of the class took, from the click to the end of the start."""
    events = click(web, "thirty", STUDENTS)
    run = events.split("/")[4]
    seconds = []
    page = f"/labs/{LAB}/classes/thirty"
    with listening((ADDRESS, web.port), events, page, LISTENERS) as listeners:
        while not web.store.get(run).state.ended:
            began = time.monotonic()
            _page(web, "GET", page)
            seconds.append(time.monotonic() - began)
            time.sleep(0.02)
        listeners.wait()
        told = listeners.progress()
    assert web.wait(run)["state"] == "succeeded", web.store.log(run)
    assert told == STUDENTS, f"a listener heard of {told} students only"
    fetched = len(listeners.fetched)
    assert fetched >= LISTENERS, f"{LISTENERS} listeners fetched {fetched} pages only"
    say(f"{len(seconds)} pages while {LISTENERS} listeners heard of {told} students each and fetched {fetched} pages")
    return seconds


def click(web: WebApp, class_id: str, students: int) -> str:
    """Send the form that starts a class; where its events are, as the page says to which the browser is led."""
    roster = "".join(f"s{number:02}\n" for number in range(students))
    form = urlencode({"roster": roster, "class_id": class_id, "failure_threshold": "3", "action": "start"})
    status, _text, place = _page(web, "POST", f"/labs/{LAB}/start", form)
    assert status == 303, _text
    _status, page, _place = _page(web, "GET", place)
    found = re.search(r'data-events="([^"]+)"', page)
    assert found, page
    return found[1]


def _page(web: WebApp, method: str, path: str, form: str | None = None) -> tuple[int, str, str]:
    """Status, text and where it leads."""
    connection = http.client.HTTPConnection(ADDRESS, web.port, timeout=60)
    headers = {"Origin": web.url, "Content-Type": "application/x-www-form-urlencoded"} if form else {}
    try:
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")
    finally:
        connection.close()


def _p95(values: list[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    sys.exit(main())
