"""The words of a site's fields: each function takes a text and returns its meaning, or raises Wrong."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from ansible_collections.autolabs.platform.plugins.module_utils.documents import document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Place, Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.net import addresses
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import Network
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import Address

LONGEST_LABEL = 63
LONGEST_DOMAIN = 253
SCHEMES = ("https://", "http://")
CHECKSUM_DIGITS = {"sha256": 64, "sha512": 128}

_LABEL = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# GET /nodes/{node}/network: names of interfaces have at most 10 characters.
_BRIDGE = re.compile("[a-zA-Z][a-zA-Z0-9_.]{1,9}")
_STORAGE = re.compile("[a-zA-Z][a-zA-Z0-9._-]*")


class Anything:
    """What another part of the engine reads."""

    words = "anything"

    def read(self, node: document.Node, at: Place, findings: Findings) -> None:
        """See Shape."""


def label_problem(text: str) -> str:
    """Why a text is no DNS label (RFC 1123); empty where it is one."""
    if len(text) > LONGEST_LABEL:
        return f"is longer than the {LONGEST_LABEL} characters of a DNS label; shorten it"
    if not _LABEL.fullmatch(text):
        return "is no DNS label: use a-z, 0-9 and -, with a letter or digit at both ends"
    return ""


def label(text: str) -> str:
    """A DNS label. Raises Wrong."""
    problem = label_problem(text)
    if problem:
        raise Wrong(f"{text!r} {problem}")
    return text


def domain(text: str) -> str:
    """A domain for the site's names. Raises Wrong."""
    found = text.lower().removesuffix(".")
    labels = found.split(".")
    problem = next((f"its part {part!r} {why}" for part in labels if (why := label_problem(part))), "")
    if problem or len(found) > LONGEST_DOMAIN:
        raise Wrong(f"{text!r} is no domain: {problem or 'it is too long'}")
    if labels[-1] == "local":
        raise Wrong(
            f"{text} is below .local, which belongs to multicast DNS (RFC 6762); take a domain of yours, or one below "
            ".internal"
        )
    if len(labels) < 2:
        raise Wrong(f"{text} is a single label, for which nobody makes certificates; put a domain behind it")
    return found


def network(text: str) -> Network:
    """An address range. Raises Wrong."""
    try:
        return addresses.network(addresses.written_range(text))
    except addresses.AddressError as error:
        raise Wrong(str(error)) from None


def networks(text: str) -> tuple[Network, ...]:
    """One address range, or one of each family with a comma between, as kubeadm takes them. Raises Wrong."""
    return tuple(network(part.strip()) for part in text.split(","))


def address(text: str) -> Address:
    """A single address. Raises Wrong."""
    try:
        return ipaddress.ip_address(addresses.address(text))
    except addresses.AddressError as error:
        raise Wrong(str(error)) from None


def address_or_none(text: str | None) -> Address | None:
    """The address that a text is, if it is one."""
    try:
        return address(text) if text else None
    except Wrong:
        return None


def whole(lowest: int, highest: int, unit: str = "") -> Callable[[str], int]:
    """A function that reads a whole number within bounds; it raises Wrong."""
    words = f"a whole number from {lowest} to {highest}" + (f" ({unit})" if unit else "")

    def parse(text: str) -> int:
        if not re.fullmatch("-?[0-9]{1,15}", text) or not lowest <= int(text) <= highest:
            raise Wrong(f"is {text!r} and must be {words}")
        return int(text)

    return parse


def bridge(text: str) -> str:
    """The name of a bridge on the nodes. Raises Wrong."""
    if not _BRIDGE.fullmatch(text):
        raise Wrong(f"{text!r} cannot be the name of a bridge: 2 to 10 letters, digits and underscores, a letter first")
    return text


def storage(text: str) -> str:
    """The name of a storage. Raises Wrong."""
    if not _STORAGE.fullmatch(text):
        raise Wrong(f"{text!r} cannot be the name of a storage")
    return text


def truth(text: str) -> bool:
    """True or false. Raises Wrong."""
    if text.lower() not in ("true", "false"):
        raise Wrong(f"is {text!r}, which is neither true nor false")
    return text.lower() == "true"


def url(text: str) -> str:
    """The address of a file. Raises Wrong."""
    if not text.startswith(SCHEMES) or re.search(r"\s", text):
        raise Wrong(f"{text!r} is no URL")
    return text


def checksum(text: str) -> str:
    """A checksum with its algorithm, `sha512:...`. Raises Wrong."""
    algorithm, _colon, digits = text.partition(":")
    length = CHECKSUM_DIGITS.get(algorithm)
    if length is None:
        raise Wrong(f"{text[:20]!r} does not name its algorithm; write sha512: or sha256: before the digits")
    if not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digits):
        raise Wrong(f"a {algorithm} has {length} hexadecimal digits, and this has {len(digits)} characters")
    return f"{algorithm}:{digits.lower()}"
