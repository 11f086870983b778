"""Why an image was not pulled, from what containerd and the kubelet say."""

from __future__ import annotations

import re

DENIED = "the registry refuses the image {image}: it asks for credentials that the cluster does not have"
MISSING = "the image {image} does not exist in its registry"
UNREACHABLE = "the registry of the image {image} does not answer"
UNTRUSTED = "the registry of the image {image} has a certificate that the cluster does not trust"
WRONG_PLATFORM = "the image {image} is not made for the processors of the nodes"
UNKNOWN = "the image {image} cannot be pulled: does it exist, and may the cluster read it?"

# containerd, core/remotes/docker (fetcher, resolver, authorizer) and core/images; Go, package net. A registry that
# asks for credentials says that an image is missing as often as that access is denied, so denials are looked for first.
SIGNS = (
    (r"\b401\b|\b403\b|unauthorized|forbidden|denied|authorization failed|no basic auth credentials", DENIED),
    (r"no match for platform", WRONG_PLATFORM),
    (r"not ?found|manifest unknown|name unknown", MISSING),
    (r"x509|tls:|HTTP response to HTTPS client", UNTRUSTED),
    (
        r"no such host|connection refused|i/o timeout|no route to host|network is unreachable|deadline exceeded"
        r"|connection reset|server misbehaving|\b50[0234]\b|EOF",
        UNREACHABLE,
    ),
)


def why_not_pulled(image: str, message: str) -> str:
    """A sentence for a teacher; `message` is what the cluster said, and may say nothing."""
    words = next((words for sign, words in SIGNS if re.search(sign, message, re.IGNORECASE)), UNKNOWN)
    return words.format(image=image)


def is_explained(reason: str, image: str) -> bool:
    """Whether a sentence of `why_not_pulled` says more than that it is not known."""
    return reason != UNKNOWN.format(image=image)
