# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the playbooks of audit and diagnosis need besides the module flows_audit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.audit.arguments import read_site
from ansible_collections.autolabs.platform.plugins.module_utils.audit.diagnosis import (
    Diagnosis,
    address_problems,
    node_ports,
)
from ansible_collections.autolabs.platform.plugins.module_utils.audit.hosts import proxmox_answers
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput


def proxmox_answer_paths(
    answers: Mapping[str, Any], hosts: Mapping[str, Sequence[str]], unanswered: Iterable[str] = ()
) -> list[str]:
    """What to ask Proxmox next; see proxmox_answer_paths.yml."""
    return proxmox_answers.paths(answers, hosts, list(unanswered))


def machine_addresses(flow_groups: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """The addresses of each machine; see machine_addresses.yml."""
    return {str(host): list(known) for hosts in flow_groups.values() for host, known in hosts.items()}


def diagnosis_problems(given: Mapping[str, str]) -> list[str]:
    """What is wrong with addresses for the diagnosis; see diagnosis_problems.yml."""
    return [str(problem) for problem in address_problems({name: str(text) for name, text in given.items()})]


def gathered_firewalls(hostvars: Mapping[str, Any], hosts: Iterable[str]) -> dict[str, dict[str, str]]:
    """What each machine said of its firewall; see gathered_firewalls.yml."""
    found = {}
    for host in hosts:
        variables = hostvars[host]
        texts = {"status": str((variables.get("__host_firewall_status") or {}).get("stdout") or "")}
        for one in (variables.get("__host_firewall_tables") or {}).get("results") or ():
            texts[str(one.get("item")).removesuffix("-save")] = str(one.get("stdout") or "")
        if any(texts.values()):
            found[str(host)] = texts
    return found


def diagnosis_ports(listed: Mapping[str, Any], lab: str, class_id: str = "1", owner: str = "") -> list[dict[str, Any]]:
    """Where the node ports of an instance are; see diagnosis_ports.yml."""
    return node_ports(listed, str(lab), str(class_id), str(owner)) if lab else []


def diagnosis_answers(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What a machine said to the questions of the diagnosis; see diagnosis_answers.yml."""
    found: dict[str, Any] = {}
    if asked := variables.get("__diagnose_dns"):
        said = str(asked.get("stdout") or asked.get("stderr") or asked.get("msg") or "no answer").strip()
        found["dns"] = {"good": asked.get("rc") == 0, "said": said.splitlines()[-1] if said else ""}
    certificates = (variables.get("__diagnose_certificates") or {}).get("results") or ()
    if certificates:
        found["certificates"] = [
            {"name": one["item"], "good": one.get("rc") == 0, "said": _until(one)} for one in certificates
        ]
    for name in ("listening", "log"):
        asked = variables.get(f"__diagnose_{name}") or {}
        if asked.get("rc") == 0:
            found[name] = str(asked.get("stdout") or "")
    return found


def _until(asked: Mapping[str, Any]) -> str:
    """`notAfter=Nov 21 17:52:00 2027 GMT`, and whether that is soon."""
    text = str(asked.get("stdout") or asked.get("stderr") or asked.get("msg") or "").strip().splitlines()
    until = text[0].replace("notAfter=", "good until ") if text else "cannot be read"
    return until if asked.get("rc") == 0 else f"{until}: that is less than 30 days"


def diagnosis(gathered: Mapping[str, Any], flows_site: Mapping[str, Any], **instance: str) -> list[dict[str, str]]:
    """The checklists of the source documents, answered; see diagnosis.yml."""
    try:
        # Ansible's strings remember where they came from.
        plain, site_value = (json.loads(json.dumps(value, default=str)) for value in (gathered, flows_site))
        catalogue, site = read_site(site_value)
        found = Diagnosis(catalogue, site, plain)
        return [row.as_result() for row in found.rows(**{name: str(value) for name, value in instance.items()})]
    except (InvalidInput, TypeError) as error:
        raise AnsibleFilterError(str(error)) from error


def diagnosis_table(rows: Sequence[Mapping[str, str]]) -> str:
    """The answers as a table for people; see diagnosis_table.yml."""
    listed = [(row["state"].upper(), row["check"], row["found"]) for row in rows]
    widths = [max((len(line[column]) for line in listed), default=0) for column in range(2)]
    lines = []
    for (state, check, found), row in zip(listed, rows, strict=True):
        lines.append(f"{state:{widths[0]}}  {check:{widths[1]}}  {found}".rstrip())
        if row["do"]:
            lines.append(f"{'':{widths[0]}}  {'':{widths[1]}}  -> {row['do']}")
    return "\n".join(lines)


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {
            "diagnosis": diagnosis,
            "diagnosis_answers": diagnosis_answers,
            "diagnosis_ports": diagnosis_ports,
            "diagnosis_problems": diagnosis_problems,
            "diagnosis_table": diagnosis_table,
            "gathered_firewalls": gathered_firewalls,
            "machine_addresses": machine_addresses,
            "proxmox_answer_paths": proxmox_answer_paths,
        }
