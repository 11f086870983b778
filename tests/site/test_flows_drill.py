"""A drill: somebody changes rules by hand, the audit names each, and the playbook of the site takes them back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import DATABASE, HOST, Played, Site, wait_until_open
from testbed.paths import REPOSITORY

REPORTS = {"html": "flows.html", "markdown": "flows.md", "json": "flows.json", "prometheus": "autolabs_flows.prom"}
LAB = "linux-basics"


def audit(site: Site, folder: Path) -> tuple[Played, dict[str, Any]]:
    """A run of the audit, and what it found."""
    played = site.playbook("flows_audit", {"flows_audit_folder": str(folder)})
    return played, played.result("autolabs.platform.flows_audit")


def diagnose(site: Site, student: str) -> dict[str, set[str]]:
    """The checks of the table for one student's instance, by their state; those of PostgreSQL aside."""
    played = site.playbook("diagnose", {"diagnose_lab": LAB, "diagnose_student": student})
    assert played.succeeded, played.output[-5000:]
    found: dict[str, set[str]] = {}
    for line in played.result("ansible.builtin.debug")["msg"].splitlines():
        state, check, *_rest = (*re.split(r"  +", line.strip()), "")
        if "PostgreSQL" not in check:
            found.setdefault(state, set()).add(check)
        assert line in played.output, "the table is broken up on its way to the terminal"
    return found


@pytest.fixture
def by_hand(site: Site) -> Iterator[None]:
    """One rule of a policy leads to another port, and one rule of ufw is for everybody."""
    rules = json.loads(site.kubectl("-n", "messaging", "get", "networkpolicy", "rabbitmq", "-o", "json"))["spec"][
        "ingress"
    ]
    (number,) = [at for at, rule in enumerate(rules) if "platform" in json.dumps(rule["from"])]
    patch = [{"op": "replace", "path": f"/spec/ingress/{number}/ports/0/port", "value": 25672}]
    site.kubectl("-n", "messaging", "patch", "networkpolicy", "rabbitmq", "--type=json", "-p", json.dumps(patch))
    site.on_host("ufw", "allow", "9001/tcp", host=DATABASE)
    yield
    # What a test leaves behind would be another one's riddle.
    site.playbook("site", options="--tags firewall,network_policies")


def test_a_site_as_it_was_made_is_as_the_catalogue_says(site: Site, tmp_path: Path) -> None:
    played, found = audit(site, tmp_path)
    assert played.succeeded, played.output[-5000:]
    assert (found["findings"], found["objects"], found["differs"]) == ([], [], False)
    asked = {source["name"]: source["asked"] for source in found["sources"]}
    assert asked == {"cluster": True, "Proxmox": True, f"firewall of {HOST}": True, f"firewall of {DATABASE}": True}


def test_the_audit_names_what_was_changed_by_hand_and_the_next_run_takes_it_back(
    site: Site, by_hand: None, tmp_path: Path
) -> None:
    played, found = audit(site, tmp_path / "changed")
    assert not played.succeeded
    assert "The site differs from the catalogue" in played.output
    told = {(one["kind"], one["layer"], one["flow"]): one for one in found["findings"]}

    gone = told["missing", "cluster", "platform-rabbitmq"]
    assert "messaging" in gone["where"] and gone["ports"] == ["tcp/5672"]
    assert "playbooks/site.yml --tags network_policies" in gone["do"]
    assert found["objects"] == [{"name": "NetworkPolicy messaging/rabbitmq", "state": "changed"}]

    opened = told["extra", "hosts", ""]
    assert (opened["where"], opened["ports"]) == (f"firewall of {DATABASE}", ["tcp/9001"])
    assert "9001" in opened["rule"] and f"playbooks/site.yml --tags firewall -l {DATABASE}" in opened["do"]
    assert len(found["findings"]) == len(told) == 2
    for one in found["findings"]:
        assert one["what"] in played.output and one["do"] in played.output

    taken_back = site.playbook("site", options="--tags firewall,network_policies")
    assert taken_back.succeeded, taken_back.output[-5000:]
    assert taken_back.changed_tasks() != []
    again, clean = audit(site, tmp_path / "clean")
    assert again.succeeded and clean["findings"] == clean["objects"] == []
    assert site.playbook("site", options="--tags firewall,network_policies").changed_tasks() == []
    reports_agree(found, tmp_path / "changed")
    reports_agree(clean, tmp_path / "clean")


def reports_agree(found: dict[str, Any], folder: Path) -> None:
    """Each kind of report is there, and says what was found."""
    assert found["reports"] == {kind: str(folder / name) for kind, name in REPORTS.items()}
    assert sorted(path.name for path in folder.iterdir()) == sorted(REPORTS.values())
    texts = {kind: (folder / name).read_text() for kind, name in REPORTS.items()}
    assert json.loads(texts["json"])["findings"] == found["findings"]
    for one in found["findings"]:
        assert one["rule"] in texts["markdown"] and (not one["flow"] or one["flow"] in texts["html"])
    for kind, count in found["counts"].items():
        assert any(
            line.startswith("autolabs_flows_findings{") and f'"{kind}"' in line and line.endswith(f" {count}")
            for line in texts["prometheus"].splitlines()
        )


@pytest.fixture
def lab(site: Site, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A lab of two students; the names of their instances."""
    handout = tmp_path / "credentials.json"
    variables = {
        "lab_file": str(REPOSITORY / f"docs/labs/{LAB}.yml"),
        "lab_students": ["anna", "boris"],
        "lab_credentials_file": str(handout),
    }
    played = site.playbook("lab_start", variables)
    assert played.succeeded, played.output[-5000:]
    entries = json.loads(handout.read_text())
    for entry in entries:
        wait_until_open(entry["connections"][0])
    yield {entry["owner"]: entry["instance"] for entry in entries}
    site.playbook("lab_delete", {"lab_id": LAB})
    site.kubectl("-n", "labs", "delete", "pvc", "-l", f"lab_id={LAB}", "--wait=false")


def test_the_diagnosis_tells_a_healthy_instance_from_a_broken_one(site: Site, lab: dict[str, str]) -> None:
    healthy = diagnose(site, "anna")
    assert "BAD" not in healthy and "UNKNOWN" not in healthy
    checks = {"nodes ready", "CoreDNS answers", "certificate apiserver", f"Pod {lab['anna']}", f"Service {lab['anna']}"}
    assert checks < healthy["GOOD"]

    # Nobody is let in any more to anybody of this class, and the instance of one is gone.
    site.kubectl("-n", "labs", "delete", "networkpolicy", "-l", f"lab_id={LAB}")
    site.kubectl("-n", "labs", "delete", "pod", lab["boris"], "--wait")
    closed, gone = diagnose(site, "anna"), diagnose(site, "boris")
    assert "policies let 203.0.113.7 in" in closed["BAD"] and f"Pod {lab['anna']}" in closed["GOOD"]
    assert gone["BAD"] == {"the instance runs", f"Service {lab['boris']}"}
