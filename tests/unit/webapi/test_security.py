"""Other sites, other names and hostile input: nothing executes, nothing is reflected as markup."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.webapi.front import HERE, LAB, ROSTER, Front

from webapi.routes import guard
from webapi.runs.model import Kind, RunState

pytestmark = pytest.mark.slow

CLASS = "/labs/linux/classes/1"
# What a template engine would make of 1337*1337.
EVALUATED = "1787569"

PAYLOADS = [
    # Jinja
    *("{{1337*1337}}", "{% print(1337*1337) %}", "{{ self.__init__.__globals__ }}", "${1337*1337}", "#{1337*1337}"),
    *("{{ lookup('pipe', 'touch OWNED') }}", "{{ cycler.__init__.__globals__.os.popen('touch OWNED') }}", "{{''.a}}"),
    *("{%raw%}", "{#", "<%= 1337*1337 %>", "%(id)s%s%n", "{0.__class__}"),
    # Shell
    *("$(touch OWNED)", "`touch OWNED`", "; touch OWNED", "| touch OWNED", "&& touch OWNED", "\n touch OWNED"),
    *("--version", "-e@/etc/passwd", "@/etc/passwd", "!touch", "%0Atouch"),
    # Paths
    *("../../etc/passwd", "..%2f..%2fetc", "/etc/passwd", "....//", "..\\..\\x", "file:///etc/passwd", "con", "\x00"),
    # HTML
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "'><b id=x>"),
    *("</textarea><script>alert(1)</script>", "</pre><b>", "javascript:alert(1)", "<!--", "&lt;b&gt;", "]]>"),
    # Cells
    *("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1"),
    # YAML
    *(
        "!!python/object/apply:os.system ['touch OWNED']",
        "!!python/name:os.system",
        "&a [*a]",
        "*a",
        "? !!x",
        "%YAML 9",
    ),
    *("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]", "<<: *a", "'", '"', "\ufeff", "\u202e", "a: 1\na: 2"),
    # Headers and size
    *("a\r\nSet-Cookie: x=1", "A" * 70_000),
]
MARKUP = re.compile(r"<script>|<svg|<img|<b>|<b id|onerror=alert\(1\)>")


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    """An app with one lab, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    made = Front(tmp_path / "state")
    made.library.add(LAB)
    return made


def harmless(page: str) -> None:
    """Nothing of a payload is markup, and nothing was evaluated."""
    assert MARKUP.search(page) is None
    assert EVALUATED not in page
    assert "Traceback" not in page
    assert not Path("OWNED").exists()


def test_there_are_fifty_payloads() -> None:
    assert len(set(PAYLOADS)) >= 50


def each(front: Front) -> Iterator[str]:
    """Every payload; what the one before it has started is gone."""
    for payload in PAYLOADS:
        front.dispatcher.asked.clear()
        for run in front.store.find():
            front.store.delete(run.id)
        yield payload


def test_a_payload_as_a_lab_config_is_refused_with_a_message(front: Front) -> None:
    for payload in each(front):
        sent: list[dict[str, object]] = [
            {"config": payload, "action": "check"},
            {"config": payload, "action": "store"},
            {"file": (io.BytesIO(payload.encode()), payload[:99]), "action": "store"},
        ]
        for data in sent:
            answer = front.client().post("/new-lab", data=data)
            assert answer.status_code == 422, payload
            assert re.search(r"\d+ mistakes?; nothing was stored", answer.text)
            harmless(answer.text)
        answer = front.client().post("/api/v1/labs", data=payload.encode(), content_type="application/yaml")
        assert answer.status_code == 422
        assert answer.json["problems"][0]["message"]
        assert [stored.id for stored in front.library.all()] == ["linux"]


@pytest.mark.parametrize(
    "field",
    [
        *("name", "service", "image", "command", "entrypoint", "environment", "environment name", "user", "volume"),
        *("mount", "config", "secret", "config target", "healthcheck", "depends_on", "port", "memory", "network"),
        *("title", "text", "access", "deployment_mode", "security", "lifetime", "volume_size", "extension"),
    ],
)
def test_a_payload_in_a_field_of_a_lab_config_stays_text(front: Front, field: str) -> None:
    for payload in each(front):
        client, config = front.client(), yaml.safe_dump(with_payload(field, payload[:200]), allow_unicode=True)
        answer = client.post("/new-lab", data={"config": config, "action": "check"})
        assert answer.status_code in (200, 422)
        assert re.search(r"mistakes?; nothing was stored|The lab config is right", answer.text)
        harmless(answer.text)
        answer = client.put("/api/v1/labs/linux", json={"config": config})
        assert answer.status_code in (200, 409, 422), answer.text
        if answer.status_code == 200:
            assert front.library.get("linux").text == config
            for address in ("/labs/linux", "/labs/linux/edit"):
                page = client.get(address)
                assert page.status_code == 200
                harmless(page.text)
        assert [stored.id for stored in front.library.all()] == ["linux"]
        assert not Path("OWNED").exists()


def with_payload(field: str, payload: str) -> dict[str, Any]:
    """A lab config with a payload in one of its fields."""
    lab: dict[str, Any] = yaml.safe_load(LAB)
    shell, about = lab["services"]["shell"], lab["x-lab"]
    changes: dict[str, Callable[[], object]] = {
        "name": lambda: lab.update(name=payload),
        "service": lambda: lab.update(services={payload: shell}),
        "volume": lambda: (lab.update(volumes={payload: None}), shell.update(volumes=[f"{payload}:/home"])),
        "mount": lambda: shell.update(volumes=[f"home:{payload}"]),
        "config": lambda: (lab.update(configs={"one": {"content": payload}}), shell.update(configs=["one"])),
        "secret": lambda: (lab.update(secrets={"one": {"content": payload}}), shell.update(secrets=["one"])),
        "config target": lambda: (
            lab.update(configs={"one": {"content": "x"}}),
            shell.update(configs=[{"source": "one", "target": payload}]),
        ),
        "environment": lambda: shell.update(environment={"A": payload}),
        "environment name": lambda: shell.update(environment={payload: "a"}),
        "command": lambda: shell.update(command=["sh", "-c", payload]),
        "healthcheck": lambda: shell.update(healthcheck={"test": ["CMD-SHELL", payload]}),
        "depends_on": lambda: shell.update(depends_on=[payload]),
        "port": lambda: shell.update(ports=[payload]),
        "memory": lambda: shell.update(deploy={"resources": {"reservations": {"memory": payload}}}),
        "network": lambda: lab.update(networks={payload: None}),
        "title": lambda: about.update(title=payload),
        "text": lambda: about.update(text={"en": payload, "ru": payload}),
        "volume_size": lambda: about.update(volume=payload),
        "extension": lambda: about.update({payload: payload}),
    }
    within = about if field in ("access", "deployment_mode", "security", "lifetime") else shell
    changes.get(field, lambda: within.update({field: payload}))()
    return lab


@pytest.mark.parametrize("body", ["lab", "config", "preview", "start"])
def test_a_payload_as_a_json_body_is_refused(front: Front, body: str) -> None:
    before = front.library.get("linux").text
    method, address = {
        "lab": ("POST", "/api/v1/labs"),
        "config": ("PUT", "/api/v1/labs/linux"),
        "preview": ("POST", "/api/v1/labs/linux/preview"),
        "start": ("POST", "/api/v1/labs/linux/classes"),
    }[body]
    for payload in each(front):
        for sent in (payload, [payload], {payload[:99]: payload}, {"config": payload}, {"config": {"a": payload}}):
            answer = front.client().open(address, method=method, json=sent)
            assert answer.status_code in (400, 422), (sent, answer.text)
            assert answer.content_type == "application/problem+json"
            assert not Path("OWNED").exists()
        answer = front.client().open(address, method=method, data=payload.encode(), content_type="application/json")
        assert answer.status_code in (400, 422)
        assert front.library.get("linux").text == before and front.dispatcher.asked == []


@pytest.mark.parametrize("kind", ["classes", "preview"])
@pytest.mark.parametrize(
    "field",
    ["class_id", "course_id", "roster", "students", "student", "group", "admit", "recreate", "failure_threshold"],
)
def test_a_payload_in_a_field_of_an_order_is_refused_or_stays_data(front: Front, field: str, kind: str) -> None:
    for payload in each(front):
        body: dict[str, Any] = {"class_id": "1", "students": ["anna", "boris"], field: payload}
        if field == "roster":
            del body["students"]
        elif field in ("student", "group"):
            del body[field]
            body["students"] = [{"id": "anna", "name": payload, "group": payload} if field == "group" else payload]
        answer = front.client().post(f"/api/v1/labs/linux/{kind}", json=body)
        assert answer.status_code in (202, 422), answer.text
        assert not Path("OWNED").exists()
        if answer.status_code == 422:
            assert answer.json["problems"][0]["message"] and front.dispatcher.asked == []
            continue
        (asked,) = front.dispatcher.asked
        assert re.fullmatch(r"[a-z0-9-]{1,63}", asked.class_id)
        assert asked.options["admit"] == "whole" and asked.options["recreate"] is False
        assert asked.options.get("course_id", payload) == payload
        harmless(front.client().get(f"/runs/{answer.json['run']}").text)


@pytest.mark.parametrize(
    "field", ["roster", "file", "class_id", "course_id", "failure_threshold", "admit", "recreate", "action"]
)
def test_a_payload_in_the_start_form_is_refused_or_stays_data(front: Front, field: str) -> None:
    for payload in each(front):
        client = front.client()
        filled: dict[str, object] = {"roster": ROSTER, "class_id": "1", "failure_threshold": "3", "action": "start"}
        filled[field] = (io.BytesIO(f"id,name\nx1,{payload}\n".encode()), payload[:99]) if field == "file" else payload
        answer = client.post("/labs/linux/start", data=filled)
        harmless(answer.text)
        if answer.status_code == 422:
            assert re.search(r"\d+ mistakes?; nothing was started", answer.text)
            assert front.dispatcher.asked == []
            continue
        assert answer.status_code == 303
        (asked,) = front.dispatcher.asked
        assert re.fullmatch(r"[a-z0-9-]{1,63}", asked.class_id)
        assert isinstance(asked.options["failure_threshold"], int)
        assert asked.options["admit"] == "whole" and asked.options["recreate"] is False
        page = client.get(answer.headers["Location"])
        assert page.status_code == 200
        harmless(page.text)


def test_a_payload_in_an_address_finds_nothing(front: Front) -> None:
    for payload in each(front):
        client = front.client()
        word = re.sub(r"[\r\n\x00]", "", payload)[:300] or "x"
        for address in ("/labs/{}", "/labs/{}/start", "/labs/linux/classes/{}", "/runs/{}", "/api/v1/runs/{}/events"):
            answer = client.get(address.format(word.replace("%", "%25").replace("?", "%3f").replace("#", "%23")))
            assert answer.status_code in (400, 404, 308)
            harmless(answer.text)
        answer = client.get("/labs/linux/start", query_string={"run": payload[:300]})
        assert answer.status_code == 404
        answer = client.post("/language", data={"language": payload[:300], "back": payload[:300]})
        assert answer.status_code == 400
        harmless(answer.text)


def test_what_a_cluster_or_ansible_says_is_text(front: Front) -> None:
    for payload in each(front):
        run = front.run(RunState.FAILED)
        front.outcome(run, lambda student: "failed", problems=[payload])
        front.store.change(run.id, message=payload)
        front.store.folder(run.id).log.write_text(payload, encoding="utf-8")
        for address in (CLASS, f"{CLASS}?view=board", f"/runs/{run.id}"):
            harmless(front.client().get(address).text)


def test_a_bomb_of_anchors_is_refused_at_once(front: Front) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
    answer = front.client().post("/new-lab", data={"config": "\n".join(lines), "action": "check"})
    assert answer.status_code == 422


def test_what_is_too_large_is_refused_with_the_limit(front: Front) -> None:
    client = front.client()
    large = "a" * (2 << 20)
    answer = client.post("/new-lab", data={"config": large, "action": "store"})
    assert answer.status_code == 422
    assert "larger than 1 MiB" in answer.text
    answer = client.post("/labs/linux/start", data={"file": (io.BytesIO(large.encode()), "a.csv"), "class_id": "1"})
    assert answer.status_code == 422
    answer = client.post("/new-lab", data={"config": "a" * (guard.LARGEST_REQUEST + 1), "action": "store"})
    assert answer.status_code == 413
    assert "1 MiB" in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.0.2.1", "127.0.0.1.nip.io", "[::2]", "a@"]
)
def test_only_loopback_names_are_answered(front: Front, host: str) -> None:
    answer = front.client().get("/api/v1/labs", headers={"Host": host})
    assert answer.status_code == 421
    assert "linux" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST"])
def test_every_loopback_name_is_answered(front: Front, host: str) -> None:
    assert front.client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_another_site_changes_nothing(front: Front, headers: dict[str, str]) -> None:
    front.outcome(front.run())
    client = front.app.test_client()
    for path in (f"{CLASS}/stop", f"{CLASS}/delete", f"{CLASS}/credentials", "/labs/linux/delete", "/labs/linux/start"):
        assert client.post(path, headers=headers).status_code == 403
    assert client.delete("/api/v1/labs/linux", headers=headers).status_code == 403
    assert client.post("/api/v1/labs/linux/classes", headers=headers, json={"students": ["a"]}).status_code == 403
    assert front.dispatcher.asked == []
    assert front.client().post(f"{CLASS}/credentials").text.count("secret-") == 3


@pytest.mark.parametrize("headers", [{"Origin": HERE}, {"Sec-Fetch-Site": "same-origin"}])
def test_our_own_page_may_change_things(front: Front, headers: dict[str, str]) -> None:
    front.outcome(front.run())
    assert front.app.test_client().post(f"{CLASS}/stop", headers=headers).status_code == 303
    assert front.dispatcher.asked[0].kind == Kind.STOP


def test_nothing_is_changed_by_asking(front: Front) -> None:
    front.outcome(front.run())
    for rule in front.app.url_map.iter_rules():
        if {"POST", "PUT", "DELETE"} & (rule.methods or set()):
            address = rule.rule.replace("<lab_id>", "linux").replace("<class_id>", "1").replace("<run_id>", "x")
            front.client().get(address)
    assert front.dispatcher.asked == []
    assert front.library.get("linux")
    assert front.client().post(f"{CLASS}/credentials").text.count("secret-") == 3


@pytest.mark.parametrize(
    "address", ["/", CLASS, "/nowhere", "/api/v1/labs", "/api/v1/nowhere", "/healthz", "/static/autolabs.js"]
)
def test_every_answer_is_marked(front: Front, address: str) -> None:
    front.outcome(front.run())
    headers = front.client().get(address).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_needs_what_the_policy_forbids(front: Front) -> None:
    front.outcome(front.run(RunState.RUNNING))
    for address in ("/", "/labs/linux", "/new-lab", "/labs/linux/start", CLASS, f"{CLASS}?view=board", "/runs"):
        page = unescape(front.client().get(address).text)
        assert re.findall(r"<style|\sstyle=|<script(?! src=\"/static/)|\son[a-z]+=\"|https?://", page) == []
