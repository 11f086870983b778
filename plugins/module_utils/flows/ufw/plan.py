"""From ufw as it is on a host, and the rules that the host is to have, to what changes: files, kernel, and in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import foreign
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw import kernel as ufw_kernel
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import FAMILIES, LEVELS, user_rules
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import (
    NOTHING,
    Behind,
    before_block,
    init_block,
    with_block,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.words import sentences
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports
from ansible_collections.autolabs.platform.plugins.module_utils.net.rules import ACTIONS, ALLOW, CHAINS, INPUT, HostRule

CONF, DEFAULTS, INIT = "etc/ufw/ufw.conf", "etc/default/ufw", "etc/ufw/before.init"
USER = {4: "etc/ufw/user.rules", 6: "etc/ufw/user6.rules"}
BEFORE = {4: "etc/ufw/before.rules", 6: "etc/ufw/before6.rules"}
AFTER = {4: "etc/ufw/after.rules", 6: "etc/ufw/after6.rules"}
WRITTEN = (*USER.values(), *BEFORE.values(), INIT, DEFAULTS, CONF)
READ = (*WRITTEN, *AFTER.values())
# Setting of a file to the value that it must have, and how people call it.
_SETTINGS = {
    CONF: {"ENABLED": ("yes", "starts at boot")},
    DEFAULTS: {
        "IPV6": ("yes", "filters IPv6"),
        "DEFAULT_INPUT_POLICY": ('"DROP"', "incoming by default"),
        "DEFAULT_OUTPUT_POLICY": ('"ACCEPT"', "outgoing by default"),
        "MANAGE_BUILTINS": ("no", "takes the rules of others away"),
    },
}
_INIT = "#!/bin/sh\nset -e\n"


class BadRules(ValueError):
    """Rules that cannot be applied; the message says which, and what to do."""


@dataclass(frozen=True)
class Host:
    """What there is on a host: files by path without the leading slash, and what iptables-save prints by family."""

    files: Mapping[str, str]
    kernel: Mapping[int, str]
    """Without a family that the kernel does not know."""
    starts: bool
    """Whether ufw is started at boot, and before.init with it."""


@dataclass(frozen=True)
class Plan:
    """What changes on a host."""

    files: Mapping[str, str]
    """New contents of the files that change, by path."""
    load: Mapping[int, str]
    """For iptables-restore, by family; empty where the kernel has the rules."""
    undo: Mapping[int, str]
    """The way back, by family."""
    start: bool
    """Whether the start at boot is to be arranged."""
    before: Sequence[str]
    after: Sequence[str]
    """All rules and settings in words."""
    warnings: Sequence[str] = ()
    """What others have in the kernel that this cannot rule over."""

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.files or self.load or self.start)

    @property
    def added(self) -> list[str]:
        """What comes, in words."""
        return [line for line in self.after if line not in self.before]

    @property
    def removed(self) -> list[str]:
        """What goes, in words."""
        return [line for line in self.before if line not in self.after]


def host_rule(value: Mapping[str, object]) -> HostRule:
    """A rule from a dictionary with the fields of HostRule, `ports` as text such as `tcp/22`. Raises BadRules."""
    chain, action = str(value.get("chain") or INPUT), str(value.get("action") or ALLOW)
    flow, source, interface = (str(value.get(name) or "") for name in ("flow", "source", "interface"))
    if chain not in CHAINS or action not in ACTIONS:
        raise BadRules(f"{dict(value)}: chain is one of {', '.join(CHAINS)}, and action one of {', '.join(ACTIONS)}")
    # They stand in files that a shell or iptables-restore reads.
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", flow) or not re.fullmatch(r"[A-Za-z0-9_.+-]{0,15}", interface):
        raise BadRules(f"{dict(value)}: flow and interface are made of letters, digits, point, - and _")
    try:
        ports = Ports.parse(str(value["ports"])) if value.get("ports") else None
        rule = HostRule(source, ports, action, chain, str(value.get("destination") or ""), interface, flow)
        user_rules([rule], 4)
    except ValueError as error:
        raise BadRules(f"{flow or 'a rule'}: {error}") from error
    return rule


def unreachable(rules: Sequence[HostRule], needed: Sequence[Ports]) -> list[Ports]:
    """Those of the ports that no rule of the host itself lets anybody in at."""
    doors = [rule.ports for rule in rules if rule.chain == INPUT and rule.action == ALLOW]
    return [port for port in needed if not any(door is None or _holds(door, port) for door in doors)]


def plan(host: Host, rules: Sequence[HostRule], behind: Behind = NOTHING) -> Plan:
    """What brings `host` to `rules`. Raises Unwritable."""
    files = dict(host.files)
    level = _setting(files[CONF], "LOGLEVEL").lower()
    for family in FAMILIES:
        files[USER[family]] = user_rules(rules, family, level if level in LEVELS else "low")
        files[BEFORE[family]] = with_block(files[BEFORE[family]], before_block(rules, family, behind))
    files[INIT] = with_block(files[INIT] or _INIT, init_block(), after="set -e")
    for path, settings in _SETTINGS.items():
        for name, (value, _label) in settings.items():
            files[path] = _with_setting(files[path], name, value)
    load, undo = {}, {}
    warnings: list[str] = []
    forward = _setting(files[DEFAULTS], "DEFAULT_FORWARD_POLICY").upper() or "DROP"
    for family in host.kernel:
        texts = [files[names[family]] for names in (BEFORE, AFTER, USER)]
        tables = ufw_kernel.wanted(family, texts, forward)
        live = ufw_kernel.read(host.kernel[family])
        warnings += foreign.ahead(family, live) + foreign.later(family, texts, live)
        undo[family] = ufw_kernel.undoing(family, tables, live)
        if ufw_kernel.differences(family, tables, live):
            load[family] = ufw_kernel.document(family, tables, live)
    changed = {path: text for path, text in files.items() if text != host.files[path]}
    before, after = _words(host.files), _words(files)
    if not host.starts:
        before.append("ufw's service: not started at boot")
        after.append("ufw's service: started at boot")
    if load and before == after:
        before.append("in the kernel: not as in the files")
        after.append("in the kernel: as in the files")
    return Plan(changed, load, undo, not host.starts, before, after, tuple(dict.fromkeys(warnings)))


def _words(files: Mapping[str, str]) -> list[str]:
    settings = [
        f"{label}: {_setting(files[path], name).lower() or '(not set)'}"
        for path, names in _SETTINGS.items()
        for name, (_value, label) in names.items()
    ]
    users = {family: files[USER[family]] for family in FAMILIES}
    return settings + sentences(users, {family: files[BEFORE[family]] for family in FAMILIES})


def _setting(text: str, name: str) -> str:
    found = re.findall(rf'^{name}=["\']?([^"\'\s#]*)', text, re.MULTILINE)
    return found[-1] if found else ""


def _with_setting(text: str, name: str, value: str) -> str:
    if _setting(text, name).lower() == value.strip('"').lower():
        return text
    line = f"{name}={value}"
    if not re.search(rf"^{name}=", text, re.MULTILINE):
        return (text if not text or text.endswith("\n") else text + "\n") + line + "\n"
    return re.sub(rf"^{name}=.*$", line, text, flags=re.MULTILINE)


def _holds(door: Ports, port: Ports) -> bool:
    return door.protocol == port.protocol and door.first <= port.first and port.end <= door.end
