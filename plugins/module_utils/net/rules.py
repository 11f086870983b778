"""Rules of a packet filter on a host, whichever program applies them: the words that renderers and prover share."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

ALLOW, DENY = ACTIONS = ("allow", "deny")
INPUT, PUBLISHED = CHAINS = ("input", "published")
"""What a packet that comes in is for: the host itself, or a pod or container behind a port of the host (a node port,
a port published by Docker). The second kind is rewritten and forwarded, so rules for the first never see it; its rules
name the port at which it came in."""


@dataclass(frozen=True)
class HostRule:
    """One line of a firewall; the first that fits a packet decides."""

    source: str
    """The range that packets come from, such as `10.0.0.0/24`; empty for every address of both families."""
    ports: Ports | None
    """None for every protocol and port."""
    action: str = ALLOW
    chain: str = INPUT
    destination: str = ""
    """The range that packets go to; empty for every address of the host."""
    interface: str = ""
    """The only interface by which packets come in; empty for all."""
    flow: str = ""
    """The flow of the catalogue that the rule stands for, which is its comment; empty where it has none."""
