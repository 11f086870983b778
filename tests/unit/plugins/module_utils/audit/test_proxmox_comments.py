"""A rule of Proxmox is for several flows; its comment names them all, and each is told of by its own name."""

from __future__ import annotations

from unit.plugins.module_utils.audit.small_site import audited, converged, proxmox

REDIS = ("platform-redis", "infrastructure-redis", "worker-redis")


def test_each_flow_of_a_rule_that_is_gone_is_named() -> None:
    live = converged()
    live["proxmox"] = proxmox()
    (group,) = (one for one in live["proxmox"]["groups"] if one["group"] == "database")
    group["rules"][:] = [one for one in group["rules"] if one.get("comment") != ", ".join(REDIS)]
    found = audited(live)
    (finding,) = found.findings
    assert (finding.kind, finding.flow) == ("missing", ", ".join(REDIS))
    names = ", ".join(REDIS)
    assert f'comment="{names}"' in finding.do
    lines = [line for cell in found.cells for line in cell.lines if {*line.flows} & {*REDIS}]
    assert {name for line in lines for name in line.flows} == {*REDIS}
    # One line for each flow, and none for all of them in one name.
    told = [line for cell in found.cells for line in cell.lines if ", " in "".join(line.flows)]
    assert told == []
