"""Starting a class: against a server that the test makes slow, full or forgetful."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube import watcher
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs import engine
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import credentials_of, plan_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.labs.start import start_class
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

    def holds(self, lab_class: LabClass) -> None:
        """Let the class be there, running, as an earlier run left it."""
        for manifest in manifests(lab_class):
            self.server.put(manifest, ready() if manifest["kind"] == "Pod" else None)

    def start(self, lab_class: LabClass, *, timeout: float = 20, recreate: bool = False) -> dict[str, Status]:
        live = read(self.session, "labs", "123", "1")
        plan = plan_class(lab_class, live, credentials_of(lab_class, live), SETTINGS, recreate=recreate)
        self.server.requests.clear()
        report = self.reports.append
        return start_class(self.session, lab_class, plan, live, timeout=timeout, report=report)

    def starting(self, lab_class: LabClass, *, recreate: bool = False) -> Future[dict[str, Status]]:
        """A start that goes on while the test does something else."""
        return self._workers.submit(self.start, lab_class, recreate=recreate)

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
    assert [request.split("/")[-2] for request in dry] == ["secrets", "persistentvolumeclaims", "services", "pods"]


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
    cluster.holds(class_of("boris"))
    cluster.server.refusals[f"DELETE /services/{BORIS}"] = [(403, "services is forbidden", {})]
    settings = replace(SETTINGS, access_host="labs.example.org")
    outcome, credentials = engine.start(
        cluster.session, class_of("anna"), settings, engine.Options(timeout=20), cluster.reports.append
    )
    assert [(one.owner, one.status.state) for one in outcome.outcomes] == [("anna", "ready"), ("boris", "failed")]
    assert credentials.keys() == {ANNA}


def test_check_mode_foresees_and_changes_nothing(cluster: Cluster) -> None:
    cluster.holds(class_of("anna"))
    before = dict(cluster.server.objects)
    options = engine.Options(check_mode=True)
    outcome, _credentials = engine.start(cluster.session, THREE, SETTINGS, options, cluster.reports.append)
    states = [(one.owner, one.status.reason, one.changed) for one in outcome.outcomes if one.owner != "anna"]
    assert states == [("boris", "would be started", True), ("clara", "would be started", True)]
    assert outcome.changed
    assert cluster.server.objects == before
