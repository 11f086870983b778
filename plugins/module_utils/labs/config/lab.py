"""Reads a lab file: a Compose file of the services that make up an instance, and an `x-lab` block about the lab."""

from __future__ import annotations

import difflib

from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import Mapping, read_document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Findings, Place, Values
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.access import accesses
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.fields import LAB
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.services import NOTHING, components
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Component, Lab, Text
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import INTERNAL
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import component_has

DEFAULT_VOLUME = 5 << 30
"""Bytes (source document 001, §4.5.4)."""
MOST_SERVICES = 20
"""Every instance has as many Pods."""


def parse_lab(text: str, *, file: str = "lab.yml") -> Lab:
    """The lab that a file holds. Raises InvalidInput with every mistake in it, in the order of the file.

    file: its name, for the messages.
    """
    document, problems = read_document(text, file)
    findings = Findings(file, problems)
    values: Values = LAB.read(document, Place(document.line), findings)
    _check_x_lab_is_meant(document, findings)
    block: Values = values.get("x-lab", NOTHING)
    services: Values = values.get("services", NOTHING)
    found = components(values, findings)
    _check_services(values, findings)
    lab = Lab(
        id=values.get("name", ""),
        title=_translated(block, "title") or Text(en=values.get("name", "")),
        text=_translated(block, "text") or Text(),
        components=found,
        access=accesses(block, services, findings),
        deployment_mode=block.get("deployment_mode", Lab.deployment_mode),
        internet=block.get("internet", Lab.internet),
        security_level=block.get("security", Lab.security_level),
        volume_size=_volume_size(block, found, findings),
        lifetime=block.get("lifetime"),
        configs=_contents(values, "configs"),
        secrets=_contents(values, "secrets"),
    )
    _check_healthcheck(lab, services, findings)
    _check_security(lab, services, findings)
    findings.settle()
    return lab


def _translated(block: Values, name: str) -> Text | None:
    found = block.get(name)
    if isinstance(found, Values):
        return Text(en=found.get("en", ""), ru=found.get("ru", ""))
    return None if found is None else Text(en=found)


def _contents(values: Values, kind: str) -> dict[str, str]:
    listed: Values = values.get(kind, NOTHING)
    return {name: written.value.get("content", "") for name, written in listed.entries.items()}


def _volume_size(block: Values, found: tuple[Component, ...], findings: Findings) -> int | None:
    mounted = any(component.mounts for component in found)
    if "volume" in block.entries and not mounted:
        findings.add(block.place("volume"), "no service mounts a volume", "volumes: [home:/home]")
    size: int = block.get("volume", DEFAULT_VOLUME)
    return size if mounted else None


def _check_x_lab_is_meant(document: Mapping, findings: Findings) -> None:
    """Compose ignores every `x-` block, and so would a misspelt one be."""
    if "x-lab" not in document.entries:
        for name in difflib.get_close_matches("x-lab", [key for key in document.entries if key.startswith("x-")]):
            findings.add(Place(document.entries[name].line, name), "did you mean `x-lab`?")


def _check_services(values: Values, findings: Findings) -> None:
    services: Values = values.get("services", NOTHING)
    names = [*services.entries, *services.broken]
    if "services" in values.entries and not names:
        findings.add(services.at, "there is no service", LAB.fields["services"].example)
    if len(names) > MOST_SERVICES:
        message = f"a lab has at most {MOST_SERVICES} services, and here are {len(names)}; put some into one image"
        findings.add(services.at, message)
    if INTERNAL in names:
        findings.add(services.place(INTERNAL), f"the name {INTERNAL!r} is used on the cluster; choose another one")


def _check_healthcheck(lab: Lab, services: Values, findings: Findings) -> None:
    for component in lab.components:
        if component.healthcheck and component_has(lab, component):
            message = (
                "in a lab for groups the service that is reached by ssh runs once for each member, and is ready when "
                "every sshd answers; take it out"
            )
            findings.add(services.entries[component.name].value.place("healthcheck"), message)


def _check_security(lab: Lab, services: Values, findings: Findings) -> None:
    for component in lab.components:
        if component.user == 0 and lab.security_level == "restricted":
            at = services.entries[component.name].value.place("user")
            message = "root is not for the security level restricted; name another user, or write x-lab.security"
            findings.add(at, message, "1000")
