"""What the API server answers, as an error for people."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError

CASES: list[tuple[str, bytes, str, str]] = [
    ("a Status object", b'{"kind":"Status","message":"no such pod","reason":"NotFound"}', "no such pod", "NotFound"),
    ("text of a proxy", b"upstream is gone\n", "upstream is gone", ""),
    ("nothing", b"", "HTTP status 502", ""),
    ("JSON that is no object", b"[1]", "[1]", ""),
    ("an object without a message", b"{}", "HTTP status 502", ""),
    ("bytes that are no text", b"\xff\xfe", "\ufffd\ufffd", ""),
    ("a long page", b"x" * 10_000, "x" * 500, ""),
]


@pytest.mark.parametrize(("body", "message", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_message_is_what_the_server_said(body: bytes, message: str, reason: str) -> None:
    error = ApiError.from_answer(502, body, None, "GET /pods")
    assert (str(error), error.status, error.reason) == (f"GET /pods: {message}", 502, reason)


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), (None, None), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_retry_after_is_read_where_it_is_in_seconds(header: str | None, seconds: float | None) -> None:
    assert ApiError.from_answer(429, b"", header, "GET /").retry_after == seconds
