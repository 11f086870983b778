"""Instances as lines of a terminal."""

from __future__ import annotations

from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.labs.table import text_table


def entry(owner: str, **changes: Any) -> dict[str, Any]:
    return {"owner": owner, "members": [], "state": "ready", "connections": [], "reason": "", "outdated": []} | changes


def test_a_table_has_a_line_for_each_instance() -> None:
    rows = [
        entry("anna", members=[{"id": "anna", "name": "Анна"}], connections=[{"address": "http://h:1"}]),
        entry("7", members=[{"id": "a", "name": "李雷"}, {"id": "b", "name": ""}, {"id": "c", "name": "Боря"}]),
        entry("boris", state="failed", reason="no room", outdated=["spec"]),
        entry("clara", outdated=["spec"]),
    ]
    assert text_table(rows).splitlines() == [
        "student or group  name        state   connection  what to know",
        "----------------  ----------  ------  ----------  " + "-" * 55,
        "anna              Анна        ready   http://h:1",
        "7                 李雷, Боря  ready",
        "boris                         failed              no room; differs from the lab config (--diff shows how)",
        "clara                         ready               differs from the lab config (--diff shows how)",
    ]


def test_each_member_of_a_group_is_named_beside_the_own_address() -> None:
    ways_in = [{"address": f"ssh -p {port} student@h", "member": who} for port, who in ((1, "anna"), (2, "bob"))]
    line = text_table([entry("7", connections=ways_in)]).splitlines()[2]
    assert "anna: ssh -p 1 student@h  bob: ssh -p 2 student@h" in line


def test_no_instances_leave_the_heading() -> None:
    assert text_table([]).splitlines()[0].split("  ")[0] == "student or group"
    assert len(text_table([]).splitlines()) == 2


def test_a_combining_letter_takes_no_column() -> None:
    plain, combined = (text_table([entry(name)]).splitlines()[2].index("ready") for name in ("Й", "И\u0306"))
    assert combined == plain + 1
