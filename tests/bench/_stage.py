"""Makes a cluster where only the API counts: no scheduler, room for everybody, and nothing left of the last class."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from _workload import NAMESPACE, SELECTOR
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import MERGE, Session
from running import Site
from testbed.progress import step

LIVE_MANIFEST = "/etc/kubernetes/manifests/kube-scheduler.yaml"
ASIDE = "/etc/kubernetes/kube-scheduler.yaml.aside"
NODE = "bench-room"
HEARTBEAT_SECONDS = 10.0
ROOM = {
    **dict.fromkeys(("requests.cpu", "limits.cpu", "pods", "persistentvolumeclaims"), "10000"),
    **dict.fromkeys(("requests.memory", "limits.memory", "requests.storage"), "10000Gi"),
    "services.nodeports": "2700",
}
CORE = f"/api/v1/namespaces/{NAMESPACE}"
COLLECTIONS = (
    f"{CORE}/pods",
    f"{CORE}/services",
    f"{CORE}/persistentvolumeclaims",
    f"{CORE}/secrets",
    f"{CORE}/configmaps",
    f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies",
)
FOLLOWING = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
"""What controllers make and remove themselves; its labels are its Service's."""


def wipe(session: Session) -> None:
    """Delete the class whole, its volumes too, and return when nothing of it is left."""
    for path in COLLECTIONS:
        session.request("DELETE", f"{path}?labelSelector={SELECTOR}&gracePeriodSeconds=0")
    left = [*COLLECTIONS, FOLLOWING]
    _until(
        lambda: not any(session.request("GET", f"{path}?labelSelector={SELECTOR}&limit=1")["items"] for path in left),
        "the class to be gone",
    )
    # The answers of controllers and of etcd's last writes would be the next contender's burden.
    time.sleep(2)


@contextmanager
def room_for_all(site: Site, session: Session) -> Iterator[None]:
    """No scheduler, a raised quota, and a node for everybody; as it was, afterwards."""
    with ExitStack() as stack:
        with step("taking the scheduler away, raising the quota, adding a node"):
            stack.enter_context(_no_scheduler(site))
            stack.enter_context(_raised_quotas(session))
            stack.enter_context(_node(session))
        yield


@contextmanager
def _no_scheduler(site: Site) -> Iterator[None]:
    def state() -> str:
        """Empty without one, else whether it is ready."""
        ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
        return site.kubectl("get", "pod", "-n", "kube-system", "-l", "component=kube-scheduler", "-o", ready)

    move = "if [ -e {0} ]; then mv {0} {1}; fi"
    try:
        site.on_host("sh", "-c", move.format(LIVE_MANIFEST, ASIDE))
        _until(lambda: not state(), "the scheduler to stop")
        yield
    finally:
        site.on_host("sh", "-c", move.format(ASIDE, LIVE_MANIFEST))
        _until(lambda: state() == "True", "the scheduler to be back")


@contextmanager
def _raised_quotas(session: Session) -> Iterator[None]:
    quotas, _version = session.list("ResourceQuota", NAMESPACE, {})
    paths = {f"{CORE}/resourcequotas/{quota['metadata']['name']}": quota["spec"]["hard"] for quota in quotas}
    try:
        for path, hard in paths.items():
            session.request(
                "PATCH", path, {"spec": {"hard": {name: ROOM.get(name, hard[name]) for name in hard}}}, MERGE
            )
        yield
    finally:
        for path, hard in paths.items():
            session.request("PATCH", path, {"spec": {"hard": hard}}, MERGE)


@contextmanager
def _node(session: Session) -> Iterator[None]:
    """A Node object without a kubelet: `nodes/status` says every few seconds that it is well."""
    ended = threading.Event()
    path = f"/api/v1/nodes/{NODE}"

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            session.request("PATCH", f"{path}/status", _status(), MERGE)

    beating = threading.Thread(target=beat, daemon=True, name="heartbeat")
    try:
        session.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
        session.request("PATCH", f"{path}/status", _status(), MERGE)
        beating.start()
        # A new node is tainted until the controller has seen that it is ready.
        _until(lambda: not session.request("GET", path)["spec"].get("taints"), "the node to be ready")
        yield
    finally:
        ended.set()
        if beating.is_alive():
            beating.join()
        _delete(session, path)


def _status() -> Manifest:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    room = {"cpu": "4000", "memory": "8000Gi", "pods": "5000", "ephemeral-storage": "8000Gi"}
    ready: dict[str, Any] = {"type": "Ready", "status": "True", "reason": "Bench", "lastHeartbeatTime": now}
    return {"status": {"capacity": room, "allocatable": room, "conditions": [{**ready, "lastTransitionTime": now}]}}


def _delete(session: Session, path: str) -> None:
    try:
        session.request("DELETE", path)
    except ApiError as error:
        if error.status != 404:
            raise


def _until(holds: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.3)
