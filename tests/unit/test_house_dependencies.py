"""Dependencies point one way, third-party libraries stay at the edges."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.house import dependencies
from unit.house.sources import CHECKOUT, COLLECTION, python_files

Check = Callable[[Path], Iterator[str]]
ENGINE = f"{COLLECTION}.plugins.module_utils"

RULES: list[Check] = [
    dependencies.engine_findings,
    dependencies.face_findings,
    dependencies.third_party_findings,
    dependencies.webapi_findings,
    dependencies.mention_findings,
]

# Rule, file, content that breaks the rule, part of the finding.
BREACHES: list[tuple[Check, str, str, str]] = [
    (dependencies.engine_findings, "net/a.py", f"import {ENGINE}.flows.flow", "net may not import flows"),
    (dependencies.engine_findings, "flows/a.py", f"from {ENGINE}.reach import x", "flows may not import reach"),
    (dependencies.engine_findings, "reach/a.py", f"from {ENGINE} import flows", "reach may not import flows"),
    (dependencies.engine_findings, "flows/a.py", f"import {ENGINE}.audit.x", "flows may not import audit"),
    (dependencies.engine_findings, "kube/a.py", f"import {ENGINE}.net.ports", "kube may not import net"),
    (dependencies.engine_findings, "proxmox/a.py", f"import {ENGINE}.kube.session", "proxmox may not import kube"),
    (dependencies.engine_findings, "labs/a.py", f"import {ENGINE}.proxmox.vm", "labs may not import proxmox"),
    (dependencies.engine_findings, "proxmox/a.py", f"import {ENGINE}.site.site", "proxmox may not import site"),
    (dependencies.engine_findings, "flows/a.py", f"import {ENGINE}.site.site", "flows may not import site"),
    (dependencies.engine_findings, "site/a.py", f"import {ENGINE}.flows.flow", "site may not import flows"),
    (
        dependencies.engine_findings,
        "kube/a.py",
        f"def f():\n    import {ENGINE}.labs.model",
        "kube may not import labs",
    ),
    (dependencies.engine_findings, "labs/a.py", "from . import model", "imports are absolute"),
    (dependencies.engine_findings, "labs/a.py", f"import {COLLECTION}.plugins.action.lab_class", "lies above it"),
    (dependencies.engine_findings, "labs/a.py", "from ansible.module_utils.basic import AnsibleModule", "plain Python"),
    (dependencies.engine_findings, "helpers/a.py", "", "has no place"),
    (dependencies.engine_findings, "common.py", "", "belongs to no part"),
    (
        dependencies.face_findings,
        "../modules/a.py",
        f"import {COLLECTION}.plugins.action.b",
        "may import the engine only",
    ),
    (dependencies.face_findings, "../action/a.py", "from ..modules import b", "imports are absolute"),
    (dependencies.third_party_findings, "kube/a.py", "import kubernetes", "not guarded"),
    (
        dependencies.third_party_findings,
        "labs/a.py",
        "try:\n    import kubernetes\nexcept ImportError:\n    pass",
        "outside",
    ),
    (dependencies.third_party_findings, "../action/a.py", "from requests import get", "outside its edge"),
    (dependencies.webapi_findings, "../action/a.py", "import ansible_runner", "only webapi/runner"),
    (dependencies.webapi_findings, "../../webapi/routes/a.py", f"import {ENGINE}.kube.session", "does not touch kube"),
    (dependencies.webapi_findings, "../../webapi/pages/a.py", f"import {ENGINE}.labs.model", "only webapi/engine.py"),
    (dependencies.webapi_findings, "../../webapi/runs/a.py", "from flask import g", "knows nothing of HTTP"),
    (
        dependencies.webapi_findings,
        "../../webapi/runs/a.py",
        "from webapi.routes import x",
        "may not import webapi/routes",
    ),
    (dependencies.webapi_findings, "../../webapi/labs/a.py", "from webapi import runs", "may not import webapi/runs"),
    (
        dependencies.mention_findings,
        "../../roles/a/tasks/main.yml",
        "src: ../../inventories/demo",
        "mentions inventories/",
    ),
    (dependencies.mention_findings, "labs/a.py", "# as webapi does", "mentions webapi"),
    (dependencies.mention_findings, "../../playbooks/a.yml", "# see tests/site", "mentions tests/"),
]

ALLOWED = [
    ("labs/a.py", f"import {ENGINE}.kube.session\nimport {ENGINE}.flows.labs\nimport {ENGINE}.net.ports"),
    ("audit/a.py", f"from {ENGINE} import flows, net, reach"),
    ("proxmox/a.py", f"import {ENGINE}.documents.shapes"),
    ("site/a.py", f"from {ENGINE} import documents, net, proxmox"),
    ("kube/a.py", "try:\n    import kubernetes\nexcept ImportError:\n    kubernetes = None"),
    ("kube/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import kubernetes"),
    ("labs/a.py", "import json\nimport yaml\nfrom cryptography import x509"),
    ("../action/a.py", f"import {ENGINE}.labs.model\nfrom ansible.plugins.action import ActionBase"),
    ("../../webapi/runner/a.py", "import ansible_runner\nfrom webapi import engine"),
    ("../../webapi/engine.py", f"import {ENGINE}.labs.model"),
    ("../../roles/a/tasks/main.yml", "# the demo's latest contests"),
]


def written(root: Path, name: str, content: str) -> None:
    """Put a file into a tree; `name` is relative to the engine."""
    path = (root / "plugins" / "module_utils" / name).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_checkout_keeps_the_rule(rule: Check) -> None:
    assert list(rule(CHECKOUT)) == []


@pytest.mark.parametrize(("rule", "name", "content", "finding"), BREACHES)
def test_a_breach_is_found(rule: Check, name: str, content: str, finding: str, tmp_path: Path) -> None:
    written(tmp_path, name, content)
    (found,) = rule(tmp_path)
    assert finding in found


@pytest.mark.parametrize(("name", "content"), ALLOWED)
def test_what_is_allowed_is_not_found(name: str, content: str, tmp_path: Path) -> None:
    written(tmp_path, name, content)
    assert [found for rule in RULES for found in rule(tmp_path)] == []


# Hides every library that ansible-core does not need itself, as on a controller that has nothing else.
BARE_CONTROLLER = """
import importlib, sys
free = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"ansible_collections"}
needed_by_them = {"markupsafe", "cffi", "_cffi_backend", "pycparser", "_yaml"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in free | needed_by_them:
            raise ModuleNotFoundError(f"No module named {name!r} beside ansible-core", name=name)

sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[2])
for name in sys.argv[3:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


def test_every_plugin_loads_beside_ansible_core_alone() -> None:
    """What a missing library makes impossible is said when it is asked for, never by a failing import."""
    names = [
        f"{COLLECTION}.{'.'.join(path.relative_to(CHECKOUT).with_suffix('').parts).removesuffix('.__init__')}"
        for path in python_files(CHECKOUT, "plugins")
    ]
    free = ",".join(sorted(dependencies.COMES_WITH_CORE))
    command = [sys.executable, "-c", BARE_CONTROLLER, free, str(CHECKOUT / ".collections"), *names]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout + result.stderr == ""
