"""What a site's limits do not allow is told before anybody starts the lab."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check import check_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import SITE_LIMITS

LAB = """
name: shop
services:
  web: {image: "r.example/web:1", volumes: [data:/data], OWN}
volumes: {data: }
x-lab: {access: http, volume: SIZE}
"""

CASES = [
    ("mem_limit: 256m", "1Gi", []),
    ("mem_limit: 128m, cpus: '0.1'", "64Mi", []),
    ("mem_limit: 1g, cpus: '1'", "10Gi", []),
    ("mem_limit: 64m", "1Gi", ["services.web: 64 Mi of memory is too little: the site's least is 128 Mi"]),
    ("cpus: '0.05'", "1Gi", ["services.web: 0.05 cores of CPU is too little: the site's least is 0.1 cores"]),
    ("mem_limit: 1536m", "1Gi", ["services.web: 1.5 Gi of memory is too much: the site's most is 1 Gi"]),
    (
        "cpus: '4'",
        "1Gi",
        [
            "services.web: 4 cores of CPU is too much: the site's most is 1 core",
            "services.web: 4 cores of CPU is too much: the site's most is 2 cores for a pod",
        ],
    ),
    ("mem_limit: 256m", "11Gi", ["x-lab.volume: 11 Gi of storage is too much: the site's most is 10 Gi"]),
    ("mem_limit: 256m", "32Mi", ["x-lab.volume: 32 Mi of storage is too little: the site's least is 64 Mi"]),
]


def lab(own: str, size: str) -> str:
    return LAB.replace("OWN", own).replace("SIZE", size)


@pytest.mark.parametrize(("own", "size", "told"), CASES)
def test_what_is_outside_of_the_limits_is_told_by_field(own: str, size: str, told: list[str]) -> None:
    found = check_lab(lab(own, size), limits=SITE_LIMITS)
    assert [str(problem).removeprefix("lab.yml: ") for problem in found.problems] == told
    assert found.lab is not None


@pytest.mark.parametrize("limits", [(), [{"type": "Container"}], [{"type": "Other", "max": {"cpu": "1"}}]])
def test_without_limits_everything_is_allowed(limits: list[dict[str, Any]]) -> None:
    assert check_lab(lab("cpus: '4'", "32Mi"), limits=limits).problems == ()
