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


RIGHTS = [
    (
        'services is forbidden: User "system:serviceaccount:infra:worker" cannot patch resource "services" in API '
        'group "" in the namespace "labs"',
        "the account system:serviceaccount:infra:worker may not patch services in the namespace labs",
    ),
    (
        'storageclasses.storage.k8s.io is forbidden: User "u" cannot list resource "storageclasses" in API group '
        '"storage.k8s.io" at the cluster scope',
        "the account u may not list storageclasses.storage.k8s.io in the whole cluster",
    ),
    (
        'pods "a" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "labs": no',
        "the account u may not get pods/log in the namespace labs",
    ),
    ('pods "a" is forbidden: exceeded quota: labs-quota', "None"),
]


@pytest.mark.parametrize(("message", "words"), RIGHTS)
def test_a_right_that_is_missing_is_named(message: str, words: str) -> None:
    error = ApiError(403, f"PATCH /x: {message}")
    assert str(error.missing_right) == words


def test_only_a_refusal_for_rights_names_one() -> None:
    assert ApiError(401, RIGHTS[0][0]).missing_right is None
