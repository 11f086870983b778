"""One watch that outlives broken connections."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session

EXPIRED = 410
REFUSED = (401, 403)
WATCH_SECONDS = 60
PAUSE_SECONDS = 0.5

Seen = Callable[[Manifest], None]
Failed = Callable[[ApiError], None]


class Watcher:
    """Follows the objects of one kind, and calls `seen` and `gone` from a thread of its own.

    Every change after the list that gave `known` and `version` is reported: a connection that broke is taken up
    from the last version, and where the server has forgotten that (410), the objects are listed again and compared
    with what was known. Where the user may not watch (any more), the watch ends.
    """

    def __init__(self, session: Session, kind: str, namespace: str, labels: dict[str, str]) -> None:
        self._session, self._kind, self._namespace, self._labels = session, kind, namespace, labels
        self._known: dict[str, Manifest] = {}
        """By uid: an object that was deleted and made again under its name is another one."""
        self._stop = threading.Event()
        self.broken: ApiError | None = None
        """Why nothing is heard at the moment; None while the watch stands, as far as can be told."""

    def start(
        self, known: list[Manifest], version: str, seen: Seen, gone: Seen, failed: Failed = lambda error: None
    ) -> None:
        """Begin to watch; `known` and `version` are what a list of the same objects returned.

        `failed` is called once, by the watching thread, when the server refuses the user (401, 403); nothing is
        reported after it.
        """
        self._known = _by_uid(known)
        arguments = (version, seen, gone, failed)
        # A daemon, since a read that waits for the server cannot be interrupted.
        threading.Thread(target=self._follow, args=arguments, daemon=True, name="watch").start()

    def stop(self) -> None:
        """Report nothing more."""
        self._stop.set()

    def _follow(self, version: str, seen: Seen, gone: Seen, failed: Failed) -> None:
        try:
            while not self._stop.is_set():
                version = self._watch_or_list(version, seen, gone)
        except ApiError as error:
            if not self._stop.is_set():
                failed(error)

    def _watch_or_list(self, version: str, seen: Seen, gone: Seen) -> str:
        """One watch, or one list where the version is forgotten. Raises ApiError when the user is refused."""
        try:
            return self._watch_once(version, seen, gone)
        except ApiError as error:
            if error.status != EXPIRED:
                raise
        self._stop.wait(PAUSE_SECONDS)
        return self._list_again(version, seen, gone)

    def _watch_once(self, version: str, seen: Seen, gone: Seen) -> str:
        """Follow until the server or the connection ends it; return the version to go on from."""
        events = self._session.watch(self._kind, self._namespace, self._labels, version, WATCH_SECONDS)
        try:
            for event in events:
                self.broken = None
                if self._stop.is_set():
                    break
                manifest = event["object"]
                version = manifest["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._known.pop(manifest["metadata"]["uid"], None)
                    gone(manifest)
                elif event["type"] != "BOOKMARK":
                    self._known[manifest["metadata"]["uid"]] = manifest
                    seen(manifest)
        except ApiError as error:
            if error.status in (EXPIRED, *REFUSED):
                raise
            self.broken = error
            self._stop.wait(PAUSE_SECONDS)
        else:
            self.broken = None
        return version

    def _list_again(self, version: str, seen: Seen, gone: Seen) -> str:
        try:
            found, version = self._session.list(self._kind, self._namespace, self._labels)
        except ApiError as error:
            if error.status in REFUSED:
                raise
            return version
        before, self._known = self._known, _by_uid(found)
        for uid, manifest in before.items():
            if uid not in self._known:
                gone(manifest)
        for manifest in found:
            seen(manifest)
        return version


def _by_uid(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {entry["metadata"]["uid"]: entry for entry in manifests}
