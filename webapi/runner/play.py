"""Runs a lab playbook by ansible-runner."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any

import ansible_runner

from webapi.runner.report import Reporter
from webapi.runs.folder import Folder
from webapi.runs.model import Kind, Run

PLAYBOOKS = {
    Kind.START: "autolabs.platform.lab_start",
    Kind.STOP: "autolabs.platform.lab_stop",
    Kind.DELETE: "autolabs.platform.lab_delete",
    Kind.PREVIEW: "autolabs.platform.lab_start",
}


@dataclass(frozen=True)
class Played:
    """How a playbook ended."""

    succeeded: bool
    message: str
    """One sentence for people."""


def play(folder: Folder, run: Run, reporter: Reporter) -> Played:
    """Run the playbook, and write what came of it to the run's folder while it goes on."""
    words = [word for path in os.environ.get("AUTOLABS_INVENTORIES", "").split(":") if path for word in ("-i", path)]
    ended = ansible_runner.run(
        private_data_dir=str(folder.path),
        ident="1",
        playbook=PLAYBOOKS[run.kind],
        cmdline=shlex.join([*words, *(["--check"] if run.kind == Kind.PREVIEW else [])]),
        extravars=paths(folder, run.kind),
        event_handler=reporter.take,
        # Its own one would turn the signal that cancels a run into a run that failed.
        cancel_callback=lambda: False,
        # What it prints is in the log already.
        settings={"suppress_output_file": True},
    )
    return Played(ended.rc == 0, reporter.message() or f"ansible-playbook ended with code {ended.rc}; see the log")


def paths(folder: Folder, kind: Kind) -> dict[str, Any]:
    """The playbook's variables: a string among them is templated, so they are paths of ours and nothing else."""
    roster = next((path for path in folder.rosters if path.exists()), None)
    variables = {"lab_file": str(folder.lab), "lab_options_file": str(folder.options)}
    if roster:
        variables["lab_roster"] = str(roster)
    if kind in (Kind.START, Kind.PREVIEW):
        variables["lab_credentials_file"] = str(folder.credentials)
    if site_folder := os.environ.get("AUTOLABS_SITE_FOLDER"):
        variables["autolabs_site_folder"] = site_folder
    return variables
