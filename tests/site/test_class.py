"""A class of twelve students, from the roster to their files and back."""

from __future__ import annotations

import base64
import json
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from running import Played, Site, ssh, wait_until_open
from testbed.paths import REPOSITORY

LAB = REPOSITORY / "docs/labs/linux-basics.yml"
CLASS = "lab_id=linux-basics"
NAMES = [
    "Анна Иванова",
    "Boris",
    "Чжан Вэй",
    "Dmitri",
    "Eva",
    "Fyodor",
    "Galina",
    "Hugo",
    "Irina",
    "Jan",
    "Klara",
    "Lev",
]


@dataclass
class Started:
    """A started class as the teacher has it: the result of the run, and the handed-out credentials."""

    played: Played
    instances: list[dict[str, Any]]
    credentials: dict[str, dict[str, Any]]

    def login(self, owner: str, command: str, folder: Path) -> str:
        """Run a command as a student; fails the test with what ssh said."""
        entry = self.credentials[owner]
        (connection,) = entry["connections"]
        done = ssh(connection, entry["password"], command, folder)
        assert done.returncode == 0, f"{owner}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def roster(site: Site) -> Path:
    path = site.folder / "roster.csv"
    path.write_text("id,name\n" + "".join(f"s{number:02},{name}\n" for number, name in enumerate(NAMES)))
    return path


def start(site: Site, lab: Path, roster: Path, *, options: str = "", **variables: Any) -> Started:
    handout = site.folder / "credentials.json"
    played = site.playbook(
        "lab_start",
        {"lab_file": str(lab), "lab_roster": str(roster), "lab_credentials_file": str(handout), **variables},
        options=options,
    )
    assert played.succeeded, played.output[-5000:]
    assert stat.S_IMODE(handout.stat().st_mode) == 0o600
    entries = json.loads(handout.read_text())
    handout.unlink()
    result = played.result("autolabs.platform.lab_class")
    for entry in entries:
        wait_until_open(entry["connections"][0])
    return Started(played, result["instances"], {entry["owner"]: entry for entry in entries})


@pytest.fixture(scope="module")
def started(site: Site, roster: Path) -> Iterator[Started]:
    # With --diff, so that the search for secrets covers what is said of new objects.
    yield start(site, LAB, roster, options="--diff")
    site.playbook("lab_delete", {"lab_file": str(LAB)})
    site.kubectl("-n", "labs", "delete", "pvc", "-l", CLASS)


def test_every_student_has_an_instance_in_the_order_of_the_roster(started: Started) -> None:
    assert [entry["owner"] for entry in started.instances] == [f"s{number:02}" for number in range(12)]
    assert {entry["state"] for entry in started.instances} == {"ready"}
    assert started.instances[0]["instance"] == "lab-linux-basics-student-s00"
    assert [entry["members"][0]["name"] for entry in started.instances] == NAMES


def test_progress_is_told_while_it_runs(started: Started) -> None:
    told = [
        (progress, event["created"])
        for event in started.played.events
        for progress in map(Progress.parse, event["stdout"].splitlines())
        if progress
    ]
    assert sorted(progress.done for progress, _created in told) == list(range(1, 13))
    assert {progress.state for progress, _created in told} == {"ready"}
    (ended,) = [
        event["created"]
        for event in started.played.events
        if event["event"] == "runner_on_ok" and event["event_data"]["task_action"] == "autolabs.platform.lab_class"
    ]
    assert told[0][1] < ended, "the first line came with the result"


def test_no_password_and_no_key_is_in_the_output_or_in_an_event(site: Site, started: Started) -> None:
    said = json.dumps(started.played.events, ensure_ascii=False) + started.played.output
    for path in (site.folder / "runs").rglob("*"):
        if path.is_file():
            said += path.read_text(errors="replace")
    assert "PRIVATE KEY" not in said
    # As a Secret holds it; the last characters of base64 depend on what follows.
    assert base64.b64encode(b"-----BEGIN OPENSSH").decode()[:20] not in said
    for entry in started.credentials.values():
        assert entry["password"] not in said
        assert base64.b64encode(entry["password"].encode()).decode() not in said


def test_every_student_logs_in_and_a_wrong_password_does_not(started: Started, tmp_path: Path) -> None:
    owners = list(started.credentials)
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda owner: started.login(owner, f"echo {owner} > kept; id -un; pwd", tmp_path), owners))
    assert said == ["student\n/home/student\n"] * 12
    refused = ssh(started.credentials["s00"]["connections"][0], "wrong-password", "true", tmp_path)
    assert refused.returncode == 255 and "Permission denied" in refused.stderr


def test_a_second_start_finds_nothing_to_do(site: Site, roster: Path, started: Started) -> None:
    again = start(site, LAB, roster)
    assert not again.played.result("autolabs.platform.lab_class")["changed"]
    assert again.credentials == started.credentials


def test_files_credentials_and_ports_outlive_the_pods(
    site: Site, roster: Path, started: Started, tmp_path: Path
) -> None:
    site.kubectl("-n", "labs", "delete", "pod", "-l", CLASS, "--wait", timeout=120)
    again = start(site, LAB, roster)
    assert again.credentials == started.credentials
    assert again.login("s07", "cat kept", tmp_path) == "s07\n"


def test_one_deleted_pod_alone_is_made_again(site: Site, roster: Path, started: Started) -> None:
    site.kubectl("-n", "labs", "delete", "pod", "lab-linux-basics-student-s03", "--wait", timeout=60)
    again = start(site, LAB, roster)
    assert [entry["owner"] for entry in again.instances if entry["changed"]] == ["s03"]


def test_a_change_by_hand_is_seen_and_taken_back(site: Site, roster: Path, started: Started) -> None:
    patch = '{"spec":{"externalTrafficPolicy":"Cluster"}}'
    site.kubectl("-n", "labs", "patch", "service", "lab-linux-basics-student-s04", "-p", patch)
    variables = {"lab_file": str(LAB), "lab_roster": str(roster)}
    plan = site.playbook("lab_start", variables, options="--check --diff")
    assert "spec.externalTrafficPolicy: Cluster" in plan.output and "spec.externalTrafficPolicy: Local" in plan.output
    assert plan.result("autolabs.platform.lab_class")["changed"]
    (service,) = [
        found for found in site.objects("service", "labs", CLASS) if found["metadata"]["name"].endswith("s04")
    ]
    assert service["spec"]["externalTrafficPolicy"] == "Cluster", "check mode changed something"
    again = start(site, LAB, roster)
    assert [entry["owner"] for entry in again.instances if entry["changed"]] == ["s04"]


def test_a_changed_lab_is_shown_and_applied_only_on_request(
    site: Site, roster: Path, started: Started, tmp_path: Path
) -> None:
    changed = tmp_path / "lab.yml"
    changed.write_text(
        LAB.read_text().replace("    volumes:\n", "    environment:\n      NEW: 'yes'\n    volumes:\n", 1)
    )
    shown = start(site, changed, roster)
    assert not any(entry["changed"] for entry in shown.instances)
    assert all("env" in " ".join(entry["outdated"]) for entry in shown.instances)
    applied = start(site, changed, roster, lab_recreate=True)
    assert all(entry["changed"] and not entry["outdated"] for entry in applied.instances)
    assert applied.login("s05", "cat kept", tmp_path) == "s05\n"


def test_a_student_who_leaves_the_roster_loses_all_but_the_volume(site: Site, roster: Path, started: Started) -> None:
    fewer = site.folder / "fewer.csv"
    fewer.write_text("".join(line for line in roster.read_text().splitlines(keepends=True) if "s11" not in line))
    start(site, LAB, fewer, lab_recreate=True)
    gone = "lab-linux-basics-student-s11"
    for kind in ("pod", "service", "secret"):
        assert gone not in {found["metadata"]["name"] for found in site.objects(kind, "labs", CLASS)}
    assert gone in {found["metadata"]["name"] for found in site.objects("pvc", "labs", CLASS)}


def test_stop_removes_the_pods_alone(site: Site, roster: Path, started: Started, tmp_path: Path) -> None:
    before = {kind: len(site.objects(kind, "labs", CLASS)) for kind in ("service", "secret", "pvc", "networkpolicy")}
    played = site.playbook("lab_stop", {"lab_id": "linux-basics"})
    result = played.result("autolabs.platform.lab_class")
    states = {entry["owner"]: entry["state"] for entry in result["instances"]}
    assert {states[owner] for owner in started.credentials if owner != "s11"} == {"stopped"}
    assert site.objects("pod", "labs", CLASS) == []
    assert {kind: len(site.objects(kind, "labs", CLASS)) for kind in before} == before
    status = site.playbook("lab_status", {"lab_id": "linux-basics"}).result("autolabs.platform.lab_class_info")
    assert {entry["owner"]: entry["state"] for entry in status["instances"]} == states
    assert states["s11"] == "absent", "only the volume of a student who left the roster is there"
    assert not site.playbook("lab_stop", {"lab_id": "linux-basics"}).result("autolabs.platform.lab_class")["changed"]
    again = start(site, LAB, roster)
    kept = started.credentials
    assert {key: value for key, value in again.credentials.items() if key != "s11"} == {
        key: value for key, value in kept.items() if key != "s11"
    }
    assert again.login("s11", "cat kept", tmp_path) == "s11\n"


def test_delete_leaves_the_volumes_alone(site: Site, started: Started) -> None:
    played = site.playbook("lab_delete", {"lab_id": "linux-basics"})
    assert played.succeeded, played.output[-5000:]
    for kind in ("pod", "service", "secret", "configmap", "networkpolicy"):
        assert site.objects(kind, "labs", CLASS) == []
    assert len(site.objects("pvc", "labs", CLASS)) == 12
    again = site.playbook("lab_delete", {"lab_id": "linux-basics"})
    assert not again.result("autolabs.platform.lab_class")["changed"]


def test_an_http_lab_answers_and_asks_for_the_password(site: Site, tmp_path: Path) -> None:
    roster = tmp_path / "two.json"
    roster.write_text('[{"id": "anna"}, {"id": "boris"}]')
    lab = REPOSITORY / "docs/labs/sql-injection.yml"
    started = start(site, lab, roster)
    try:
        entry = started.credentials["boris"]
        address = entry["connections"][0]["address"]
        assert address.startswith("http://")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(address, timeout=10)
        token = base64.b64encode(f"student:{entry['password']}".encode()).decode()
        request = urllib.request.Request(address, headers={"Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200 and "<form" in answer.read().decode()
    finally:
        site.playbook("lab_delete", {"lab_file": str(lab)})
        site.kubectl("-n", "labs", "delete", "pvc", "-l", "lab_id=sql-injection")
