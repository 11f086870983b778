"""What goes wrong on a real cluster, provoked: the sentence that a teacher reads, and the detail for an admin."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from running import HOST, Played, Site
from testbed import packages
from testbed.mirror import registry
from testbed.mirror.service import wait_for

ACTION = "autolabs.platform.lab_class"
BUSYBOX = "docker.io/library/busybox:1.35"
SMALL: dict[str, Any] = {
    "mem_limit": "64m",
    "deploy": {"resources": {"reservations": {"cpus": "0.01", "memory": "16M"}}},
}
"""The least that the namespace takes, so that the cluster's own load is no part of what is tried."""
SERVE = "exec httpd -f -p 8080 -h /bin"
NODE_SECONDS = 90
"""kube-controller-manager takes a node for lost after 50 s without a word."""


@dataclass
class Lab:
    """A lab of this file's tests; what was started of it is gone after the test."""

    site: Site
    folder: Path
    name: str

    def write(self, shell: str, *, image: str = BUSYBOX, **more: Any) -> Path:
        """A lab config whose one component runs a line of shell."""
        x_lab: dict[str, Any] = {"access": {"type": "http", "port": 8080}}
        x_lab |= {key: more.pop(key) for key in ("security", "volume") if key in more}
        service = {"image": image, "command": ["sh", "-c", shell.replace("$", "$$")], **SMALL, **more}
        config: dict[str, Any] = {"name": self.name, "services": {"main": service}, "x-lab": x_lab}
        if "volume" in x_lab:
            config["volumes"] = {"data": None}
        path = self.folder / "lab.yml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def start(self, path: Path, *students: str, **variables: Any) -> Played:
        """Start a class of these students."""
        given = {"lab_file": str(path), "lab_students": list(students), **variables}
        return self.site.playbook("lab_start", given)

    def pods(self, namespace: str = "labs") -> list[dict[str, Any]]:
        """The Pods of the class."""
        return self.site.objects("pod", namespace, f"lab_id={self.name}")

    def wait_for(self, reached: Callable[[], object], seconds: float = 60) -> None:
        """Until something is so."""
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.3)


@pytest.fixture
def lab(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    words = request.node.name.split("[")[0].removeprefix("test_").split("_")
    made = Lab(site, tmp_path, "failing-" + "-".join(word for word in words[:4] if word not in ("class", "student")))
    yield made
    site.playbook("lab_delete", {"lab_id": made.name, "lab_timeout": 60})
    site.kubectl("delete", "pvc", "-A", "-l", f"lab_id={made.name}", "--wait=false")


def only(played: Played, state: str = "failed") -> dict[str, Any]:
    """The one instance of a class."""
    result = played.result(ACTION)
    assert "instances" in result, result["msg"]
    (instance,) = result["instances"]
    assert instance["state"] == state, instance
    return dict(instance)


@contextmanager
def mirrored(site: Site, name: str, server: str) -> Iterator[None]:
    """Let the host's containerd find the registry `name` at `server`, and nowhere else."""
    folder = f"/etc/containerd/certs.d/{name}"
    text = f'server = "{server}"\n[host."{server}"]\n  capabilities = ["pull", "resolve"]\n'
    site.on_host("sh", "-c", f"mkdir -p {folder} && printf '%s' '{text}' > {folder}/hosts.toml")
    try:
        yield
    finally:
        site.on_host("rm", "-r", folder)


@contextmanager
def locked_registry(site: Site, folder: Path) -> Iterator[str]:
    """A registry that asks for a password, where the hosts reach it; yields its URL."""
    port = 5055
    address = site.variable("testbed_bridge_address")
    users = folder / "htpasswd"
    # A bcrypt digest of nothing: nobody gets in.
    users.write_text("lab:$2y$05$" + "a" * 53 + "\n")
    settings = json.loads(registry.configuration(f"{address}:{port}", readonly=True))
    settings["auth"] = {"htpasswd": {"realm": "labs", "path": str(users)}}
    written, log = folder / "registry.json", folder / "registry.log"
    written.write_text(json.dumps(settings))
    words = ["ip", "netns", "exec", site.variable("testbed_namespace"), registry.PROGRAM, "serve", str(written)]
    with log.open("w") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for("registry", f"http://{address}:{port}/", log, alive=lambda: process.poll() is None)
        yield f"http://{address}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_image_that_does_not_exist(lab: Lab) -> None:
    image = "missing.test/labs/nothing:1"
    with mirrored(lab.site, "missing.test", lab.site.variable("artifacts_registry_mirror")):
        played = lab.start(lab.write("true", image=image), "anna")
    failed = only(played)
    assert failed["reason"] == f"the image {image} does not exist in its registry"
    assert "not found" in failed["detail"]
    assert failed["reason"] in played.output


def test_image_that_the_registry_denies(lab: Lab, tmp_path: Path) -> None:
    image = "locked.test/labs/private:1"
    with locked_registry(lab.site, tmp_path) as url, mirrored(lab.site, "locked.test", url):
        failed = only(lab.start(lab.write("true", image=image), "anna"))
    assert failed["reason"] == (
        f"the registry refuses the image {image}: it asks for credentials that the cluster does not have"
    )
    assert "401" in failed["detail"] or "authorization" in failed["detail"]


def test_registry_that_does_not_answer(lab: Lab) -> None:
    image = "away.test/labs/private:1"
    with mirrored(lab.site, "away.test", "http://127.0.0.1:9"):
        failed = only(lab.start(lab.write("true", image=image), "anna"))
    assert failed["reason"] == f"the registry of the image {image} does not answer"
    assert "connection refused" in failed["detail"]


def test_quota_that_is_used_up_after_admission(lab: Lab) -> None:
    path = lab.write(f"sleep 12; {SERVE}", security="baseline", user="1000")
    with ThreadPoolExecutor(1) as other:
        started = other.submit(lab.start, path, "anna", "boris", lab_failure_threshold=1)
        lab.wait_for(lambda: lab.pods("labs-baseline"))
        try:
            lab.site.kubectl("-n", "labs-baseline", "create", "quota", "test-of-failures", "--hard=pods=1")
            instances = started.result(120).result(ACTION)["instances"]
        finally:
            lab.site.kubectl("-n", "labs-baseline", "delete", "quota", "test-of-failures", "--ignore-not-found")
    assert [entry["state"] for entry in instances] == ["ready", "failed"]
    assert instances[1]["reason"] == "the cluster's quota for labs is used up"
    assert "exceeded quota: test-of-failures" in instances[1]["detail"]


def test_more_cpu_than_the_nodes_have_is_not_admitted(lab: Lab) -> None:
    cores = {"cpus": "0.9"}
    path = lab.write("true", deploy={"resources": {"reservations": cores, "limits": cores}})
    played = lab.start(path, *(f"s{number}" for number in range(20)))
    result = played.result(ACTION)
    assert not played.succeeded
    assert result["admission"]["of"] == 20 and result["admission"]["fits"] < 20
    assert f"{result['admission']['fits']} of 20 fit: CPU short by " in result["msg"], result["msg"]
    assert " cores on the lab nodes" in result["msg"]
    assert lab.site.objects("secret", "labs", f"lab_id={lab.name}") == []


def test_more_than_the_namespace_allows_is_refused_at_once(lab: Lab) -> None:
    much = {"cpus": "500"}
    played = lab.start(lab.write("true", deploy={"resources": {"reservations": much, "limits": much}}), "anna")
    message = played.result(ACTION)["msg"]
    assert message.startswith("the lab asks for more, or for less, than the cluster allows one instance"), message
    assert "maximum cpu usage per Container" in message


def test_node_that_is_closed_after_admission(lab: Lab) -> None:
    path = lab.write(f"sleep 12; {SERVE}")
    with ThreadPoolExecutor(1) as other:
        started = other.submit(lab.start, path, "anna", "boris", lab_failure_threshold=1, lab_timeout=20)
        lab.wait_for(lambda: any(pod["spec"].get("nodeName") for pod in lab.pods()))
        try:
            lab.site.kubectl("cordon", HOST)
            instances = started.result(120).result(ACTION)["instances"]
        finally:
            lab.site.kubectl("uncordon", HOST)
    assert [entry["state"] for entry in instances] == ["ready", "failed"]
    assert instances[1]["reason"] == (
        "not ready after 20 s: every node that could take the instance is closed for new ones"
    )
    assert "1 node(s) were unschedulable" in instances[1]["detail"]


def test_program_that_crashes(lab: Lab) -> None:
    failed = only(lab.start(lab.write("echo starting; echo no such table: users; exit 3"), "anna"))
    assert failed["reason"] == "the program of main ends again and again (last exit status 3)"
    assert failed["detail"].endswith("last lines of its log:\nstarting\nno such table: users")
    assert "main: last exit status 3" in failed["detail"]


def test_password_in_a_log_stays_secret(lab: Lab) -> None:
    shell = "echo the password is $(cat /run/autolabs/password); exit 3"
    failed = only(lab.start(lab.write(shell), "anna", lab_timeout=10))
    assert failed["reason"].startswith("not ready after 10 s: the program of main")
    assert "the password is ••••" in failed["detail"]


def test_volume_that_nothing_makes(lab: Lab) -> None:
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "test-of-failures"},
        "provisioner": "nobody.test/nothing",
    }
    written = lab.folder / "storage.json"
    written.write_text(json.dumps(storage))
    lab.site.on_host("sh", "-c", f"echo '{json.dumps(storage)}' > /tmp/storage.json")
    lab.site.kubectl("apply", "-f", "/tmp/storage.json")
    try:
        path = lab.write("sleep 600", volume="64Mi", volumes=["data:/data"])
        failed = only(lab.start(path, "anna", lab_storage_class="test-of-failures", lab_timeout=10))
    finally:
        lab.site.kubectl("delete", "storageclass", "test-of-failures")
    assert failed["reason"] == (
        "not ready after 10 s: nothing makes the volume of the instance: the provisioner of its class does not answer"
    )
    assert f"volume claim lab-{lab.name}-student-anna" in failed["detail"]


def test_program_that_does_not_answer(lab: Lab) -> None:
    failed = only(lab.start(lab.write("sleep 600"), "anna", lab_timeout=12))
    assert failed["reason"] == "not ready after 12 s: the program of main runs, but nothing answers on its port"
    assert "Startup probe failed" in failed["detail"] and "connection refused" in failed["detail"]


def test_healthcheck_that_fails(lab: Lab) -> None:
    check = {"test": ["CMD", "cat", "/tmp/healthy"], "interval": "1s", "retries": 1}
    failed = only(lab.start(lab.write("sleep 600", healthcheck=check), "anna", lab_timeout=12))
    assert failed["reason"] == "not ready after 12 s: the program of main runs, but its healthcheck fails"
    assert "/tmp/healthy" in failed["detail"]


def test_node_that_is_lost(lab: Lab) -> None:
    path = lab.write(SERVE)
    only(lab.start(path, "anna"), "ready")
    words = f"the node {HOST} does not answer; the instance on it works again when the node does"
    lab.site.on_host("systemctl", "stop", "kubelet")
    try:
        lab.wait_for(lambda: node_condition(lab.site) == "Unknown", NODE_SECONDS)
        told = lab.site.playbook("lab_status", {"lab_id": lab.name}).result("autolabs.platform.lab_class_info")
        again = only(lab.start(path, "anna", lab_timeout=30))
        gone = lab.site.playbook("lab_stop", {"lab_id": lab.name, "lab_timeout": 2}).result(ACTION)
    finally:
        lab.site.on_host("systemctl", "start", "kubelet")
        lab.wait_for(lambda: node_condition(lab.site) == "True", NODE_SECONDS)
    (instance,) = told["instances"]
    assert (instance["state"], instance["reason"]) == ("failed", words)
    assert "Kubelet stopped posting node status" in instance["detail"]
    assert again["reason"] == words
    assert gone["instances"][0]["reason"] == f"the instance does not end: {words}"


def node_condition(site: Site) -> str:
    """`True`, `False` or `Unknown`: whether the node is ready."""
    return site.kubectl("get", "node", HOST, "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')


def test_api_server_that_is_away_for_half_a_minute(lab: Lab) -> None:
    path = lab.write(f"sleep 3; {SERVE}")
    with ThreadPoolExecutor(1) as other:
        started = other.submit(lab.start, path, "anna", "boris", lab_failure_threshold=1)
        lab.wait_for(lab.pods)
        lab.site.on_host("pkill", "-STOP", "-x", "kube-apiserver")
        try:
            time.sleep(30)
        finally:
            lab.site.on_host("pkill", "-CONT", "-x", "kube-apiserver")
        played = started.result(120)
    assert played.succeeded, played.output[-3000:]
    assert [entry["state"] for entry in played.result(ACTION)["instances"]] == ["ready", "ready"]


def test_api_server_that_does_not_come_back_in_time(lab: Lab) -> None:
    path = lab.write("sleep 600")
    with ThreadPoolExecutor(1) as other:
        started = other.submit(lab.start, path, "anna", lab_timeout=12)
        lab.wait_for(lambda: any(pod["status"]["phase"] == "Running" for pod in lab.pods()))
        lab.site.on_host("pkill", "-STOP", "-x", "kube-apiserver")
        try:
            failed = only(started.result(60))
        finally:
            lab.site.on_host("pkill", "-CONT", "-x", "kube-apiserver")
    assert failed["reason"].startswith("not ready after 12 s: ")


def test_token_without_a_right(lab: Lab) -> None:
    site = lab.site
    role = "--verb=get,list,watch"
    resources = "--resource=pods,services,secrets,configmaps,persistentvolumeclaims,networkpolicies.networking.k8s.io"
    account = "system:serviceaccount:default:test-of-failures"
    try:
        site.kubectl("-n", "default", "create", "serviceaccount", "test-of-failures")
        site.kubectl("create", "clusterrole", "test-of-failures", role, resources)
        site.kubectl(
            "create", "clusterrolebinding", "test-of-failures", "--clusterrole=test-of-failures",
            "--serviceaccount=default:test-of-failures",
        )  # fmt: skip
        token = site.kubectl("-n", "default", "create", "token", "test-of-failures").strip()
        config = yaml.safe_load(site.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        kubeconfig = lab.folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        played = lab.start(lab.write("sleep 600"), "anna", lab_kubeconfig=str(kubeconfig))
    finally:
        site.kubectl("delete", "clusterrolebinding,clusterrole", "test-of-failures", "--ignore-not-found")
        site.kubectl("-n", "default", "delete", "serviceaccount", "test-of-failures", "--ignore-not-found")
    message = played.result(ACTION)["msg"]
    assert message.startswith(f"the account {account} may not patch "), message
    assert "in the namespace labs; the cluster's administrator can allow it" in message
    assert "is forbidden" in message


@pytest.mark.parametrize(("shift", "words"), [("+3y", "has expired"), ("-3y", "is not valid yet")])
def test_clock_that_is_wrong(lab: Lab, shift: str, words: str) -> None:
    packages.ensure(("faketime",))
    command = ["faketime", "-f", shift, *lab.site.command("lab_status", {"lab_id": lab.name})]
    done = subprocess.run(
        command, env=lab.site.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    told = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert words in told and "set the clock right" in told, told


def test_broken_lab_stops_before_all_students_get_it(lab: Lab) -> None:
    image = "missing.test/labs/nothing:1"
    with mirrored(lab.site, "missing.test", lab.site.variable("artifacts_registry_mirror")):
        played = lab.start(lab.write("true", image=image), *(f"s{number}" for number in range(6)))
    instances = played.result(ACTION)["instances"]
    assert [entry["state"] for entry in instances] == ["failed"] * 3 + ["stopped"] * 3
    reason = f"not started, because the first 3 instances failed: the image {image} does not exist in its registry"
    assert {entry["reason"] for entry in instances[3:]} == {reason}
    assert len(lab.pods()) == 3


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("then", ["lab_start", "lab_delete"])
def test_cancel_in_the_middle(lab: Lab, signal_number: signal.Signals, then: str) -> None:
    path = lab.write(f"sleep 8; {SERVE}")
    variables = {"lab_file": str(path), "lab_students": ["anna", "boris"]}
    command = lab.site.command("lab_start", variables)
    run = subprocess.Popen(
        command, env=lab.site.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        lab.wait_for(lab.pods)
    finally:
        run.send_signal(signal_number)
        before = time.monotonic()
        run.wait(timeout=30)
    assert time.monotonic() - before < 5
    if then == "lab_start":
        played = lab.start(path, "anna", "boris")
        assert [entry["state"] for entry in played.result(ACTION)["instances"]] == ["ready", "ready"]
    else:
        assert lab.site.playbook("lab_delete", {"lab_id": lab.name}).succeeded
        kinds = "pod,secret,service,configmap,networkpolicy"
        assert lab.site.kubectl("get", kinds, "-n", "labs", "-l", f"lab_id={lab.name}", "-o", "name") == ""
