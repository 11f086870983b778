"""Every page, in every state, without JavaScript."""

from __future__ import annotations

import base64
import io
import re
import time
from html import unescape
from pathlib import Path

import pytest
from unit.webapi.front import LAB, ROSTER, Front, connection

from webapi.classes.members import Told, merged
from webapi.classes.view import Member
from webapi.pages import sheet
from webapi.runs.model import Event, Kind, RunRequest, RunState

CLASS = "/labs/linux/classes/1"


@pytest.fixture
def empty(tmp_path: Path) -> Front:
    """An app without a lab."""
    return Front(tmp_path)


@pytest.fixture
def front(empty: Front) -> Front:
    """An app with one lab."""
    empty.library.add(LAB)
    return empty


def test_an_empty_library_says_what_a_lab_is(empty: Front) -> None:
    page = empty.client().get("/").text
    assert "There is no lab yet" in page
    assert page.count("Add a lab") == 1


def test_a_lab_is_described_in_few_words(front: Front) -> None:
    page = front.client().get("/").text
    for words in ("First steps", "<code>work</code>", "by ssh", "one a student", "1 GiB volume", "no time limit"):
        assert words in page


def test_a_lab_may_be_called_like_a_page(empty: Front) -> None:
    for name in ("new", "new-lab", "runs", "edit", "classes"):
        empty.library.add(LAB.replace("name: linux", f"name: {name}"))
        assert f"/labs/{name}/start" in empty.client().get(f"/labs/{name}").text
    assert "<textarea" in empty.client().get("/new-lab").text


def test_a_lab_shows_what_it_takes(front: Front) -> None:
    page = front.client().get("/labs/linux").text
    for words in ("What one instance takes", "TCP 2222", "PersistentVolumeClaim", "Nobody has started this lab yet"):
        assert words in page


def test_a_lab_is_checked_before_it_is_stored(empty: Front) -> None:
    answer = empty.client().post("/new-lab", data={"config": LAB, "action": "check"})
    assert answer.status_code == 200
    assert "The lab config is right" in answer.text
    assert "TCP 2222" in answer.text
    assert empty.library.all() == []


def test_a_lab_is_stored_from_text_or_from_a_file(empty: Front) -> None:
    client = empty.client()
    answer = client.post("/new-lab", data={"config": LAB.replace("\n", "\r\n"), "action": "store"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/labs/linux")
    assert empty.library.get("linux").text == LAB
    file = (io.BytesIO(LAB.replace("name: linux", "name: other").encode()), "other.yml")
    client.post("/new-lab", data={"config": "", "file": file, "action": "store"})
    assert empty.library.get("other").lab


def test_mistakes_are_shown_at_their_lines_and_nothing_is_lost(empty: Front) -> None:
    wrong = LAB.replace("access: ssh", "access: telnet").replace("volume: 1Gi", "volum: 1Gi")
    answer = empty.client().post("/new-lab", data={"config": wrong, "action": "store"})
    assert answer.status_code == 422
    assert "2 mistakes; nothing was stored" in answer.text
    assert 'data-line="12"' in answer.text
    assert '<span class="bad">12</span>' in answer.text
    assert "Right would be, for example:" in answer.text
    assert "access: telnet" in unescape(answer.text)


def test_a_lab_is_not_stored_over_another_one(front: Front) -> None:
    client = front.client()
    assert "There is a lab linux already" in client.post("/new-lab", data={"config": LAB, "action": "store"}).text
    other = LAB.replace("name: linux", "name: other")
    answer = client.post("/labs/linux/edit", data={"config": other, "action": "store"})
    assert answer.status_code == 409
    assert "Write name: linux" in answer.text
    assert client.post("/labs/linux/edit", data={"config": LAB + "#", "action": "store"}).status_code == 303


def test_a_lab_is_deleted_after_a_question(front: Front) -> None:
    front.outcome(front.run())
    client = front.client()
    assert "1 class of it goes on" in client.get("/labs/linux/delete").text
    assert client.post("/labs/linux/delete").status_code == 303
    assert client.get("/labs/linux").status_code == 404
    assert "First steps" not in client.get(CLASS).text  # the class is still there, under the lab's id
    assert client.get(CLASS).status_code == 200


def start(front: Front, **fields: object) -> tuple[int, str]:
    answer = front.client().post(
        "/labs/linux/start",
        data={"roster": ROSTER, "class_id": "1", "failure_threshold": "3", "action": "start"} | fields,
    )
    return answer.status_code, answer.text


def test_a_class_is_started_with_exactly_what_was_written(front: Front) -> None:
    options = {"admit": "partial", "recreate": "yes", "course_id": "sec-101", "failure_threshold": "0"}
    assert start(front, **options)[0] == 303
    (asked,) = front.dispatcher.asked
    assert (asked.kind, asked.lab, asked.class_id) == (Kind.START, "linux", "1")
    assert asked.roster == ROSTER.encode()
    expected = {"admit": "partial", "recreate": True, "course_id": "sec-101", "failure_threshold": 0}
    assert asked.options == expected


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.csv", ROSTER.encode("utf-16"), "csv"),
        ("a.json", b'\xef\xbb\xbf ["anna"]', "json"),
        ("a.csv", "id;name\r\nanna;Анна\r\n".encode(), "csv"),
    ],
)
def test_a_roster_file_reaches_the_run_byte_by_byte(front: Front, name: str, content: bytes, format: str) -> None:
    assert start(front, roster="", file=(io.BytesIO(content), name))[0] == 303
    assert front.dispatcher.asked[0].roster == content
    assert front.dispatcher.asked[0].roster_format == format


def test_mistakes_in_a_start_keep_all_that_was_filled_in(front: Front) -> None:
    status, page = start(front, roster="id\nanna\nanna\n", class_id="Ä!", course_id="c1", failure_threshold="-1")
    assert status == 422
    assert "3 mistakes; nothing was started" in page
    for kept in ("anna\nanna", 'value="Ä!"', 'value="c1"', 'value="-1"'):
        assert kept in page
    assert "Line 3" in page
    assert front.dispatcher.asked == []


def test_a_check_whether_it_fits_leads_to_a_start(front: Front) -> None:
    assert start(front, action="check")[0] == 303
    (run,) = front.store.find()
    assert run.kind == Kind.PREVIEW
    client = front.client()
    assert '<meta http-equiv="refresh"' in client.get(f"/runs/{run.id}").text
    front.store.change(run.id, state=RunState.SUCCEEDED, message="")
    front.outcome(run)
    page = client.get(f"/runs/{run.id}").text
    assert "3 of 3 fit" in page
    assert "refresh" not in page
    assert "Анна Иванова" in client.get(f"/labs/linux/start?run={run.id}").text
    assert client.post(f"/runs/{run.id}/start").headers["Location"] == CLASS
    assert front.dispatcher.asked[-1].kind == Kind.START


def test_a_busy_class_is_not_started_and_nothing_is_lost(front: Front) -> None:
    front.run(RunState.RUNNING)
    status, page = start(front)
    assert status == 409
    assert "This class is busy" in page
    assert "Анна Иванова" in page


def test_a_class_fills_in_while_it_starts(front: Front) -> None:
    run = front.run(RunState.RUNNING)
    front.tell(
        run, "progress", done=1, total=3, instance="lab-linux-student-anna", state="ready", seconds=1.5, reason=""
    )
    page = front.client().get(CLASS).text
    assert f'data-events="/api/v1/runs/{run.id}/events"' in page
    assert "1 of 3" in page
    assert re.findall(r'class="student is-(\w+)"', page) == ["ready", "starting", "starting"]
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in page
    assert "Cancel" in page


def test_every_state_has_a_colour_a_symbol_and_a_word(front: Front) -> None:
    states = {"anna": "ready", "boris": "failed", "vera": "refused"}
    front.outcome(front.run(RunState.FAILED), states.__getitem__)
    for view in ("", "?view=board"):
        page = front.client().get(CLASS + view).text
        for colour, symbol, word in (("ready", "✓", "ready"), ("failed", "✕", "failed"), ("refused", "!", "no room")):
            place = rf'is-{colour}"><span class="symbol" aria-hidden="true">{symbol}</span> <span>{word}</span>'
            assert re.search(place, page)


def test_a_finished_class_shows_how_to_get_in(front: Front) -> None:
    front.outcome(front.run())
    page = front.client().get(CLASS).text
    assert 'data-copy="ssh -p 31000 student@192.0.2.31"' in page
    assert "3 ready" in page
    assert "3 of 3 fit" not in page, "told twice"
    assert "secret-" not in page


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.LOST])
def test_a_run_that_did_not_succeed_says_what_to_do(front: Front, state: RunState) -> None:
    run = front.run(state)
    for address in (CLASS, f"/runs/{run.id}"):
        assert "tart again" in front.client().get(address).text


def test_credentials_are_shown_once_and_stored_nowhere(front: Front) -> None:
    front.outcome(front.run())
    client = front.client()
    assert "Show the passwords" in client.get(CLASS).text
    answer = client.post(f"{CLASS}/credentials")
    assert answer.headers["Cache-Control"] == "no-store"
    for words in ("Анна Иванова", "secret-anna", "SHA256:abc", "ssh -p 31000 student@192.0.2.31"):
        assert words in answer.text
    table = base64.b64decode(re.findall(r"base64,([^\"]+)", answer.text)[0]).decode("utf-8-sig")
    assert table.splitlines()[1].startswith("Анна Иванова,anna,lab-linux-student-anna,ssh -p 31000")
    assert "were shown already" in client.post(f"{CLASS}/credentials").text
    assert "Show the passwords" not in client.get(CLASS).text


def test_a_member_of_a_group_has_a_slip_of_their_own() -> None:
    own = {"id": "b", "name": "B", "password": "own", "connections": [connection(7)]}
    entry = {"instance": "i", "owner": "g", "members": [{"id": "a", "name": ""}, own], "password": "all"}
    slips = list(sheet.slips([{**entry, "connections": [connection(1), connection(7) | {"member": "b"}]}]))
    assert [(slip.name, slip.password) for slip in slips] == [("a", "all"), ("B", "own")]
    assert [[way.address.split()[2] for way in slip.ways] for slip in slips] == [["31001"], ["31007"]]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_cell_of_the_sheet_is_never_a_formula(cell: str) -> None:
    slip = sheet.Slip(cell, cell, cell, "p", ())
    rows = sheet.as_csv([slip], ("a", "b", "c", "d", "e", "f", "g")).decode("utf-8-sig")
    assert f"'{cell}" in rows


@pytest.mark.parametrize(("word", "kind"), [("stop", Kind.STOP), ("delete", Kind.DELETE)])
def test_a_class_is_ended_after_a_question(front: Front, word: str, kind: Kind) -> None:
    front.outcome(front.run())
    client = front.client()
    page = client.get(f"{CLASS}/{word}").text
    assert "It has 3 instances" in page
    assert front.dispatcher.asked == []
    assert client.post(f"{CLASS}/{word}").headers["Location"] == CLASS
    assert [asked.kind for asked in front.dispatcher.asked] == [kind]
    assert "A run of this class is under way" in client.get(f"{CLASS}/{word}").text
    assert client.post(f"{CLASS}/{word}").status_code == 409


def test_a_start_is_cancelled(front: Front) -> None:
    run = front.run(RunState.RUNNING)
    assert front.client().post(f"/runs/{run.id}/cancel").headers["Location"] == CLASS
    assert "Cancelled" in front.client().get(CLASS).text


def test_the_log_of_a_run_is_shown_as_text(front: Front) -> None:
    run = front.run()
    front.store.folder(run.id).log.write_text("TASK [Start] <b>bold</b>", encoding="utf-8")
    assert "&lt;b&gt;bold" in front.client().get(f"/runs/{run.id}").text
    assert run.id in front.client().get("/runs").text


def test_no_runs_is_a_state_of_its_own(empty: Front) -> None:
    assert "Nothing has run yet" in empty.client().get("/runs").text


@pytest.mark.parametrize("address", ["/nowhere", "/labs/none", "/runs/none", "/labs/linux/classes/9", "/labs/a..b"])
def test_what_is_not_there_is_a_page_with_a_way_back(front: Front, address: str) -> None:
    answer = front.client().get(address)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "To the labs" in answer.text


def test_a_mistake_of_ours_tells_nothing_of_the_inside(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(front.library, "all", broken)
    answer = front.client().get("/")
    assert answer.status_code == 500
    assert "1234" not in answer.text
    assert "our mistake" in answer.text


def test_the_language_is_the_browsers_until_it_is_chosen(front: Front) -> None:
    client = front.client("ru-RU,ru;q=0.9,en;q=0.5")
    page = client.get("/").text
    assert '<html lang="ru">' in page
    assert "Первые шаги" in page
    answer = client.post("/language", data={"language": "en", "back": "/labs/linux?a=1"})
    assert answer.headers["Location"] == "/labs/linux?a=1"
    assert '<html lang="en">' in client.get("/").text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\r\nb: c"])
def test_the_switch_of_languages_leads_nowhere_else(front: Front, elsewhere: str) -> None:
    answer = front.client().post("/language", data={"language": "ru", "back": elsewhere})
    assert answer.headers["Location"] == "/"


def test_sentences_of_the_engine_are_in_the_readers_language(front: Front) -> None:
    front.outcome(front.run(RunState.FAILED), lambda student: "failed")
    assert "пока ни на одном узле нет места для экземпляра" in front.client("ru").get(CLASS).text


def test_a_class_that_another_tab_has_begun_to_end_is_asked_about_again(front: Front) -> None:
    front.outcome(front.run())
    client = front.client()
    assert client.post(f"{CLASS}/stop").status_code == 303
    answer = client.post(f"{CLASS}/delete")
    assert answer.status_code == 409
    assert "A run of this class is under way" in answer.text


def test_a_run_that_is_being_cancelled_says_so(front: Front) -> None:
    run = front.run(RunState.RUNNING)
    front.store.folder(run.id).cancelled.touch()
    for address in (CLASS, f"/runs/{run.id}"):
        page = front.client().get(address).text
        assert "cancelling" in page
        assert "/cancel" not in page


def test_a_class_whose_lab_was_deleted_can_be_ended(front: Front) -> None:
    front.outcome(front.run())
    front.library.delete("linux")
    client = front.client()
    page = client.get(CLASS).text
    assert "no longer among the labs" in page
    assert 'href="/labs/linux"' not in page + client.get(f"{CLASS}/stop").text
    assert client.post(f"{CLASS}/delete").status_code == 303


def test_a_page_of_two_hundred_students_is_made_at_once(front: Front) -> None:
    ids = [f"student-{number}" for number in range(200)]
    lab_text, roster = front.library.get("linux").text, "\n".join(["id", *ids]).encode()
    run = front.store.create(RunRequest(Kind.START, "linux", "1", lab_text, roster))
    for number, student in enumerate(ids):
        told = {"instance": f"lab-linux-student-{student}", "state": "ready", "seconds": 1.0, "reason": ""}
        front.tell(run, "progress", done=number, total=200, connections=[connection(number)], **told)
    client = front.client("ru")
    assert client.get(CLASS).text.count('data-copy="ssh') == 200
    began = time.process_time()
    page = client.get(CLASS).text
    assert time.process_time() - began < 1
    assert len(page) < 400_000


def test_in_a_group_each_member_has_an_address_of_their_own(front: Front) -> None:
    ways = [connection(1) | {"member": "b"}]
    known = Member("i", "g", ({"id": "a", "name": "A"}, {"id": "b", "name": "B"}), connections=tuple(ways))
    told = [connection(number) for number in (1, 2)]
    event = Event(
        1, "progress", {"instance": "i", "state": "ready", "reason": "", "seconds": 1, "connections": told}, 0
    )
    stands = {"instance": "i", "owner": "g", "state": "ready", "members": list(known.students), "connections": ways}
    runs = [
        Told(Kind.START, RunState.SUCCEEDED, (known,), {"instances": [stands]}),
        Told(Kind.START, RunState.RUNNING, (known,), events=[event]),
    ]
    (member,) = merged(runs)
    assert [(one["address"].split()[2], one["member"]) for one in member.connections] == [
        ("31001", "b"),
        ("31002", "a"),
    ]
    assert [member.who(one["member"]) for one in member.connections] == ["B", "A"]
