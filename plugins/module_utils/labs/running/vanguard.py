"""The first instances of a class, which show whether its lab works before all students get it.

Pure but for the clock that its caller reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.instance import InstanceRun
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    FAILED,
    READY,
    STOPPED,
    Status,
    looks_bad,
)

PATIENCE_SECONDS = 5.0
"""Once a Pod may start its containers: without a sign for or against the lab, the others follow after this."""
LONGEST_SECONDS = 30.0
"""As long as no Pod has come so far, on a busy node for example, they wait no longer than this."""


class Vanguard:
    """Decides who waits, for how long, and when a lab is broken.

    An instance whose Pods differ from the lab config, and stay, proves nothing about it either way.
    """

    def __init__(self, runs: Sequence[InstanceRun], threshold: int, now: float) -> None:
        """Hold back all but the first `threshold` new instances; nobody where `threshold` is 0."""
        self._threshold = min(threshold, sum(run.shows_the_lab for run in runs))
        self._failed: list[Status] = []
        self._one_is_ready = False
        self._until = now + LONGEST_SECONDS
        self._clock_runs = self._containers_may_start = False
        new = [run for run in runs if run.is_new]
        self._first, self._held = (new[:threshold], new[threshold:]) if threshold else (new, [])
        for run in self._held:
            run.held = True

    @property
    def until(self) -> float | None:
        """When to look again though nothing happened; None where nobody waits for that."""
        return self._until if self._held else None

    def pod_applied(self, run: InstanceRun, now: float) -> None:
        """The first Pods of `run` are there: only from now on may they show anything."""
        if not self._clock_runs and run in self._first:
            self._clock_runs = True
            self._until = now + LONGEST_SECONDS

    def ended(self, run: InstanceRun) -> None:
        """What became of `run` is known."""
        if run.shows_the_lab and run.final is not None:
            self._one_is_ready = self._one_is_ready or run.final.state == READY
            if run.final.state == FAILED:
                self._failed.append(run.final)

    def released(self, now: float) -> list[InstanceRun]:
        """Those who need not wait any more."""
        if not self._containers_may_start and any(_may_start(pod) for run in self._first for pod in run.pods.values()):
            # The time before, for the network and the volumes, says nothing about the lab.
            self._containers_may_start = True
            self._until = min(self._until, now + PATIENCE_SECONDS)
        # A vanguard that has come to its end, and to no verdict, tells nothing more.
        at_its_end = all(run.final for run in self._first) and not self.verdict()
        in_time = now >= self._until and not self._looks_bad(now)
        if not self._held or not (self._one_is_ready or at_its_end or in_time):
            return []
        freed, self._held = self._held, []
        for run in freed:
            run.held = False
        return freed

    def verdict(self) -> Status | None:
        """What becomes of all that are under way, once enough have failed and none is ready; else None."""
        failed = self._failed
        if not self._threshold or len(failed) < self._threshold or self._one_is_ready:
            return None
        many = f"the first {len(failed)} instances" if len(failed) > 1 else "the first instance"
        return Status(STOPPED, f"not started, because {many} failed: {failed[0].reason}", failed[0].detail)

    def _looks_bad(self, now: float) -> bool:
        # Looked at again in a while, not at every message.
        bad = any(looks_bad(pod) for run in self._first for pod in run.pods.values() if run.shows_the_lab)
        if bad:
            self._until = now + PATIENCE_SECONDS / 5
        return bad


def _may_start(pod: Manifest) -> bool:
    """Whether a Pod has its network and volumes, so that images are pulled (KEP-3085)."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "PodReadyToStartContainers" and one["status"] == "True" for one in conditions)
