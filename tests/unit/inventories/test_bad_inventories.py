"""Inventories that cannot be a site are refused, each with every mistake in it and what to do about it.

A file of the data is a change of a good inventory, and what is said of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.filter.site import site_problems
from unit.support.inventories import DATA, Loaded, loaded, owned, written

CASES = sorted((DATA / "bad").glob("*.yml"))


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_bad_inventory_is_refused_with_every_mistake(path: Path, tmp_path: Path) -> None:
    case = loaded(path)
    name = case["inventory"]
    described = Loaded(written(tmp_path, name, owned(name), case["changes"])).described()
    assert site_problems(described) == case["expected"]
