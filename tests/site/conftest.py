"""One site for all tests of this folder.

AUTOLABS_TEST_SITE names a site that is kept and used again, so that a single test can be tried without bringing
everything up anew: `AUTOLABS_TEST_SITE=mine pytest tests/site/test_class.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from running import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of an empty node come first: later there is none."""
    items.sort(key=lambda item: item.path.name != "test_site.py")


@pytest.fixture(scope="session")
def node() -> Iterator[Site]:
    """A Proxmox node with nothing on it yet."""
    kept = os.environ.get("AUTOLABS_TEST_SITE")
    site = Site(kept or f"test-{os.getpid()}", owner=None if kept else os.getpid())
    site.start()
    yield site
    if not kept:
        site.down()


@pytest.fixture(scope="session")
def site(node: Site) -> Site:
    """The whole site, made by the playbook that users run."""
    played = node.playbook("site", quiet=False)
    assert played.succeeded, played.output[-5000:]
    return node
