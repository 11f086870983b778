"""What may be asked of a class: start it, end it, tell how it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import connections
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.diff import class_diff, steps_diff
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import class_selector, owner_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live, Owners, key_of, read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.overview import overview, worst
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    OUTDATED,
    REPLACE,
    InstancePlan,
    credentials_of,
    plan_class,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress, Report
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES, Settings
from ansible_collections.autolabs.platform.plugins.module_utils.labs.start import start_class, validate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    FAILED,
    STARTING,
    Status,
    pod_status,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.teardown import plan_teardown, tear_down

STUCK = Status(FAILED, "the instance does not end; its node may be down")


@dataclass(frozen=True)
class Options:
    """How a run goes about it."""

    check_mode: bool = False
    recreate: bool = False
    """Replace instances that differ from the lab config."""
    timeout: float = 300.0
    """Seconds until an instance that is not ready counts as failed."""


def start(
    session: Session, lab_class: LabClass, settings: Settings, options: Options, report: Report
) -> tuple[ClassOutcome, dict[str, Credentials]]:
    """Make the cluster hold exactly this class, running.

    Returns what came of it, and the credentials by instance name, which go to their own file only. Raises
    ApiError when the class as a whole is refused: then no instance was touched.
    """
    namespace = NAMESPACES[lab_class.lab.security_level]
    _refuse_other_level(session, lab_class, namespace)
    live = read(session, namespace, lab_class.lab.id, lab_class.id)
    credentials = credentials_of(lab_class, live)
    plan = plan_class(lab_class, live, credentials, settings, recreate=options.recreate)
    diff = class_diff(plan)
    if options.check_mode:
        validate(session, plan)
        statuses = {entry.instance.name: _foreseen(entry, live) for entry in plan.instances}
    else:
        statuses = start_class(session, lab_class, plan, live, timeout=options.timeout, report=report)
    outcomes = []
    for entry in plan.instances:
        name = entry.instance.name
        outcomes.append(_outcome(entry, live, statuses.pop(name), credentials[name], settings))
    owners = {step.manifest["metadata"]["name"]: owner_of(step.manifest["metadata"]["labels"]) for step in plan.pruned}
    outcomes += [Outcome(name, owners[name], status) for name, status in statuses.items()]
    return ClassOutcome(tuple(outcomes), plan.changes, diff), credentials


def end(
    session: Session,
    lab_id: str,
    class_id: str,
    state: str,
    *,
    settings: Settings,
    options: Options,
    report: Report,
    only: Owners = frozenset(),
) -> ClassOutcome:
    """Bring a class to `stopped` or `absent`, or only the instances of the owners `only`. Raises ApiError.

    The lab config is not needed, so this also ends what a changed or lost config once started.
    """
    began = time.monotonic()
    lives = [read(session, namespace, lab_id, class_id) for namespace in NAMESPACES.values()]
    labels = class_selector(lab_id, class_id)
    ended = [
        _end_in(session, live.limited_to(only) if only else live, labels, state, settings, options) for live in lives
    ]
    outcomes = tuple(outcome for part in ended for outcome in part.outcomes)
    seconds = time.monotonic() - began
    for number, outcome in enumerate(() if options.check_mode else outcomes, start=1):
        status = outcome.status
        report(Progress(number, len(outcomes), outcome.instance, status.state, seconds, status.reason))
    return ClassOutcome(outcomes, any(part.changed for part in ended), [entry for part in ended for entry in part.diff])


def info(session: Session, lab_id: str, class_id: str, settings: Settings) -> ClassOutcome:
    """How the instances of a class are, without changing anything. Raises ApiError."""
    lives = [read(session, namespace, lab_id, class_id) for namespace in NAMESPACES.values()]
    return ClassOutcome(tuple(outcome for live in lives for outcome in overview(live, settings)), changed=False)


def _outcome(entry: InstancePlan, live: Live, status: Status, credentials: Credentials, settings: Settings) -> Outcome:
    name = entry.instance.name
    pods = [step.manifest["metadata"]["name"] for step in entry.steps if step.manifest["kind"] == "Pod"]
    outdated = [difference.path for step in entry.steps if step.verb == OUTDATED for difference in step.differences]
    return Outcome(
        name,
        entry.instance.owner,
        status,
        members=entry.instance.members,
        connections=connections(
            live.find("Service", name), live.find("Pod", pods[0]), credentials, settings.access_host
        ),
        changed=entry.changes,
        outdated=tuple(outdated),
    )


def _foreseen(entry: InstancePlan, live: Live) -> Status:
    """In check mode: what an instance is whose Pods stay, and that another one would be starting."""
    pods = [step for step in entry.steps if step.manifest["kind"] == "Pod"]
    if any(step.verb in (CREATE, REPLACE) for step in pods):
        return Status(STARTING, "would be started")
    return worst([pod_status(pod) for step in pods if (pod := live.find(*key_of(step.manifest)))])


def _refuse_other_level(session: Session, lab_class: LabClass, namespace: str) -> None:
    """A class runs in one namespace: one that was started at another security level is ended first."""
    lab = lab_class.lab
    for level, other in NAMESPACES.items():
        if other != namespace and session.list("Secret", other, class_selector(lab.id, lab_class.id))[0]:
            raise KubeError(
                f"class {lab_class.id} of lab {lab.id} was started at security level {level} and has instances in the "
                f"namespace {other}. Delete it first (lab_delete.yml); its volumes stay in that namespace."
            )


def _end_in(
    session: Session,
    live: Live,
    labels: dict[str, str],
    state: str,
    settings: Settings,
    options: Options,
) -> ClassOutcome:
    teardown = plan_teardown(live, state)
    stuck: set[str] = set()
    if teardown.changes and not options.check_mode:
        stuck = tear_down(session, live, labels, teardown, timeout=options.timeout)
    stuck_owners = {owner_of(pod["metadata"]["labels"]) for pod in live.all("Pod") if pod["metadata"]["name"] in stuck}
    touched = {owner_of(step.manifest["metadata"]["labels"]) for step in teardown.instances}
    outcomes = []
    for outcome in overview(live, settings):
        # What is less than asked for already stays as it is: ending never brings anything back.
        would = f"would be {state}" if options.check_mode else ""
        status = Status(state, would) if outcome.owner in touched else outcome.status
        status = STUCK if outcome.owner in stuck_owners else status
        outcomes.append(replace(outcome, status=status, connections=(), changed=outcome.owner in touched))
    header = f"class {labels['class_id']} of lab {labels['lab_id']} in {live.namespace}"
    return ClassOutcome(tuple(outcomes), teardown.changes, steps_diff(header, (*teardown.instances, *teardown.shared)))
