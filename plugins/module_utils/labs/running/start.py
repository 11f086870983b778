"""Starts a class: all instances at once, one watch, each failure for itself.

A single thread, the one that called, decides everything. Workers apply and delete; they and the watch put
messages into one queue, and `_Start.run` takes them out until every instance is ready, has failed or is late.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import CONNECTIONS, Session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.watcher import Watcher
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT, class_selector
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.overview import worst
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    REPLACE,
    ClassPlan,
    InstancePlan,
    Step,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress, Report
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    FAILED,
    STARTING,
    Status,
    is_over_quota,
    not_removed,
    pod_status,
    refused,
    too_late,
)

WAITING = Status(STARTING, "the cluster has not begun yet")
ENDING = Status(STARTING, "the old instance is ending")


@dataclass
class _Run:
    """One instance under way."""

    plan: InstancePlan
    leaving: set[str] = field(default_factory=set)
    """Names of old Pods that must be gone before the new ones come."""
    applied: bool = False
    pods: dict[str, Status] = field(default_factory=dict)
    final: Status | None = None

    @property
    def status(self) -> Status:
        """What its Pods say together; one that was not seen yet is awaited."""
        if self.leaving:
            return ENDING
        return worst([self.pods.get(name, WAITING) for name in self.pod_names]) if self.applied else WAITING

    @property
    def pod_names(self) -> list[str]:
        """The Pods that it has when it runs."""
        return [step.manifest["metadata"]["name"] for step in self.plan.steps if step.manifest["kind"] == "Pod"]


def start_class(
    session: Session, lab_class: LabClass, plan: ClassPlan, live: Live, *, timeout: float, report: Report
) -> dict[str, Status]:
    """Carry out a plan and wait; the status of each instance by name.

    An object that is no longer wanted has a status too, by its own name, where it could not be deleted.
    `live` follows what the server answers, so that connections can be read from it afterwards. Raises ApiError
    when the class as a whole is refused: then no instance was touched.
    """
    validate(session, plan)
    for step in plan.shared:
        if step.changes:
            live.keep(session.apply(step.manifest))
    return _Start(session, plan, live, timeout, report).run(lab_class)


def validate(session: Session, plan: ClassPlan) -> None:
    """Let the server judge one new object of each kind and component before anything is touched. Raises ApiError."""
    new: dict[tuple[str, str], Step] = {}
    for verb in (CREATE, REPLACE):
        for step in (step for entry in plan.instances for step in entry.steps if step.verb == verb):
            labels = step.manifest["metadata"]["labels"]
            new.setdefault((step.manifest["kind"], labels.get(COMPONENT, "")), step)
    for step in new.values():
        metadata: dict[str, Any] = step.manifest["metadata"]
        # A replacement is judged beside the object that it replaces, so under another name.
        name = metadata["name"] if step.verb == CREATE else f"{metadata['name']}-new"
        try:
            session.apply({**step.manifest, "metadata": {**metadata, "name": name}}, dry_run=True)
        except ApiError as error:
            # What goes first still takes its share, and a full quota is the matter of the instances that meet it.
            if not is_over_quota(error):
                raise


class _Start:
    def __init__(self, session: Session, plan: ClassPlan, live: Live, timeout: float, report: Report) -> None:
        self._session, self._plan, self._live, self._report = session, plan, live, report
        self._timeout = timeout
        self._began = time.monotonic()
        self._messages: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._runs = {entry.instance.name: _Run(entry) for entry in plan.instances}
        self._run_of_pod = {name: run for run in self._runs.values() for name in run.pod_names}
        self._done = 0
        self._over = threading.Event()
        """Set when the run has ended: what is not applied by then stays undone."""

    def run(self, lab_class: LabClass) -> dict[str, Status]:
        labels = class_selector(lab_class.lab.id, lab_class.id)
        watcher = Watcher(self._session, "Pod", self._plan.namespace, labels)
        pods = self._live.all("Pod")
        watcher.start(
            pods,
            self._live.pod_version,
            self._later(self._pod_seen),
            self._later(self._pod_gone),
            failed=lambda error: self._messages.put(partial(_raise, error)),
        )
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="apply") as self._workers:
            try:
                # What goes makes room for what comes.
                not_pruned = dict(found for found in self._workers.map(self._prune, self._plan.pruned) if found)
                for run in self._runs.values():
                    self._begin(run)
                for pod in pods:
                    self._pod_seen(pod)
                self._wait()
            finally:
                self._over.set()
                watcher.stop()
                self._workers.shutdown(wait=True, cancel_futures=True)
        statuses = {name: run.final or too_late(run.status, self._timeout) for name, run in self._runs.items()}
        return statuses | not_pruned

    def _wait(self) -> None:
        while self._done < len(self._runs):
            remaining = self._began + self._timeout - time.monotonic()
            try:
                self._messages.get(timeout=max(0.0, remaining))()
            except queue.Empty:
                break
        for run in self._runs.values():
            if run.final is None:
                self._finish(run, too_late(run.status, self._timeout))

    def _later(self, handle: Callable[[Manifest], None]) -> Callable[[Manifest], None]:
        """Let the deciding thread handle what another thread saw."""
        return lambda manifest: self._messages.put(lambda: handle(manifest))

    def _begin(self, run: _Run) -> None:
        replaced = [step for step in run.plan.steps if step.verb == REPLACE]
        run.leaving = {step.manifest["metadata"]["name"] for step in replaced}
        if replaced:
            self._submit(run, replaced, self._delete, lambda: None)
        else:
            self._apply(run)

    def _apply(self, run: _Run) -> None:
        steps = [step for step in run.plan.steps if step.changes]

        def applied() -> None:
            run.applied = True
            self._judge(run)

        self._submit(run, steps, self._apply_step, applied)

    def _submit(self, run: _Run, steps: list[Step], act: Callable[[Step], None], after: Callable[[], None]) -> None:
        """Do the steps of one instance in order, in a worker; its failure is the instance's own."""

        def work() -> None:
            try:
                for step in steps:
                    if self._over.is_set():
                        return
                    act(step)
            except ApiError as error:
                failure = refused(error)
                self._messages.put(lambda: self._finish(run, failure))
            except Exception as error:
                # Nobody takes a worker's result, and a defect must not look like an instance that is late.
                self._messages.put(partial(_raise, error))
            else:
                self._messages.put(after)

        self._workers.submit(work)

    def _apply_step(self, step: Step) -> None:
        answer = self._session.apply(step.manifest)
        if answer["kind"] != "Pod":
            # A Pod is kept as the watch reports it, which may be newer than this answer.
            self._messages.put(lambda: self._live.keep(answer))

    def _delete(self, step: Step) -> None:
        found = self._live.find(step.manifest["kind"], step.manifest["metadata"]["name"])
        self._session.delete(found or step.manifest)

    def _prune(self, step: Step) -> tuple[str, Status] | None:
        try:
            self._delete(step)
        except ApiError as error:
            return step.manifest["metadata"]["name"], not_removed(error)
        return None

    def _pod_seen(self, pod: Manifest) -> None:
        run = self._run_of_pod.get(pod["metadata"]["name"])
        if run and pod["metadata"]["name"] not in run.leaving:
            self._live.keep(pod)
            run.pods[pod["metadata"]["name"]] = pod_status(pod)
            self._judge(run)

    def _pod_gone(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        run = self._run_of_pod.get(name)
        if run and name in run.leaving:
            run.leaving.discard(name)
            if not run.leaving:
                self._apply(run)
        elif run:
            self._finish(run, Status(FAILED, "somebody deleted the instance while it was starting"))

    def _judge(self, run: _Run) -> None:
        if run.applied and run.status.state != STARTING:
            self._finish(run, run.status)

    def _finish(self, run: _Run, status: Status) -> None:
        if run.final is not None:
            return
        run.final = status
        self._done += 1
        seconds = time.monotonic() - self._began
        name = run.plan.instance.name
        self._report(Progress(self._done, len(self._runs), name, status.state, seconds, status.reason))


def _raise(error: Exception) -> None:
    raise error
