"""The objects of a class: named and labelled as documented, in the order in which they must come to be."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, FileMount, Lab, LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.frame import RECIPE_ANNOTATION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from unit.support.classes import CREDENTIALS, LAB, SETTINGS, class_of, component, manifests

GROUPS = replace(LAB, deployment_mode="per_group")
WITH_FILES = replace(
    component(configs=(FileMount("task", "/etc/motd"),), secrets=(FileMount("flag", "/run/flag"),)),
    configs={"task": "do it"},
    secrets={"flag": "s3cret"},
)


def only(kind: str, lab_class: LabClass, settings: Settings = SETTINGS) -> Manifest:
    (found,) = [manifest for manifest in manifests(lab_class, settings) if manifest["kind"] == kind]
    return found


def recipe(kind: str, lab: Lab) -> str:
    found: str = only(kind, class_of("anna", lab=lab))["metadata"]["annotations"][RECIPE_ANNOTATION]
    return found


def test_the_policy_comes_first_and_a_pod_after_all_that_it_needs() -> None:
    kinds = [manifest["kind"] for manifest in manifests(class_of("anna", lab=replace(WITH_FILES, access=LAB.access)))]
    assert kinds[0] == "NetworkPolicy"
    assert kinds[-5:] == ["Secret", "Secret", "PersistentVolumeClaim", "Service", "Pod"]


def test_a_class_has_one_policy_however_many_are_in_it() -> None:
    kinds = [manifest["kind"] for manifest in manifests(class_of("anna", "boris", "clara"))]
    assert kinds.count("NetworkPolicy") == 1
    assert kinds.count("Pod") == 3


@pytest.mark.parametrize(
    ("lab_class", "name", "labels"),
    [
        (
            class_of("456", course="sec"),
            "lab-123-student-456",
            {"student_id": "456", "deployment_mode": "per_student", "course_id": "sec", "class_id": "1"},
        ),
        (
            class_of("456/7", lab=GROUPS),
            "lab-123-group-7",
            {"group_id": "7", "deployment_mode": "per_group", "class_id": "1"},
        ),
        (
            class_of("456", class_id="2"),
            "lab-123-class-2-student-456",
            {"student_id": "456", "deployment_mode": "per_student", "class_id": "2"},
        ),
    ],
    ids=["a student", "a group", "a second class"],
)
def test_names_and_labels_are_the_documented_ones(lab_class: LabClass, name: str, labels: dict[str, str]) -> None:
    for kind in ("Secret", "PersistentVolumeClaim", "Service", "Pod"):
        metadata = only(kind, lab_class)["metadata"]
        component_label = {"component": "linux"} if kind == "Pod" else {}
        assert metadata["name"] == name
        assert metadata["labels"] == {"app": "lab", "lab_id": "123"} | labels | component_label


@pytest.mark.parametrize(
    ("level", "namespace"),
    [("restricted", "labs"), ("baseline", "labs-baseline"), ("privileged", "labs-privileged")],
)
def test_the_security_level_decides_the_namespace_of_everything(level: str, namespace: str) -> None:
    made = manifests(class_of("anna", lab=replace(WITH_FILES, security_level=level)))
    assert {manifest["metadata"]["namespace"] for manifest in made} == {namespace}


def test_students_come_by_a_node_port_of_the_instances_own_node() -> None:
    lab = replace(LAB, access=(Access("ssh", "linux", 2222), Access("http", "linux", 8080)))
    service = only("Service", class_of("anna", lab=lab))
    assert service["spec"] == {
        "type": "NodePort",
        "externalTrafficPolicy": "Local",
        "selector": {"app": "lab", "lab_id": "123", "class_id": "1", "student_id": "anna"},
        "ports": [
            {"name": "ssh", "port": 22, "protocol": "TCP", "targetPort": 2222},
            {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080},
        ],
    }


def test_a_services_selector_finds_its_own_pod_and_no_other() -> None:
    made = manifests(class_of("anna", "anna-2", "boris"))
    pods = [manifest["metadata"] for manifest in made if manifest["kind"] == "Pod"]
    for service in (manifest for manifest in made if manifest["kind"] == "Service"):
        wanted = service["spec"]["selector"].items()
        assert [pod["name"] for pod in pods if wanted <= pod["labels"].items()] == [service["metadata"]["name"]]


def test_what_a_lab_does_not_ask_for_is_not_made() -> None:
    lab = replace(component(mounts=()), access=(), volume_size=None)
    assert [manifest["kind"] for manifest in manifests(class_of("anna", lab=lab))] == ["NetworkPolicy", "Secret", "Pod"]


def test_the_volume_has_the_labs_size_and_the_sites_class() -> None:
    spec = only("PersistentVolumeClaim", class_of("anna"))["spec"]
    assert spec == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    fast = Settings(storage_class="fast")
    assert only("PersistentVolumeClaim", class_of("anna"), fast)["spec"]["storageClassName"] == "fast"


def test_credentials_are_in_the_secret_of_the_instance_and_nowhere_else() -> None:
    key = CREDENTIALS.host_key.splitlines()[2]
    for manifest in manifests(class_of("anna", lab=WITH_FILES)):
        text = json.dumps(manifest)
        secret = manifest["kind"] == "Secret" and manifest["metadata"]["name"] == "lab-123-student-anna"
        encoded = base64.b64encode(CREDENTIALS.password.encode()).decode()
        assert (encoded in text) == secret
        assert CREDENTIALS.password not in text and key not in text


def test_inline_files_are_kept_once_for_the_class() -> None:
    made = {(entry["kind"], entry["metadata"]["name"]): entry for entry in manifests(class_of("anna", lab=WITH_FILES))}
    assert made["ConfigMap", "lab-123"]["data"] == {"task": "do it"}
    assert made["Secret", "lab-123"]["data"] == {"flag": base64.b64encode(b"s3cret").decode()}


@pytest.mark.parametrize(
    ("changed", "pod", "service"),
    [
        ("an env var taken out", (component(environment={"A": "1"}), LAB), None),
        ("a config's content", (WITH_FILES, replace(WITH_FILES, configs={"task": "do more"})), None),
        ("a secret's content", (WITH_FILES, replace(WITH_FILES, secrets={"flag": "other"})), None),
        ("an access taken out", None, (replace(LAB, access=(*LAB.access, Access("vnc", "linux", 5900))), LAB)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_recipe_tells_what_the_wanted_fields_cannot(
    changed: str, pod: tuple[Lab, Lab] | None, service: tuple[Lab, Lab] | None
) -> None:
    for kind, labs in (("Pod", pod), ("Service", service)):
        if labs:
            assert recipe(kind, labs[0]) != recipe(kind, labs[1])


def test_the_recipe_of_what_stays_as_it_was_stays() -> None:
    assert recipe("Pod", LAB) == recipe("Pod", replace(LAB, internet=True))
    assert recipe("Service", LAB) == recipe("Service", component(environment={"A": "1"}))
    assert recipe("Secret", LAB) == recipe("Secret", replace(LAB, internet=True))
