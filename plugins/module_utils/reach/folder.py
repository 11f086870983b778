"""Objects of Kubernetes from a folder of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.documents.text import decoded

ENDINGS = (".yml", ".yaml", ".json")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_folder(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All objects of the YAML and JSON files in a folder and the folders in it, and the files that hold others.

    Files and folders whose names begin with a dot are passed over. The second list names the files in which a document
    is no object of Kubernetes, such as the values of a chart. Raises InvalidInput with every file that cannot be read.
    """
    objects: list[dict[str, Any]] = []
    others: list[str] = []
    problems: list[Problem] = []
    if not folder.is_dir():
        raise InvalidInput([Problem(str(folder), 0, "", "there is no such folder")])
    for path in sorted(_files(folder)):
        try:
            for document in _documents(path):
                if isinstance(document, dict) and {"kind", "apiVersion"} <= document.keys():
                    objects.append(document)
                elif document is not None and str(path) not in others:
                    others.append(str(path))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return objects, others


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in ENDINGS and not hidden and path.is_file():
            yield path


def _documents(path: Path) -> list[Any]:
    try:
        return list(yaml.load_all(decoded(path.read_bytes(), str(path)), _Loader))
    except OSError as error:
        raise InvalidInput([Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"is no YAML or JSON: {error.problem}; templates must be rendered first"
        raise InvalidInput([Problem(str(path), line, "", message)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput([Problem(str(path), 0, "", f"is no YAML or JSON: {error}")]) from None
