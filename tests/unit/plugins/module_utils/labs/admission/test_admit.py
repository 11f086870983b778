"""A class is held against a cluster as a whole; two at once never get the same room."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission import admit as admission
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.admit import NoRoom, admitted, look
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live, read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass, Resources
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import ClassPlan, plan_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from unit.support.api_server import ApiServer, serving
from unit.support.classes import CREDENTIALS, LAB, SETTINGS, class_of, component, manifests

BOOK = "/api/v1/namespaces/labs/configmaps/lab-promises"
TEN = [f"s{number}" for number in range(10)]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ApiServer, Session]]:
    """A cluster of one node, on which eight instances of the lab fit by memory."""
    monkeypatch.setattr(admission, "SETTLE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(admission, "SETTLE_SECONDS", 0.2)
    with serving(tmp_path) as (server, kubeconfig):
        server.put(cluster_object("v1", "Node", "n1"), node_status())
        server.put(cluster_object("storage.k8s.io/v1", "StorageClass", "local", default="true"))
        container = {
            "type": "Container",
            "default": {"memory": "1Gi"},
            "defaultRequest": {"cpu": "100m", "memory": "512Mi"},
        }
        server.put(in_labs("LimitRange", "limits", spec={"limits": [container]}))
        yield server, Session(kubeconfig)


def cluster_object(group: str, kind: str, name: str, default: str = "") -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": default}
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "annotations": annotations}}


def node_status(**allocatable: str) -> dict[str, Any]:
    free = {"cpu": "4", "memory": "4Gi", "pods": "110", **allocatable}
    return {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": free}


def in_labs(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "labs"}, **content}


def quota(server: ApiServer, hard: dict[str, str], used: dict[str, str] | None = None) -> None:
    server.put(in_labs("ResourceQuota", "quota", spec={"hard": hard}), {"hard": hard, "used": used or {}})


def run_of(kube: Session, lab_class: LabClass, settings: Settings = SETTINGS, **how: bool) -> tuple[ClassPlan, Live]:
    live = read(kube, "labs", lab_class.lab.id, lab_class.id)
    credentials = {instance.name: CREDENTIALS for instance in lab_class.instances}
    return plan_class(lab_class, live, credentials, settings, recreate=how.get("recreate", False)), live


def bring(server: ApiServer, lab_class: LabClass, phase: str = "Running") -> None:
    """Have the class there, as its engine and the scheduler would have made it, with the namespace's defaults."""
    for manifest in copy.deepcopy(manifests(lab_class)):
        if manifest["kind"] == "Pod":
            container = manifest["spec"]["containers"][0]
            container["resources"].setdefault("requests", {"cpu": "100m", "memory": "512Mi"})
            manifest["spec"]["nodeName"] = "n1"
            server.put(manifest, {"phase": phase})
        else:
            server.put(manifest)


def sentence(kube: Session, lab_class: LabClass, settings: Settings = SETTINGS, **how: bool) -> str:
    return look(kube, *run_of(kube, lab_class, settings, **how), settings).sentence()


def promised(server: ApiServer) -> dict[str, Any]:
    return {key: json.loads(text) for key, text in server.objects[BOOK].get("data", {}).items()}


def test_a_class_that_fits_is_promised_what_it_needs_until_its_run_ends(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of(*TEN[:8])
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False) as promise:
        assert promise.admission.sentence() == "8 of 8 fit"
        (entry,) = promised(server).values()
        assert [pods["count"] for pods in entry["pods"].values()] == [8]
        assert entry["objects"]["services.nodeports"] == "8"
    assert promised(server) == {}


def test_a_class_that_is_too_large_is_refused_with_numbers(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of(*TEN)
    with pytest.raises(NoRoom, match=r"8 of 10 fit: memory short by 1 Gi on the lab nodes\. Nothing was created"):
        with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False):
            pytest.fail("it was admitted")
    assert promised(server) == {}


def test_partial_takes_the_first_of_the_roster(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of(*TEN)
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=True) as promise:
        names = {instance.name for instance in lab_class.instances[:8]}
        assert promise.admission.admitted == names
        assert [pods["count"] for pods in promised(server)["labs.123.1"]["pods"].values()] == [8]


def test_looking_reads_only(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    assert sentence(kube, class_of(*TEN)).startswith("8 of 10 fit")
    assert {request.split()[0] for request in server.requests} == {"GET"}


def test_nothing_to_create_needs_no_request(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of(*TEN[:3])
    bring(server, lab_class)
    plan, live = run_of(kube, lab_class)
    server.requests.clear()
    assert look(kube, plan, live, SETTINGS).sentence() == "3 of 3 fit"
    with admitted(kube, lab_class, plan, live, SETTINGS, partial=False) as promise:
        assert promise.admission.whole
    assert server.requests == []


def test_those_that_run_are_admitted_and_take_their_room(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    bring(server, class_of(*TEN[4:9]))
    assert sentence(kube, class_of(*TEN)) == "8 of 10 fit: memory short by 1 Gi on the lab nodes"


def test_what_is_pruned_makes_room(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    bring(server, class_of("old1", "old2", "old3"))
    assert sentence(kube, class_of(*TEN[:8])) == "8 of 8 fit"


def test_what_is_replaced_makes_room_for_itself(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    bring(server, class_of(*TEN[:8]))
    quota(server, {"pods": "8", "requests.memory": "4Gi"}, {"pods": "8", "requests.memory": "4Gi"})
    changed = class_of(*TEN[:8], lab=component(environment={"NEW": "1"}))
    assert sentence(kube, changed, recreate=True) == "8 of 8 fit"


def test_pods_that_have_ended_take_nothing(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    bring(server, class_of("x", "y", lab=replace(LAB, id="other")), phase="Failed")
    assert sentence(kube, class_of(*TEN[:8])) == "8 of 8 fit"


def test_pods_that_wait_for_a_node_are_placed_first(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    container = {"name": "c", "resources": {"requests": {"memory": "3Gi"}}}
    waiting = in_labs("Pod", "waiting", spec={"containers": [container]})
    server.put(waiting, {"phase": "Pending"})
    assert sentence(kube, class_of(*TEN[:3])) == "2 of 3 fit: memory short by 512 Mi on the lab nodes"


SHORT: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    ("pods", {"pods": "7"}, {"pods": "2"}, "5 of 10 fit: pods short by 5"),
    ("limits", {"limits.memory": "6Gi"}, {}, "6 of 10 fit: memory limits short by 4 Gi"),
    ("node ports", {"services.nodeports": "3"}, {}, "3 of 10 fit: node ports short by 7"),
    ("volumes", {"persistentvolumeclaims": "4"}, {"persistentvolumeclaims": "1"}, "3 of 10 fit: volumes short by 7"),
    ("storage", {"requests.storage": "5Gi"}, {}, "5 of 10 fit: storage short by 5 Gi"),
    ("a class's storage", {"local.storageclass.storage.k8s.io/requests.storage": "1Gi"}, {}, "1 of 10 fit: storage of"),
    ("secrets", {"secrets": "9"}, {"secrets": "5"}, "4 of 10 fit: secrets short by 6"),
    ("policies", {"count/networkpolicies.networking.k8s.io": "0"}, {}, "0 of 10 fit: network policies short by 1"),
]


@pytest.mark.parametrize(("hard", "used", "words"), [case[1:] for case in SHORT], ids=[case[0] for case in SHORT])
def test_a_quota_that_is_short(
    hard: dict[str, str], used: dict[str, str], words: str, api: tuple[ApiServer, Session]
) -> None:
    server, kube = api
    server.put(cluster_object("v1", "Node", "n1"), node_status(memory="90Gi"))
    quota(server, hard, used)
    assert sentence(kube, class_of(*TEN)).startswith(words)


def test_node_ports_of_the_whole_cluster_count(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    ports = [{"nodePort": 30000 + number} for number in range(4)]
    far = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "web"}}
    server.put({**far, "spec": {"type": "NodePort", "ports": ports}})
    few = replace(SETTINGS, node_ports=6)
    assert sentence(kube, class_of(*TEN[:3]), few) == "2 of 3 fit: node ports short by 1 in the cluster's range of 6"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(SETTINGS, storage_class="fast"), "the storage class fast does not exist (the cluster has: slow)"),
        (SETTINGS, "the cluster has no default storage class for volumes (it has: slow)"),
    ],
)
def test_a_storage_class_that_is_not_there(settings: Settings, words: str, api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.remove("StorageClass", "local")
    server.put(cluster_object("storage.k8s.io/v1", "StorageClass", "slow"))
    assert sentence(kube, class_of("anna"), settings).startswith(f"0 of 1 fit: {words}")


def test_a_volume_is_where_it_is(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of("anna")
    bring(server, lab_class)
    server.remove("Pod", "lab-123-student-anna")
    server.put({**cluster_object("v1", "Node", "n2")}, node_status())
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}
    claim = {"name": "lab-123-student-anna", "namespace": "labs"}
    spec = {"claimRef": claim, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    server.put({**cluster_object("v1", "PersistentVolume", "pv"), "spec": spec})
    assert sentence(kube, lab_class) == "1 of 1 fit"
    server.put(cluster_object("v1", "Node", "n2"), node_status(memory="1Mi"))
    assert sentence(kube, lab_class) == "0 of 1 fit: memory short by 511 Mi on the lab nodes"


def test_what_another_class_was_promised_is_not_there(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    other = class_of(*TEN[:5], lab=replace(LAB, id="other"))
    with admitted(kube, other, *run_of(kube, other), SETTINGS, partial=False):
        before = sentence(kube, class_of(*TEN[:5]))
        bring(server, other)
        after = sentence(kube, class_of(*TEN[:5]))
    assert before == after == "3 of 5 fit: memory short by 1 Gi on the lab nodes"
    assert sentence(kube, class_of(*TEN[:5])) == after


def test_groups_of_different_sizes_are_promised_what_each_takes(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab = replace(component(resources=Resources(memory_request=512 << 20)), id="other", deployment_mode="per_group")
    groups = class_of("a/1", "b/1", "c/1", "d/1", "e/2", lab=lab)
    with admitted(kube, groups, *run_of(kube, groups), SETTINGS, partial=False):
        # Five seats of the node's eight are promised, whichever group comes last.
        assert sentence(kube, class_of(*TEN[:5])) == "3 of 5 fit: memory short by 1 Gi on the lab nodes"
        (entry,) = promised(server).values()
        assert sorted(pods["count"] for pods in entry["pods"].values()) == [1, 1]


def test_the_quotas_share_of_a_promise_is_counted_once(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    quota(server, {"services.nodeports": "6", "secrets": "9"})
    other = class_of(*TEN[:4], lab=replace(LAB, id="other"))
    with admitted(kube, other, *run_of(kube, other), SETTINGS, partial=False):
        assert sentence(kube, class_of(*TEN[:3])).startswith("2 of 3 fit: node ports short by 1")
        bring(server, other)
        quota(server, {"services.nodeports": "6", "secrets": "9"}, {"services.nodeports": "4", "secrets": "4"})
        assert sentence(kube, class_of(*TEN[:3])).startswith("2 of 3 fit: node ports short by 1")


def test_two_classes_at_once_get_exactly_what_fits(api: tuple[ApiServer, Session]) -> None:
    _server, kube = api
    classes = [class_of(*TEN[:5], lab=replace(LAB, id=f"lab{number}")) for number in range(4)]
    admissions: list[int] = []
    all_counted = threading.Barrier(4)

    def start(lab_class: LabClass) -> None:
        with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=True) as promise:
            admissions.append(promise.admission.fits)
            all_counted.wait(20)

    threads = [threading.Thread(target=start, args=(lab_class,)) for lab_class in classes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(admissions) == [0, 0, 3, 5]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_promise_is_withdrawn_when_the_run_breaks_off(
    error: type[BaseException], api: tuple[ApiServer, Session]
) -> None:
    server, kube = api
    lab_class = class_of("anna")
    with pytest.raises(error):
        with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False):
            assert promised(server)
            raise error
    assert promised(server) == {}


def test_a_class_that_starts_again_replaces_its_own_promise(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of(*TEN[:8])
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False) as first:
        with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False):
            run = promised(server)["labs.123.1"]["run"]
            first.renew()
            first.withdraw()
            assert promised(server)["labs.123.1"]["run"] == run
    assert promised(server) == {}


def test_renewing_moves_the_end(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    lab_class = class_of("anna")
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False) as promise:
        before = datetime.fromisoformat(promised(server)["labs.123.1"]["until"])
        server.ahead = 30
        promise.renew()
        assert datetime.fromisoformat(promised(server)["labs.123.1"]["until"]) > before + timedelta(seconds=20)


def test_what_a_killed_run_or_a_stranger_left_is_passed_over_and_goes(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    other = class_of(*TEN[:8], lab=replace(LAB, id="other"))
    with admitted(kube, other, *run_of(kube, other), SETTINGS, partial=False):
        left = dict(server.objects[BOOK]["data"])
    server.put({**server.objects[BOOK], "data": {**left, "odd": "{", "list": "[1]", "half": '{"lab": "x"}'}})
    server.ahead = 61
    lab_class = class_of(*TEN[:8])
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False):
        assert promised(server).keys() == {"labs.123.1"}


def test_the_servers_clock_decides_when_a_promise_is_over(api: tuple[ApiServer, Session]) -> None:
    server, kube = api
    server.ahead = 7200
    other = class_of(*TEN[:8], lab=replace(LAB, id="other"))
    with admitted(kube, other, *run_of(kube, other), SETTINGS, partial=False):
        until = datetime.fromisoformat(promised(server)["labs.other.1"]["until"])
        assert until > datetime.now(UTC) + timedelta(seconds=7200)
        assert sentence(kube, class_of("anna")).startswith("0 of 1 fit")


def test_room_that_is_just_being_given_back_is_waited_for(
    api: tuple[ApiServer, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, kube = api
    monkeypatch.setattr(admission, "SETTLE_SECONDS", 20)
    bring(server, class_of("old", lab=replace(LAB, id="other")))
    pod = server.objects["/api/v1/namespaces/labs/pods/lab-other-student-old"]
    server.put({**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    lab_class = class_of(*TEN[:8])
    threading.Timer(0.3, lambda: server.remove("Pod", "lab-other-student-old")).start()
    with admitted(kube, lab_class, *run_of(kube, lab_class), SETTINGS, partial=False) as promise:
        assert promise.admission.whole
