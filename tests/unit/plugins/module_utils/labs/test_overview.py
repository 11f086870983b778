"""How the instances of a live class are."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.overview import overview, worst
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status
from unit.support.classes import CREDENTIALS, SEEDED, SETTINGS, SEVERAL, class_of, live_with, waiting

READY, STARTING, FAILED = Status("ready"), Status("starting", "wait"), Status("failed", "no")
NAME = "lab-123-student-anna"


@pytest.mark.parametrize(
    ("missing", "state"),
    [
        ((), "ready"),
        (("Pod",), "stopped"),
        (("Pod", "Service"), "stopped"),
        (("Pod", "Service", "Secret"), "absent"),
        (("Service", "Secret"), "ready"),
    ],
)
def test_what_is_left_tells_the_state(missing: tuple[str, ...], state: str) -> None:
    live = live_with(class_of("anna"))
    live.objects = {key: found for key, found in live.objects.items() if key[0] not in missing}
    (found,) = overview(live, SETTINGS)
    assert (found.instance, found.owner, found.status.state) == (NAME, "anna", state)


def test_a_pod_that_cannot_run_tells_why() -> None:
    (found,) = overview(live_with(class_of("anna"), **waiting("InvalidImageName")), SETTINGS)
    assert found.status.state == "failed"


def test_every_pod_of_an_instance_counts() -> None:
    live = live_with(class_of("anna", lab=SEVERAL))
    assert overview(live, SETTINGS)[0].status.state == "ready"
    live.objects["Pod", f"{NAME}-db"]["status"] = waiting("InvalidImageName")
    assert overview(live, SETTINGS)[0].status.state == "failed"


def test_a_component_without_a_pod_is_missed() -> None:
    live = live_with(class_of("anna", lab=SEVERAL))
    del live.objects["Pod", f"{NAME}-db"]
    (found,) = overview(live, SETTINGS)
    assert (found.instance, found.status.state) == (NAME, "starting")
    assert "the component db has not begun" in found.status.reason


def test_what_has_done_its_work_is_as_good_as_what_runs() -> None:
    live = live_with(class_of("anna", lab=SEEDED))
    live.objects["Pod", f"{NAME}-seed"]["status"] = {"phase": "Succeeded"}
    assert overview(live, SETTINGS)[0].status.state == "ready"


def test_owners_come_in_order_and_what_the_class_shares_is_no_instance() -> None:
    found = overview(live_with(class_of("clara", "anna", "boris")), SETTINGS)
    assert [one.owner for one in found] == ["anna", "boris", "clara"]
    assert overview(live_with(class_of("anna")).limited_to(frozenset()), SETTINGS) == []


@pytest.mark.parametrize(("access_host", "host"), [("", "192.0.2.7"), ("labs.example.org", "labs.example.org")])
def test_a_running_instance_has_its_connections(access_host: str, host: str) -> None:
    live = live_with(class_of("anna"))
    live.objects["Service", NAME]["spec"]["ports"][0]["nodePort"] = 30001
    (found,) = overview(live, Settings(access_host=access_host))
    (connection,) = found.connections
    assert connection.address == f"ssh -p 30001 student@{host}"
    assert connection.host_key_fingerprint == CREDENTIALS.fingerprint


def test_a_stopped_instance_has_no_connections() -> None:
    live = live_with(class_of("anna"))
    live.objects["Service", NAME]["spec"]["ports"][0]["nodePort"] = 30001
    del live.objects["Pod", NAME]
    (found,) = overview(live, Settings(access_host="labs.example.org"))
    assert found.connections == ()


@pytest.mark.parametrize(
    ("statuses", "together"),
    [
        ([READY], READY),
        ([READY, STARTING], STARTING),
        ([STARTING, FAILED, READY], FAILED),
        ([READY, READY], READY),
        ([], READY),
    ],
)
def test_the_worst_of_several_pods_decides(statuses: list[Status], together: Status) -> None:
    assert worst(statuses) == together
