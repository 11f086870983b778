"""Who we are, by a kubeconfig."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.kube import account
from ansible_collections.autolabs.platform.plugins.module_utils.kube.account import sign_in
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from unit.support.certificates import certificate

SIGNED_IN = """
import sys
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
Session(sys.argv[1])
print("kubernetes" in sys.modules)
"""


def kubeconfig(folder: Path, *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> str:
    """As the role lab_namespaces writes it for the worker, with these changes."""
    authority = certificate(folder, -1, 1).read_bytes()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "worker",
        "contexts": [{"name": "worker", "context": {"cluster": "site", "user": "worker"}}],
        "clusters": [
            {
                "name": "site",
                "cluster": {
                    "server": "https://192.0.2.1:6443",
                    "certificate-authority-data": base64.b64encode(authority).decode(),
                    **(cluster or {}),
                },
            }
        ],
        "users": [{"name": "worker", "user": user or {"token": "a-token"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def by_library(path: str, monkeypatch: pytest.MonkeyPatch) -> account.Account:
    monkeypatch.setattr(account, "_plain", lambda *words: None)
    return sign_in(path, None)


def test_a_token_is_read_without_the_large_package_and_means_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kubeconfig(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SIGNED_IN, path],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
    plain, full = sign_in(path, None), by_library(path, monkeypatch)
    assert (plain.host, plain.headers()) == (full.host, full.headers())
    assert (plain.pool.host, plain.pool.port, plain.pool.scheme) == (full.pool.host, full.pool.port, full.pool.scheme)


@pytest.mark.parametrize(
    "changes",
    [
        {"cluster": {"insecure-skip-tls-verify": True}},
        {"cluster": {"tls-server-name": "api"}},
        {"cluster": {"proxy-url": "http://192.0.2.9:3128"}},
        {"user": {"username": "me", "password": "secret"}},
        {"user": {"token": "a", "tokenFile": "b"}},
        {"user": {"exec": {"command": "login"}}},
    ],
)
def test_any_other_kubeconfig_is_left_to_the_package(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str | None] = []
    monkeypatch.setattr(account, "_any", lambda path, context: left.append(path))
    path = kubeconfig(tmp_path, **changes)
    sign_in(path, None)
    assert left == [path]


def test_a_context_or_a_proxy_is_left_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str | None] = []
    monkeypatch.setattr(account, "_any", lambda path, context: left.append(context))
    sign_in(kubeconfig(tmp_path), "other")
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.9:3128")
    sign_in(kubeconfig(tmp_path), None)
    assert left == ["other", None]


@pytest.mark.parametrize(
    "content", [None, b"", b"a: [", b"text", b"[1]", b"\xff\xfe", b"apiVersion: v1\nkind: Config\n"]
)
def test_a_kubeconfig_that_names_no_cluster_is_one_clear_error(content: bytes | None, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if content is not None:
        kubeconfig.write_bytes(content)
    with pytest.raises(KubeError, match=r"no cluster to talk to: .*; give kubeconfig or set KUBECONFIG"):
        Session(str(kubeconfig))


def test_a_missing_library_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(KubeError, match="the Python package kubernetes is needed on the controller"):
        Session("kubeconfig")
