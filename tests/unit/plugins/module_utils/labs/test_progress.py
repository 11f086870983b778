"""What the engine writes, the web app can read."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from hypothesis import given
from hypothesis import strategies as st


def test_a_line_reads_as_a_sentence() -> None:
    progress = Progress(3, 12, "lab-123-student-456", "failed", 4.25, "the image x cannot be pulled")
    assert str(progress) == "[ 3/12] lab-123-student-456 failed after 4.2 s: the image x cannot be pulled"


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True),
    st.sampled_from(["ready", "failed", "stopped", "absent"]),
    st.decimals(0, 9999, places=1),
    st.text(),
)
def test_every_line_is_read_back(done: int, total: int, name: str, state: str, seconds: object, reason: str) -> None:
    written = Progress(done, total, name, state, float(str(seconds)), reason)
    read = Progress.parse(str(written))
    assert read is not None
    assert (read.done, read.total, read.instance, read.state) == (done, total, name, state)
    assert read.seconds == written.seconds
    assert read.reason == " ".join(reason.split())


@pytest.mark.parametrize("line", ["", "TASK [Start every instance]", "[1/2] x ready", "ok: [localhost]"])
def test_other_lines_are_no_progress(line: str) -> None:
    assert Progress.parse(line) is None
