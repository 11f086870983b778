"""Who we are to which cluster, by a kubeconfig.

The kubernetes package knows every kind of kubeconfig, and takes almost a second to import: it brings a class for each
of some 700 types, of which nothing here uses one. So the kind that our own roles write, with a token and a certificate
authority in it, is read here. All others, and every mistake, are left to the package.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import KubeError

try:
    import urllib3
    import yaml

    MISSING: str | None = None
except ImportError as error:
    MISSING = str(error)

CONNECTIONS = 32
PLAIN_CLUSTER = {"server", "certificate-authority-data"}
PLAIN_USER = {"token"}
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")


@dataclass(frozen=True)
class Account:
    """One user of one cluster."""

    host: str
    """The API server's URL; it has a path where the server is behind a gateway."""
    pool: Any
    """urllib3's connections to this one host: to find the pool anew costs as much as the rest of a request."""
    headers: Callable[[], Mapping[str, str]]
    """What says who we are; asked for every request, since some tokens are renewed."""


def sign_in(kubeconfig: str | None, context: str | None) -> Account:
    """The account that `kubeconfig` names (a path; by default as kubectl finds it, or the Pod's own).

    Raises KubeError when a library is missing or no cluster can be found.
    """
    if MISSING:
        raise KubeError(f"the Python package kubernetes is needed on the controller: {MISSING}")
    return _plain(kubeconfig, context) or _any(kubeconfig, context)


def _plain(kubeconfig: str | None, context: str | None) -> Account | None:
    path = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if context or any(os.environ.get(name) for name in PROXIES):
        return None
    try:
        content = yaml.safe_load(Path(path).expanduser().read_bytes())
        chosen = _named(content["contexts"], content["current-context"])["context"]
        cluster = _named(content["clusters"], chosen["cluster"])["cluster"]
        user = _named(content["users"], chosen["user"])["user"]
        if not (cluster.keys() <= PLAIN_CLUSTER and user.keys() == PLAIN_USER):
            return None
        options: dict[str, Any] = {"maxsize": CONNECTIONS}
        if cluster["server"].startswith("https://"):
            options["ssl_context"] = _trusting(base64.b64decode(cluster["certificate-authority-data"]).decode("ascii"))
        pool = urllib3.connection_from_url(cluster["server"], **options)
        headers = {"authorization": f"Bearer {user['token']}"}
    except (yaml.YAMLError, OSError, LookupError, TypeError, ValueError, AttributeError, urllib3.exceptions.HTTPError):
        # The package finds the words for it.
        return None
    return Account(cluster["server"], pool, lambda: headers)


def _named(entries: Any, name: Any) -> Any:
    (entry,) = [entry for entry in entries if entry["name"] == name]
    return entry


def _trusting(authority: str) -> ssl.SSLContext:
    context = urllib3.util.ssl_.create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(cadata=authority)
    return context


def _any(kubeconfig: str | None, context: str | None) -> Account:
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise KubeError(f"the Python package kubernetes is needed on the controller: {error}") from error
    settings = client.Configuration()
    try:
        config.load_config(config_file=kubeconfig, context=context, client_configuration=settings)
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
        # The last two are what the package raises for a file of another shape or encoding.
        raise KubeError(
            f"no cluster to talk to: {' '.join(str(error).split())}; give kubeconfig or set KUBECONFIG"
        ) from error
    settings.connection_pool_maxsize = CONNECTIONS
    settings.retries = False
    pool = client.ApiClient(settings).rest_client.pool_manager.connection_from_url(settings.host)

    def headers() -> dict[str, str]:
        return {scheme["key"]: scheme["value"] for scheme in settings.auth_settings().values()}

    return Account(settings.host, pool, headers)
