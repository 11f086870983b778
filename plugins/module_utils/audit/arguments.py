"""Arguments of the module flows_audit, and what they become; plugins/modules/flows_audit.py documents them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.resolve import misfits
from ansible_collections.autolabs.platform.plugins.module_utils.flows.site import Site

FLOWS_AUDIT: dict[str, Any] = {
    "flows_site": {"type": "dict", "required": True},
    "live": {"type": "dict", "required": True},
    "folder": {"type": "path"},
    "title": {"type": "str", "default": ""},
}


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same as plain data: Ansible's strings remember where they came from."""
    return dict(json.loads(json.dumps(arguments, default=str)))


def read_site(value: Any) -> tuple[Catalogue, Site]:
    """The catalogue of a site, and the site. Raises InvalidInput with every mistake of either."""
    site = Site.from_dict(value)
    catalogue = read_catalogue([Path(name).expanduser() for name in site.files], site.networks)
    if problems := misfits(catalogue, site):
        raise InvalidInput(problems)
    return catalogue, site
