"""Settings of all unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from unit.support.stand_in import Proxmox

# A busy machine is slow, not wrong.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Proxmox]:
    """A Proxmox VE that is none: see unit/support/stand_in.py and testbed/proxmox/."""
    from unit.support.stand_in import Proxmox

    made = Proxmox(tmp_path / "proxmox")
    yield made
    made.close()
