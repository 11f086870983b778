"""A class is admitted as a whole, with numbers that the real scheduler and the real quotas agree with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import HOST, Played, Site
from testbed.paths import REPOSITORY

ACTION = "autolabs.platform.lab_class"
CPU = 150
"""Millicores of one instance: a few of them fit on the test host."""
KINDS = "pods,services,secrets,configmaps,persistentvolumeclaims,networkpolicies"
QUIET = "labs-baseline"
"""The namespace whose quota these tests change, since no other test starts anything there."""


def lab(site: Site, name: str, *, cpu: int = 10, security: str = "restricted", volume: str = "") -> Path:
    """A small lab with a request of `cpu` millicores."""
    service: dict[str, Any] = {
        "image": "registry.autolabs.internal/labs/linux-ssh:1",
        "deploy": {"resources": {"reservations": {"cpus": str(cpu / 1000), "memory": "32M"}}},
    }
    document: dict[str, Any] = {
        "name": name,
        "services": {"linux": service},
        "x-lab": {"title": "Room", "text": "For as many as fit.", "access": "ssh", "security": security},
    }
    if volume:
        service["volumes"] = ["home:/home"]
        document |= {"volumes": {"home": None}}
        document["x-lab"]["volume"] = volume
    path = site.folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def students(count: int) -> list[dict[str, str]]:
    return [{"id": f"s{number:02}"} for number in range(count)]


def start(site: Site, path: Path, count: int, *, options: str = "", **variables: Any) -> Played:
    return site.playbook(
        "lab_start", {"lab_file": str(path), "lab_students": students(count), **variables}, options=options
    )


@contextmanager
def started_labs(site: Site, *names: str) -> Iterator[None]:
    """Whatever is started of these labs is taken away again."""
    try:
        yield
    finally:
        for name in names:
            played = site.playbook("lab_delete", {"lab_id": name})
            assert played.succeeded, played.output[-3000:]
            for namespace in ("labs", QUIET):
                site.kubectl("-n", namespace, "delete", "pvc", "-l", f"lab_id={name}", "--wait=false")


@contextmanager
def quota(site: Site, **hard: str) -> Iterator[None]:
    """The quiet namespace's quota, lowered for a while."""
    name = f"{QUIET}-quota"
    (before,) = site.objects("resourcequota", QUIET)
    patch = {"spec": {"hard": {key.replace("_", "."): value for key, value in hard.items()}}}
    site.kubectl("-n", QUIET, "patch", "resourcequota", name, "--type=merge", "-p", json.dumps(patch))
    try:
        wait_for_quota(site, {**before["spec"]["hard"], **patch["spec"]["hard"]})
        yield
    finally:
        undo = {"spec": {"hard": before["spec"]["hard"]}}
        site.kubectl("-n", QUIET, "patch", "resourcequota", name, "--type=merge", "-p", json.dumps(undo))
        wait_for_quota(site, before["spec"]["hard"])


def wait_for_quota(site: Site, hard: dict[str, str]) -> None:
    """Until its controller has taken the new values over."""
    for name in ("pods", "services.nodeports"):
        path = "{.status.hard." + name.replace(".", "\\.") + "}"
        words = ["wait", "resourcequota", f"{QUIET}-quota", f"--for=jsonpath={path}={hard[name]}", "--timeout=20s"]
        site.kubectl("-n", QUIET, *words)


def live(site: Site, name: str) -> set[str]:
    """The names of all objects of a lab, wherever they are."""
    return set(site.kubectl("get", KINDS, "-A", "-l", f"lab_id={name}", "-o", "name").split())


def pods_of(site: Site, *names: str, namespace: str = "labs") -> list[dict[str, Any]]:
    return [pod for name in names for pod in site.objects("pods", namespace, f"lab_id={name}")]


def has_node(pod: dict[str, Any]) -> bool:
    return bool(pod["spec"].get("nodeName"))


def one_more_fits(site: Site, like: dict[str, Any]) -> bool:
    """Whether the scheduler finds room for one more Pod of the same requests: asked by making one."""
    container = {key: like["spec"]["containers"][0][key] for key in ("name", "image", "resources", "securityContext")}
    spec = {"containers": [container], "securityContext": like["spec"]["securityContext"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one-more", "namespace": "labs"}, "spec": spec}
    path = site.folder / "one-more.json"
    path.write_text(json.dumps(pod))
    with path.open() as source:
        words = ["ssh", "-F", str(site.network.folder / "ssh_config"), HOST]
        create = "kubectl --kubeconfig /etc/kubernetes/admin.conf create -f -"
        subprocess.run([*words, create], stdin=source, check=True, timeout=60, capture_output=True)
    try:
        condition = "{.status.conditions[?(@.type=='PodScheduled')].status}"
        site.kubectl("-n", "labs", "wait", "pod", "one-more", f"--for=jsonpath={condition}", "--timeout=20s")
        return site.kubectl("-n", "labs", "get", "pod", "one-more", "-o", f"jsonpath={condition}").strip() == "True"
    finally:
        site.kubectl("-n", "labs", "delete", "pod", "one-more", "--wait", "--grace-period=0", "--force")


def test_a_class_that_is_too_large_is_refused_with_numbers_and_creates_nothing(site: Site) -> None:
    path = lab(site, "adm-large", cpu=CPU)
    for options in ("", "--check"):
        played = start(site, path, 40, options=options)
        assert not played.succeeded
        result = played.result(ACTION)
        assert "of 40 fit" in result["msg"] and "CPU short by" in result["msg"], result["msg"]
        assert "on the lab nodes" in result["msg"]
        assert 0 < result["admission"]["fits"] < 40
    assert live(site, "adm-large") == set()


def test_partial_starts_exactly_as_many_as_fit(site: Site) -> None:
    path = lab(site, "adm-part", cpu=CPU)
    with started_labs(site, "adm-part"):
        played = start(site, path, 30, lab_admit="partial")
        assert played.succeeded, played.output[-3000:]
        result = played.result(ACTION)
        fits = result["admission"]["fits"]
        states = [entry["state"] for entry in result["instances"]]
        assert states == ["ready"] * fits + ["refused"] * (30 - fits), "the first of the roster, and no other"
        pods = pods_of(site, "adm-part")
        assert len(pods) == fits > 0 and all(map(has_node, pods))
        assert not one_more_fits(site, pods[0]), "the scheduler would have taken one more"


QUOTAS = [
    ("pods", {"pods": "3"}, "3 of 5 fit: pods short by 2 in the quota of the namespace labs-baseline"),
    (
        "node ports",
        {"services_nodeports": "4"},
        "4 of 5 fit: node ports short by 1 in the quota of the namespace labs-baseline",
    ),
]


@pytest.mark.parametrize(("hard", "words"), [case[1:] for case in QUOTAS], ids=[case[0] for case in QUOTAS])
def test_a_quota_that_is_short_is_named(site: Site, hard: dict[str, str], words: str) -> None:
    path = lab(site, "adm-quota", security="baseline")
    with quota(site, **hard):
        played = start(site, path, 5)
    assert not played.succeeded
    assert words in played.result(ACTION)["msg"]
    assert live(site, "adm-quota") == set()


def test_a_storage_class_that_does_not_exist_is_named(site: Site) -> None:
    path = lab(site, "adm-storage", volume="64M")
    played = start(site, path, 2, lab_storage_class="nowhere")
    assert not played.succeeded
    assert "the storage class nowhere does not exist (the cluster has: " in played.result(ACTION)["msg"]
    assert live(site, "adm-storage") == set()


def test_what_pod_security_forbids_is_one_message(site: Site) -> None:
    path = lab(site, "adm-security", security="baseline")
    label = "pod-security.kubernetes.io/enforce"
    site.kubectl("label", "namespace", QUIET, "--overwrite", f"{label}=restricted")
    try:
        played = start(site, path, 3)
    finally:
        site.kubectl("label", "namespace", QUIET, "--overwrite", f"{label}=baseline")
    assert not played.succeeded
    result = played.result(ACTION)
    assert (result["msg"] + json.dumps(result)).count("violates PodSecurity") >= 1
    assert not result.get("instances"), "one message, not one for each student"
    assert live(site, "adm-security") == set()


def play(site: Site, path: Path, count: int) -> subprocess.Popen[bytes]:
    """A run of a process of its own, as two teachers make them."""
    content = {"lab_file": str(path), "lab_students": students(count), "lab_admit": "partial"}
    with (site.folder / f"{path.stem}.log").open("wb") as log:
        return subprocess.Popen(
            site.command("lab_start", content),
            env=site.environment(),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def start_at_once(site: Site, paths: list[Path], count: int) -> None:
    runs = [play(site, path, count) for path in paths]
    for run, path in zip(runs, paths, strict=True):
        assert run.wait(timeout=240) == 0, (site.folder / f"{path.stem}.log").read_text()[-3000:]


@pytest.mark.parametrize("attempt", range(3))
def test_two_classes_at_once_get_exactly_what_the_quota_has(site: Site, attempt: int) -> None:
    names = [f"adm-left{attempt}", f"adm-right{attempt}"]
    with started_labs(site, *names), quota(site, pods="7"):
        start_at_once(site, [lab(site, name, security="baseline") for name in names], 5)
        found = {name: len(pods_of(site, name, namespace=QUIET)) for name in names}
        assert sorted(found.values()) == [2, 5], found
        assert all(map(has_node, pods_of(site, *names, namespace=QUIET)))


@pytest.mark.parametrize("attempt", range(3))
def test_two_classes_at_once_get_exactly_what_the_nodes_have(site: Site, attempt: int) -> None:
    names = [f"adm-east{attempt}", f"adm-west{attempt}"]
    with started_labs(site, *names):
        start_at_once(site, [lab(site, name, cpu=CPU) for name in names], 5)
        pods = pods_of(site, *names)
        assert 0 < len(pods) < 10, "the host has room for a few, or this shows nothing"
        assert all(map(has_node, pods)), "admitted, and not schedulable"
        assert not one_more_fits(site, pods[0])


def test_no_promise_is_left(site: Site) -> None:
    (book,) = [entry for entry in site.objects("configmap", "labs") if entry["metadata"]["name"] == "lab-promises"]
    assert not [key for key in book.get("data") or {} if ".adm-" in key]
