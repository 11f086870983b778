"""Cgroups: both versions are told apart, and a host has its own on version 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from testbed.hosts import cgroups

VERSION_2 = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"
VERSION_1 = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup /var/lib/container/sys/fs/cgroup/memory cgroup rw,memory 0 0
"""


def test_version_2_leaves_everything_to_systemd() -> None:
    hierarchies = cgroups.detect(VERSION_2)
    assert hierarchies == cgroups.Hierarchies(2)
    assert cgroups.create("any", 1 << 30, hierarchies) == []
    cgroups.remove("any", hierarchies)


def test_version_1_has_one_mount_a_hierarchy() -> None:
    hierarchies = cgroups.detect(VERSION_1)
    assert hierarchies.version == 1
    assert [mount.name for mount in hierarchies.mounts] == ["unified", "systemd", "cpu,cpuacct", "memory"]


@pytest.fixture
def fake(tmp_path: Path) -> cgroups.Hierarchies:
    for name in ("memory", "cpuset"):
        (tmp_path / name / "h").mkdir(parents=True)
    (tmp_path / "memory/h/memory.limit_in_bytes").write_text("")
    for name, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        (tmp_path / "cpuset" / name).write_text(value)
        (tmp_path / "cpuset/h" / name).write_text("")
    return cgroups.Hierarchies(1, (tmp_path / "memory", tmp_path / "cpuset"))


@pytest.mark.parametrize(("memory", "limit"), [(6 << 30, str(6 << 30)), (None, "-1")])
def test_a_host_gets_its_limit_and_its_processors(
    fake: cgroups.Hierarchies, tmp_path: Path, memory: int | None, limit: str
) -> None:
    joins = cgroups.create("h", memory, fake)
    assert joins == [tmp_path / "memory/h/cgroup.procs", tmp_path / "cpuset/h/cgroup.procs"]
    assert (tmp_path / "memory/h/memory.limit_in_bytes").read_text() == limit
    assert (tmp_path / "cpuset/h/cpuset.cpus").read_text() == "0-1"


def test_removal_takes_what_grew_inside(tmp_path: Path) -> None:
    (tmp_path / "pids/h/kubepods/pod1").mkdir(parents=True)
    hierarchies = cgroups.Hierarchies(1, (tmp_path / "pids",))
    cgroups.remove("h", hierarchies)
    cgroups.remove("h", hierarchies)
    assert list((tmp_path / "pids").iterdir()) == []


def test_a_cgroup_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "REMOVAL_SECONDS", 0.1)
    (tmp_path / "pids/h").mkdir(parents=True)
    (tmp_path / "pids/h/in-use").touch()
    with pytest.raises(cgroups.CgroupsLeft, match="pids/h is still in use"):
        cgroups.remove("h", cgroups.Hierarchies(1, (tmp_path / "pids",)))


@pytest.mark.parametrize(
    ("table", "held"),
    [
        ("8:pids:/autolabs-testbed.demo.a\n", True),
        ("8:pids:/\n1:name=systemd:/autolabs-testbed.demo.a/system.slice/ssh.service\n", True),
        ("0::/machine.slice/atb1-11.scope/payload/init.scope\n", True),
        ("8:pids:/autolabs-testbed.demo.ab\n", False),
        ("0::/user.slice\n", False),
        ("", False),
    ],
)
def test_a_process_belongs_to_the_host_whose_cgroup_holds_it(table: str, held: bool) -> None:
    assert cgroups.holds(table, ["autolabs-testbed.demo.a", "atb1-11.scope"]) is held
