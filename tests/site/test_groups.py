"""A group in one instance: an account of their own for each member, and one volume for all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from running import Played, Site, ssh, wait_until_open

LAB = """\
name: shared-desk
services:
  box:
    image: registry.autolabs.internal/labs/linux-ssh:1
    volumes:
      - home:/home
    mem_limit: 96m
volumes:
  home:
x-lab:
  deployment_mode: per_group
  access: ssh
"""
SELECTOR = "lab_id=shared-desk"
POD = "lab-shared-desk-group-red"
SECONDS_TO_CLOSE = 20
"""From the end of the run that removed a member."""
LONG = 600


@dataclass
class Group:
    """The group `red`, as its teacher starts it again and again with other members."""

    site: Site
    lab: Path
    folder: Path
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was handed out to each."""
    played: Played | None = None

    def start(self, *students: str, **variables: Any) -> dict[str, Any]:
        """Start the class with these members; the result of the one instance."""
        handout = self.folder / "credentials.json"
        roster = [{"id": student, "group": "red"} for student in students]
        named = {"lab_file": str(self.lab), "lab_students": roster, "lab_credentials_file": str(handout)}
        self.played = self.site.playbook("lab_start", {**named, **variables})
        assert self.played.succeeded, self.played.output[-5000:]
        (entry,) = json.loads(handout.read_text())
        self.members = {member["id"]: member for member in entry["members"]}
        for member in self.members.values():
            for connection in member["connections"]:
                wait_until_open(connection)
        (instance,) = self.played.result("autolabs.platform.lab_class")["instances"]
        return dict(instance)

    def tries(
        self, member: dict[str, Any], command: str, timeout: float = 30, password: str = ""
    ) -> CompletedProcess[str]:
        """Log in by a member's own port."""
        (connection,) = member["connections"]
        return ssh(connection, password or member["password"], command, self.folder, timeout=timeout)

    def run(self, student: str, command: str) -> str:
        """What a command printed for a member who logged in."""
        done = self.tries(self.members[student], command)
        assert done.returncode == 0, f"{student}: {done.stderr}"
        return done.stdout

    def pod_uid(self) -> str:
        """Another one, where the Pod was replaced."""
        return self.site.kubectl("-n", "labs", "get", "pod", POD, "-o", "jsonpath={.metadata.uid}")

    def restarts(self) -> str:
        """How often each container was started again."""
        return self.site.kubectl(
            "-n", "labs", "get", "pod", POD, "-o", "jsonpath={.status.containerStatuses[*].restartCount}"
        )


@pytest.fixture(scope="module")
def group(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("groups")
    lab = folder / "shared-desk.yml"
    lab.write_text(LAB)
    yield Group(site, lab, folder)
    site.playbook("lab_delete", {"lab_id": "shared-desk"})
    site.kubectl("-n", "labs", "delete", "pvc", "-l", SELECTOR, "--wait=false")


def session(pool: ThreadPoolExecutor, group: Group, student: str) -> Future[CompletedProcess[str]]:
    """An open ssh session in which a program runs, in the background too."""
    member, sign = group.members[student], f"/home/student/in-{student}"
    opened = pool.submit(group.tries, member, f"echo $$ > {sign}; sleep {LONG} & sleep {LONG}", timeout=LONG)
    deadline = time.monotonic() + 20
    while student not in group.run(student, "ls /home/student"):
        assert time.monotonic() < deadline and not opened.done(), "the session did not begin"
        time.sleep(0.5)
    return opened


def test_each_member_logs_in_by_their_own_port_and_password(group: Group) -> None:
    found = group.start("anna", "bob", "clara")
    assert found["state"] == "ready"
    ports = {connection["port"] for member in group.members.values() for connection in member["connections"]}
    assert len(ports) == 3
    assert [connection["member"] for connection in found["connections"]] == ["anna", "bob", "clara"]
    said = [group.run(student, "echo $AUTOLABS_STUDENT_ID $AUTOLABS_GROUP_ID; id -un") for student in group.members]
    assert said == [f"{student} red\nstudent\n" for student in ("anna", "bob", "clara")]


def test_nobody_logs_in_with_another_members_password(group: Group) -> None:
    anna, bob = group.members["anna"], group.members["bob"]
    refused = group.tries(anna, "true", password=bob["password"])
    assert refused.returncode == 255 and "Permission denied" in refused.stderr


def test_no_password_is_in_the_result_or_the_output(group: Group) -> None:
    assert group.played
    said = json.dumps(group.played.events, ensure_ascii=False) + group.played.output
    assert not [member for member in group.members.values() if member["password"] in said]


def test_the_volume_is_the_groups(group: Group) -> None:
    group.run("anna", "echo from anna > shared")
    assert group.run("bob", "cat shared") == "from anna\n"


def test_a_second_start_changes_nothing(group: Group) -> None:
    before = group.members
    assert not group.start("anna", "bob", "clara")["changed"]
    assert group.members == before


def test_who_leaves_is_out_within_seconds_and_nobody_else_notices(group: Group) -> None:
    before, uid = dict(group.members), group.pod_uid()
    with ThreadPoolExecutor(2) as pool:
        annas, bobs = session(pool, group, "anna"), session(pool, group, "bob")
        group.start("bob", "clara")
        assert annas.result(timeout=SECONDS_TO_CLOSE).returncode == 255
        group.site.kubectl(
            "-n", "labs", "exec", POD, "-c", "box-2222", "--", "test", "!", "-e", "/run/autolabs/password"
        )
        running = group.site.kubectl("-n", "labs", "exec", POD, "-c", "box-2222", "--", "ps", "-eo", "args")
        assert "sleep" not in running
        with pytest.raises((OSError, AssertionError)):
            wait_until_open(before["anna"]["connections"][0], seconds=2)
        assert not bobs.done(), "bob's session ended"
        assert group.run("bob", "pgrep -c sleep") == "2\n"
        assert group.run("clara", "cat shared") == "from anna\n"
        group.run("bob", "pkill sleep")
        assert bobs.result(timeout=SECONDS_TO_CLOSE).returncode != 255
    assert (group.pod_uid(), group.restarts()) == (uid, "0 0 0")
    assert not group.start("bob", "clara")["changed"]


def test_who_comes_back_has_the_old_seat_and_a_new_password(group: Group) -> None:
    uid = group.pod_uid()
    found = group.start("anna", "bob", "clara")
    assert not found["outdated"]
    deadline = time.monotonic() + SECONDS_TO_CLOSE
    while group.tries(group.members["anna"], "true").returncode:
        assert time.monotonic() < deadline, "anna does not get in"
        time.sleep(0.5)
    assert group.run("anna", "echo $AUTOLABS_SSH_PORT") == "2222\n"
    assert group.pod_uid() == uid


def test_a_new_member_waits_until_the_instance_is_recreated(group: Group) -> None:
    uid = group.pod_uid()
    found = group.start("bob", "clara", "dan")
    assert "spec.containers[box-2225]" in found["outdated"]
    assert group.members["dan"]["connections"] == []
    assert group.pod_uid() == uid
    assert not group.start("bob", "clara", "dan", lab_recreate=True)["outdated"]
    assert group.pod_uid() != uid
    assert group.run("dan", "cat shared; echo $AUTOLABS_SSH_PORT") == "from anna\n2225\n"
    containers = group.site.kubectl("-n", "labs", "get", "pod", POD, "-o", "jsonpath={.spec.containers[*].name}")
    assert containers == "box-2223 box-2224 box-2225"


def test_seats_and_passwords_outlive_a_stop(group: Group) -> None:
    before = group.members
    assert group.site.playbook("lab_stop", {"lab_id": "shared-desk"}).succeeded
    group.start("bob", "clara", "dan")
    assert group.members == before
    assert group.run("dan", "cat shared") == "from anna\n"
