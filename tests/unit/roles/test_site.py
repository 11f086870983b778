"""A site is judged as a whole by the role, before anything else, in check mode too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.support.inventories import DATA, loaded, merged, owned, written
from unit.support.plays import play

pytestmark = pytest.mark.slow

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: autolabs.platform.site
    - name: What comes after
      ansible.builtin.debug:
        msg: "{{ site_described.hosts | length }}"
"""
TOGETHER = ("address-twice", "dmz-against-vpn", "node-unknown", "pods-on-services", "vip-of-a-worker")


@pytest.mark.parametrize("options", [(), ("--check", "--diff")])
def test_bad_inventories_together_are_refused_with_every_mistake(options: tuple[str, ...], tmp_path: Path) -> None:
    cases = [loaded(DATA / "bad" / f"{name}.yml") for name in TOGETHER]
    changes: dict[str, Any] = {}
    for case in cases:
        changes = merged(changes, case["changes"])
    played = play(tmp_path, PLAYBOOK, written(tmp_path / "prod", "prod", owned("prod"), changes), {}, *options)
    assert not played.succeeded
    assert played.changed == []
    assert played.tasks[-1].name == "autolabs.platform.site : Refuse a site that cannot be"
    assert "nothing was changed" in played.failure
    assert [line for case in cases for line in case["expected"] if line not in played.failure] == []


def test_a_site_that_can_be_goes_on(tmp_path: Path) -> None:
    played = play(tmp_path, PLAYBOOK, written(tmp_path / "prod", "prod", owned("prod")), {})
    assert played.succeeded, played.output
    assert played.result("What comes after")["msg"] == 11


def test_the_checksum_of_the_image_may_stand_with_those_of_other_vendor_files(tmp_path: Path) -> None:
    template = loaded(Path("inventories/dev/group_vars/all.yml"))["proxmox_vms_template"]
    name = template["url"].removeprefix("https://")
    (tmp_path / "SHA256SUMS").write_text(f"{'a' * 64}  other\n{'b' * 64}  {name}\n")
    without = merged(owned("dev"), {"group_vars/all.yml": {"proxmox_vms_template": {"checksum": ""}}})
    playbook = PLAYBOOK.replace("site_described.hosts | length", "site_described.proxmox_vms_template.checksum")
    variables = {"artifacts_checksums_file": str(tmp_path / "SHA256SUMS")}
    played = play(tmp_path, playbook, written(tmp_path / "dev", "dev", without), variables)
    assert played.succeeded, played.output
    assert played.result("What comes after")["msg"] == f"sha256:{'b' * 64}"


def test_no_secret_is_told(tmp_path: Path) -> None:
    playbook = PLAYBOOK.replace("site_described.hosts | length", "site_described")
    changes = {"group_vars/all.yml": {"proxmox_api_password": "do-not-tell"}}
    played = play(tmp_path, playbook, written(tmp_path / "dev", "dev", owned("dev"), changes), {}, "-vvv")
    assert played.succeeded, played.output
    assert "do-not-tell" not in played.output
