"""Starting a class: against a server that the test makes slow, full or forgetful."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import watcher
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs import engine
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import NoRoom
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import COMPLETED, HEALTHY, STARTED, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import credentials_of, plan_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running import start, vanguard
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.rehearsal import validate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.start import Terms, start_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import Status
from unit.support.api_server import ApiServer, Object, serving
from unit.support.classes import COMPONENT, LAB, SETTINGS, class_of, component, manifests, ready, waiting

ANNA, BORIS, CLARA = (f"lab-123-student-{name}" for name in ("anna", "boris", "clara"))
THREE = class_of("anna", "boris", "clara")
READY = Status("ready")
FULL = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}
NEW_ENV = component(environment={"A": "2"})


class Cluster:
    """A server, and starts of classes on it."""

    def __init__(self, server: ApiServer, kubeconfig: str, workers: ThreadPoolExecutor) -> None:
        self.server, self.session, self._workers = server, Session(kubeconfig), workers
        self.reports: list[Progress] = []
        server.kubelet = lambda pod: ready()

    def has_room(self) -> None:
        """Let there be a node and a storage class, for which admission asks."""
        amounts = {"cpu": "64", "memory": "256Gi", "pods": "500"}
        ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": amounts}
        self.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}, "spec": {}}, ready)
        name = {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
        self.server.put(
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": name, "provisioner": "fast.example"}
        )

    def holds(self, lab_class: LabClass) -> None:
        """Let the class be there, running, as an earlier run left it."""
        for manifest in manifests(lab_class):
            self.server.put(manifest, ready() if manifest["kind"] == "Pod" else None)

    def start(
        self, lab_class: LabClass, *, timeout: float = 20, recreate: bool = False, **terms: Any
    ) -> dict[str, Status]:
        live = read(self.session, "labs", "123", "1")
        plan = plan_class(lab_class, live, credentials_of(lab_class, live), SETTINGS, recreate=recreate)
        self.server.requests.clear()
        validate(self.session, plan)
        return start_class(self.session, lab_class, plan, live, Terms(timeout, **terms), self.reports.append)

    def starting(self, lab_class: LabClass, **terms: Any) -> Future[dict[str, Status]]:
        """A start that goes on while the test does something else."""
        return self._workers.submit(self.start, lab_class, **terms)

    def written(self) -> list[str]:
        """What was really changed, as `PATCH pods/NAME`."""
        words = [request.split() for request in self.server.requests if not request.endswith("(dry run)")]
        return [f"{method} {'/'.join(path.split('/')[-2:])}" for method, path in words if method != "GET"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(watcher, "PAUSE_SECONDS", 0.02)
    with serving(tmp_path) as (server, kubeconfig), ThreadPoolExecutor(1) as workers:
        yield Cluster(server, kubeconfig, workers)


def test_a_class_starts_and_each_instance_is_told_once(cluster: Cluster) -> None:
    assert cluster.start(THREE) == dict.fromkeys((ANNA, BORIS, CLARA), READY)
    assert [(line.done, line.total, line.state) for line in cluster.reports] == [(n, 3, "ready") for n in (1, 2, 3)]
    assert {line.instance for line in cluster.reports} == {ANNA, BORIS, CLARA}


def test_the_policy_is_there_before_anything_that_it_isolates(cluster: Cluster) -> None:
    cluster.start(THREE)
    assert cluster.written()[0] == "PATCH networkpolicies/lab-123"
    for name in (ANNA, BORIS, CLARA):
        own = [request for request in cluster.written() if request.endswith(name)]
        assert own == [f"PATCH {kind}/{name}" for kind in ("secrets", "persistentvolumeclaims", "services", "pods")]


def test_one_object_of_each_kind_is_judged_before_any_is_made(cluster: Cluster) -> None:
    cluster.start(THREE)
    dry = [request for request in cluster.server.requests if request.endswith("(dry run)")]
    assert cluster.server.requests[: len(dry)] == dry
    kinds = ["networkpolicies", "secrets", "persistentvolumeclaims", "services", "pods"]
    assert [request.split("/")[-2] for request in dry] == kinds


def test_each_way_in_and_the_internal_service_are_judged(cluster: Cluster) -> None:
    cluster.start(class_of("anna", "boris", lab=TWO))
    dry = [request for request in cluster.server.requests if request.endswith("(dry run)") and "/services/" in request]
    assert len(dry) == 2


@pytest.mark.parametrize("lab_class", [THREE, class_of("anna", "boris", "clara", lab=NEW_ENV)])
def test_a_refused_class_touches_nothing(cluster: Cluster, lab_class: LabClass) -> None:
    cluster.server.refusals[f"PATCH /pods/{ANNA}"] = [(403, 'violates PodSecurity "restricted"', {})]
    with pytest.raises(ApiError, match="violates PodSecurity"):
        cluster.start(lab_class)
    assert (cluster.server.objects, cluster.written(), cluster.reports) == ({}, [], [])


def test_a_refused_new_version_leaves_the_old_one_running(cluster: Cluster) -> None:
    cluster.holds(THREE)
    cluster.server.refusals[f"PATCH /pods/{ANNA}-new"] = [(403, 'violates PodSecurity "restricted"', {})]
    with pytest.raises(ApiError, match="violates PodSecurity"):
        cluster.start(class_of("anna", "boris", "clara", lab=NEW_ENV), recreate=True)
    assert cluster.written() == []


def test_a_quota_that_the_old_instance_uses_up_is_no_refusal_of_the_new_one(cluster: Cluster) -> None:
    cluster.holds(class_of("anna"))
    cluster.server.refusals[f"PATCH /pods/{ANNA}-new"] = [(403, "exceeded quota: labs", {})]
    assert cluster.start(class_of("anna", lab=NEW_ENV), recreate=True) == {ANNA: READY}
    assert cluster.written() == [f"DELETE pods/{ANNA}", f"PATCH pods/{ANNA}"]


def test_what_is_refused_to_one_does_not_stop_the_others(cluster: Cluster) -> None:
    cluster.server.refusals[f"PATCH /services/{BORIS}"] = [(403, "exceeded quota: labs", {})]
    found = cluster.start(THREE)
    assert (found[ANNA], found[CLARA]) == (READY, READY)
    assert (found[BORIS].state, found[BORIS].reason) == ("failed", "the cluster's quota for labs is used up")
    assert not cluster.server.has("Pod", BORIS)


def test_an_instance_that_cannot_run_does_not_stop_the_others(cluster: Cluster) -> None:
    def kubelet(pod: Object) -> Object:
        return waiting("ImagePullBackOff") if pod["metadata"]["name"] == BORIS else ready()

    cluster.server.kubelet = kubelet
    found = cluster.start(THREE)
    assert [found[name].state for name in (ANNA, BORIS, CLARA)] == ["ready", "failed", "ready"]
    assert "cannot be pulled" in found[BORIS].reason


def test_an_unchanged_class_is_only_looked_at(cluster: Cluster) -> None:
    cluster.holds(THREE)
    cluster.start(THREE)
    before = dict(cluster.server.objects)
    assert cluster.start(THREE) == dict.fromkeys((ANNA, BORIS, CLARA), READY)
    assert cluster.written() == []
    assert cluster.server.objects == before


def test_the_run_after_an_interrupted_one_makes_only_what_is_missing(cluster: Cluster) -> None:
    cluster.holds(THREE)
    cluster.server.remove("Pod", BORIS)
    cluster.server.remove("Service", BORIS)
    assert set(cluster.start(THREE).values()) == {READY}
    assert cluster.written() == [f"PATCH services/{BORIS}", f"PATCH pods/{BORIS}"]


def test_a_new_pod_comes_only_when_the_old_one_is_gone(cluster: Cluster) -> None:
    cluster.holds(class_of("anna"))
    cluster.server.deletes_at_once = False
    found = cluster.starting(class_of("anna", lab=NEW_ENV), recreate=True)
    cluster.server.wait_for(lambda: f"DELETE pods/{ANNA}" in cluster.written())
    # The old one still says that it is ready, which is not to be taken for the new one.
    cluster.server.report(ANNA, ready())
    assert cluster.written() == [f"DELETE pods/{ANNA}"]
    cluster.server.remove("Pod", ANNA)
    assert found.result(20) == {ANNA: READY}
    assert cluster.written() == [f"DELETE pods/{ANNA}", f"PATCH pods/{ANNA}"]


@pytest.mark.parametrize("name", [ANNA])
def test_an_old_pod_that_went_by_itself_is_replaced_as_well(cluster: Cluster, name: str) -> None:
    cluster.holds(class_of("anna"))
    cluster.server.report(name, {"phase": "Failed"})
    assert cluster.start(class_of("anna")) == {name: READY}
    assert cluster.written() == [f"DELETE pods/{name}", f"PATCH pods/{name}"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(FULL, "no node has room for the instance yet"), (waiting("ContainerCreating"), "the instance is starting")],
)
def test_what_is_not_ready_in_time_has_failed_with_the_last_reason(
    cluster: Cluster, status: Object, reason: str
) -> None:
    cluster.server.kubelet = lambda pod: status if pod["metadata"]["name"] == BORIS else ready()
    found = cluster.start(THREE, timeout=0.6)
    assert [found[name].state for name in (ANNA, BORIS, CLARA)] == ["ready", "failed", "ready"]
    assert found[BORIS].reason == f"not ready after 1 s: {reason}"
    assert len(cluster.reports) == 3


def test_an_old_pod_that_does_not_end_is_named_as_the_reason(cluster: Cluster) -> None:
    cluster.holds(class_of("anna"))
    cluster.server.deletes_at_once = False
    found = cluster.start(class_of("anna", lab=NEW_ENV), recreate=True, timeout=0.6)
    assert found[ANNA].reason == "not ready after 1 s: the old instance is ending"
    assert f"PATCH pods/{ANNA}" not in cluster.written()


def test_what_somebody_deletes_while_it_starts_has_failed(cluster: Cluster) -> None:
    cluster.server.kubelet = lambda pod: ready() if pod["metadata"]["name"] != BORIS else None
    found = cluster.starting(THREE)
    cluster.server.wait_for(lambda: cluster.server.has("Pod", BORIS))
    cluster.server.remove("Pod", BORIS)
    statuses = found.result(20)
    assert statuses[BORIS] == Status("failed", "somebody deleted the instance while it was starting")
    assert (statuses[ANNA], statuses[CLARA]) == (READY, READY)


def test_an_instance_is_ready_when_all_its_pods_are(cluster: Cluster) -> None:
    lab = replace(LAB, components=(COMPONENT, replace(COMPONENT, name="db", mounts=())))
    cluster.server.kubelet = lambda pod: ready() if pod["metadata"]["name"].endswith("linux") else None
    found = cluster.starting(class_of("anna", lab=lab))
    cluster.server.wait_for(lambda: cluster.server.has("Pod", f"{ANNA}-db"))
    assert cluster.reports == []
    cluster.server.report(f"{ANNA}-db", ready())
    assert found.result(20) == {ANNA: READY}


@pytest.mark.parametrize("forget", [False, True])
def test_a_start_outlives_a_broken_watch(cluster: Cluster, forget: bool) -> None:
    cluster.server.kubelet = lambda pod: None
    found = cluster.starting(class_of("anna"))
    cluster.server.wait_for(lambda: cluster.server.has("Pod", ANNA))
    cluster.server.break_watches(forget=forget)
    cluster.server.report(ANNA, ready())
    assert found.result(20) == {ANNA: READY}


def test_what_cannot_be_pruned_is_told_and_stops_nobody(cluster: Cluster) -> None:
    cluster.holds(class_of("boris"))
    cluster.server.refusals[f"DELETE /services/{BORIS}"] = [(403, "services is forbidden", {})]
    found = cluster.start(class_of("anna"))
    assert found[ANNA] == READY
    assert (found[BORIS].state, found[BORIS].reason) == (
        "failed",
        "what is no longer wanted could not be deleted; start the class again",
    )
    assert not cluster.server.has("Pod", BORIS)
    assert not cluster.server.has("Secret", BORIS)


def test_students_who_left_are_gone_but_for_their_volume(cluster: Cluster) -> None:
    cluster.holds(class_of("anna", "boris"))
    assert cluster.start(class_of("anna")).keys() == {ANNA}
    kinds = {manifest["kind"] for path, manifest in cluster.server.objects.items() if path.endswith(BORIS)}
    assert kinds == {"PersistentVolumeClaim"}


def test_the_outcome_of_a_start_has_connections_and_leftovers(cluster: Cluster) -> None:
    cluster.has_room()
    cluster.holds(class_of("boris"))
    cluster.server.refusals[f"DELETE /services/{BORIS}"] = [(403, "services is forbidden", {})]
    settings = replace(SETTINGS, access_host="labs.example.org")
    outcome, credentials = engine.start(
        cluster.session, class_of("anna"), settings, engine.Options(timeout=20), cluster.reports.append
    )
    assert [(one.owner, one.status.state) for one in outcome.outcomes] == [("anna", "ready"), ("boris", "failed")]
    assert credentials.keys() == {ANNA}


def test_check_mode_foresees_and_changes_nothing(cluster: Cluster) -> None:
    cluster.has_room()
    cluster.holds(class_of("anna"))
    before = dict(cluster.server.objects)
    options = engine.Options(check_mode=True)
    outcome, _credentials = engine.start(cluster.session, THREE, SETTINGS, options, cluster.reports.append)
    states = [(one.owner, one.status.reason, one.changed) for one in outcome.outcomes if one.owner != "anna"]
    assert states == [("boris", "would be started", True), ("clara", "would be started", True)]
    assert outcome.changed
    assert cluster.server.objects == before


TWO = replace(LAB, components=(COMPONENT, replace(COMPONENT, name="db", mounts=())))
SIX = class_of("anna", "boris", "clara", "dora", "eva", "fyodor")
LATER = [f"lab-123-student-{name}" for name in ("dora", "eva", "fyodor")]


def test_a_broken_lab_is_stopped_before_all_get_it(cluster: Cluster) -> None:
    cluster.server.kubelet = lambda pod: waiting("ImagePullBackOff", "not found")
    found = cluster.start(SIX)
    assert [found[name].state for name in (ANNA, BORIS, CLARA)] == ["failed"] * 3
    words = "not started, because the first 3 instances failed: the image registry.example/linux:1 does not exist"
    for name in LATER:
        assert (found[name].state, found[name].reason.startswith(words)) == ("stopped", True)
        assert not cluster.server.has("Pod", name)
    assert len(cluster.reports) == 6


def test_a_full_quota_is_no_sign_of_a_broken_lab(cluster: Cluster) -> None:
    full = (403, "exceeded quota: labs-quota, requested: pods=1", {})
    # The dry run is refused as well.
    cluster.server.refusals[f"PATCH /pods/{ANNA}"] = [full, full]
    found = cluster.start(class_of("anna", "boris", "clara"), failure_threshold=1)
    assert (found[ANNA].state, found[BORIS], found[CLARA]) == ("failed", READY, READY)


def test_the_others_follow_when_one_is_ready(cluster: Cluster) -> None:
    cluster.server.kubelet = lambda pod: None
    found = cluster.starting(SIX)
    cluster.server.wait_for(lambda: all(cluster.server.has("Service", name) for name in LATER))
    cluster.server.wait_for(lambda: all(cluster.server.has("Pod", name) for name in (ANNA, BORIS, CLARA)))
    assert not any(cluster.server.has("Pod", name) for name in LATER)
    cluster.server.kubelet = lambda pod: ready()
    for name in (BORIS, ANNA, CLARA):
        cluster.server.report(name, ready())
    assert set(found.result(20).values()) == {READY}


@pytest.mark.parametrize("sign", [None, waiting("ContainerCreating")])
def test_the_others_follow_after_a_while_without_a_bad_sign(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, sign: Object | None
) -> None:
    monkeypatch.setattr(vanguard, "LONGEST_SECONDS", 0.05)
    cluster.server.kubelet = lambda pod: sign
    found = cluster.starting(SIX)
    names = [ANNA, BORIS, CLARA, *LATER]
    cluster.server.wait_for(lambda: all(cluster.server.has("Pod", name) for name in names))
    for name in names:
        cluster.server.report(name, ready())
    assert set(found.result(20).values()) == {READY}


def test_what_was_starting_when_the_lab_proves_broken_is_taken_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanguard, "LONGEST_SECONDS", 0.05)
    cluster.server.kubelet = lambda pod: None
    found = cluster.starting(SIX)
    cluster.server.wait_for(lambda: all(cluster.server.has("Pod", name) for name in LATER))
    for name in (ANNA, BORIS, CLARA):
        cluster.server.report(name, waiting("ImagePullBackOff", "not found"))
    states = {name: status.state for name, status in found.result(20).items()}
    assert states == dict.fromkeys((ANNA, BORIS, CLARA), "failed") | dict.fromkeys(LATER, "stopped")
    assert not any(cluster.server.has("Pod", name) for name in LATER)
    assert all(cluster.server.has("Service", name) for name in LATER)


def test_no_old_instance_goes_before_the_new_version_has_proved_itself(cluster: Cluster) -> None:
    students = ("anna", "boris", "clara", "dora", "eva", "fyodor")
    cluster.holds(SIX)
    cluster.server.kubelet = lambda pod: waiting("ImagePullBackOff", "not found")
    found = cluster.start(class_of(*students, lab=NEW_ENV), recreate=True)
    assert [found[name].state for name in LATER] == ["stopped"] * 3
    assert not any(f"DELETE pods/{name}" in cluster.written() for name in LATER)


def test_without_a_threshold_everybody_begins_at_once(cluster: Cluster) -> None:
    cluster.server.kubelet = lambda pod: waiting("ImagePullBackOff")
    found = cluster.start(SIX, failure_threshold=0)
    assert {status.state for status in found.values()} == {"failed"}
    assert all(cluster.server.has("Pod", name) for name in LATER)


def test_without_waiting_a_start_is_over_when_all_is_applied(cluster: Cluster) -> None:
    cluster.server.kubelet = lambda pod: None
    found = cluster.start(SIX, wait=False)
    assert {status.state for status in found.values()} == {"starting"}
    assert all(cluster.server.has("Pod", name) for name in (ANNA, BORIS, CLARA, *LATER))


def test_components_begin_when_what_they_depend_on_is_as_they_want_it(cluster: Cluster) -> None:
    setup = replace(COMPONENT, name="setup", mounts=(), depends_on={"db": HEALTHY})
    web = replace(COMPONENT, depends_on={"setup": COMPLETED, "cache": STARTED})
    parts = (web, setup, replace(COMPONENT, name="db", mounts=()), replace(COMPONENT, name="cache", mounts=()))
    cluster.server.kubelet = lambda pod: None
    found = cluster.starting(class_of("anna", lab=replace(LAB, components=parts)))
    names = [f"{ANNA}-{part}" for part in ("linux", "setup", "db", "cache")]

    def pods() -> list[bool]:
        return [cluster.server.has("Pod", name) for name in names]

    cluster.server.wait_for(lambda: pods() == [False, False, True, True])
    running = {"phase": "Running", "containerStatuses": [{"name": "x", "state": {"running": {}}}]}
    cluster.server.report(names[3], running)
    cluster.server.report(names[2], ready())
    cluster.server.wait_for(lambda: pods() == [False, True, True, True])
    cluster.server.report(names[1], {"phase": "Succeeded"})
    cluster.server.wait_for(lambda: all(pods()))
    for name in (names[0], names[3]):
        cluster.server.report(name, ready())
    assert found.result(20) == {ANNA: READY}


def test_an_instance_fails_with_what_its_others_wait_for(cluster: Cluster) -> None:
    web = replace(COMPONENT, depends_on={"setup": COMPLETED})
    lab = replace(LAB, components=(web, replace(COMPONENT, name="setup", mounts=())))
    ended = {"name": "setup", "state": {"terminated": {"exitCode": 4}}}
    cluster.server.kubelet = lambda pod: {"phase": "Failed", "containerStatuses": [ended]}
    cluster.server.logs[f"{ANNA}-setup"] = "no such table"
    found = cluster.start(class_of("anna", lab=lab))
    assert found[ANNA].reason == "the program of setup failed (last exit status 4)"
    assert found[ANNA].detail.endswith("last lines of its log:\nno such table")
    assert not cluster.server.has("Pod", f"{ANNA}-linux")


def test_what_is_healthy_is_asked_nothing(cluster: Cluster) -> None:
    cluster.start(THREE)
    asked = [request for request in cluster.server.requests if request.endswith(("/log", "/events"))]
    assert asked == []


def test_the_log_of_a_crash_is_told_without_the_password(cluster: Cluster) -> None:
    crashed = {"restartCount": 3, "lastState": {"terminated": {"exitCode": 1}}}
    cluster.server.kubelet = lambda pod: waiting("CrashLoopBackOff", **crashed)
    cluster.server.logs[ANNA] = "password abcd"
    found = cluster.start(class_of("anna"), secrets={ANNA: ("abcd",)})
    assert found[ANNA].detail.endswith("password ••••")


def test_a_lost_node_takes_no_instance_down_that_others_work_in(cluster: Cluster) -> None:
    cluster.holds(SIX)
    lost = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
    names = [entry.name for entry in SIX.instances]
    for name in names:
        manifest = next(found for path, found in cluster.server.objects.items() if path.endswith(f"/pods/{name}"))
        cluster.server.put({**manifest, "spec": {**manifest["spec"], "nodeName": "node-1"}}, lost)
    gone = {"conditions": [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}]}
    cluster.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}, gone)
    found = cluster.start(SIX)
    assert {found[name].state for name in names} == {"failed"}
    assert cluster.written() == []


def test_a_quota_in_which_this_run_makes_room_is_asked_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "SETTLE_PAUSE_SECONDS", 0.01)
    cluster.holds(class_of("boris"))
    full = (403, "exceeded quota: labs-quota, requested: pods=1", {})
    cluster.server.refusals[f"PATCH /pods/{ANNA}"] = [full, full, full]
    assert cluster.start(class_of("anna")) == {ANNA: READY}


def test_a_pod_on_a_lost_node_has_failed_without_a_wait(cluster: Cluster) -> None:
    cluster.holds(class_of("anna"))
    manifest = next(entry for entry in cluster.server.objects.values() if entry["kind"] == "Pod")
    lost = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
    cluster.server.put({**manifest, "spec": {**manifest["spec"], "nodeName": "node-1"}}, lost)
    gone = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    cluster.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}, gone)
    found = cluster.start(class_of("anna"))
    assert found[ANNA].reason.startswith("the node node-1 does not answer")


def test_a_cancel_does_not_wait_for_requests_in_flight(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()

    def hang(*words: object, **more: object) -> Object:
        free.wait(20)
        raise ApiError(0, "it was cancelled")

    def cancel(*words: object) -> None:
        raise KeyboardInterrupt

    live = read(cluster.session, "labs", "123", "1")
    lab_class = class_of("anna")
    planned = plan_class(lab_class, live, credentials_of(lab_class, live), SETTINGS, recreate=False)
    planned = replace(planned, shared=())
    monkeypatch.setattr(cluster.session, "apply", hang)
    monkeypatch.setattr(vanguard.Vanguard, "verdict", cancel)
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        start_class(cluster.session, lab_class, planned, live, Terms(0.5), cluster.reports.append)
    assert time.monotonic() - before < 5
    free.set()


@pytest.mark.parametrize("check_mode", [False, True])
def test_who_has_no_room_is_refused_and_the_others_start(cluster: Cluster, check_mode: bool) -> None:
    cluster.has_room()
    spec = {"hard": {"pods": "2"}}
    metadata = {"name": "labs-quota", "namespace": "labs"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}
    cluster.server.put(quota, {"hard": {"pods": "2"}, "used": {"pods": "0"}})
    options = engine.Options(check_mode=check_mode, timeout=20, admit="partial")
    outcome, credentials = engine.start(cluster.session, THREE, SETTINGS, options, cluster.reports.append)
    state = "starting" if check_mode else "ready"
    assert [one.status.state for one in outcome.outcomes] == [state, state, "refused"]
    refused = outcome.outcomes[2]
    assert "2 of 3 fit: pods short by 1" in refused.status.reason
    assert not refused.changed and not outcome.failed
    assert credentials.keys() == {ANNA, BORIS}, "a password that no Secret holds opens nothing"
    assert outcome.admission is not None and (outcome.admission.fits, outcome.admission.of) == (2, 3)
    assert "2 of 3 fit" in outcome.sentence()
    if not check_mode:
        assert [(line.done, line.total) for line in cluster.reports] == [(1, 3), (2, 3), (3, 3)]
        assert not cluster.server.has("Secret", CLARA)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_class_without_room_is_refused_as_a_whole(cluster: Cluster, check_mode: bool) -> None:
    options = engine.Options(check_mode=check_mode, timeout=20)
    with pytest.raises(NoRoom, match="0 of 3 fit"):
        engine.start(cluster.session, THREE, SETTINGS, options, cluster.reports.append)
    assert cluster.written() == [] or set(cluster.written()) == {"POST labs/configmaps"}


def test_who_is_late_while_the_server_is_away_is_told_so(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*words: object) -> Iterator[None]:
        raise ApiError(0, "connection refused")
        yield

    cluster.server.kubelet = lambda pod: waiting("ContainerCreating")
    monkeypatch.setattr(cluster.session, "watch", away)
    found = cluster.start(class_of("anna"), timeout=0.6)
    assert found[ANNA].reason == (
        "not ready after 1 s: the cluster does not answer; when it last did, the cluster has not begun yet"
    )
    assert found[ANNA].detail == "connection refused"
