"""The API of Proxmox as tests ask it, beside the product: as root@pam, and the stand-in's own paths."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any

from proxmoxer import ProxmoxAPI
from running import Site


def api(site: Site) -> ProxmoxAPI:
    """As the administrator."""
    where = site.api
    return ProxmoxAPI(where.host, user="root@pam", password=site.password, verify_ssl=str(where.ca), timeout=30)


def faults(site: Site, *rules: dict[str, Any]) -> None:
    """Misbehave like this from now on, and no more as before; no rule for behaving well."""
    testbed(site, "DELETE", "faults")
    if rules:
        testbed(site, "POST", "faults", list(rules))


def writes(site: Site) -> list[str]:
    """What was asked of the API that could change something, since this was asked last."""
    asked = testbed(site, "GET", "requests")
    testbed(site, "DELETE", "requests")
    return [
        f"{one['method']} {one['path']}" for one in asked if one["method"] != "GET" and one["path"] != "/access/ticket"
    ]


def testbed(site: Site, method: str, path: str, body: Any = None) -> Any:
    """Ask the stand-in itself."""
    where = site.api
    context = ssl.create_default_context(cafile=where.ca)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )  # fmt: skip
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{where.url}/testbed/{path}", data=data, method=method)
    with opener.open(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text)["data"]
