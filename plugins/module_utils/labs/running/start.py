"""Starts a class: all instances at once, one watch, each failure for itself.

A single thread, the one that called, decides everything. Workers apply, delete and ask; they and the watch put
messages into one queue, and `_Start.run` takes them out until every instance is ready, has failed or is late.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.autolabs.platform.plugins.module_utils.kube.account import CONNECTIONS
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.retries import at_most
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.kube.watcher import Watcher
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import class_selector
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import ClassPlan, Step
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress, Report
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.diagnosis import (
    diagnose,
    lost_node,
    lost_nodes,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.instance import InstanceRun
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.vanguard import Vanguard
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.workers import Workers
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    FAILED,
    READY,
    STARTING,
    STOPPED,
    Status,
    is_over_quota,
    not_removed,
    pod_status,
    refused,
    too_late,
    unanswered,
)

DIAGNOSIS_SECONDS = 10.0
"""What the questions about instances that failed may take beyond the time of the run."""
SETTLE_SECONDS = 20.0
"""How long a full quota is asked again, where this run makes room in it."""
SETTLE_PAUSE_SECONDS = 0.5
DELETED = Status(FAILED, "somebody deleted the instance while it was starting")
NOT_BEGUN = "not started, because the first instances were not ready after {seconds:.0f} s"


@dataclass(frozen=True)
class Terms:
    """How a start goes about it."""

    timeout: float
    """Seconds until an instance that is not ready counts as failed."""
    wait: bool = True
    """Whether to wait until the instances are ready; otherwise until all is applied."""
    failure_threshold: int = 3
    """After so many failures, and nothing ready, the run stops; 0 for never."""
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By instance: what must not be seen in what is told of its log."""


def start_class(
    session: Session, lab_class: LabClass, plan: ClassPlan, live: Live, terms: Terms, report: Report
) -> dict[str, Status]:
    """Carry out a plan and wait; the status of each instance by name.

    An object that is no longer wanted has a status too, by its own name, where it could not be deleted.
    `live` follows what the server answers, so that connections can be read from it afterwards. Raises ApiError
    when an object of the class itself is refused: then no instance was touched.
    """
    for step in plan.shared:
        if step.changes:
            live.keep(session.apply(step.manifest))
    return _Start(session, lab_class, plan, live, terms, report).run()


class _Start:
    def __init__(
        self, session: Session, lab_class: LabClass, plan: ClassPlan, live: Live, terms: Terms, report: Report
    ) -> None:
        self._session, self._plan, self._live, self._terms, self._report = session, plan, live, terms, report
        self._began = time.monotonic()
        self._messages: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._runs = {entry.instance.name: InstanceRun(entry, lab_class.lab) for entry in plan.instances}
        self._run_of_pod = {name: run for run in self._runs.values() for name in run.pod_names}
        threshold = terms.failure_threshold if terms.wait else 0
        self._vanguard = Vanguard(list(self._runs.values()), threshold, self._began)
        self._done = 0
        self._makes_room = bool(plan.pruned) or any(run.replaced for run in self._runs.values())
        self._over = threading.Event()
        """Set when the run has ended: what is not applied by then stays undone."""
        self._workers = Workers(CONNECTIONS, "apply")
        labels = class_selector(lab_class.lab.id, lab_class.id)
        self._watcher = Watcher(session, "Pod", plan.namespace, labels)

    def run(self) -> dict[str, Status]:
        pods = self._live.all("Pod")
        self._watcher.start(
            pods,
            self._live.pod_version,
            self._later(self._pod_seen),
            self._later(self._pod_gone),
            failed=lambda error: self._messages.put(partial(_raise, error)),
        )
        patience = 0.0
        try:
            # What goes makes room for what comes.
            not_pruned = self._prune()
            for pod in pods:
                self._know(pod)
            for run in self._runs.values():
                self._begin(run)
                self._suspect(run)
            self._wait()
            patience = 2.0
        finally:
            self._over.set()
            self._watcher.stop()
            self._workers.close(patience)
        return {name: run.final or run.status for name, run in self._runs.items()} | not_pruned

    def _wait(self) -> None:
        end = self._began + self._terms.timeout
        self._handle_until(end)
        for run in self._runs.values():
            if run.is_under_way and not run.held:
                self._fail(run, run.status, late=True)
        if self._done < len(self._runs):
            self._handle_until(time.monotonic() + DIAGNOSIS_SECONDS, only_decided=True)
        for run in self._runs.values():
            if run.final is None:
                not_begun = Status(STOPPED, NOT_BEGUN.format(seconds=self._terms.timeout))
                self._finish(run, run.stopping or run.failing or not_begun)

    def _handle_until(self, end: float, *, only_decided: bool = False) -> None:
        """Handle messages until all is done, or until `end`; `only_decided`: until nothing is left but who is held."""
        while self._done < len(self._runs):
            now = time.monotonic()
            if now >= end or (only_decided and not self._undecided_work()):
                return
            until = end if only_decided else min(end, self._vanguard.until or end)
            with suppress(queue.Empty):
                self._messages.get(timeout=max(0.0, until - now))()
            self._decide(release=not only_decided)

    def _undecided_work(self) -> bool:
        return any(run.final is None and not (run.is_under_way and run.held) for run in self._runs.values())

    def _decide(self, *, release: bool) -> None:
        """What concerns more than one instance."""
        if release:
            for run in self._vanguard.released(time.monotonic()):
                self._begin(run)
        verdict = self._vanguard.verdict()
        if verdict:
            for run in self._runs.values():
                # What was there before this run stays: somebody may be working in it.
                if run.is_under_way and run.is_new and run.shows_the_lab:
                    self._stop(run, verdict)

    def _later(self, handle: Callable[[Manifest], None]) -> Callable[[Manifest], None]:
        """Let the deciding thread handle what another thread saw."""
        return lambda manifest: self._messages.put(lambda: handle(manifest))

    def _begin(self, run: InstanceRun) -> None:
        old = [step for step in run.replaced if step.manifest["metadata"]["name"] in run.leaving]
        if old and not run.held:
            self._submit(run, old, self._delete)
        else:
            self._advance(run)

    def _advance(self, run: InstanceRun) -> None:
        """Do what may be done now, or judge what has come of it."""
        if not run.is_under_way:
            return
        steps = run.take()
        if steps:
            self._submit(run, steps, self._apply)
        else:
            self._judge(run)

    def _submit(self, run: InstanceRun, steps: list[Step], act: Callable[[Step], Manifest | None]) -> None:
        """Do the steps of one instance in order, in a worker; its failure is the instance's own."""
        run.busy = True

        def work() -> None:
            done: list[Step] = []
            answers: list[Manifest] = []
            failure: ApiError | None = None
            try:
                for step in steps:
                    if self._over.is_set() or run.stopping:
                        break
                    answer = act(step)
                    if answer:
                        answers.append(answer)
                        done.append(step)
            except ApiError as error:
                failure = error
            except Exception as error:
                # Nobody takes a worker's result, and a defect must not look like an instance that is late.
                self._messages.put(partial(_raise, error))
                return
            self._messages.put(lambda: self._worked(run, done, answers, failure))

        self._workers.submit(work)

    def _worked(self, run: InstanceRun, done: list[Step], answers: list[Manifest], failure: ApiError | None) -> None:
        run.busy = False
        run.did(done)
        for answer in answers:
            if answer["kind"] == "Pod":
                # A Pod is kept as the watch reports it, which may be newer than this answer.
                self._vanguard.pod_applied(run, time.monotonic())
            elif answer["kind"] == "Service":
                # Of the rest nothing is read again, and a thousand Secrets are not to be held twice.
                self._live.keep(answer)
        if run.stopping:
            self._take_away(run, run.stopping)
        elif failure and run.is_under_way:
            # A full quota is no sign of a broken lab.
            run.shows_the_lab = run.shows_the_lab and not is_over_quota(failure)
            self._finish(run, refused(failure))
        else:
            self._advance(run)

    def _apply(self, step: Step) -> Manifest:
        until = time.monotonic() + (SETTLE_SECONDS if self._makes_room else 0.0)
        while True:
            try:
                return self._session.apply(step.manifest)
            except ApiError as error:
                # What this run takes away counts until it is gone, and until the quota's controller has seen that.
                if not is_over_quota(error) or time.monotonic() > until or self._over.wait(SETTLE_PAUSE_SECONDS):
                    raise

    def _delete(self, step: Step) -> None:
        found = self._live.find(step.manifest["kind"], step.manifest["metadata"]["name"])
        self._session.delete(found or step.manifest)

    def _prune(self) -> dict[str, Status]:
        """Delete what is no longer wanted; what could not be deleted, by name."""
        found = {}
        for step, error in self._workers.each(self._delete, self._plan.pruned):
            if isinstance(error, ApiError):
                found[step.manifest["metadata"]["name"]] = not_removed(error)
            elif error:
                raise error
        return found

    def _know(self, pod: Manifest) -> InstanceRun | None:
        """Remember a Pod of an instance, unless it is an old one that goes."""
        name = pod["metadata"]["name"]
        run = self._run_of_pod.get(name)
        if run is None or name in run.leaving:
            return None
        self._live.keep(pod)
        run.pods[name] = pod
        return run

    def _pod_seen(self, pod: Manifest) -> None:
        run = self._know(pod)
        if run:
            self._advance(run)

    def _pod_gone(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        run = self._run_of_pod.get(name)
        if run and name in run.leaving:
            run.leaving.discard(name)
            self._advance(run)
        elif run and run.is_under_way:
            self._finish(run, DELETED)

    def _judge(self, run: InstanceRun) -> None:
        if run.busy or run.leaving:
            return
        status = run.status
        if status.state == FAILED:
            self._fail(run, status)
        elif run.is_applied and (status.state == READY or not self._terms.wait):
            self._finish(run, status)

    def _suspect(self, run: InstanceRun) -> None:
        """A Pod that was there before and is not ready may be on a node that is lost."""
        for pod in run.pods.values():
            running = (pod.get("status") or {}).get("phase") == "Running"
            if run.is_under_way and running and pod_status(pod).state == STARTING:
                self._ask(run, partial(lost_node, self._session, pod), lambda told: self._found(run, told))

    def _found(self, run: InstanceRun, told: Status | None) -> None:
        if told and told.state == FAILED and run.is_under_way:
            # A lost node says nothing about the lab.
            run.shows_the_lab = False
            self._finish(run, told)

    def _fail(self, run: InstanceRun, status: Status, *, late: bool = False) -> None:
        """Let the cluster tell more about a failure, and take what is known where it does not."""
        if late and self._watcher.broken:
            status = unanswered(status, self._watcher.broken)

        def told(found: Status | None) -> None:
            final = found or status
            self._finish(run, too_late(final, self._terms.timeout) if late else final)

        run.failing = too_late(status, self._terms.timeout) if late else status
        pods = list(run.pods.values())
        secrets = self._terms.secrets.get(run.plan.instance.name, ())
        if run.leaving:
            # What keeps an old Pod from ending is its node: of itself it was well.
            old = [pod for name in run.leaving if (pod := self._live.find("Pod", name))]
            self._ask(run, lambda: next(iter(lost_nodes(self._session, old).values()), None), told)
        elif pods:
            self._ask(run, partial(diagnose, self._session, status, pods, secrets), told)
        else:
            told(None)

    def _ask(
        self, run: InstanceRun, question: Callable[[], Status | None], answer: Callable[[Status | None], None]
    ) -> None:
        """Let a worker ask the cluster about an instance; None where that fails, since the matter is known already."""

        def work() -> None:
            found = None
            # The first message stands, whatever went wrong in asking for more.
            with suppress(Exception), at_most(DIAGNOSIS_SECONDS):
                found = question()
            self._messages.put(lambda: answer(found))

        self._workers.submit(work)

    def _stop(self, run: InstanceRun, status: Status) -> None:
        run.stopping = status
        if not run.busy:
            self._take_away(run, status)

    def _take_away(self, run: InstanceRun, status: Status) -> None:
        pods = run.standing_pods()

        def work() -> None:
            final = status
            try:
                for pod in pods:
                    self._session.delete(pod)
            except ApiError as error:
                final = not_removed(error)
            self._messages.put(lambda: self._finish(run, final))

        if pods:
            self._workers.submit(work)
        else:
            self._finish(run, status)

    def _finish(self, run: InstanceRun, status: Status) -> None:
        if run.final is not None:
            return
        run.final = status
        self._vanguard.ended(run)
        self._done += 1
        seconds = time.monotonic() - self._began
        name = run.plan.instance.name
        self._report(Progress(self._done, len(self._runs), name, status.state, seconds, status.reason))


def _raise(error: Exception) -> None:
    raise error
