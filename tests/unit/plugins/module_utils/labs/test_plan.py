"""What a run will do to the objects that are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import CLASS_KINDS, Live, key_of
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects import RECIPE_ANNOTATION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    ClassPlan,
    credentials_of,
    deletions,
    plan_class,
)
from unit.support.classes import CREDENTIALS, LAB, SETTINGS, class_of, component, live_with, manifests

ANNA = class_of("anna")
NAME = "lab-123-student-anna"
WITH_ENV = component(environment={"A": "1"})
TWO_WAYS = replace(LAB, access=(*LAB.access, Access("vnc", "linux", 5900)))
CREATED = {"NetworkPolicy": "create", "Secret": "create", "PersistentVolumeClaim": "create", "Service": "create"}
NOTHING: dict[str, str] = {}


def plan(wanted: LabClass, live: Live, *, recreate: bool = False) -> ClassPlan:
    credentials = {instance.name: CREDENTIALS for instance in wanted.instances}
    return plan_class(wanted, live, credentials, SETTINGS, recreate=recreate)


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
