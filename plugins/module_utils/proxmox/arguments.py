"""The options of our Proxmox modules, and what they become.

plugins/doc_fragments/proxmox.py documents those of the connection, plugins/modules/proxmox_*.py the others.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import PORT, Endpoint, Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Account, NotSetUp
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.image import DIGITS, Template, checked
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.presence import to_be_made
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Expected
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import Options

USER = "autolabs@pve"

CONNECTION: dict[str, Any] = {
    "api_host": {"type": "str"},
    "api_port": {"type": "int"},
    "api_user": {"type": "str"},
    "api_password": {"type": "str", "no_log": True},
    "api_token_id": {"type": "str", "no_log": False},
    "api_token_secret": {"type": "str", "no_log": True},
    "api_token_file": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool", "default": True},
    "api_ca": {"type": "path"},
    "api_timeout": {"type": "int", "default": 30},
}

PROXMOX_VM: dict[str, Any] = CONNECTION | {
    "vms": {"type": "list", "elements": "dict", "required": True},
    "expected": {
        "type": "dict",
        "options": {
            "template": {
                "type": "dict",
                "options": {
                    "vmid": {"type": "int", "default": Template.vmid},
                    "name": {"type": "str", "required": True},
                    "node": {"type": "str", "default": ""},
                },
            },
            "pools": {"type": "list", "elements": "str", "default": []},
        },
    },
    "allow_restart": {"type": "bool", "default": False},
    "force_stop": {"type": "bool", "default": False},
    "wait_for_address": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 1800},
    "shutdown_timeout": {"type": "int", "default": 180},
    "lock_timeout": {"type": "int", "default": 300},
}

PROXMOX_TEMPLATE: dict[str, Any] = CONNECTION | {
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "name": {"type": "str", "required": True},
    "vmid": {"type": "int", "default": Template.vmid},
    "node": {"type": "str", "default": ""},
    "url": {"type": "str", "default": ""},
    "checksum": {"type": "str", "default": ""},
    "checksum_algorithm": {"type": "str", "default": Template.checksum_algorithm, "choices": list(DIGITS)},
    "image_name": {"type": "str", "default": ""},
    "image_storage": {"type": "str", "default": Template.image_storage},
    "storage": {"type": "str", "default": Template.storage},
    "bridge": {"type": "str", "default": Template.bridge},
    "cores": {"type": "int", "default": Template.cores},
    "memory": {"type": "int", "default": Template.memory},
    "cpu": {"type": "str", "default": Template.cpu},
    "agent": {"type": "bool", "default": Template.agent},
    "scsihw": {"type": "str", "default": Template.scsihw},
    "ostype": {"type": "str", "default": Template.ostype},
    "tags": {"type": "list", "elements": "str", "default": []},
    "vendor": {"type": "str", "default": ""},
    "pool": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 1800},
    "lock_timeout": {"type": "int", "default": 300},
}

ENVIRONMENT = {
    "api_host": "PROXMOX_HOST",
    "api_port": "PROXMOX_PORT",
    "api_user": "PROXMOX_USER",
}
SECRETS_OF_ENVIRONMENT = {
    "api_password": "PROXMOX_PASSWORD",
    "api_token_id": "PROXMOX_TOKEN_ID",
    "api_token_secret": "PROXMOX_TOKEN_SECRET",
}
"""As community.proxmox has them. Read only where the options hold no way to sign in."""
WAYS_IN = ("api_password", "api_token_id", "api_token_secret", "api_token_file")


def plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same as plain data: Ansible's strings remember where they came from, and YAML cannot write them."""
    return dict(json.loads(json.dumps(arguments, default=str)))


def options(given: Mapping[str, Any], *, check_mode: bool) -> Options:
    """How the run is to go about it."""
    names = [field.name for field in fields(Options) if field.name in given]
    found = {name: given[name] for name in names} | {"expected": _expected(given.get("expected") or {})}
    return Options(**{"check_mode": check_mode} | found)


def _expected(given: Mapping[str, Any]) -> Expected:
    template = given.get("template")
    return Expected(to_be_made(**template) if template else None, frozenset(given.get("pools") or ()))


def template(given: Mapping[str, Any]) -> Template:
    """The template that is asked for. Raises InvalidInput with every mistake of one that is to be made."""
    found = {field.name: given[field.name] for field in fields(Template)}
    wanted = Template(**found | {"tags": tuple(given["tags"])})
    return checked(wanted) if given["state"] == "present" else wanted


def session(given: Mapping[str, Any]) -> Session:
    """The session that the connection options ask for; nothing is sent yet.

    given: options by their name; what is missing or None comes from the environment, or is the default. Raises
    NotSetUp, a ProxmoxError, with every mistake.
    """
    options = _with_environment(given)
    mistakes: list[str] = []
    if not options.get("api_host"):
        mistakes.append("api_host is not given: the name or address of a Proxmox node")
    account, secret = _account(options, mistakes)
    ca = str(options.get("api_ca") or "")
    if ca and not os.access(ca, os.R_OK):
        mistakes.append(f"api_ca: {ca} cannot be read")
    port = _number(options.get("api_port"), PORT, "api_port", mistakes)
    if mistakes:
        raise NotSetUp("; ".join(mistakes))
    verify = options.get("validate_certs")
    return Session(
        Endpoint(
            host=str(options["api_host"]),
            account=account,
            secret=secret,
            port=port,
            verify=True if verify is None else bool(verify),
            ca=ca,
            timeout=float(options.get("api_timeout") or CONNECTION["api_timeout"]["default"]),
        )
    )


def _with_environment(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: given.get(name) for name in CONNECTION}
    names = dict(ENVIRONMENT)
    if not any(options[name] for name in WAYS_IN):
        names |= SECRETS_OF_ENVIRONMENT
    for option, name in names.items():
        if options[option] in (None, ""):
            options[option] = os.environ.get(name)
    return options


def _number(value: Any, default: int, option: str, mistakes: list[str]) -> int:
    try:
        return int(value or default)
    except ValueError:
        mistakes.append(f"{option}: {value!r} is not a number")
        return default


def _account(options: Mapping[str, Any], mistakes: list[str]) -> tuple[Account, str]:
    """Who signs in, and the secret; what is wrong with it is added to `mistakes`."""
    user = str(options.get("api_user") or USER)
    nobody = Account(user), ""
    token, secret = options.get("api_token_id"), options.get("api_token_secret")
    ways = [
        name
        for name, there in (
            ("api_password", options.get("api_password")),
            ("api_token_id with api_token_secret", token or secret),
            ("api_token_file", options.get("api_token_file")),
        )
        if there
    ]
    if len(ways) != 1:
        told = f"{' and '.join(ways)} are given; keep one" if ways else "no way to sign in is given"
        mistakes.append(f"{told}: api_token_file, or api_token_id with api_token_secret, or api_password")
        return nobody
    if options.get("api_token_file"):
        return _from_file(str(options["api_token_file"]), mistakes) or nobody
    if "@" not in user:
        mistakes.append(f"api_user: {user} has no realm, such as {user}@pve or {user}@pam")
    if options.get("api_password"):
        return Account(user), str(options["api_password"])
    if not (token and secret):
        missing = "api_token_id" if secret else "api_token_secret"
        mistakes.append(f"{missing} is missing: a token has both")
        return nobody
    # PVE shows the whole id, user@realm!name, and so it is what people paste.
    owner, _mark, name = str(token).rpartition("!")
    return Account(owner or user, name), str(secret)


def _from_file(path: str, mistakes: list[str]) -> tuple[Account, str] | None:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        with open(path, encoding="utf-8") as file:
            held = json.load(file)
        account, secret = Account(str(held["user"]), str(held["token_id"])), str(held["secret"])
    except FileNotFoundError:
        mistakes.append(f"api_token_file: {path} is not there; role proxmox_host writes it")
        return None
    except OSError as error:
        mistakes.append(f"api_token_file: {path} cannot be read: {error.strerror}")
        return None
    except (ValueError, KeyError, TypeError):
        mistakes.append(f'api_token_file: {path} holds no {{"user": ..., "token_id": ..., "secret": ...}}')
        return None
    if mode & 0o077:
        mistakes.append(f"api_token_file: others may read {path}, and with it everything: chmod 600 {path}")
        return None
    return account, secret
