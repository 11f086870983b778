"""Reports as files; a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.markdown import markdown
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.page import page
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.prometheus import prometheus
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Audit
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem

NAMES = {"html": "flows.html", "markdown": "flows.md", "json": "flows.json", "prometheus": "autolabs_flows.prom"}


def reports(audit: Audit) -> dict[str, str]:
    """The text of each report, by its form."""
    return {
        "html": page(audit),
        "markdown": markdown(audit),
        "json": json.dumps(audit.as_result(), ensure_ascii=False, indent=1) + "\n",
        "prometheus": prometheus(audit),
    }


def write(audit: Audit, folder: str) -> dict[str, str]:
    """Write all reports into `folder`, which is made where it is missing. The path of each, by its form.

    Raises InvalidInput where that cannot be done.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return {form: _replaced(Path(folder, NAMES[form]), text) for form, text in reports(audit).items()}
    except OSError as error:
        message = f"reports cannot be written to {folder}: {error.strerror}; name a folder of yours"
        raise InvalidInput([Problem("", 0, "folder", message, "build/flows")]) from error


def _replaced(path: Path, text: str) -> str:
    # Beside it, since a file can only be renamed within one filesystem; a dot keeps it from collectors.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            # node_exporter is another user.
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return str(path.resolve())
