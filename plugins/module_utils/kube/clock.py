"""The API server's clock, as its answers tell it, beside ours."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

NOTABLE_SECONDS = 120.0
"""Clocks that differ by more make certificates and tokens look expired, or not valid yet."""


class ServerClock:
    """Follows the `Date` header (RFC 9110, 6.6.1), which every answer of an API server has."""

    def __init__(self) -> None:
        self._text = ""
        self._ahead_of_monotonic: float | None = None

    def hear(self, date: str | None) -> None:
        """Take the `Date` of an answer that came just now; what is no date is passed over."""
        if not date or date == self._text:
            return
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return
        self._text = date
        # Against the monotonic clock, so that setting ours right in the middle of a run changes nothing.
        self._ahead_of_monotonic = told - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970 by the server's clock, to a second; by ours, as long as the server has not answered."""
        return time.time() if self._ahead_of_monotonic is None else self._ahead_of_monotonic + time.monotonic()

    @property
    def offset(self) -> float:
        """Seconds by which the server's clock is ahead of ours; 0 where it is not known."""
        return self.now() - time.time()

    def difference(self) -> str:
        """A sentence that names both clocks where they differ notably, else nothing."""
        if abs(self.offset) <= NOTABLE_SECONDS:
            return ""
        return (
            f"its clock says {moment(self.now())}, the clock of this controller {moment(time.time())}: they differ by "
            f"{abs(self.offset) / 60:.0f} min, which makes certificates and tokens look expired or not valid yet; set "
            "the wrong one right (NTP)"
        )


def moment(seconds: float) -> str:
    """A time as people read it, such as `2026-03-01 12:00 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
