"""What objects take of a site, with what its namespaces give."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import NO_DEFAULTS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import (
    SITE_LIMITS,
    defaults_of,
    price_of,
)
from unit.house.sources import CHECKOUT


def pod(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Pod", "spec": {"containers": [{"resources": one} for one in resources]}}


def test_the_limits_are_those_that_the_role_sets() -> None:
    defaults = yaml.safe_load((CHECKOUT / "roles/lab_namespaces/defaults/main.yml").read_text(encoding="utf-8"))
    assert list(SITE_LIMITS) == defaults["lab_namespaces_lab_limits"]


# What is written of a container, then what it gets: requests and limits of CPU, as the API server fills them in.
FILLED_IN = [
    ({"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}, "1", "2"),
    ({"default": {"cpu": "2"}}, "2", "2"),
    ({"max": {"cpu": "3"}}, "3", "3"),
    ({"max": {"cpu": "3"}, "min": {"cpu": "1"}, "default": {"cpu": "2"}}, "2", "2"),
    ({"max": {"cpu": "3"}, "defaultRequest": {"cpu": "1"}}, "1", "3"),
    ({"min": {"cpu": "1"}}, "1", None),
    ({}, "0", None),
]


@pytest.mark.parametrize(("written", "request_", "limit"), FILLED_IN)
def test_a_limit_range_gives_what_the_api_server_makes_of_it(
    written: dict[str, Any], request_: str, limit: str | None
) -> None:
    price = price_of([pod({})], defaults_of([{"type": "Container", **written}]))
    assert price.demand.cpu == Fraction(request_)
    assert price.cpu_limit == (None if limit is None else Fraction(limit))


def test_limits_of_other_kinds_give_nothing_to_a_container() -> None:
    assert defaults_of([{"type": "Pod", "max": {"cpu": "2"}}]) == NO_DEFAULTS


@pytest.mark.parametrize(
    "limits",
    [[{}], ["Container"], [{"type": "Container", "max": 1}], [{"type": "Container", "max": {"cpu": "much"}}], [None]],
)
def test_what_is_no_list_of_limits_is_refused(limits: list[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"limits: .*as a LimitRange has them"):
        defaults_of(limits)


def test_one_container_without_a_limit_leaves_the_whole_without() -> None:
    price = price_of([pod({"limits": {"cpu": "1", "memory": "1Gi"}}, {"limits": {"cpu": "1"}})], NO_DEFAULTS)
    assert (price.cpu_limit, price.memory_limit) == (2, None)
    assert (price * 2 + price).as_result() == {
        "pods": 3,
        "cpu": 6.0,
        "memory": 3 << 30,
        "cpu_limit": 6.0,
        "memory_limit": None,
        "storage": 0,
        "node_ports": 0,
    }
