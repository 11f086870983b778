"""Runs by the real playbooks, from the request to their outcome, whatever dies in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from unit.webapi.conftest import LAB, REPOSITORY, Machine, asked, pods_are_there

from webapi.classes.classes import Classes
from webapi.runs.model import ClassBusy, Kind, Run, RunState
from webapi.runs.processes import of_run, process

pytestmark = pytest.mark.slow

STUDENTS = ["lab-a-lab-student-anna", "lab-a-lab-student-bob", "lab-a-lab-student-c-3"]
WEB_PROCESS = """
import sys, time
from pathlib import Path
from unit.webapi.conftest import Machine, asked
machine = Machine(Path(sys.argv[1]), None, Path(sys.argv[2]))
print(machine.dispatcher().submit(asked()).id, flush=True)
time.sleep(60)
"""


def command_lines() -> str:
    """Those of all processes of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def started_as_web_process(machine: Machine) -> tuple[subprocess.Popen[str], str]:
    """A process of its own that starts a class, as a web app does, and the run's id."""
    paths = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / ".collections")]
    web = subprocess.Popen(
        [sys.executable, "-c", WEB_PROCESS, str(machine.folder), str(machine.inventory)],
        env={**os.environ, "PYTHONPATH": ":".join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert web.stdout is not None
    return web, web.stdout.readline().strip()


def test_a_start_tells_of_every_student_and_hands_out_credentials_once(machine: Machine) -> None:
    run = machine.dispatcher().submit(asked())
    seen = ""
    while not machine.store.get(run.id).state.ended:
        seen += command_lines()
    ended = machine.wait(run.id)
    assert (ended.state, ended.message) == (RunState.SUCCEEDED, "3 of 3 instances ready"), machine.store.log(run.id)
    assert sorted(event.data["instance"] for event in machine.events(run.id, "progress")) == STUDENTS
    states = [event.data["state"] for event in machine.events(run.id, "state")]
    assert states == ["queued", "running", "succeeded"]
    assert machine.events(run.id)[-1].last
    outcome = machine.store.outcome(run.id)
    assert outcome is not None and [one["owner"] for one in outcome["instances"]] == ["anna", "bob", "c-3"]
    view = Classes(machine.store).get("a-lab", "1")
    assert view is not None and view.credentials_available
    assert (str(view.admission), view.counts) == ("3 of 3 fit", {"ready": 3})
    assert [member.name for member in view.members] == ["Anna A.", "Bob B.", "Вера"]
    file = machine.store.folder(run.id).credentials
    assert file.stat().st_mode & 0o777 == 0o600

    credentials = Classes(machine.store).take_credentials("a-lab", "1")
    assert credentials is not None and len({one["password"] for one in credentials}) == 3
    assert Classes(machine.store).take_credentials("a-lab", "1") is None
    files = [path for path in machine.folder.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files).decode(errors="replace") + seen
    assert [one["owner"] for one in credentials if one["password"] in kept] == []
    assert str(machine.store.folder(run.id).path) in seen
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_stop_and_delete_act_on_what_was_started(machine: Machine) -> None:
    dispatcher = machine.dispatcher()
    for kind, state in ((Kind.START, "ready"), (Kind.STOP, "stopped"), (Kind.DELETE, "absent")):
        ended = machine.wait(dispatcher.submit(asked(kind)).id)
        assert (ended.state, ended.message) == (RunState.SUCCEEDED, f"3 of 3 instances {state}")
        view = Classes(machine.store).get("a-lab", "1")
        assert view is not None and view.counts == {state: 3}
        assert view.gone == (kind == Kind.DELETE)
        assert view.credentials_available == (kind != Kind.DELETE)


def test_a_preview_asks_the_cluster_and_changes_nothing(machine: Machine) -> None:
    ended = machine.wait(machine.dispatcher().submit(asked(Kind.PREVIEW)).id)
    assert ended.state == RunState.SUCCEEDED, machine.store.log(ended.id)
    outcome = machine.store.outcome(ended.id)
    assert outcome is not None and outcome["admission"]["fits"] == 3
    assert [line for line in machine.api.requests if line.startswith("PATCH") and "dry run" not in line] == []
    assert not machine.store.has_credentials(ended.id)
    assert Classes(machine.store).get("a-lab", "1") is None


def test_mistakes_are_told_by_file_and_line_without_a_path_of_the_machine(machine: Machine) -> None:
    ended = machine.wait(machine.dispatcher().submit(asked(roster=b"id\nanna\nanna\n")).id)
    assert ended.state == RunState.FAILED
    assert "roster.csv:3" in ended.message and str(machine.folder) not in ended.message
    view = Classes(machine.store).get("a-lab", "1")
    assert view is not None and "roster.csv:3" in view.problems[0]


def test_input_is_data_and_never_executed(machine: Machine, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    payloads = [f"{{{{ lookup('pipe', 'touch {proof}') }}}}", f"$(touch {proof})", f"`touch {proof}`", "!unsafe x"]
    lab = LAB + f"  text: {json.dumps(' '.join(payloads).replace('$', '$$'))}\n"
    roster = "id,name\n" + "".join(f's{number},"{text}"\n' for number, text in enumerate(payloads))
    options = {"course_id": payloads[0], "students": payloads}
    run = machine.dispatcher().submit(asked(lab_text=lab, roster=roster.encode(), options=options))
    machine.wait(run.id)
    outcome = machine.store.outcome(run.id)
    assert outcome is not None and not proof.exists()


def test_a_class_takes_one_run_and_the_machine_a_limited_number(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    dispatcher = machine.dispatcher(most=1)
    first, second = dispatcher.submit(asked()), dispatcher.submit(asked(class_id="2"))
    with pytest.raises(ClassBusy, match="a start of class 2 of lab a-lab is queued"):
        dispatcher.submit(asked(Kind.STOP, class_id="2"))
    third = dispatcher.submit(asked(class_id="3"))
    machine.wait(first.id, lambda run: run.state == RunState.RUNNING)
    cancelled = dispatcher.cancel(third.id)
    assert (cancelled.state, cancelled.message) == (
        RunState.CANCELLED,
        "Cancelled before it began; nothing was changed.",
    )
    assert machine.store.get(second.id).state == RunState.QUEUED
    dispatcher.cancel(first.id)
    machine.wait(second.id, lambda run: run.state == RunState.RUNNING)
    dispatcher.cancel(second.id)


def test_a_cancelled_run_leaves_no_process_and_says_what_stays(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    dispatcher = machine.dispatcher()
    run = dispatcher.submit(asked())
    pods_are_there(machine)
    processes = of_run(run.id)
    sessions = {os.getsid(one.pid) for one in processes}
    assert len(processes) >= 3 and len(sessions) >= 2, "ansible's workers are in sessions of their own"
    began = time.monotonic()
    ended = dispatcher.cancel(run.id)
    assert time.monotonic() - began < 10
    assert [one for one in processes if process(one.pid) == one] == [] and of_run(run.id) == []
    assert ended.state == RunState.CANCELLED
    assert ended.message.endswith("start the class again to continue, or delete it.")
    assert machine.events(run.id)[-1].data == {"state": "cancelled", "message": ended.message}
    assert dispatcher.cancel(run.id) == ended


def test_whoever_cancels_need_not_wait(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    dispatcher = machine.dispatcher()
    assert dispatcher.trouble() == ""
    run = dispatcher.submit(asked())
    pods_are_there(machine)
    began = time.monotonic()
    assert dispatcher.cancel(run.id, wait=False).state == RunState.RUNNING
    assert time.monotonic() - began < 1
    assert machine.store.cancelling(run.id)
    assert machine.wait(run.id).state == RunState.CANCELLED
    assert not machine.store.cancelling(run.id) and of_run(run.id) == []
    machine.dispatchers.remove(dispatcher)
    dispatcher.close()
    assert "nobody looks after the runs" in dispatcher.trouble()


def test_the_death_of_the_web_process_loses_nothing(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    web, run_id = started_as_web_process(machine)
    pods_are_there(machine)
    web.kill()
    web.wait()
    machine.everything_ready()
    machine.dispatcher()
    ended = machine.wait(run_id)
    assert (ended.state, ended.message) == (RunState.SUCCEEDED, "3 of 3 instances ready")
    assert len(machine.events(run_id, "progress")) == 3 and machine.store.has_credentials(run_id)


def test_a_run_without_its_process_is_lost_with_its_log_and_its_children(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    dispatcher = machine.dispatcher()
    run = dispatcher.submit(asked())
    pods_are_there(machine)
    os.kill(machine.store.get(run.id).pid, signal.SIGKILL)
    ended = machine.wait(run.id)
    assert ended.state == RunState.LOST and "Start every instance" in machine.store.log(run.id)
    assert of_run(run.id) == []
    view = Classes(machine.store).get("a-lab", "1")
    assert view is not None and view.counts == {"unknown": 3} and not view.active


def test_what_was_lost_or_waiting_while_no_web_app_ran_is_found(machine: Machine) -> None:
    machine.api.kubelet = lambda pod: None
    web, run_id = started_as_web_process(machine)
    pods_are_there(machine)
    web.kill()
    web.wait()
    running: Run = machine.store.get(run_id)
    os.kill(running.pid, signal.SIGKILL)
    waiting = machine.store.create(asked(Kind.PREVIEW))
    machine.dispatcher()
    assert machine.wait(run_id).state == RunState.LOST
    assert machine.wait(waiting.id).state == RunState.SUCCEEDED
