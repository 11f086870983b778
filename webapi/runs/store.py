"""Where runs are kept: the seam between the web app and its storage, and the one that uses folders."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from webapi import files
from webapi.runs.folder import Folder
from webapi.runs.model import RUN_ID, Run, RunRequest, UnknownRun, new_id

LOGGER = logging.getLogger(__name__)
DAMAGED = (ValueError, KeyError, TypeError)
"""What reading a file raises that does not hold what was written."""


class RunStore(Protocol):
    """Keeps runs. Every method with a run's id raises UnknownRun where there is none."""

    def create(self, request: RunRequest) -> Run:
        """Keep a new run, queued. Raises OSError."""

    def get(self, run_id: str) -> Run:
        """A run as it is now."""

    def find(self, lab: str = "", class_id: str = "") -> list[Run]:
        """The runs, of a lab or a class where one is named; the newest first."""

    def change(self, run_id: str, **changes: Any) -> Run:
        """Change fields of a run that change: state, message, started, ended, pid, process_started."""

    def delete(self, run_id: str) -> None:
        """Remove a run and all that belongs to it."""

    def request(self, run_id: str) -> RunRequest:
        """What was asked for, with the texts as they were."""

    def outcome(self, run_id: str) -> dict[str, Any] | None:
        """What came of it: msg, changed, failed, instances, admission, problems; None while nothing has."""

    def log(self, run_id: str, most: int = 1 << 20) -> str:
        """The last `most` bytes of what ansible-playbook printed."""

    def events_path(self, run_id: str) -> Path:
        """The file of the run's events, for webapi.runs.events."""

    def cancelling(self, run_id: str) -> bool:
        """Whether somebody has asked for a run to be ended that has not ended yet."""

    def has_credentials(self, run_id: str) -> bool:
        """Whether there are credentials that nobody has taken."""

    def take_credentials(self, run_id: str) -> list[dict[str, Any]] | None:
        """The credentials, once: an entry an instance as the collection's handout writes it. None afterwards."""


class FolderRunStore:
    """A folder a run below `folder`, as RunStore says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int], Run]] = {}
        """Run by id, with what tells that its state is still the same file."""
        self._damaged: set[str] = set()
        """Runs of which the log says already that their files cannot be read."""

    def folder(self, run_id: str) -> Folder:
        """The files of a run. Raises UnknownRun, also for what cannot be an id."""
        folder = Folder(self.path / run_id) if RUN_ID.fullmatch(run_id) else None
        if folder is None or not folder.state.is_file():
            raise UnknownRun(f"there is no run {run_id[:64]!r}; it may have been removed because it was old")
        return folder

    def create(self, request: RunRequest) -> Run:
        """See RunStore."""
        run = Run(new_id(), request.kind, request.lab, request.class_id, files.now(), request.language)
        folder = Folder(self.path / run.id)
        folder.path.mkdir(mode=0o700)
        options = {**request.options, "class_id": request.class_id}
        files.write(folder.lab, request.lab_text.encode("utf-8", "surrogatepass"))
        files.write_json(folder.options, options)
        if request.roster is not None:
            files.write(folder.rosters[request.roster_format == "json"], request.roster)
        known = {"id": run.id, "kind": run.kind, "lab": run.lab, "class_id": run.class_id, "created": run.created}
        files.write_json(folder.request, known | {"language": run.language})
        # The last one: a folder without a state is no run yet.
        files.write_json(folder.state, {"state": run.state})
        return run

    def get(self, run_id: str) -> Run:
        """See RunStore."""
        run = self._read(self.folder(run_id))
        if run is None:
            raise UnknownRun(f"there is no run {run_id!r} any more")
        return run

    def find(self, lab: str = "", class_id: str = "") -> list[Run]:
        """See RunStore."""
        found = (self._read(Folder(Path(entry))) for entry in _newest_first(self.path))
        return [run for run in found if run and lab in ("", run.lab) and class_id in ("", run.class_id)]

    def change(self, run_id: str, **changes: Any) -> Run:
        """See RunStore."""
        return self.folder(run_id).change(**changes)

    def delete(self, run_id: str) -> None:
        """See RunStore."""
        folder = self.folder(run_id)
        # First what makes it a run, so that nobody finds half of one.
        folder.state.unlink()
        shutil.rmtree(folder.path, ignore_errors=True)
        with self._lock:
            self._known.pop(run_id, None)

    def request(self, run_id: str) -> RunRequest:
        """See RunStore."""
        run, folder = self.get(run_id), self.folder(run_id)
        options = files.read_json(folder.options)
        options.pop("class_id")
        roster = next((path for path in folder.rosters if path.exists()), None)
        return RunRequest(
            run.kind,
            run.lab,
            run.class_id,
            folder.lab.read_bytes().decode("utf-8", "surrogatepass"),
            roster.read_bytes() if roster else None,
            roster.suffix[1:] if roster else "csv",
            options,
            run.language,
        )

    def outcome(self, run_id: str) -> dict[str, Any] | None:
        """See RunStore."""
        try:
            return files.read_json(self.folder(run_id).outcome)
        except (FileNotFoundError, *DAMAGED):
            return None

    def log(self, run_id: str, most: int = 1 << 20) -> str:
        """See RunStore."""
        return files.tail(self.folder(run_id).log, most)

    def events_path(self, run_id: str) -> Path:
        """See RunStore."""
        return self.folder(run_id).events

    def cancelling(self, run_id: str) -> bool:
        """See RunStore."""
        return self.folder(run_id).cancelled.exists() and not self.get(run_id).state.ended

    def has_credentials(self, run_id: str) -> bool:
        """See RunStore."""
        return self.folder(run_id).credentials.exists()

    def take_credentials(self, run_id: str) -> list[dict[str, Any]] | None:
        """See RunStore."""
        source = self.folder(run_id).credentials
        taken = source.with_name(f".{source.name}.{new_id()}")
        try:
            # Of two who take at once, one finds nothing to rename.
            os.rename(source, taken)
        except FileNotFoundError:
            return None
        try:
            return list(json.loads(taken.read_bytes()))
        finally:
            taken.unlink(missing_ok=True)

    def sweep(self, run_id: str) -> None:
        """Remove credentials that were being written or taken when a process was killed. Of ended runs only."""
        credentials = self.folder(run_id).credentials
        for path in credentials.parent.glob(f".{credentials.name}.*"):
            path.unlink(missing_ok=True)

    def _read(self, folder: Folder) -> Run | None:
        try:
            status = folder.state.stat()
            key = (status.st_mtime_ns, status.st_ino)
            with self._lock:
                known = self._known.get(folder.path.name)
            if known and known[0] == key:
                return known[1]
            run = folder.read()
        except FileNotFoundError:
            return None
        except DAMAGED:
            # One that cannot be read must not hide all the others.
            if folder.path.name not in self._damaged:
                self._damaged.add(folder.path.name)
                LOGGER.exception("the run in %s is left out: its files are damaged", folder.path)
            return None
        with self._lock:
            self._known[folder.path.name] = key, run
        return run


def _newest_first(folder: Path) -> Iterable[str]:
    with os.scandir(folder) as entries:
        return sorted((entry.path for entry in entries if RUN_ID.fullmatch(entry.name)), reverse=True)
