"""What a live object has that is not as we want it, and when a running Pod must or may make way for another one."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.autolabs.platform.plugins.module_utils.kube.compare import Difference, differences
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import MEMBER_ENTRY
from ansible_collections.autolabs.platform.plugins.module_utils.labs.labels import OURS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.frame import RECIPE_ANNOTATION
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import (
    PULLING,
    WAITING,
    containers,
    waiting_reason,
)

OUR_ANNOTATIONS = "autolabs.io/"


def changes(wanted: Manifest, found: Manifest) -> tuple[Difference, ...]:
    """The fields that are not as we want them, and the labels and annotations of ours that we want no longer."""
    return (*differences(wanted, found), *_left_over(wanted, found))


def is_fixed(difference: Difference) -> bool:
    """Whether a field of an immutable kind cannot change: its spec, and the digest that stands for it."""
    return difference.path.startswith("spec") or difference.path.endswith(RECIPE_ANNOTATION)


def cannot_start(pod: Manifest) -> bool:
    """Whether nothing of a live Pod runs and nothing will by itself, so that nobody's work ends with it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(entry["type"] == "PodScheduled" and entry["status"] == "False" for entry in conditions):
        return True
    known = list(containers(pod))
    running = any("running" in (container.get("state") or {}) for container in known)
    return not running and any(waiting_reason(container) in (*WAITING, *PULLING) for container in known)


def has_old_credentials(pod: Manifest, wanted: Manifest, found: Manifest | None) -> bool:
    """Whether a live Pod has entries of a Secret that get another value; its programs were started with the old one.

    wanted, found: the Secret as it should be, and as it is, where it is there. The password of a group's member who
    is new or has gone concerns only that member's own program, which watches it.
    """
    before, now = (found or {}).get("data") or {}, wanted["data"]
    return any(
        now[entry] != before.get(entry)
        for entry in _mounted(pod, wanted)
        if entry in now and (entry in before or not entry.startswith(MEMBER_ENTRY))
    )


def _mounted(pod: Manifest, secret: Manifest) -> Iterator[str]:
    """The entries of `secret` that are files in a Pod."""
    for volume in pod["spec"].get("volumes") or ():
        source = volume.get("secret") or {}
        if source.get("secretName") == secret["metadata"]["name"]:
            yield from (item["key"] for item in source["items"]) if source.get("items") else secret["data"]


def _left_over(wanted: Manifest, found: Manifest) -> Iterator[Difference]:
    for field in ("labels", "annotations"):
        ours = wanted["metadata"].get(field) or {}
        for name, value in sorted((found["metadata"].get(field) or {}).items()):
            if name not in ours and (name in OURS or name.startswith(OUR_ANNOTATIONS)):
                yield Difference(f"metadata.{field}.{name}", None, value)
