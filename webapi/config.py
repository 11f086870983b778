"""What a site sets: environment variables AUTOLABS_*, each with a sentence for the mistake that can be made."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webapi import collection

LANGUAGES = ("en", "ru")
STATE_FOLDER = "~/.local/state/autolabs"


class ConfigError(ValueError):
    """Some settings cannot be used; the message has a line for each."""


@dataclass(frozen=True)
class Config:
    """The settings of the web app."""

    state_folder: Path
    """AUTOLABS_STATE_FOLDER: where labs and runs are kept."""
    inventories: tuple[Path, ...]
    """AUTOLABS_INVENTORIES: inventories for the lab playbooks, separated by colons; they name the cluster."""
    collections_path: Path
    """AUTOLABS_COLLECTIONS_PATH: the folder that holds ansible_collections/autolabs/platform."""
    site_folder: Path | None = None
    """AUTOLABS_SITE_FOLDER: what an inventory takes as `autolabs_site_folder`."""
    lab_limits: Path | None = None
    """AUTOLABS_LAB_LIMITS: a file with the list of the lab namespaces' LimitRange, where it is not the default."""
    languages: tuple[str, ...] = LANGUAGES
    """AUTOLABS_LANGUAGES: the first one is for browsers that ask for none of them."""
    most_runs: int = 2
    """AUTOLABS_MOST_RUNS: runs at once; the others wait in order."""
    keep_runs: int = 20
    """AUTOLABS_KEEP_RUNS: ended runs that are kept for each class."""
    keep_days: int = 90
    """AUTOLABS_KEEP_DAYS: days after which an ended run is removed."""
    address: str = "127.0.0.1"
    """AUTOLABS_ADDRESS: an address of this machine's loopback; webapi.server refuses another one."""
    port: int = 8765
    """AUTOLABS_PORT"""

    @property
    def labs_folder(self) -> Path:
        """Where labs are stored."""
        return self.state_folder / "labs"

    @property
    def runs_folder(self) -> Path:
        """Where runs are kept."""
        return self.state_folder / "runs"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Config:
        """The settings that the environment holds. Raises ConfigError with every mistake."""
        reader = _Reader(environment)
        config = cls(
            state_folder=Path(environment.get("AUTOLABS_STATE_FOLDER") or STATE_FOLDER).expanduser().absolute(),
            inventories=reader.inventories(),
            collections_path=reader.collections_path(),
            site_folder=reader.folder("AUTOLABS_SITE_FOLDER"),
            lab_limits=reader.file("AUTOLABS_LAB_LIMITS"),
            languages=reader.languages(),
            most_runs=reader.number("AUTOLABS_MOST_RUNS", cls.most_runs, 1, 64),
            keep_runs=reader.number("AUTOLABS_KEEP_RUNS", cls.keep_runs, 1, 10_000),
            keep_days=reader.number("AUTOLABS_KEEP_DAYS", cls.keep_days, 1, 10_000),
            address=reader.address(cls.address),
            port=reader.number("AUTOLABS_PORT", cls.port, 1, 65_535),
        )
        if reader.mistakes:
            raise ConfigError("\n".join(reader.mistakes))
        return config


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.mistakes: list[str] = []

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self._environment.get(name) or str(default)
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        self.mistakes.append(f"{name} is {text!r}; write a number from {least} to {most}")
        return default

    def address(self, default: str) -> str:
        text = self._environment.get("AUTOLABS_ADDRESS") or default
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            self.mistakes.append(f"AUTOLABS_ADDRESS is {text!r}; write an address, such as {default} or ::1")
            return default

    def folder(self, name: str) -> Path | None:
        text = self._environment.get(name)
        if not text:
            return None
        path = Path(text).expanduser().absolute()
        if not path.is_dir():
            self.mistakes.append(f"{name} is {text!r}, which is no folder; make it, or leave the variable out")
        return path

    def file(self, name: str) -> Path | None:
        text = self._environment.get(name)
        if not text:
            return None
        path = Path(text).expanduser().absolute()
        if not path.is_file():
            self.mistakes.append(f"{name} is {text!r}, which is no file; correct the path, or leave the variable out")
        return path

    def inventories(self) -> tuple[Path, ...]:
        text = self._environment.get("AUTOLABS_INVENTORIES") or ""
        paths = tuple(Path(part).expanduser().absolute() for part in text.split(":") if part)
        if not paths:
            self.mistakes.append(
                "AUTOLABS_INVENTORIES is not set; write the path of the inventory that names your cluster, "
                "such as hosts.yml, and several with colons between them"
            )
        for path in paths:
            if not path.exists():
                self.mistakes.append(f"AUTOLABS_INVENTORIES names {str(path)!r}, which is not there; correct the path")
        return paths

    def collections_path(self) -> Path:
        text = self._environment.get(collection.VARIABLE)
        try:
            return (collection.checked(text) if text else collection.find()).absolute()
        except collection.CollectionMissing as error:
            self.mistakes.append(str(error))
            return Path()

    def languages(self) -> tuple[str, ...]:
        text = self._environment.get("AUTOLABS_LANGUAGES") or ",".join(LANGUAGES)
        chosen = tuple(part.strip() for part in text.split(",") if part.strip())
        unknown = [language for language in chosen if language not in LANGUAGES]
        if unknown or not chosen:
            self.mistakes.append(f"AUTOLABS_LANGUAGES is {text!r}; choose among {', '.join(LANGUAGES)}")
            return LANGUAGES
        return chosen
