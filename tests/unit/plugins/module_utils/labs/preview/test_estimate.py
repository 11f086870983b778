"""What a lab will be: the objects, flows and price of an instance are those that a class really has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.estimate import estimate
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.manifests import manifests
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import (
    SITE_LIMITS,
    defaults_of,
    price_of,
)
from unit.house.sources import CHECKOUT

LABS = sorted((CHECKOUT / "docs/labs").glob("*.yml"))
DEFAULTS = defaults_of(SITE_LIMITS)
ROSTER = [{"id": f"student-{number}", "group": str(number // 3)} for number in range(8)]


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_an_estimate_for_a_class_is_what_the_class_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lab = parse_lab(text)
    sizes = [1] * 8 if lab.deployment_mode == "per_student" else [3, 3, 2]
    objects = manifests(text, ROSTER)
    found = estimate(lab, limits=SITE_LIMITS)
    assert found.objects_for(len(sizes)) == dict(Counter(one["kind"] for one in objects))
    computed, real = found.price_for(sizes).as_result(), price_of(objects, DEFAULTS).as_result()
    assert computed == real


def test_what_a_lab_names_counts_and_the_rest_is_what_the_site_gives() -> None:
    text = """
name: shop
services:
  web: {image: "r.example/web:1", mem_limit: 256m, volumes: [data:/data]}
  db: {image: "r.example/db:1", cpus: "0.25"}
volumes: {data: }
x-lab: {access: {type: http, component: web}, volume: 2Gi}
"""
    found = estimate(parse_lab(text), limits=SITE_LIMITS)
    assert found.price.as_result() == {
        "pods": 2,
        "cpu": 0.75,
        "memory": 768 << 20,
        "cpu_limit": 0.75,
        "memory_limit": 768 << 20,
        "storage": 2 << 30,
        "node_ports": 1,
    }
    bare = estimate(parse_lab(text)).price
    assert (bare.demand.cpu, bare.demand.memory, bare.cpu_limit) == (0.25, 256 << 20, None)


def test_only_members_with_seats_of_their_own_make_a_group_dearer() -> None:
    groups = "name: shop\nservices: {web: {image: 'r.example/w:1'}}\nx-lab: {access: KIND, deployment_mode: per_group}"
    by_ssh, by_web = (estimate(parse_lab(groups.replace("KIND", kind)), limits=SITE_LIMITS) for kind in ("ssh", "http"))
    assert by_ssh.per_further_member.as_result()["cpu"] == 0.5
    assert by_ssh.per_further_member.as_result()["node_ports"] == 1
    assert not by_web.per_further_member.demand.amounts
    assert by_web.price_for([3, 3]).as_result() == by_web.price_for([1, 1]).as_result()
