"""What may be asked of a class: start it, end it, tell how it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.admit import admitted, look
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import Admission, NoRoom
from ansible_collections.autolabs.platform.plugins.module_utils.labs.connection import Connection, connections
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials
from ansible_collections.autolabs.platform.plugins.module_utils.labs.diff import class_diff, steps_diff
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import class_selector, owner_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live, Owners, key_of, read
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome, Outcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.overview import overview, worst
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    REPLACE,
    ClassPlan,
    InstancePlan,
    credentials_of,
    plan_class,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress, Report
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.diagnosis import lost_nodes
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.rehearsal import validate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.start import Terms, start_class
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.teardown import plan_teardown, tear_down
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import NAMESPACES, Settings
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    FAILED,
    READY,
    REFUSED,
    STARTING,
    STOPPED,
    Status,
    is_ready,
    pod_status,
)

WHOLE, PARTIAL = ADMIT = ("whole", "partial")
"""What happens when not all instances have room: none is started, or those that have, in the order of the roster."""


@dataclass(frozen=True)
class Options:
    """How a run goes about it."""

    check_mode: bool = False
    recreate: bool = False
    """Replace instances that differ from the lab config."""
    timeout: float = 300.0
    """Seconds until an instance that is not ready counts as failed."""
    wait: bool = True
    """Whether to wait until the instances are ready; otherwise until all is applied."""
    admit: str = WHOLE
    failure_threshold: int = 3
    """After so many failures, and nothing ready, no more is started; 0 for never."""
    diff: bool = False
    """Whether to tell what changes, field by field: for a large class that takes longer than to decide it."""


def start(
    session: Session, lab_class: LabClass, settings: Settings, options: Options, report: Report
) -> tuple[ClassOutcome, dict[str, Credentials]]:
    """Make the cluster hold exactly this class, running.

    Returns what came of it, and the credentials by instance name, which go to their own file only. Raises NoRoom when
    the class has no room, and ApiError when it is refused as a whole: then no instance was touched.
    """
    session.deadline = time.monotonic() + options.timeout
    namespace = NAMESPACES[lab_class.lab.security_level]
    _refuse_other_level(session, lab_class, namespace)
    live = read(session, namespace, lab_class.lab.id, lab_class.id)
    credentials = credentials_of(lab_class, live)
    plan = plan_class(lab_class, live, credentials, settings, recreate=options.recreate)
    validate(session, plan)
    partial = options.admit == PARTIAL
    if options.check_mode:
        admission = look(session, plan, live, settings)
        if not partial and not admission.whole:
            raise NoRoom(admission)
        now = _limited(plan, admission)
        diff = class_diff(now) if options.diff else []
        statuses = {entry.instance.name: _foreseen(entry, live) for entry in now.instances}
    else:
        secrets = {name: _secrets(lab_class.lab, found) for name, found in credentials.items()}
        terms = Terms(options.timeout, options.wait, options.failure_threshold, secrets)
        with admitted(session, lab_class, plan, live, settings, partial=partial) as promise:
            admission = promise.admission
            now = _limited(plan, admission)
            diff = class_diff(now) if options.diff else []
            addressed = _with_addresses(now, live, settings, report)
            statuses = start_class(session, lab_class, now, live, terms, _after(_refusals(plan, admission), addressed))
    outcomes = []
    for entry in plan.instances:
        name = entry.instance.name
        status = statuses.pop(name, None)
        outcome = _outcome(entry, live, status or _no_room(admission), credentials[name], settings)
        outcomes.append(outcome if status else replace(outcome, changed=False))
    owners = {step.manifest["metadata"]["name"]: owner_of(step.manifest["metadata"]["labels"]) for step in plan.pruned}
    outcomes += [Outcome(name, owners[name], status) for name, status in statuses.items()]
    # A password that no Secret holds opens nothing.
    valid = {
        name: found for name, found in credentials.items() if name in admission.admitted or live.find("Secret", name)
    }
    return ClassOutcome(tuple(outcomes), now.changes, diff, admission), valid


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
    session.deadline = began + options.timeout
    lives = [read(session, namespace, lab_id, class_id) for namespace in NAMESPACES.values()]
    lives = [live.limited_to(only) if only else live for live in lives]
    before = [overview(live, settings) for live in lives]
    total, told = sum(len(outcomes) for outcomes in before), 0

    def tell(instance: str, status: Status) -> None:
        nonlocal told
        told += 1
        if not options.check_mode:
            report(Progress(told, total, instance, status.state, time.monotonic() - began, status.reason))

    labels = class_selector(lab_id, class_id)
    ended = [
        _end_in(session, live, outcomes, labels, state, options, tell)
        for live, outcomes in zip(lives, before, strict=True)
    ]
    outcomes = tuple(outcome for part in ended for outcome in part.outcomes)
    return ClassOutcome(outcomes, any(part.changed for part in ended), [entry for part in ended for entry in part.diff])


def info(session: Session, lab_id: str, class_id: str, settings: Settings) -> ClassOutcome:
    """How the instances of a class are, without changing anything. Raises ApiError."""
    lives = [read(session, namespace, lab_id, class_id) for namespace in NAMESPACES.values()]
    found = [outcome for live in lives for outcome in _with_lost_nodes(session, live, overview(live, settings))]
    return ClassOutcome(tuple(found), changed=False)


def _with_lost_nodes(session: Session, live: Live, outcomes: list[Outcome]) -> list[Outcome]:
    """A Pod says nothing of its node: where one is not ready, the node is asked for."""
    pods = [pod for pod in live.all("Pod") if not is_ready(pod)]
    lost = lost_nodes(session, pods)
    by_owner = {
        owner_of(pod["metadata"]["labels"]): lost[node]
        for pod in pods
        if (node := (pod.get("spec") or {}).get("nodeName")) in lost
    }
    return [
        outcome
        if outcome.status.state == FAILED and by_owner.get(outcome.owner, outcome.status).state != FAILED
        else replace(outcome, status=by_owner.get(outcome.owner, outcome.status))
        for outcome in outcomes
    ]


def _limited(plan: ClassPlan, admission: Admission) -> ClassPlan:
    """The plan without the instances that were not admitted: what they have stays as it is."""
    return replace(
        plan, instances=tuple(entry for entry in plan.instances if entry.instance.name in admission.admitted)
    )


def _no_room(admission: Admission) -> Status:
    return Status(REFUSED, f"there is no room for it ({admission.sentence()})")


def _refusals(plan: ClassPlan, admission: Admission) -> list[Progress]:
    names = [entry.instance.name for entry in plan.instances if entry.instance.name not in admission.admitted]
    status, total = _no_room(admission), len(plan.instances)
    return [Progress(at, total, name, status.state, 0.0, status.reason) for at, name in enumerate(names, start=1)]


def _with_addresses(plan: ClassPlan, live: Live, settings: Settings, report: Report) -> Report:
    """Report with each instance that is ready how it is reached: whoever follows the run need not wait for its end."""
    entries = {entry.instance.name: entry for entry in plan.instances}

    def tell(progress: Progress) -> None:
        if progress.state == READY:
            ways_in = _connections(entries[progress.instance], live, None, settings)
            progress = replace(progress, reason=", ".join(connection.address for connection in ways_in))
        report(progress)

    return tell


def _after(first: list[Progress], report: Report) -> Report:
    """Report these, and let what follows count on from them."""
    for progress in first:
        report(progress)
    more = len(first)
    return lambda progress: report(replace(progress, done=progress.done + more, total=progress.total + more))


def _secrets(lab: Lab, credentials: Credentials) -> tuple[str, ...]:
    """What must not be seen of an instance: its credentials and the lab's own secrets."""
    found: Iterable[str] = (credentials.password, credentials.host_key, *credentials.members.values())
    return tuple(secret for secret in (*found, *lab.secrets.values()) if secret.strip())


def _outcome(entry: InstancePlan, live: Live, status: Status, credentials: Credentials, settings: Settings) -> Outcome:
    outdated = [difference.path for step in entry.steps for difference in step.outdated]
    return Outcome(
        entry.instance.name,
        entry.instance.owner,
        status,
        members=entry.instance.members,
        connections=() if status.state == STOPPED else _connections(entry, live, credentials, settings),
        changed=entry.changes,
        outdated=tuple(outdated),
    )


def _connections(
    entry: InstancePlan, live: Live, credentials: Credentials | None, settings: Settings
) -> tuple[Connection, ...]:
    found = [live.find(*key_of(step.manifest)) for step in entry.steps]
    services, pods = ([one for one in found if one and one["kind"] == kind] for kind in ("Service", "Pod"))
    return connections(services, pods, credentials, settings.access_host)


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
    before: list[Outcome],
    labels: dict[str, str],
    state: str,
    options: Options,
    tell: Callable[[str, Status], None],
) -> ClassOutcome:
    teardown = plan_teardown(live, state)
    touched = {owner_of(step.manifest["metadata"]["labels"]) for step in teardown.instances}
    names = {outcome.owner: outcome.instance for outcome in before}
    found: dict[str, Status] = {}
    shared: dict[str, Status] = {}

    def ended(owner: str, status: Status) -> None:
        found[owner] = status
        tell(names[owner], status)

    for outcome in before:
        # What is less than asked for already stays as it is: ending never brings anything back.
        if outcome.owner not in touched:
            ended(outcome.owner, outcome.status)
    if options.check_mode:
        found |= dict.fromkeys(touched, Status(state, f"would be {state}"))
    elif teardown.changes:
        shared = tear_down(session, live, labels, teardown, timeout=options.timeout, ended=ended)
    outcomes = [
        replace(outcome, status=found[outcome.owner], connections=(), changed=outcome.owner in touched)
        for outcome in before
    ]
    outcomes += [Outcome(name, "", status) for name, status in shared.items()]
    header = f"class {labels['class_id']} of lab {labels['lab_id']} in {live.namespace}"
    diff = steps_diff(header, (*teardown.instances, *teardown.shared)) if options.diff else []
    return ClassOutcome(tuple(outcomes), teardown.changes, diff)
