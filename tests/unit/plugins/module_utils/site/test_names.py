"""One list of names serves the name server and hosts files; what cannot be a name is refused, all at once."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.site.names import Record, records, without

DOMAIN = "autolabs.internal"
MACHINES = {
    "pve-1": ["192.168.100.1"],
    "database-vm": ["192.168.100.20", "fd00:0::20"],
    "k8s-1": ["192.168.100.31"],
    "k8s-2": ["192.168.100.32"],
    "192.0.2.9": ["192.0.2.9"],
    "build.example.org": ["192.0.2.10"],
}
ALIASES: dict[str, list[str]] = {
    "database": ["database-vm"],
    "k8s": ["k8s-1", "k8s-2"],
    "api": ["192.168.100.40"],
    "gitlab.example.org": ["192.0.2.10"],
}


def of(address: str) -> tuple[str, ...]:
    return {entry.address: entry.names for entry in records(MACHINES, ALIASES, DOMAIN)}.get(address, ())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.168.100.1", ("pve-1.autolabs.internal", "pve-1")),
        # The machine's own name comes first: by it the address is known.
        ("192.168.100.20", ("database-vm.autolabs.internal", "database-vm", "database.autolabs.internal", "database")),
        ("fd00::20", ("database-vm.autolabs.internal", "database-vm", "database.autolabs.internal", "database")),
        ("192.168.100.32", ("k8s-2.autolabs.internal", "k8s-2", "k8s.autolabs.internal", "k8s")),
        ("192.168.100.40", ("api.autolabs.internal", "api")),
        # A name with a dot is whole.
        ("192.0.2.10", ("build.example.org", "gitlab.example.org")),
        # A machine that is named by its address has no name.
        ("192.0.2.9", ()),
    ],
)
def test_machines_and_aliases_have_a_long_and_a_short_name(address: str, expected: tuple[str, ...]) -> None:
    assert of(address) == expected


def test_an_alias_may_be_the_machines_own_name() -> None:
    [found] = records({"database": ["10.0.0.2"]}, {"database": ["database"]}, DOMAIN)
    assert found == Record("10.0.0.2", ("database.autolabs.internal", "database"))


BAD: list[tuple[dict[str, list[str]], dict[str, list[str]], str, list[str]]] = [
    ({}, {}, "autolabs.local", ["site_names_domain: autolabs.local is below .local"]),
    ({}, {}, "lab", ["site_names_domain: lab is a single label"]),
    ({}, {}, "a_b.internal", ["site_names_domain: 'a_b.internal' is no domain"]),
    ({"k8s_1": ["10.0.0.1"]}, {}, DOMAIN, ["the machine k8s_1: 'k8s_1' is no DNS label"]),
    ({}, {"-x": ["10.0.0.1"]}, DOMAIN, ["site_names_aliases.-x: '-x' is no DNS label"]),
    ({"db": ["10.0.0.1"]}, {"x": ["dbs"]}, DOMAIN, ["'dbs' is neither a machine", "did you mean `db`?"]),
    ({"a": ["10.0.0.1"], "b": ["10.0.0.2"]}, {"a": ["b"]}, DOMAIN, ["site_names_aliases.a: is the name of a machine"]),
    ({"a_": ["10.0.0.1"]}, {"b_": ["c"]}, "x.local", ["x.local", "a_", "b_", "'c'"]),
]


@pytest.mark.parametrize(("machines", "aliases", "domain", "expected"), BAD)
def test_what_cannot_be_a_name_is_refused_with_every_mistake(
    machines: dict[str, list[str]], aliases: dict[str, list[str]], domain: str, expected: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        records(machines, aliases, domain)
    assert [part for part in expected if part not in str(caught.value)] == []


def test_a_machine_can_do_without_its_own_name() -> None:
    found = records(MACHINES, {"ns": ["pve-1"]}, DOMAIN)
    left = {entry.address: entry.names for entry in without(found, "pve-1", DOMAIN)}
    assert left["192.168.100.1"] == ("ns.autolabs.internal", "ns")
    assert "192.168.100.31" in left
    assert "192.168.100.31" not in {entry.address for entry in without(found, "k8s-1", DOMAIN)}
