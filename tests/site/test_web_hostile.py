"""Hostile input through the real form to the real playbooks and the cluster; and secrets stay where they belong."""

from __future__ import annotations

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from browsing import browser, teacher
from running import Site
from testbed.paths import REPOSITORY
from unit.webapi.test_security import EVALUATED, MARKUP, PAYLOADS
from web_app import ADDRESS, WebApp, serving

BASICS = (REPOSITORY / "docs/labs/linux-basics.yml").read_text()
ROSTER = "id,name\nanna,Anna\n"
PIPE = "{{ lookup('pipe', 'touch OWNED') }}"
SHORT = [payload for payload in PAYLOADS if len(payload) < 1000]


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[WebApp]:
    with serving(site, "web-hostile", AUTOLABS_MOST_RUNS="3") as made:
        yield made


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that a payload would make if it ran."""
    return tmp_path_factory.mktemp("hostile") / "OWNED"


def armed(payload: str, mark: Path) -> str:
    """A payload that would leave its mark wherever it runs."""
    return payload.replace("OWNED", str(mark))


def post(web: WebApp, path: str, **fields: str) -> tuple[int, str, str]:
    """Send a form as a browser does: status, page, and where it leads."""
    connection = http.client.HTTPConnection(ADDRESS, web.port, timeout=30)
    headers = {"Origin": web.url, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", path, urlencode(fields), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")
    finally:
        connection.close()


def lab(name: str, **block: Any) -> str:
    """The first lab of the documentation with other fields of its x-lab block."""
    config = yaml.safe_load(BASICS)
    return yaml.safe_dump({**config, "name": name, "x-lab": {**config["x-lab"], **block}}, allow_unicode=True)


def store(web: WebApp, config: str) -> bool:
    """Store a lab by the form; whether it was taken. What was not has its message."""
    status, page, _place = post(web, "/new-lab", config=config, action="store")
    assert status in (303, 422), page
    assert status == 303 or re.search(r"\d+ mistakes?; nothing was stored", page)
    return status == 303


def harmless(web: WebApp, mark: Path) -> None:
    """Nothing ran: no file was made, and nothing evaluated is in a run or in what the web app printed."""
    assert not mark.exists()
    for path in [web.log, *(web.folder / "state/runs").rglob("*")]:
        if path.is_file():
            assert EVALUATED not in path.read_text(errors="replace"), path


def test_payloads_of_the_form_are_refused_or_stay_data(web: WebApp, mark: Path) -> None:
    """Each through the form as a check, which is the real playbook in check mode; those refused have a message."""
    assert store(web, lab("web-form"))
    accepted = set()
    for number, payload in enumerate(armed(payload, mark) for payload in PAYLOADS):
        for field in ("class_id", "course_id"):
            filled = {"roster": ROSTER, "class_id": f"c{number}", field: payload, "action": "check"}
            status, page, place = post(web, "/labs/web-form/start", failure_threshold="3", **filled)
            assert MARKUP.search(page) is None
            assert status == 303 or (status == 422 and re.search(r"\d+ mistakes?; nothing was started", page)), payload
            if status == 303:
                accepted.add(place.rpartition("/")[2])
    for run in accepted:
        assert web.wait(run)["state"] == "succeeded"
    harmless(web, mark)


@pytest.mark.parametrize("field", ["id", "name", "group"])
def test_payloads_of_a_roster_are_refused_or_stay_data(web: WebApp, mark: Path, field: str) -> None:
    """Each through the form; all that it takes then go through the real playbook in check mode, as one roster."""
    name = "web-teams" if field == "group" else f"web-{field}"
    assert store(web, lab(name, deployment_mode="per_group" if field == "group" else "per_student"))
    students = []
    for number, payload in enumerate(armed(payload, mark) for payload in PAYLOADS):
        # Ids and groups are compared as they are on the cluster, and there some payloads are alike.
        value = payload if field == "name" else f"{payload}{number}"
        student = {"id": f"s{number}", "name": f"S {number}", "group": str(number), field: value}
        # Refused for its threshold, so that nothing is begun; what else is wrong is told as well.
        _status, page, _place = post(
            web, f"/labs/{name}/start", roster=json.dumps([student]), class_id="1", failure_threshold="x"
        )
        assert MARKUP.search(page) is None
        told = re.search(r"(\d+) mistakes?; nothing was started", page)
        assert told, page
        if told[1] == "1":
            students.append(student)
    assert len(students) > 40
    filled = {"roster": json.dumps(students), "class_id": "1", "admit": "partial", "failure_threshold": "3"}
    status, page, place = post(web, f"/labs/{name}/start", action="check", **filled)
    assert status == 303, page
    run = place.rpartition("/")[2]
    web.wait(run)
    found = web.done("GET", f"/api/v1/runs/{run}")["outcome"]
    assert len(found["instances"]) == len(students), found["msg"]
    harmless(web, mark)


def test_payloads_that_reach_the_cluster_stay_text(web: WebApp, mark: Path) -> None:
    """Text, title, environment and names, all that is taken of them at once, in a class that really starts."""
    taken: dict[str, list[str]] = {"title": [], "text": [], "environment": []}
    for payload in (armed(payload, mark) for payload in SHORT):
        for field in ("title", "text"):
            if store(web, lab(f"web-{field}-{len(taken[field])}", **{field: payload})):
                taken[field].append(payload)
    assert min(len(taken["title"]), len(taken["text"])) > 50
    config = yaml.safe_load(lab("web-text", title=" ".join(taken["title"]), text="\n".join(taken["text"])))
    config["services"]["linux"]["environment"] = {"PAYLOAD": armed(PIPE, mark)}
    assert store(web, yaml.safe_dump(config, allow_unicode=True))
    names = [armed(PIPE, mark), f"$(touch {mark})", "<script>alert(1)</script>", "=1+1"]
    roster = json.dumps([{"id": f"s{number}", "name": name} for number, name in enumerate(names)])
    with browser() as chromium, teacher(chromium, web.url) as at:
        at.open("/labs/web-text/start")
        at.fill(roster=roster)
        at.press("Start the class")
        at.states("ready", len(names))
        at.ended()
        shown = at.page.locator(".student .name").all_inner_texts()
        assert [text.partition("\n")[0] for text in shown] == names
        for path in ("/", "/labs/web-text", "/labs/web-text/edit", "/labs/web-text/classes/1?view=board"):
            at.open(path)
            assert at.page.locator("main script, main img, main svg, main b").count() == 0
        at.open("/labs/web-text/classes/1")
        at.press("Show the passwords")
        saved = str(at.page.locator("a[download]").get_attribute("href"))
        assert "'=1+1" in base64.b64decode(saved.partition("base64,")[2]).decode()
    pods = web.site.objects("pods", "labs", "lab_id=web-text")
    values = [one["value"] for pod in pods for one in pod["spec"]["containers"][0]["env"] if one["name"] == "PAYLOAD"]
    assert values == [armed(PIPE, mark)] * len(names)
    harmless(web, mark)


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """The command lines and environments that anybody's `ps` finds meanwhile."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for path in (*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_secrets_are_in_no_file_of_the_web_app_and_in_no_process_list(web: WebApp) -> None:
    assert store(web, lab("web-secret"))
    begun = {"roster": ROSTER, "class_id": "1", "failure_threshold": "3", "action": "start"}
    with command_lines() as seen:
        assert post(web, "/labs/web-secret/start", **begun)[0] == 303
        (run,) = web.store.find("web-secret")
        assert web.wait(run.id)["state"] == "succeeded"
    (secret,) = web.site.objects("secrets", "labs", "lab_id=web-secret")
    (user,) = yaml.safe_load(web.site.worker_kubeconfig.read_text())["users"]
    wanted = [*secret["data"].values(), *(base64.b64decode(value).decode() for value in secret["data"].values())]
    wanted += [value for key, value in user["user"].items() if "data" in key or key == "token"]
    # What is public of a host key is handed out to everybody.
    needles = [text.strip().encode() for text in wanted if not text.startswith(("ssh-", "c3NoL"))]
    needles += [line for text in needles if b"PRIVATE KEY" in text for line in text.splitlines()[1:-1]]
    assert len(needles) >= 4
    handout = web.store.folder(run.id).credentials
    assert handout.stat().st_mode & 0o777 == 0o600
    places = {path: path.read_bytes() for path in web.folder.rglob("*") if path.is_file() and path != handout}
    places |= {Path(f"process {number}"): line for number, line in enumerate(seen)}
    assert any(b"webapi.runner" in line for line in seen)
    assert any(f"AUTOLABS_RUN_ID={run.id}".encode() in line for line in seen)
    found = [path for path, content in places.items() for needle in needles if needle in content]
    assert found == []
    for path in (web.folder / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path} is open to others"
    status, page, _place = post(web, "/labs/web-secret/classes/1/credentials")
    assert status == 200
    assert re.search(r'class="secret">([^<]+)<', page)
    assert not handout.exists()
    assert [path for path in web.folder.rglob("*") if path.is_file() and needles[0] in path.read_bytes()] == []
