"""The lock files of VM configurations: shared or alone, and not had in time is an error."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ApiError


class Locks:
    """One lock a VM, as /var/lock/qemu-server/lock-VMID.conf (pve-guest-common, PVE/AbstractConfig.pm)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: defaultdict[int, list[bool]] = defaultdict(list)

    @contextmanager
    def held(self, vmid: int, seconds: float, shared: bool = False) -> Iterator[None]:
        """Hold the lock of a VM; ApiError with the real text when it is not had within these seconds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._free(vmid, shared):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise lock_timeout(vmid)
                self._changed.wait(left)
            self._holders[vmid].append(shared)
        try:
            yield
        finally:
            with self._changed:
                self._holders[vmid].remove(shared)
                self._changed.notify_all()

    def _free(self, vmid: int, shared: bool) -> bool:
        holders = self._holders[vmid]
        return not holders or (shared and all(holders))


def lock_timeout(vmid: int) -> ApiError:
    """A lock that was not had (`lock_file_full` in pve-common, PVE/Tools.pm)."""
    return ApiError(f"can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout")
