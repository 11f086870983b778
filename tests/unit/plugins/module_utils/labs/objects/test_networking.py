"""What the components of an instance reach, and what reaches them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access, LabClass
from unit.support.classes import GROUPS, LAB, SEVERAL, class_of, manifests

NAME = "lab-123-student-anna"
INSTANCE = {"app": "lab", "lab_id": "123", "class_id": "1", "student_id": "anna"}
ANNA = class_of("anna", lab=SEVERAL)


def of(kind: str, lab_class: LabClass = ANNA) -> dict[str, Manifest]:
    return {made["metadata"]["name"]: made for made in manifests(lab_class) if made["kind"] == kind}


def test_the_objects_of_an_instance_of_several_components() -> None:
    made = [(entry["kind"], entry["metadata"]["name"]) for entry in manifests(ANNA)]
    (_class, (_kind, opening)) = made[:2]
    assert made == [
        ("NetworkPolicy", "lab-123"),
        ("NetworkPolicy", opening),
        ("NetworkPolicy", NAME),
        ("Secret", NAME),
        ("PersistentVolumeClaim", NAME),
        ("Service", f"{NAME}-internal"),
        ("Service", f"{NAME}-linux"),
        ("Pod", f"{NAME}-linux"),
        ("Pod", f"{NAME}-cache"),
        ("Pod", f"{NAME}-db"),
    ]


def test_components_find_each_other_by_their_names() -> None:
    spec = of("Service")[f"{NAME}-internal"]["spec"]
    assert spec == {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": INSTANCE}
    for name in ("linux", "cache", "db"):
        pod = of("Pod")[f"{NAME}-{name}"]["spec"]
        assert (pod["hostname"], pod["subdomain"]) == (name, f"{NAME}-internal")
        assert pod["dnsConfig"]["searches"] == [f"{NAME}-internal.labs.svc.cluster.local"]
        assert pod["dnsConfig"]["options"] == [{"name": "ndots", "value": "1"}]


def test_an_instance_of_one_component_needs_none_of_that() -> None:
    alone = class_of("anna")
    (spec,) = (pod["spec"] for pod in of("Pod", alone).values())
    assert not {"hostname", "subdomain", "dnsConfig", "affinity"} & spec.keys()
    assert list(of("Service", alone)) == [NAME]
    assert list(of("NetworkPolicy", alone)) == ["lab-123"]


def test_components_reach_each_other_on_every_port_within_their_own_instance() -> None:
    spec = of("NetworkPolicy")[NAME]["spec"]
    same = [{"podSelector": {"matchLabels": INSTANCE}}]
    assert spec["podSelector"] == {"matchLabels": INSTANCE}
    assert spec["ingress"] == [{"from": same}]
    assert spec["egress"] == [{"to": same}]


def test_students_reach_only_the_components_that_they_enter() -> None:
    closing, opening, _own = of("NetworkPolicy").values()
    assert closing["spec"]["ingress"] == []
    assert closing["spec"]["podSelector"]["matchLabels"] == {"app": "lab", "lab_id": "123", "class_id": "1"}
    assert opening["spec"]["podSelector"]["matchLabels"] == {
        "app": "lab", "lab_id": "123", "class_id": "1", "component": "linux"
    }  # fmt: skip
    (rule,) = opening["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 2222}]
    assert opening["spec"]["egress"] == []


def test_each_component_that_students_enter_has_a_service_of_its_own() -> None:
    access = (Access("http", "cache", 8080), Access("ssh", "linux", 2222), Access("vnc", "cache", 5900))
    services = of("Service", class_of("anna", lab=replace(SEVERAL, access=access)))
    assert list(services)[1:] == [f"{NAME}-cache", f"{NAME}-linux"]
    spec = services[f"{NAME}-cache"]["spec"]
    assert spec["selector"] == INSTANCE | {"component": "cache"}
    assert [(port["name"], port["port"], port["targetPort"]) for port in spec["ports"]] == [
        ("http", 80, 8080),
        ("vnc", 5900, 5900),
    ]


def test_the_policies_of_two_labs_never_meet() -> None:
    one = replace(SEVERAL, id="sql")
    other = replace(LAB, id="sql-linux")
    names = [set(of("NetworkPolicy", class_of("anna", lab=lab))) for lab in (one, other)]
    assert not names[0] & names[1]


def test_components_with_the_volume_are_on_one_node_and_the_others_anywhere() -> None:
    pods = {name.removeprefix(f"{NAME}-"): pod["spec"].get("affinity") for name, pod in of("Pod").items()}
    assert pods["cache"] is None
    assert pods["linux"] == pods["db"]
    (term,) = pods["linux"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"] == INSTANCE
    assert term["labelSelector"]["matchExpressions"] == [
        {"key": "component", "operator": "In", "values": ["db", "linux"]}
    ]


def test_a_volume_of_one_component_binds_nobody() -> None:
    components = (SEVERAL.components[0], replace(SEVERAL.components[2], mounts=()))
    pods = of("Pod", class_of("anna", lab=replace(SEVERAL, components=components)))
    assert not any("affinity" in pod["spec"] for pod in pods.values())


def test_only_components_that_students_enter_have_credentials() -> None:
    volumes = {name: {volume["name"] for volume in pod["spec"]["volumes"]} for name, pod in of("Pod").items()}
    assert [name for name, found in volumes.items() if "credentials" in found] == [f"{NAME}-linux"]


GROUP = class_of("anna/7", "bob/7", lab=GROUPS)


def test_a_group_has_a_port_for_each_member() -> None:
    (service,) = of("Service", GROUP).values()
    assert service["metadata"]["annotations"]["autolabs.io/seats"] == "anna=2222,bob=2223"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["ports"] == [
        {"name": f"ssh-{port}", "port": port, "protocol": "TCP", "targetPort": port} for port in (2222, 2223)
    ]


def test_a_group_has_a_container_for_each_member() -> None:
    (pod,) = of("Pod", GROUP).values()
    assert pod["metadata"]["annotations"]["autolabs.io/seats"] == "anna=2222,bob=2223"
    assert [container["name"] for container in pod["spec"]["containers"]] == ["linux-2222", "linux-2223"]
    for container, student, port in zip(pod["spec"]["containers"], ("anna", "bob"), (2222, 2223), strict=True):
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        assert variables["AUTOLABS_GROUP_ID"] == "7"
        assert (variables["AUTOLABS_STUDENT_ID"], variables["AUTOLABS_SSH_PORT"]) == (student, str(port))
        assert container["startupProbe"]["tcpSocket"] == {"port": port}
        assert "readinessProbe" not in container
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert mounts["/run/autolabs"]["name"] == f"credentials-{port}"
        assert mounts["/home"]["subPath"] == "home"


def test_a_member_sees_their_own_password_alone_and_its_absence_stops_nothing() -> None:
    (pod,) = of("Pod", GROUP).values()
    secrets = {volume["name"]: volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume}
    assert secrets["credentials-2223"] == {
        "secretName": "lab-123-group-7",
        "defaultMode": 0o440,
        "optional": True,
        "items": [
            {"key": "password.bob", "path": "password"},
            {"key": "ssh_host_ed25519_key", "path": "ssh_host_ed25519_key"},
        ],
    }
    (secret,) = of("Secret", GROUP).values()
    assert {"password.anna", "password.bob"} <= secret["data"].keys()


def test_another_component_of_a_group_sees_no_members_password() -> None:
    access = (*SEVERAL.access, Access("http", "cache", 8080))
    group = class_of("anna/7", "bob/7", lab=replace(SEVERAL, deployment_mode="per_group", access=access))
    volumes = of("Pod", group)["lab-123-group-7-cache"]["spec"]["volumes"]
    (source,) = (volume["secret"] for volume in volumes if "secret" in volume)
    assert [item["key"] for item in source["items"]] == ["password", "ssh_host_ed25519_key"]


@pytest.mark.parametrize("lab", [GROUPS, replace(SEVERAL, deployment_mode="per_group")], ids=["one", "several"])
def test_the_ports_of_the_largest_group_are_open_and_of_nothing_else(lab: Any) -> None:
    rules = [
        rule
        for policy in of("NetworkPolicy", class_of("anna/7", lab=lab)).values()
        for rule in policy["spec"]["ingress"]
        if "ports" in rule
    ]
    assert [rule["ports"] for rule in rules] == [[{"protocol": "TCP", "port": 2222, "endPort": 2253}]]
