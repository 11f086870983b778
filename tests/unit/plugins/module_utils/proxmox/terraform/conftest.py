"""Real OpenTofu for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.support.terraform import Tofu


@pytest.fixture
def tofu(tmp_path: Path) -> Tofu:
    folder = tmp_path / "tofu"
    folder.mkdir()
    return Tofu(folder)
