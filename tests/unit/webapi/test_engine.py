"""What the web app asks of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.webapi.conftest import LAB, ROSTER

from webapi import engine

LARGE = LAB.replace(
    "    image: registry.example/linux:1\n",
    "    image: registry.example/linux:1\n    volumes: [home:/home]\n"
    "    deploy: {resources: {reservations: {cpus: '0.25', memory: 256M}}}\nvolumes: {home: }\n",
).replace("access: ssh\n", "access: ssh\n  volume: 1Gi\n  internet: true\n")


def test_a_preview_tells_objects_flows_and_price() -> None:
    seen = engine.preview(LARGE, engine.roster(ROSTER))
    assert seen.objects == {"NetworkPolicy": 1, "Secret": 3, "PersistentVolumeClaim": 3, "Service": 3, "Pod": 3}
    assert [(flow.name, flow.source, flow.destination, flow.ports) for flow in seen.flows] == [
        ("lab-access", "students", "linux", "TCP 2222"),
        ("lab-dns", "linux", "cluster DNS", "UDP 53, TCP 53"),
        ("lab-internet", "linux", "internet", "TCP 80, 443"),
    ]
    one = {"cpu": 0.25, "memory": 256 << 20, "cpu_limit": 0.5, "memory_limit": 512 << 20, "storage": 1 << 30}
    one |= {"pods": 1, "node_ports": 1}
    assert seen.per_instance.as_result() == one
    assert seen.whole.as_result() == {name: 3 * amount for name, amount in one.items()}
    assert seen.refused == ()
    assert [instance.owner for instance in seen.lab_class.instances] == ["anna", "bob", "c-3"]


def test_every_mistake_of_a_lab_is_told() -> None:
    lab, problems = engine.validate("name: A_b\nservices: {linux: {build: .}}\n")
    assert lab is None and {problem.file for problem in problems} == {"lab.yml"}
    assert {"name", "services.linux.build"} <= {problem.field for problem in problems}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80", b"", b"id\n" + b"a" * (2 << 20)])
def test_a_roster_that_cannot_be_read_is_a_mistake_and_no_crash(content: bytes) -> None:
    with pytest.raises(engine.InvalidInput):
        engine.roster(content)


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(engine.InvalidInput, match="larger than 1 MiB"):
        engine.parse("#" * (2 << 20))


@pytest.mark.parametrize(
    ("text", "good"), [("a-lab", True), ("../a", False), ("", False), ("A", False), ("a\n", False)]
)
def test_an_id_is_safe_as_a_files_name(text: str, good: bool) -> None:
    assert engine.is_lab_id(text) == good


def test_the_limits_of_the_site_are_those_that_prices_are_told_by(tmp_path: Path) -> None:
    file = tmp_path / "limits.yml"
    file.write_text("- {type: Container, max: {cpu: 200m}, default: {cpu: 100m, memory: 64Mi}}\n")
    limits = engine.site_limits(file)
    seen = engine.preview(LAB, engine.roster(ROSTER), limits=limits)
    assert seen.per_instance.as_result()["cpu"] == 0.1
    ((component, reason),) = engine.preview(LARGE, engine.roster(ROSTER), limits=limits).refused
    assert (component, reason) == ("linux", "0.25 cores of CPU is too much: the site's most is 0.2 cores")


@pytest.mark.parametrize("text", ["{", "a: 1", "- 5", "[{type: Container, max: {cpu: much}}]", "\x00"])
def test_a_file_that_holds_no_limits_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "limits.yml").write_text(text)
    with pytest.raises(engine.InvalidInput):
        engine.site_limits(tmp_path / "limits.yml")


@pytest.mark.parametrize(
    ("line", "addresses"),
    [
        ("lab-x ready after 3.2 s: ssh -p 30123 student@10.77.1.11", ["ssh -p 30123 student@10.77.1.11"]),
        (
            "lab-x ready after 3.2 s: ssh -p 30123 student@fd00::1, http://[fd00::1]:30124, vnc://10.77.1.11:30125",
            ["ssh -p 30123 student@fd00::1", "http://[fd00::1]:30124", "vnc://10.77.1.11:30125"],
        ),
        ("lab-x ready after 3.2 s", []),
        ("lab-x ready after 3.2 s: javascript://a:1, ssh -p 1 $(touch x)@h, http://[x:1, http://h", []),
        ("lab-x failed after 3.2 s: ssh -p 30123 student@10.77.1.11", []),
    ],
)
def test_a_line_of_progress_tells_how_a_ready_instance_is_reached(line: str, addresses: list[str]) -> None:
    progress = engine.Progress.parse(f"[ 1/30] {line}")
    assert progress is not None
    told = engine.told(progress)
    assert [one["address"] for one in told["connections"]] == addresses
    assert all({"kind", "host", "port"} <= one.keys() for one in told["connections"])
    assert bool(told["reason"]) == (told["state"] == "failed")
