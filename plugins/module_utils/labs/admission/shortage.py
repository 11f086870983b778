"""What is missing for a class, in words and numbers for people. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import (
    NODE_PORTS,
    STORAGE_CLASS,
    Amounts,
    canonical,
)

WORDS = {
    "requests.cpu": "CPU",
    "requests.memory": "memory",
    "requests.storage": "storage",
    "requests.ephemeral-storage": "disk space",
    "limits.cpu": "CPU limits",
    "limits.memory": "memory limits",
    "limits.ephemeral-storage": "disk space limits",
    "pods": "pods",
    "count/pods": "pods",
    "count/configmaps": "config maps",
    "count/networkpolicies.networking.k8s.io": "network policies",
    "count/persistentvolumeclaims": "volumes",
    "count/secrets": "secrets",
    "count/services": "services",
    NODE_PORTS: "node ports",
}
"""What people call what a quota counts."""


@dataclass(frozen=True)
class Shortage:
    """One limit that a class does not fit into."""

    what: str
    """`memory`."""
    where: str
    """`on the lab nodes`, `in the quota of the namespace labs`."""
    missing: str
    """`1.5 Gi`."""
    told: str = ""
    """The whole sentence, where it is no amount that is missing."""

    def __str__(self) -> str:
        return self.told or f"{self.what} short by {self.missing} {self.where}"


@dataclass(frozen=True)
class Admission:
    """Which instances of a class may be there, and what keeps the others out."""

    admitted: frozenset[str]
    """Names of instances: those that run already, and as many of the new ones, in the order of the roster, as fit."""
    of: int
    """How many the class has."""
    shortages: tuple[Shortage, ...] = field(default=())

    @property
    def fits(self) -> int:
        """How many are admitted."""
        return len(self.admitted)

    @property
    def whole(self) -> bool:
        """Whether everything fits."""
        return self.fits == self.of and not self.shortages

    def sentence(self) -> str:
        """`24 of 30 fit: memory short by 1.5 Gi on the lab nodes`."""
        return f"{self.fits} of {self.of} fit" + ("" if self.whole else ": " + "; ".join(map(str, self.shortages)))


class NoRoom(KubeError):
    """The class does not fit as a whole; nothing was created."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        hint = "; with admit: partial those that fit are started, in the order of the roster" if admission.fits else ""
        super().__init__(f"{admission.sentence()}. Nothing was created{hint}")


def amount_words(name: str, amount: Fraction) -> str:
    """An amount of what a quota or node calls `name`: `1.5 Gi`, `512 Mi`, `0.5 cores`, `6`. Rounded up."""
    unit = name.rpartition(".")[2] if name.startswith(("requests.", "limits.")) or STORAGE_CLASS in name else name
    if name.endswith(("memory", "storage")):
        size, suffix = (1 << 30, "Gi") if amount >= 1 << 30 else (1 << 20, "Mi")
        return f"{_rounded_up(amount / size, 10)} {suffix}"
    if unit == "cpu":
        cores = _rounded_up(amount, 1000)
        return f"{cores} {'core' if cores == '1' else 'cores'}"
    return _rounded_up(amount, 1)


def resource_words(name: str) -> str:
    """What people call it: `memory`, `node ports`, `storage of the class fast`."""
    if STORAGE_CLASS in name:
        storage_class, what = name.split(STORAGE_CLASS)
        return f"{'storage' if what == 'requests.storage' else 'volumes'} of the class {storage_class}"
    return WORDS.get(canonical(name), name.removeprefix("requests.").removeprefix("count/"))


def room_words(requests: Amounts) -> str:
    """What a node must have free: `0.5 cores of CPU and 512 Mi of memory`."""
    named = [
        f"{amount_words(name, requests[name])} of {resource_words(name)}"
        for name in sorted(requests.keys() - {"pods"})
        if requests[name]
    ]
    return listed(named) or "a free place for a pod"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = [*words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _rounded_up(number: Fraction, parts: int) -> str:
    """Rounded up to one of `parts` of 1, without zeros that say nothing."""
    return f"{float(Fraction(math.ceil(number * parts), parts)):.3f}".rstrip("0").rstrip(".")
