"""Why an image was not pulled: what containerd and the kubelet really say, in words for a teacher."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.running.pull import is_explained, why_not_pulled

IMAGE = "registry.example/labs/web:1"
START = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '
CASES = [
    (f"rpc error: code = NotFound desc = {START}{IMAGE}: not found", "does not exist in its registry"),
    (f"{START}unexpected status from HEAD request to http://10.0.0.1:5000/v2/labs/web/manifests/1: 401 Unauthorized",
     "asks for credentials"),
    (f"{START}failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
     "https://auth.example/token: 403 Forbidden", "asks for credentials"),
    (f"{START}pull access denied, repository does not exist or may require authorization: server message: "
     "insufficient_scope: authorization failed", "asks for credentials"),
    (f'{START}failed to do request: Head "https://registry.example/v2/labs/web/manifests/1": dial tcp: lookup '
     "registry.example on 10.0.0.1:53: no such host", "does not answer"),
    (f'{START}failed to do request: Head "https://10.0.0.1/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
     "does not answer"),
    (f'{START}failed to do request: Head "https://10.0.0.1/v2/": dial tcp 10.0.0.1:443: i/o timeout',
     "does not answer"),
    (f"{START}unexpected status from HEAD request to https://registry.example/v2/: 503 Service Unavailable",
     "does not answer"),
    (f'{START}failed to do request: Head "https://10.0.0.1/v2/": tls: failed to verify certificate: x509: certificate '
     "signed by unknown authority", "does not trust"),
    (f'{START}failed to do request: Head "https://10.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client',
     "does not trust"),
    ("no match for platform in manifest: not found", "not made for the processors"),
    (f'Back-off pulling image "{IMAGE}"', "does it exist, and may the cluster read it?"),
    ("", "does it exist, and may the cluster read it?"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "words"), CASES, ids=[words for _message, words in CASES])
def test_why_an_image_was_not_pulled(message: str, words: str) -> None:
    told = why_not_pulled(IMAGE, message)
    assert words in told and IMAGE in told
    assert is_explained(told, IMAGE) == ("does it exist" not in words)
