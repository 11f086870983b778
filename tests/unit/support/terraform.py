"""What a Terraform provider takes, as tests/data/terraform tells it, and a file held against that; real OpenTofu."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from testbed.mirror import build

DATA = Path(__file__).resolve().parents[2] / "data" / "terraform"
TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "number": int, "bool": bool}
META = ("//", "lifecycle", "depends_on", "count", "for_each", "provider")
STEP = re.compile(r"(\w+)(\[\d+\])?")


def schema() -> dict[str, Any]:
    """The table of the provider."""
    read: dict[str, Any] = yaml.safe_load((DATA / "bpg-proxmox.yml").read_text())
    return read


def misfits(document: dict[str, Any]) -> list[str]:
    """What of a `.tf.json` document the provider would not take."""
    known = schema()
    found: list[str] = []
    for section in ("resource", "data"):
        for kind, entries in document.get(section, {}).items():
            if kind not in known[section]:
                found.append(f"{kind} is unknown")
                continue
            for name, body in entries.items():
                found += _body(known[section][kind], body, f"{kind}.{name}")
                for path in body.get("lifecycle", {}).get("ignore_changes", ()):
                    found += _path(known[section][kind], path)
    return found + list(_body(known["provider"], document["provider"]["proxmox"], "provider"))


def _body(known: dict[str, Any], body: dict[str, Any], at: str) -> Iterator[str]:
    for name, value in body.items():
        if name in META:
            continue
        wanted = known.get(name)
        if isinstance(wanted, dict):
            # The JSON syntax takes a list of objects for blocks.
            if not isinstance(value, list) or not value:
                yield f"{at}.{name} is a block, and so a list of objects"
                continue
            for index, block in enumerate(value):
                yield from _body(wanted, block, f"{at}.{name}[{index}]")
        elif isinstance(wanted, list) and isinstance(wanted[0], dict):
            for index, whole in enumerate(value):
                missing = sorted(wanted[0].keys() - whole.keys())
                if missing:
                    yield f"{at}.{name}[{index}] is an object, and lacks {', '.join(missing)}"
                yield from _body(wanted[0], whole, f"{at}.{name}[{index}]")
        elif wanted in (None, "computed"):
            yield f"{at}.{name} cannot be set"
        elif not _fits(wanted, value):
            yield f"{at}.{name} is {value!r}, not {wanted}"
    for name, wanted in known.items():
        if isinstance(wanted, str) and wanted.endswith("!") and name not in body:
            yield f"{at}.{name} is missing"


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(value, list) and all(_fits(wanted[0], one) for one in value)
    if value is None or (isinstance(value, str) and value.startswith("${")):
        return True
    kind = TYPES[wanted.rstrip("!")]
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _path(known: Any, path: str) -> Iterator[str]:
    for step in path.split("."):
        name, index = STEP.fullmatch(step).groups()  # type: ignore[union-attr]
        known = known.get(name) if isinstance(known, dict) else None
        if isinstance(known, list):
            known = known[0]
        if known in (None, "computed") or (index and not isinstance(known, dict)):
            yield f"ignore_changes: {path} is nothing that can be set"
            return


class Tofu:
    """OpenTofu in a folder of its own, with the provider bpg/proxmox; both are built where the cache lacks them."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._program = build.program("opentofu") / "tofu"
        provider = build.program("terraform-provider-proxmox")
        settings = folder / "settings.tfrc"
        settings.write_text(
            f'provider_installation {{\n  dev_overrides {{\n    "bpg/proxmox" = "{provider}"\n  }}\n  direct {{}}\n}}\n'
        )
        quiet = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        self._environment = os.environ | quiet | {"TF_CLI_CONFIG_FILE": str(settings)} | environment

    def write(self, document: dict[str, Any]) -> None:
        """Make this the only file of the configuration."""
        (self.folder / "main.tf.json").write_text(json.dumps(document))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What comes of a command."""
        return subprocess.run(
            [str(self._program), *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def __call__(self, *words: str) -> str:
        """What a command answers that must not fail."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def mistakes(self, document: dict[str, Any]) -> list[str]:
        """What `tofu validate` says of a configuration, without its warnings."""
        self.write(document)
        said = json.loads(self.run("validate", "-json").stdout)
        return [entry["summary"] for entry in said["diagnostics"] if entry["severity"] == "error"]

    def plan(self) -> dict[str, dict[str, Any]]:
        """By resource, what would be done: `actions`, whether it is imported, and the attributes that would change."""
        self("plan", "-out=plan")
        found = {}
        for entry in json.loads(self("show", "-json", "plan")).get("resource_changes", ()):
            change = entry["change"]
            before, after = change["before"] or {}, change["after"] or {}
            changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            found[entry["name"]] = {
                "actions": change["actions"],
                "imported": "importing" in change,
                "changed": changed - change["after_unknown"].keys(),
            }
        return found
