"""The dispatcher of one machine: a process a run, started by the web app and independent of it."""

from __future__ import annotations

import os
import subprocess
import threading

from webapi import files
from webapi.runs import events, messages
from webapi.runs.claim import claim
from webapi.runs.launch import Launcher, known_processes
from webapi.runs.model import ClassBusy, Kind, Run, RunRequest, RunState, UnknownRun
from webapi.runs.processes import alive, end_all, of_run
from webapi.runs.retention import Retention
from webapi.runs.store import FolderRunStore
from webapi.runs.watch import PATIENCE, Watch, in_background


class LocalDispatcher:
    """Starts runs in their order, at most `most` at once; see Dispatcher."""

    def __init__(self, store: FolderRunStore, launcher: Launcher, retention: Retention, most: int = 2) -> None:
        self._store, self._launcher, self._retention, self._most = store, launcher, retention, most
        # Guards the decision who runs next; never held while something is waited for.
        self._lock = threading.RLock()
        self._queue: list[str] = []
        self._running: dict[str, subprocess.Popen[bytes] | None] = {}
        """Runs with a process, and the process where this web app started it."""
        self._ending: set[str] = set()
        """Runs whose processes somebody is just ending."""
        self._watch = Watch(self._look_after)
        self._claim = claim(store.path)

    def submit(self, request: RunRequest) -> Run:
        """See Dispatcher."""
        with self._lock:
            if request.kind != Kind.PREVIEW:
                for run in self._store.find(request.lab, request.class_id):
                    if not run.state.ended and run.kind != Kind.PREVIEW:
                        raise ClassBusy(run)
            run = self._store.create(request)
            self._tell(run)
            self._queue.append(run.id)
            self._start_next()
        return run

    def cancel(self, run_id: str, *, wait: bool = True) -> Run:
        """See Dispatcher."""
        with self._lock:
            run = self._store.get(run_id)
            if run.state.ended:
                return run
            if run_id in self._queue:
                self._queue.remove(run_id)
                return self._end(run_id, RunState.CANCELLED, messages.CANCELLED_IN_QUEUE)
            # Survives this process, so that a restarted web app finishes what was begun.
            files.write(self._store.folder(run_id).cancelled, b"")
            self._ending.add(run_id)
            started = self._running.get(run_id)
        if wait:
            return self._end_processes(run, started)
        in_background(self._end_processes, run, started)
        return run

    def trouble(self) -> str:
        """See Dispatcher."""
        if not self._lock.acquire(timeout=PATIENCE / 10):
            return messages.STUCK
        try:
            waiting, running = len(self._queue), len(self._running)
        finally:
            self._lock.release()
        none_begun = messages.NONE_BEGUN.format(waiting) if waiting and not running else ""
        return self._watch.trouble() or none_begun

    def _end_processes(self, run: Run, started: subprocess.Popen[bytes] | None = None) -> Run:
        gone = end_all(run.id, known_processes(run, started))
        return self._bury(run.id, RunState.CANCELLED, messages.CANCELLED[run.kind] if gone else messages.NOT_ENDED)

    def recover(self) -> None:
        """See Dispatcher."""
        unfinished = []
        with self._lock:
            for run in reversed(self._store.find()):
                if run.state.ended:
                    self._store.sweep(run.id)
                    continue
                if self._store.cancelling(run.id):
                    unfinished.append(run)
                    self._ending.add(run.id)
                # A process that a web app started just before its end has not said yet that it runs.
                if run.id in self._ending or run.state == RunState.RUNNING or of_run(run.id):
                    self._running[run.id] = None
                else:
                    self._queue.append(run.id)
            self._look()
            self._start_next()
        for run in unfinished:
            in_background(self._end_processes, run)
        self._retention.apply(self._store)
        self._watch.start()

    def close(self) -> None:
        """See Dispatcher."""
        self._watch.close()
        os.close(self._claim)

    def _start_next(self) -> None:
        while self._queue and len(self._running) < self._most:
            run_id = self._queue.pop(0)
            try:
                self._running[run_id] = self._launcher.start(self._store.folder(run_id))
            except OSError as error:
                self._end(run_id, RunState.FAILED, messages.NO_PROCESS.format(error.strerror or error))
            except UnknownRun:
                continue
        self._watch.wake()

    def _look_after(self) -> bool:
        with self._lock:
            if self._look():
                self._start_next()
                self._retention.apply(self._store)
            return bool(self._running)

    def _look(self) -> bool:
        """Take leave of runs whose process is gone; whether there was one."""
        gone = [run_id for run_id in self._running if run_id not in self._ending and not self._has_process(run_id)]
        for run_id in gone:
            try:
                run = self._store.get(run_id)
            except UnknownRun:
                del self._running[run_id]
                continue
            if run.state.ended:
                del self._running[run_id]
            else:
                cancelling = self._store.cancelling(run_id)
                self._ending.add(run_id)
                in_background(self._end_processes if cancelling else self._lose, run)
        return bool(gone)

    def _lose(self, run: Run) -> None:
        # Its children may still work on the class, and another run must not meet them.
        end_all(run.id)
        self._bury(run.id, RunState.LOST, messages.LOST)

    def _bury(self, run_id: str, state: RunState, message: str) -> Run:
        """The processes of a run are gone: say so, where it has not said itself how it ended, and go on."""
        with self._lock:
            try:
                self._store.sweep(run_id)
                run = self._store.get(run_id)
                if not run.state.ended:
                    run = self._end(run_id, state, message)
                # Not before: where its end cannot be written down, the next look tries again.
                started = self._running.pop(run_id, None)
                if started:
                    started.poll()
            finally:
                self._ending.discard(run_id)
                self._start_next()
        return run

    def _has_process(self, run_id: str) -> bool:
        started = self._running[run_id]
        if started is not None and started.poll() is None:
            return True
        try:
            run = self._store.get(run_id)
        except UnknownRun:
            return False
        if run.state == RunState.QUEUED:
            return bool(of_run(run_id))
        return not run.state.ended and alive(run.pid, run.process_started)

    def _end(self, run_id: str, state: RunState, message: str) -> Run:
        run = self._store.change(run_id, state=state, message=message, ended=files.now())
        self._tell(run)
        return run

    def _tell(self, run: Run) -> None:
        data = {"state": run.state, "message": run.message}
        events.append(self._store.events_path(run.id), "state", data)
