"""Ports and protocols."""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, order=True)
class Ports:
    """Ports `first` to `last` (both included) of one protocol."""

    first: int
    protocol: str = "TCP"
    last: int = 0
    """0 where `first` is the only one."""

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol {self.protocol!r} is none of {', '.join(PROTOCOLS)}")
        if not 1 <= self.first <= 65535 or (self.last and not self.first <= self.last <= 65535):
            raise ValueError(f"ports {self.first} to {self.last or self.first} are not within 1 to 65535")
