"""Inventories as Ansible itself reads them, with changes laid over their files, and what the role `site` makes of them.

No process is started: an inventory costs some hundredths of a second.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.autolabs.platform.plugins.filter.site import site_described

CHECKOUT = Path(__file__).resolve().parents[3]
INVENTORIES = CHECKOUT / "inventories"
DATA = CHECKOUT / "tests/data/inventories"


@cache
def files_of(name: str) -> dict[str, Any]:
    """The content of every file of an inventory of the checkout; not to be changed."""
    root = INVENTORIES / name
    return {str(path.relative_to(root)): loaded(path) for path in sorted(root.rglob("*.yml"))}


def loaded(path: Path) -> Any:
    """What a YAML file holds."""
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)


def owned(name: str) -> dict[str, Any]:
    """What an inventory of the checkout asks of who owns the site, filled in, as changes of its files."""
    return dict(loaded(DATA / "owner" / f"{name}.yml"))


def written(folder: Path, name: str, *changes: Mapping[str, Any]) -> Path:
    """An inventory of the checkout with changes by file: maps are merged, and null takes an entry away."""
    files = files_of(name)
    for path, content in files.items():
        for change in changes:
            content = merged(content, change.get(path, {}))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, and quickly written.
        (folder / path).write_text(json.dumps(content))
    unknown = {str(path) for change in changes for path in change} - set(files)
    assert not unknown, f"{name} has no {unknown}"
    return folder


def merged(content: Any, change: Any) -> Any:
    """A file's content with a change in it."""
    if not (isinstance(content, dict) and isinstance(change, Mapping)):
        return copy.deepcopy(change)
    result = dict(content)
    for key, value in change.items():
        if value is None and key in result:
            del result[key]
        else:
            result[key] = merged(result.get(key, {} if isinstance(value, Mapping) else None), value)
    return result


class Loaded:
    """Inventory sources together, as a play sees them."""

    def __init__(self, *sources: Path, variables: Mapping[str, Any] | None = None) -> None:
        self.loader = DataLoader()
        self.inventory = InventoryManager(loader=self.loader, sources=[str(source) for source in sources])
        self.manager = VariableManager(loader=self.loader, inventory=self.inventory)
        self.extra = dict(variables or {})
        self.manager._extra_vars = self.extra
        self.hostvars = HostVars(self.inventory, self.manager, self.loader)
        self.groups = {name: list(hosts) for name, hosts in self.inventory.get_groups_dict().items()}

    def of_role(self, role: str, variable: str, host: str = "localhost") -> Any:
        """A variable of a role in a play on a host."""
        defaults, own = (self._file(role, folder) for folder in ("defaults", "vars"))
        known = self.manager.get_vars(host=self.inventory.get_host(host))
        known = {**defaults, **known, **own, **self.extra, "hostvars": self.hostvars, "groups": self.groups}
        return Templar(loader=self.loader, variables=known).template(known[variable])

    def _file(self, role: str, folder: str) -> dict[str, Any]:
        path = CHECKOUT / "roles" / role / folder / "main.yml"
        return dict(self.loader.load_from_file(str(path), trusted_as_template=True) or {})

    def described(self) -> dict[str, Any]:
        """The site, as role `site` gives it to the filters."""
        return site_described(self.groups, self.hostvars, self.of_role("site", "__site_variables"))
