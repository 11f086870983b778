"""What the stand-in knows: one document, written whole after each change, read again at the next start."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class State:
    """The document and the mutex under which it is read and changed."""

    def __init__(self, path: Path, fresh: Document) -> None:
        self.mutex = threading.RLock()
        self._path = path
        self.data: Document = fresh
        if path.exists():
            self.data = {**fresh, **json.loads(path.read_text())}

    def __getitem__(self, part: str) -> Any:
        return self.data[part]

    def __setitem__(self, part: str, value: Any) -> None:
        self.data[part] = value

    def save(self) -> None:
        """Write the document; a reader, or a crash, sees the old or the new one and nothing between."""
        with self.mutex:
            fresh = self._path.with_suffix(".new")
            with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                json.dump(self.data, file)
            fresh.replace(self._path)
