"""What a run will do to the objects that are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import CLASS_KINDS, Live, key_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.frame import RECIPE_ANNOTATION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    OUTDATED,
    ClassPlan,
    Step,
    credentials_of,
    deletions,
    plan_class,
)
from unit.support.classes import (
    CREDENTIALS,
    GROUPS,
    LAB,
    SEEDED,
    SETTINGS,
    SEVERAL,
    class_of,
    component,
    live_with,
    manifests,
    waiting,
)

ANNA = class_of("anna")
NAME = "lab-123-student-anna"
WITH_ENV = component(environment={"A": "1"})
TWO_WAYS = replace(LAB, access=(*LAB.access, Access("vnc", "linux", 5900)))
NO_NODE = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}
HALF = waiting("CrashLoopBackOff")
HALF["containerStatuses"].append({"name": "other", "state": {"running": {}}})
CREATED = {"NetworkPolicy": "create", "Secret": "create", "PersistentVolumeClaim": "create", "Service": "create"}
NOTHING: dict[str, str] = {}


def plan(wanted: LabClass, live: Live, *, recreate: bool = False) -> ClassPlan:
    return plan_class(wanted, live, credentials_of(wanted, live), SETTINGS, recreate=recreate)


def decided(made: ClassPlan) -> dict[str, str]:
    """Kind to verb, for a class of one, without what is unchanged."""
    steps = [*made.shared, *(step for entry in made.instances for step in entry.steps), *made.pruned]
    return {step.manifest["kind"]: step.verb for step in steps if step.verb != "unchanged"}


def with_pod(**changes: object) -> Live:
    """Anna's class, whose Pod has other values."""
    live = live_with(ANNA)
    pod = live.objects["Pod", NAME]
    for name, value in changes.items():
        pod["metadata" if name == "deletionTimestamp" else "status"] |= {name: value}
    return live


def without(*kinds: str) -> Live:
    live = live_with(ANNA)
    for kind in kinds:
        live.objects = {key: value for key, value in live.objects.items() if key[0] != kind}
    return live


def edited(kind: str, edit: Callable[[Manifest], object]) -> Live:
    live = live_with(ANNA)
    edit(live.all(kind)[0])
    return live


def of(lab: Lab, course: str = "") -> LabClass:
    return class_of("anna", lab=lab, course=course)


# What is there, what is wanted, whether to recreate, and what is decided.
CASES: list[tuple[str, Live, LabClass, bool, dict[str, str]]] = [
    ("nothing is there", Live("labs"), ANNA, False, CREATED | {"Pod": "create"}),
    ("all is there", live_with(ANNA), ANNA, False, NOTHING),
    ("all is there, and recreate", live_with(ANNA), ANNA, True, NOTHING),
    ("a stopped instance", without("Pod"), ANNA, False, {"Pod": "create"}),
    ("only the volume is left", without("Pod", "Service", "Secret", "NetworkPolicy"), ANNA, False,
        {"NetworkPolicy": "create", "Secret": "create", "Service": "create", "Pod": "create"}),
    ("a Pod that is ending", with_pod(deletionTimestamp="2026-01-01T00:00:00Z"), ANNA, False, {"Pod": "replace"}),
    ("a Pod that has failed", with_pod(phase="Failed"), ANNA, False, {"Pod": "replace"}),
    ("a Pod that is done", with_pod(phase="Succeeded"), ANNA, False, {"Pod": "replace"}),
    ("another environment", live_with(ANNA), of(WITH_ENV), False, {"Pod": "outdated"}),
    ("another environment, and recreate", live_with(ANNA), of(WITH_ENV), True, {"Pod": "replace"}),
    ("less environment", live_with(of(WITH_ENV)), ANNA, False, {"Pod": "outdated"}),
    ("less environment, and recreate", live_with(of(WITH_ENV)), ANNA, True, {"Pod": "replace"}),
    ("another course", live_with(of(LAB, "old")), of(LAB, "new"), False,
        dict.fromkeys(("NetworkPolicy", "Secret", "PersistentVolumeClaim", "Service", "Pod"), "update")),
    ("no course any more", live_with(of(LAB, "old")), ANNA, False,
        dict.fromkeys(("NetworkPolicy", "Secret", "PersistentVolumeClaim", "Service", "Pod"), "update")),
    ("an image that cannot be pulled, and another one", live_with(ANNA, **waiting("ImagePullBackOff")), of(WITH_ENV),
        False, {"Pod": "replace"}),
    ("an image that cannot be pulled, and the same", live_with(ANNA, **waiting("ImagePullBackOff")), ANNA, False,
        NOTHING),
    ("a Pod that no node takes", live_with(ANNA, **NO_NODE), of(WITH_ENV), False, {"Pod": "replace"}),
    ("a Pod of which something runs", live_with(ANNA, **HALF), of(WITH_ENV), False, {"Pod": "outdated"}),
    ("a larger volume", live_with(ANNA), of(replace(LAB, volume_size=2 << 30)), False,
        {"PersistentVolumeClaim": "outdated"}),
    ("a larger volume, and recreate", live_with(ANNA), of(replace(LAB, volume_size=2 << 30)), True,
        {"PersistentVolumeClaim": "outdated"}),
    ("internet", live_with(ANNA), of(replace(LAB, internet=True)), False, {"NetworkPolicy": "update"}),
    ("one more way in", live_with(ANNA), of(TWO_WAYS), False, {"NetworkPolicy": "update", "Service": "update"}),
    ("one way in less", live_with(of(TWO_WAYS)), ANNA, False,
        {"NetworkPolicy": "update", "Service": "update"}),
    ("no volume any more", live_with(ANNA), of(replace(component(mounts=()), volume_size=None)), False,
        {"Pod": "outdated"}),
    ("no way in any more", live_with(ANNA), of(replace(LAB, access=())), False,
        {"NetworkPolicy": "update", "Pod": "outdated", "Service": "delete"}),
    ("a Service that somebody changed",
        edited("Service", lambda service: service["spec"].update(externalTrafficPolicy="Cluster")), ANNA, False,
        {"Service": "update"}),
    ("a policy that somebody opened",
        edited("NetworkPolicy", lambda policy: policy["spec"]["ingress"][0]["ports"].append({"port": 8080})),
        ANNA, False, {"NetworkPolicy": "update"}),
    ("what the server adds", edited("Service", lambda service: service["spec"].update(clusterIP="10.96.0.7")), ANNA,
        False, NOTHING),
    ("what admission adds",
        edited("Pod", lambda pod: pod["spec"].update(tolerations=[{"key": "node.kubernetes.io/not-ready"}])), ANNA,
        False, NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("live", "wanted", "recreate", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_decisions(live: Live, wanted: LabClass, recreate: bool, expected: dict[str, str]) -> None:
    made = plan(wanted, live, recreate=recreate)
    assert decided(made) == expected
    assert made.changes == bool(set(expected.values()) - {"outdated"})


def test_a_field_that_was_taken_out_shows_in_the_recipe_alone() -> None:
    made = plan(ANNA, live_with(of(WITH_ENV)))
    (pod,) = [step for step in made.instances[0].steps if step.verb == "outdated"]
    assert [difference.path for difference in pod.differences] == [f"metadata.annotations.{RECIPE_ANNOTATION}"]


def test_students_who_left_lose_everything_but_their_volume() -> None:
    made = plan(ANNA, live_with(class_of("anna", "boris")))
    assert [key_of(step.manifest) for step in made.pruned] == [
        (kind, "lab-123-student-boris") for kind in ("Pod", "Service", "Secret")
    ]
    assert not made.instances[0].changes


def test_one_instance_changes_while_the_others_stay() -> None:
    live = live_with(class_of("anna", "boris"))
    del live.objects["Pod", "lab-123-student-boris"]
    anna, boris = plan(class_of("anna", "boris"), live).instances
    assert (anna.changes, boris.changes) == (False, True)


def test_pods_go_first_policies_last_and_volumes_never() -> None:
    found = deletions(manifests(class_of("anna", "boris")))
    kinds = [step.manifest["kind"] for step in found]
    assert kinds == ["Pod", "Pod", "Service", "Service", "Secret", "Secret", "NetworkPolicy"]
    assert deletions(manifests(ANNA), ["PersistentVolumeClaim"]) == ()
    assert [step.manifest["kind"] for step in deletions(manifests(ANNA), ["Pod"])] == ["Pod"]


def test_an_instance_is_deleted_in_the_reverse_of_the_order_in_which_it_comes() -> None:
    order = {kind: index for index, kind in enumerate(CLASS_KINDS)}
    places = [order[step.manifest["kind"]] for step in deletions(manifests(ANNA))]
    assert places == sorted(places, reverse=True)


def test_credentials_that_are_there_are_kept_and_others_made() -> None:
    live = live_with(ANNA)
    found = credentials_of(class_of("anna", "boris"), live)
    assert found[NAME] == CREDENTIALS
    assert found["lab-123-student-boris"] != CREDENTIALS


def test_a_damaged_secret_is_made_again_with_the_pod_that_was_started_with_the_old_one() -> None:
    live = live_with(ANNA)
    live.objects["Secret", NAME]["data"]["password"] = ""
    found = credentials_of(ANNA, live)
    made = plan_class(ANNA, live, found, SETTINGS, recreate=False)
    assert decided(made) == {"Secret": "update", "Pod": "replace"}


def test_a_secret_that_is_gone_is_made_again_with_the_pod() -> None:
    live = live_with(ANNA)
    del live.objects["Secret", NAME]
    made = plan_class(ANNA, live, credentials_of(ANNA, live), SETTINGS, recreate=False)
    assert decided(made) == {"Secret": "create", "Pod": "replace"}


SEED = f"{NAME}-seed"


def step_of(made: ClassPlan, kind: str, name: str = "") -> Step:
    """The one step of the first instance for a kind, and a name where there are several."""
    (found,) = [
        step
        for step in made.instances[0].steps
        if step.manifest["kind"] == kind and name in ("", step.manifest["metadata"]["name"])
    ]
    return found


@pytest.mark.parametrize(("phase", "verb"), [("Succeeded", "unchanged"), ("Failed", "replace")])
def test_what_runs_once_stays_when_it_has_done_its_work(phase: str, verb: str) -> None:
    anna = of(SEEDED)
    live = live_with(anna)
    live.objects["Pod", SEED]["status"] = {"phase": phase}
    assert step_of(plan(anna, live), "Pod", SEED).verb == verb


def test_what_has_run_once_runs_again_only_on_request() -> None:
    web, seed = SEEDED.components
    live = live_with(of(SEEDED))
    live.objects["Pod", SEED]["status"] = {"phase": "Succeeded"}
    changed = of(replace(SEEDED, components=(web, replace(seed, image="registry.example/seed:2"))))
    assert step_of(plan(changed, live), "Pod", SEED).verb == "outdated"
    assert step_of(plan(changed, live, recreate=True), "Pod", SEED).verb == "replace"


def test_new_credentials_replace_only_the_pods_that_have_the_old_ones() -> None:
    anna = of(SEVERAL)
    live = live_with(anna)
    del live.objects["Secret", NAME]
    made = plan(anna, live)
    verbs = {step.manifest["metadata"]["name"]: step.verb for step in made.instances[0].steps if step.changes}
    assert verbs == {NAME: "create", f"{NAME}-linux": "replace"}


def test_several_components_become_one_and_the_rest_goes() -> None:
    made = plan(ANNA, live_with(of(SEVERAL)))
    gone = sorted((step.manifest["kind"], step.manifest["metadata"]["name"]) for step in made.pruned)
    assert [name for kind, name in gone if kind == "Pod"] == [f"{NAME}-{name}" for name in ("cache", "db", "linux")]
    assert [name for kind, name in gone if kind == "Service"] == [f"{NAME}-internal", f"{NAME}-linux"]
    assert ("NetworkPolicy", NAME) in gone


def group(*members: str, lab: Lab = GROUPS) -> LabClass:
    return class_of(*(f"{member}/7" for member in members), lab=lab)


def seats_on(step: Step) -> str:
    text: str = step.manifest["metadata"]["annotations"]["autolabs.io/seats"]
    return text


def container_names(step: Step) -> list[str]:
    return [container["name"] for container in step.manifest["spec"]["containers"]]


def test_a_group_that_stays_is_left_alone() -> None:
    assert not plan(group("anna", "bob"), live_with(group("anna", "bob"))).changes


def test_a_member_who_leaves_disturbs_nobody() -> None:
    made = plan(group("bob"), live_with(group("anna", "bob")))
    assert decided(made) == {"Secret": "update", "Service": "update", "Pod": "update"}
    service, pod, secret = (step_of(made, kind) for kind in ("Service", "Pod", "Secret"))
    assert [port["port"] for port in service.manifest["spec"]["ports"]] == [2223]
    assert "password.anna" not in secret.manifest["data"]
    assert container_names(pod) == ["linux-2222", "linux-2223"]
    assert [difference.path for difference in pod.differences] == ["metadata.annotations.autolabs.io/seats"]
    assert seats_on(pod) == seats_on(service) == "bob=2223"
    assert not pod.outdated


def after(made: ClassPlan, live: Live) -> Live:
    """The cluster when the plan was carried out."""
    for step in (*made.shared, *(step for entry in made.instances for step in entry.steps)):
        if step.changes:
            before = live.find(*key_of(step.manifest))
            live.keep({**step.manifest, "status": before["status"]} if before and "status" in before else step.manifest)
    return live


def test_who_left_and_comes_back_has_the_old_seat() -> None:
    live = live_with(group("anna", "bob"))
    after(plan(group("bob"), live), live)
    assert not plan(group("bob"), live).changes, "the closed seat is a change each time"
    made = plan(group("anna", "bob"), live)
    assert decided(made) == {"Secret": "update", "Service": "update", "Pod": "update"}
    assert seats_on(step_of(made, "Pod")) == "anna=2222,bob=2223"


def test_a_new_member_waits_for_a_new_pod() -> None:
    made = plan(group("anna", "bob"), live_with(group("anna")))
    assert decided(made) == {"Secret": "update", "Service": "update", "Pod": OUTDATED}
    assert "spec.containers[linux-2223]" in [difference.path for difference in step_of(made, "Pod").outdated]
    again = plan(group("anna", "bob"), live_with(group("anna")), recreate=True)
    assert decided(again)["Pod"] == "replace"
    assert container_names(step_of(again, "Pod")) == ["linux-2222", "linux-2223"]


def test_a_seat_is_closed_at_once_also_where_a_new_member_waits() -> None:
    made = plan(group("bob", "clara"), live_with(group("anna", "bob")))
    pod = step_of(made, "Pod")
    assert (pod.verb, seats_on(pod)) == ("update", "bob=2223")
    assert container_names(pod) == ["linux-2222", "linux-2223"]
    assert "spec.containers[linux-2224]" in [difference.path for difference in pod.outdated]
    assert seats_on(step_of(made, "Service")) == "bob=2223,clara=2224"


def test_a_new_pod_has_no_closed_seats() -> None:
    live = live_with(group("anna", "bob"))
    after(plan(group("bob"), live), live)
    del live.objects["Pod", "lab-123-group-7"]
    made = plan(group("bob"), live)
    assert (step_of(made, "Pod").verb, container_names(step_of(made, "Pod"))) == ("create", ["linux-2223"])


def test_a_changed_lab_is_outdated_for_a_group_too() -> None:
    changed = replace(WITH_ENV, deployment_mode="per_group")
    live = live_with(group("anna", "bob"))
    assert decided(plan(group("bob", lab=changed), live))["Pod"] == OUTDATED
    made = plan(group("bob", lab=changed), live, recreate=True)
    assert container_names(step_of(made, "Pod")) == ["linux-2223"]


def test_a_host_key_that_is_new_replaces_the_pod_of_a_group() -> None:
    live = live_with(group("anna"))
    live.objects["Secret", "lab-123-group-7"]["data"]["ssh_host_ed25519_key"] = ""
    assert decided(plan(group("anna"), live))["Pod"] == "replace"
