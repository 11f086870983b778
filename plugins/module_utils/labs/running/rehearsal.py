"""Lets the API server judge a class before anything of it is made."""

from __future__ import annotations

from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import COMPONENT
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import (
    CREATE,
    REPLACE,
    ClassPlan,
    InstancePlan,
    Step,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import is_over_quota


def validate(session: Session, plan: ClassPlan) -> None:
    """Let the server judge one new object of each sort before anything is touched. Raises ApiError."""
    new: dict[tuple[str, str], Step] = {}
    for verb in (CREATE, REPLACE):
        for entry in plan.instances:
            for step in entry.steps:
                if step.verb == verb:
                    new.setdefault(_sort(step, entry), step)
    of_the_class = [step for step in plan.shared if step.verb == CREATE]
    for step in (*of_the_class, *new.values()):
        metadata: dict[str, Any] = step.manifest["metadata"]
        # A replacement is judged beside the object that it replaces, so under another name.
        name = metadata["name"] if step.verb == CREATE else f"{metadata['name']}-new"
        try:
            session.apply({**step.manifest, "metadata": {**metadata, "name": name}}, dry_run=True)
        except ApiError as error:
            # What goes first still takes its share, and a full quota is the matter of the instances that meet it.
            if not is_over_quota(error):
                raise


def _sort(step: Step, entry: InstancePlan) -> tuple[str, str]:
    """What an object has in common with those of the other instances: its kind, and its part of the name."""
    labels, name = step.manifest["metadata"]["labels"], step.manifest["metadata"]["name"]
    return step.manifest["kind"], labels.get(COMPONENT) or name.removeprefix(entry.instance.name)
