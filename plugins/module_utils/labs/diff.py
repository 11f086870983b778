"""A plan as Ansible's diff shows it: an entry an instance, and never a credential."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    DELETE,
    OUTDATED,
    REPLACE,
    UPDATE,
    ClassPlan,
    Step,
)

NOTES = {
    CREATE: "will be created",
    DELETE: "will be deleted",
    REPLACE: "will be replaced by a new one",
    UPDATE: "will be changed",
    OUTDATED: "differs from the lab config and stays as it is (recreate: true replaces it)",
}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml's, where PyYAML has it: five times as fast."""
LASTING = "differs from the lab config and stays as it is (a volume keeps its size and class until it is deleted)"


def class_diff(plan: ClassPlan) -> list[dict[str, str]]:
    """Entries with `before` and `after` for all that changes or is outdated."""
    groups: list[tuple[str, Iterable[Step]]] = [("the class", plan.shared)]
    groups += [(entry.instance.name, entry.steps) for entry in plan.instances]
    groups.append(("no longer wanted", plan.pruned))
    return [entry for name, steps in groups for entry in steps_diff(name, steps)]


def steps_diff(header: str, steps: Iterable[Step]) -> list[dict[str, str]]:
    """One entry for all steps of an instance that are worth showing; none where there are none."""
    shown = [step for step in steps if step.verb in NOTES]
    if not shown:
        return []
    before = "".join(_side(step, before=True) for step in shown)
    after = "".join(_side(step, before=False) for step in shown)
    return [
        {"before_header": f"{header} (live)", "after_header": f"{header} (wanted)", "before": before, "after": after}
    ]


def _side(step: Step, *, before: bool) -> str:
    name = f"{step.manifest['kind']}/{step.manifest['metadata']['name']}"
    if step.verb == DELETE:
        return f"{name}: {NOTES[DELETE]}\n" if before else ""
    if step.verb == CREATE:
        return "" if before else f"# {NOTES[CREATE]}\n{_text(_without_secrets(step.manifest))}"
    lasting = step.verb == OUTDATED and step.manifest["kind"] == "PersistentVolumeClaim"
    lines = [f"{name}: {LASTING if lasting else NOTES[step.verb]}\n"]
    if step.verb == REPLACE and not step.differences and before:
        # Ansible shows no difference between two equal sides.
        return f"{name}: has ended or has other credentials\n"
    secret = step.manifest["kind"] == "Secret"
    for difference in step.differences:
        value: Any = difference.found if before else difference.wanted
        if secret and difference.path.startswith("data"):
            value = "(not shown)" if before else "(not shown, new)"
        lines.append(f"  {difference.path}: {_text(value).strip()}\n")
    if step.stays:
        lines.append(f"{name}: {NOTES[OUTDATED]}\n")
    for difference in step.stays:
        value = difference.found if before else difference.wanted
        lines.append(f"  {difference.path}: {_text(value).strip()}\n")
    return "".join(lines)


def _without_secrets(manifest: Manifest) -> Manifest:
    if manifest["kind"] != "Secret":
        return manifest
    return {**manifest, "data": dict.fromkeys(manifest.get("data", {}), "(not shown)")}


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return str(yaml.dump(value, Dumper=DUMPER, sort_keys=False, allow_unicode=True))
    return "(not set)" if value is None else str(value)
