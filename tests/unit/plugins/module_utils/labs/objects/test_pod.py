"""The Pod of a component: valid for its security level, and true to the Compose file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    COMPLETED,
    Access,
    Component,
    FileMount,
    Healthcheck,
    Lab,
    Mount,
    Port,
    Resources,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.pod import pod_spec
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings
from unit.support.classes import LAB, SETTINGS, class_of, component

Spec = dict[str, Any]

FULL = component(
    environment={"A": "1"},
    ports=(Port(8080), Port(53, "UDP")),
    mounts=(Mount("home", "/home"), Mount("data", "/srv", read_only=True)),
    tmpfs=("/tmp", "/run"),
    configs=(FileMount("task", "/etc/motd"),),
    secrets=(FileMount("flag", "/run/flag", 0o400),),
    read_only=True,
    working_dir="/srv",
)
FULL = replace(FULL, configs={"task": "do it"}, secrets={"flag": "s3cret"}, lifetime=3600)


def spec_of(lab: Lab, settings: Settings = SETTINGS) -> Spec:
    lab_class = class_of("anna", lab=lab)
    return pod_spec(lab_class, lab.components[0], lab_class.instances[0], settings)


def container_of(lab: Lab) -> Spec:
    (found,) = spec_of(lab)["containers"]
    return dict(found)


def volumes_of(spec: Spec) -> dict[str, Spec]:
    return {volume["name"]: volume for volume in spec["volumes"]}


# The Pod Security Standards, https://kubernetes.io/docs/concepts/security/pod-security-standards/
RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
Condition = Callable[[Spec, Spec], bool]
BASELINE: dict[str, Condition] = {
    "no host process": lambda pod, one: "windowsOptions" not in pod["securityContext"] | one["securityContext"],
    "no host namespaces": lambda pod, one: not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
    "not privileged": lambda pod, one: not one["securityContext"].get("privileged"),
    "no added capabilities": lambda pod, one: not one["securityContext"].get("capabilities", {}).get("add"),
    "no host paths": lambda pod, one: not any("hostPath" in volume for volume in pod["volumes"]),
    "no host ports": lambda pod, one: not any("hostPort" in port for port in one["ports"]),
    "no host in probes": lambda pod, one: "'host'" not in str([one.get("readinessProbe"), one.get("startupProbe")]),
    "AppArmor as it comes": lambda pod, one: "appArmorProfile" not in pod["securityContext"] | one["securityContext"],
    "SELinux as it comes": lambda pod, one: "seLinuxOptions" not in pod["securityContext"] | one["securityContext"],
    "proc as it comes": lambda pod, one: "procMount" not in one["securityContext"],
    "seccomp is on": lambda pod, one: pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
    "no kernel settings": lambda pod, one: "sysctls" not in pod["securityContext"],
}
RESTRICTED: dict[str, Condition] = BASELINE | {
    "volume types": lambda pod, one: all(volume.keys() - {"name"} <= RESTRICTED_VOLUMES for volume in pod["volumes"]),
    "no escalation": lambda pod, one: one["securityContext"]["allowPrivilegeEscalation"] is False,
    "runs as non-root": lambda pod, one: pod["securityContext"]["runAsNonRoot"] is True,
    "its user is not root": lambda pod, one: pod["securityContext"]["runAsUser"] > 0,
    "drops all capabilities": lambda pod, one: one["securityContext"]["capabilities"] == {"drop": ["ALL"]},
}


@pytest.mark.parametrize("lab", [LAB, FULL, component(user=1234)], ids=["small", "full", "with a user"])
@pytest.mark.parametrize("condition", RESTRICTED)
def test_a_restricted_pod_meets_the_standard(condition: str, lab: Lab) -> None:
    assert RESTRICTED[condition](spec_of(lab), container_of(lab))


@pytest.mark.parametrize("user", [None, 0, 1000])
@pytest.mark.parametrize("condition", BASELINE)
def test_a_baseline_pod_meets_the_standard(condition: str, user: int | None) -> None:
    lab = replace(component(user=user), security_level="baseline")
    assert BASELINE[condition](spec_of(lab), container_of(lab))


def test_a_baseline_pod_may_be_root_and_raise_its_rights() -> None:
    lab = replace(LAB, security_level="baseline")
    # The group of credentials and volume is set: the image may name a user of its own.
    assert spec_of(lab)["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 1000}
    assert container_of(lab)["securityContext"] == {}


def test_a_privileged_pod_goes_to_its_own_nodes() -> None:
    lab = replace(LAB, security_level="privileged")
    spec = spec_of(lab)
    key = "autolabs.io/privileged-labs"
    assert container_of(lab)["securityContext"] == {"privileged": True}
    assert spec["nodeSelector"] == {key: "true"}
    assert spec["tolerations"] == [{"key": key, "operator": "Equal", "value": "true", "effect": "NoSchedule"}]
    assert not {"nodeSelector", "tolerations"} & spec_of(LAB).keys()


@pytest.mark.parametrize("level", ["restricted", "baseline", "privileged"])
def test_no_pod_knows_the_cluster(level: str) -> None:
    spec = spec_of(replace(LAB, security_level=level))
    assert spec["enableServiceLinks"] is False
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [(None, None, (1000, 1000)), (2000, None, (2000, 2000)), (2000, 3000, (2000, 3000))],
)
def test_files_of_the_volume_belong_to_the_group(user: int | None, group: int | None, expected: object) -> None:
    context = spec_of(component(user=user, group=group))["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == expected
    assert context["fsGroup"] == context["runAsGroup"]


def expanded(text: str, variables: dict[str, str]) -> str:
    """What the kubelet makes of a text (third_party/forked/golang/expansion)."""
    found, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            found, at = found + text[at], at + 1
        elif text[at + 1] == "$":
            found, at = found + "$", at + 2
        elif text[at + 1] == "(" and ")" in text[at:]:
            end = text.index(")", at)
            found, at = found + variables.get(text[at + 2 : end], text[at : end + 1]), end + 1
        else:
            found, at = found + text[at : at + 2], at + 2
    return found


@pytest.mark.parametrize("text", ["$(A)", "$$(A)", "$$", "$", "a$b", "$$$(A)$", "$(", "echo $(hostname)", "50 $"])
def test_the_kubelet_leaves_dollars_as_they_are(text: str) -> None:
    check = Healthcheck((text,))
    lab = component(environment={"A": "1", "B": text}, entrypoint=(text,), command=(text,), healthcheck=check)
    container = container_of(lab)
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    probe = container["readinessProbe"]["exec"]["command"]
    for written in (variables["B"], *container["command"], *container["args"], *probe):
        assert expanded(written, variables) == text


def test_an_image_keeps_its_command_unless_the_file_has_one() -> None:
    assert not {"command", "args", "workingDir"} & container_of(LAB).keys()
    container = container_of(component(entrypoint=(), command=("serve",), working_dir="/srv"))
    assert (container["command"], container["args"], container["workingDir"]) == ([], ["serve"], "/srv")


@pytest.mark.parametrize(
    ("mode", "owner"), [("per_student", ("AUTOLABS_STUDENT_ID", "anna")), ("per_group", ("AUTOLABS_GROUP_ID", "7"))]
)
def test_a_container_knows_its_lab_and_whose_it_is(mode: str, owner: tuple[str, str]) -> None:
    web = (Access("http", "linux", 8080),)
    lab = replace(component(environment={"A": "1", "AUTOLABS_LAB_ID": "other"}), deployment_mode=mode, access=web)
    lab_class = class_of("anna/7", lab=lab)
    (container,) = pod_spec(lab_class, lab.components[0], lab_class.instances[0], SETTINGS)["containers"]
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {
        "A": "1",
        "AUTOLABS_LAB_ID": "123",
        "AUTOLABS_CREDENTIALS": "/run/autolabs",
        **dict([owner]),
    }


def test_without_a_healthcheck_the_access_port_must_answer() -> None:
    container = container_of(LAB)
    assert container["readinessProbe"] == {"tcpSocket": {"port": 2222}, "periodSeconds": 10}
    assert container["startupProbe"] == {"tcpSocket": {"port": 2222}, "periodSeconds": 1, "failureThreshold": 120}


def test_a_healthcheck_decides_alone() -> None:
    check = Healthcheck(("true",), interval=5, timeout=2, retries=4, start_period=10, start_interval=3)
    container = container_of(component(healthcheck=check))
    runs = {"exec": {"command": ["true"]}, "timeoutSeconds": 2}
    # Within the start period it is asked oftener, and a success counts at once.
    assert container["startupProbe"] == {**runs, "periodSeconds": 3, "failureThreshold": 40}
    assert container["readinessProbe"] == {**runs, "periodSeconds": 5, "failureThreshold": 4}


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        (Healthcheck(("true",), interval=5, retries=3), 120),
        (Healthcheck(("true",), interval=60, retries=5, start_period=90), 390),
        (Healthcheck(("true",), interval=60, retries=5, start_period=90, start_interval=7), 390),
        (Healthcheck(("true",), interval=0, retries=0, start_interval=0), 120),
    ],
)
def test_a_container_is_not_restarted_while_it_can_still_become_healthy(check: Healthcheck, seconds: int) -> None:
    startup = container_of(component(healthcheck=check))["startupProbe"]
    most = startup["periodSeconds"] * startup["failureThreshold"]
    assert seconds <= most < seconds + startup["periodSeconds"]


def test_what_runs_once_is_started_once_and_no_probe_ends_it() -> None:
    check = Healthcheck(("true",))
    seed, web = component(healthcheck=check).components[0], Component("web", "w:1", depends_on={"linux": COMPLETED})
    lab = replace(LAB, components=(seed, web), access=(Access("http", "web", 8080),))
    spec = spec_of(lab)
    assert spec["restartPolicy"] == "Never"
    assert spec_of(replace(lab, components=(replace(seed, retried=True), web)))["restartPolicy"] == "OnFailure"
    assert {"readinessProbe"} == {name for name in spec["containers"][0] if name.endswith("Probe")}


def test_a_component_that_nobody_enters_has_no_probe_and_no_credentials() -> None:
    lab = replace(LAB, access=())
    assert not {"readinessProbe", "startupProbe"} & container_of(lab).keys()
    assert "credentials" not in volumes_of(spec_of(lab))


def test_ports_are_those_of_the_file_and_the_access() -> None:
    assert container_of(FULL)["ports"] == [
        {"containerPort": 53, "protocol": "UDP"},
        {"containerPort": 2222, "protocol": "TCP"},
        {"containerPort": 8080, "protocol": "TCP"},
    ]
    assert len(container_of(component(ports=(Port(2222),)))["ports"]) == 1


def test_named_volumes_are_folders_of_one_claim() -> None:
    assert volumes_of(spec_of(FULL))["volume"]["persistentVolumeClaim"] == {"claimName": "lab-123-student-anna"}
    mounts = [mount for mount in container_of(FULL)["volumeMounts"] if mount["name"] == "volume"]
    assert mounts == [
        {"name": "volume", "mountPath": "/home", "subPath": "home"},
        {"name": "volume", "mountPath": "/srv", "subPath": "data", "readOnly": True},
    ]


def test_files_of_the_lab_come_from_what_the_class_has_once() -> None:
    volumes = volumes_of(spec_of(FULL))
    task, flag = {"key": "task", "path": "task", "mode": 0o444}, {"key": "flag", "path": "flag", "mode": 0o400}
    assert volumes["configs"]["configMap"] == {"name": "lab-123", "items": [task]}
    assert volumes["secrets"]["secret"] == {"secretName": "lab-123", "items": [flag]}
    mounts = {mount["mountPath"]: mount for mount in container_of(FULL)["volumeMounts"]}
    assert mounts["/etc/motd"] == {"name": "configs", "mountPath": "/etc/motd", "subPath": "task", "readOnly": True}
    assert mounts["/run/flag"] == {"name": "secrets", "mountPath": "/run/flag", "subPath": "flag", "readOnly": True}


def test_each_tmpfs_is_memory_of_its_own_with_a_limit() -> None:
    volumes = [volume for name, volume in volumes_of(spec_of(FULL)).items() if name.startswith("tmpfs-")]
    assert [volume["emptyDir"] for volume in volumes] == [{"medium": "Memory", "sizeLimit": "64Mi"}] * 2
    mounts = {mount["mountPath"]: mount["name"] for mount in container_of(FULL)["volumeMounts"]}
    assert [mounts["/tmp"], mounts["/run"]] == [volume["name"] for volume in volumes]


def test_credentials_are_files_that_only_the_group_reads() -> None:
    secret = {"secretName": "lab-123-student-anna", "defaultMode": 0o440}
    assert volumes_of(spec_of(LAB))["credentials"]["secret"] == secret
    assert container_of(LAB)["volumeMounts"][0]["mountPath"] == "/run/autolabs"


@pytest.mark.parametrize(
    ("resources", "rendered"),
    [
        (Resources(), {}),
        (Resources(cpu_request=100), {"requests": {"cpu": "100m"}}),
        (Resources(cpu_limit=2000, memory_limit=1 << 30), {"limits": {"cpu": "2", "memory": "1Gi"}}),
        (Resources(memory_request=0), {"requests": {"memory": "0"}}),
    ],
)
def test_resources_are_those_that_are_written(resources: Resources, rendered: Spec) -> None:
    assert container_of(component(resources=resources))["resources"] == rendered


def test_the_rest_is_the_labs_and_the_sites() -> None:
    assert spec_of(FULL)["activeDeadlineSeconds"] == 3600
    assert "activeDeadlineSeconds" not in spec_of(LAB)
    assert spec_of(LAB, Settings(image_pull_secret="registry"))["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in spec_of(LAB)
    assert container_of(FULL)["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec_of(LAB)["restartPolicy"] == "Always"


def test_an_empty_variable_is_written_as_the_api_server_keeps_it() -> None:
    spec = spec_of(component(environment={"EMPTY": "", "A": "1"}))
    assert [entry for entry in spec["containers"][0]["env"] if entry["name"] in ("EMPTY", "A")] == [
        {"name": "EMPTY"},
        {"name": "A", "value": "1"},
    ]
