"""Admits a class as a whole, with numbers, before anything of it is created."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.kube.retries import at_most
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission import promises as book
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.capacity import Item, fit
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.demand import NODE_PORTS
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.nodes import place
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.promises import Entry, Promises, Standing
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import Admission, NoRoom
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.survey import Survey, survey
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.wishes import Wishes
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import Live
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import LabClass
from ansible_collections.autolabs.platform.plugins.module_utils.labs.plan import ClassPlan
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

__all__ = ["Admission", "NoRoom", "Promise", "admitted", "look"]

RENEW_SECONDS = 20.0
SETTLE_SECONDS = 10.0
"""How long a class that does not fit waits for what is just ending, and for quotas to be counted again."""
SETTLE_PAUSE_SECONDS = 0.5
CONTEND_SECONDS = 60.0
WITHDRAW_SECONDS = 5.0


class Promise:
    """What a class may take while its run lasts. It is renewed by itself, as long as the block lasts."""

    def __init__(self, session: Session, admission: Admission, entry: Entry | None) -> None:
        self.admission = admission
        self._session, self._entry = session, entry
        self._over = threading.Event()
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Let it hold for another minute. What goes wrong is passed over: there is time to try again."""
        with self._lock:
            if self._entry and not self._over.is_set():
                with suppress(KubeError), at_most(RENEW_SECONDS / 2):
                    book.renew(self._session, self._entry)

    def keep(self) -> None:
        """Renew it from a thread of its own until it is withdrawn."""
        if self._entry:
            threading.Thread(target=self._keep, daemon=True, name="promise").start()

    def withdraw(self) -> None:
        """Take it back. Where that fails, it is forgotten within a minute."""
        self._over.set()
        # A renewal that hangs is not waited for: it finds the entry gone, or lets it live a minute longer.
        free = self._lock.acquire(timeout=WITHDRAW_SECONDS)
        try:
            if self._entry:
                with suppress(KubeError), at_most(WITHDRAW_SECONDS):
                    book.withdraw(self._session, self._entry)
        finally:
            if free:
                self._lock.release()

    def _keep(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            self.renew()


def look(session: Session, plan: ClassPlan, live: Live, settings: Settings) -> Admission:
    """What would be admitted now; reads only. Raises ApiError."""
    wishes = Wishes.of(plan, live)
    if not wishes.any:
        return wishes.everything
    return _count(session, wishes, book.look(session), settings)[0]


@contextmanager
def admitted(
    session: Session, lab_class: LabClass, plan: ClassPlan, live: Live, settings: Settings, *, partial: bool
) -> Iterator[Promise]:
    """Promise the class what it needs, for as long as the block lasts.

    Raises NoRoom, with nothing promised, unless everything fits; with `partial`, what fits is admitted. Raises
    ApiError where the cluster cannot be asked.
    """
    wishes = Wishes.of(plan, live)
    promise = _promise(session, wishes, settings, partial) if wishes.any else Promise(session, wishes.everything, None)
    try:
        promise.keep()
        yield promise
    finally:
        promise.withdraw()


def _promise(session: Session, wishes: Wishes, settings: Settings, partial: bool) -> Promise:
    run = uuid.uuid4().hex
    give_up = time.monotonic() + CONTEND_SECONDS
    settled = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < give_up:
        promises = book.read(session)
        admission, found = _count(session, wishes, promises, settings)
        if not admission.whole and not found.steady and time.monotonic() < settled:
            time.sleep(SETTLE_PAUSE_SECONDS)
            continue
        if not admission.whole and not partial:
            raise NoRoom(admission)
        entry = wishes.entry(admission, found.defaults, run, session.server_time() + book.HOLDS_SECONDS)
        if _put(session, promises, entry):
            return Promise(session, admission, entry)
        book.pause()
    raise ApiError(409, "too many classes are being started at this moment; start this one again in a minute")


def _count(session: Session, wishes: Wishes, promises: Promises, settings: Settings) -> tuple[Admission, Survey]:
    """Hold the class against what is left once pending Pods and other classes have what is theirs. Raises ApiError."""
    others = book.others(promises, wishes.key)
    namespace = wishes.plan.namespace
    question = wishes.question(promised=any(entry.key[0] == namespace for entry in others))
    found = survey(session, question, wishes.key, settings)
    for need in found.pending:
        place([need], found.room.nodes)
    for entry in others:
        _reserve(found, entry, namespace)
    number, shortages = fit(found.room, wishes.shared(found.defaults), wishes.wishes(found))
    return wishes.admission(number, shortages), found


def _reserve(found: Survey, entry: Entry, namespace: str) -> None:
    """Take from the room what another class was promised and does not have yet."""
    pods, objects = book.outstanding(entry, found.standing.get(entry.key, Standing()))
    for count, promised in pods:
        for _number in range(count):
            place([promised.need], found.room.nodes)
    if entry.key[0] == namespace:
        items = [Item(promised.item.takes * count, promised.item.scopes) for count, promised in pods]
        found.room.take([*items, Item(objects)])
    else:
        found.room.node_ports -= objects[NODE_PORTS]


def _put(session: Session, promises: Promises, entry: Entry) -> bool:
    """Like `promises.put`; where we are interrupted in the middle of it, nothing stays behind."""
    try:
        return book.put(session, promises, entry)
    except BaseException:
        with suppress(KubeError), at_most(WITHDRAW_SECONDS):
            book.withdraw(session, entry)
        raise
