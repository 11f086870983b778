"""Where the collection is: named by the site, in a checkout, or where Ansible installs collections."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = "ansible_collections.autolabs.platform"
VARIABLE = "AUTOLABS_COLLECTIONS_PATH"
CHECKOUT = Path(__file__).resolve().parents[1] / ".collections"
INSTALLED = ("~/.ansible/collections", "/usr/share/ansible/collections")


class CollectionMissing(RuntimeError):
    """The collection autolabs.platform is nowhere."""


def find() -> Path:
    """The folder that holds ansible_collections/autolabs/platform. Raises CollectionMissing."""
    looked = list(dict.fromkeys(_candidates()))
    for folder in looked:
        if _holds(folder):
            return folder
    raise CollectionMissing(
        f"the collection autolabs.platform is not in {', '.join(map(str, looked))}; install it with ansible-galaxy, or "
        f"set {VARIABLE} to the folder that holds ansible_collections/autolabs/platform"
    )


def checked(text: str) -> Path:
    """The first folder of a list with colons, where it holds the collection. Raises CollectionMissing."""
    for folder in text.split(":"):
        if folder and _holds(Path(folder).expanduser()):
            return Path(folder).expanduser()
    raise CollectionMissing(f"{VARIABLE} is {text!r}, and there is no ansible_collections/autolabs/platform below it")


def missing() -> list[str]:
    """What sys.path lacks for the collection to be importable. Raises CollectionMissing."""
    try:
        there = importlib.util.find_spec(f"{NAME}.plugins.module_utils.labs") is not None
    except ModuleNotFoundError:
        there = False
    return [] if there else [str(find())]


def _holds(folder: Path) -> bool:
    return (folder.joinpath(*NAME.split(".")) / "plugins" / "module_utils" / "labs").is_dir()


def _candidates() -> Iterator[Path]:
    for variable in (VARIABLE, "ANSIBLE_COLLECTIONS_PATH"):
        yield from (Path(folder).expanduser() for folder in os.environ.get(variable, "").split(":") if folder)
    yield CHECKOUT
    yield from (Path(folder).expanduser() for folder in INSTALLED)
    yield from (Path(folder) for folder in sys.path if folder)
