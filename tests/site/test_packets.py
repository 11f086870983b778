"""The prover against real packets: whatever it decides from what is in force is what becomes of a packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.path import Question, path_verdict
from ansible_collections.autolabs.platform.plugins.module_utils.reach.path.text import lines
from ansible_collections.autolabs.platform.plugins.module_utils.reach.verdict import (
    ALLOWED,
    DENIED,
    UNDECIDED,
    Verdict,
)
from probing import BOTH, NAMESPACES, Cell, Probes, wait
from running import DATABASE, HOST, Site

REACHED = {"open": ALLOWED, "refused": ALLOWED, "silent": DENIED}
ENOUGH = 400
MOST_UNDECIDED = 0.01
NODE_PORTS = range(30000, 32768)


@dataclass
class Matrix:
    """What the prover says of every cell, and what packets did."""

    verdicts: dict[Cell, Verdict]
    packets: dict[Cell, str]

    def without_door(self) -> list[Cell]:
        """Cells that say nothing: nobody at all reaches what they are about."""
        doors = {cell.door for cell, word in self.packets.items() if word == "open"}
        return [cell for cell in self.verdicts if cell.door not in doors]

    def decided(self) -> dict[Cell, Verdict]:
        """The cells that count."""
        left_out = set(self.without_door())
        return {
            cell: verdict
            for cell, verdict in self.verdicts.items()
            if verdict.answer != UNDECIDED and cell not in left_out
        }

    def undecided(self) -> dict[Cell, Verdict]:
        """The cells about which the prover is not sure."""
        return {cell: verdict for cell, verdict in self.verdicts.items() if verdict.answer == UNDECIDED}

    def wrong(self) -> list[str]:
        """Every decided cell that packets contradict, with the prover's steps."""
        return [
            "\n".join([f"packets: {self.packets[cell]}", *told(cell, verdict)])
            for cell, verdict in self.decided().items()
            if REACHED.get(self.packets[cell]) != verdict.answer
        ]

    def summary(self) -> str:
        """How many cells there are, and what those that are undecided depend on."""
        counted = Counter((cell.ports.protocol, verdict.answer) for cell, verdict in self.decided().items())
        by_protocol = [f"{name} {counted[name, ALLOWED]} allowed, {counted[name, DENIED]} denied" for name in BOTH]
        unsure = Counter("; ".join(verdict.assumptions) for verdict in self.undecided().values())
        lines = [f"{counted.total()} decided cells, each as packets say ({'; '.join(by_protocol)})"]
        lines += [f"{unsure.total()} undecided, {len(self.without_door())} without a door that opens to anybody"]
        return "\n".join([*lines, *(f"  {count}: {why}" for why, count in unsure.items())])


def told(cell: Cell, verdict: Verdict) -> list[str]:
    return lines(Question(cell.source, cell.destination, cell.ports), verdict)


@pytest.fixture(scope="module")
def probes(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probes]:
    made = Probes(site, tmp_path_factory.mktemp("probes"))
    with made.running():
        yield made


@pytest.fixture(scope="module")
def matrix(probes: Probes) -> Matrix:
    """One round of packets, once all that is to be open is: policies are in force a moment after they are written."""
    filters = probes.filters()
    asked = {
        cell: path_verdict(Question(cell.source, cell.destination, cell.ports), filters) for cell in probes.cells()
    }
    expected = [cell for cell, verdict in asked.items() if verdict.answer == ALLOWED]
    wait(lambda: {*probes.packets(expected).values()} <= {"open"})
    return Matrix(asked, probes.packets(asked))


def test_every_decided_cell_is_what_packets_do(matrix: Matrix, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = matrix.wrong()
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong)
    with capsys.disabled():
        print(f"\n{matrix.summary()}")


def test_the_matrix_is_large_and_has_both_answers_by_both_protocols(matrix: Matrix) -> None:
    counted = Counter((cell.ports.protocol, verdict.answer) for cell, verdict in matrix.decided().items())
    assert counted.total() >= ENOUGH
    assert min(counted[protocol, answer] for protocol in BOTH for answer in (ALLOWED, DENIED)) >= ENOUGH / 10, counted


def test_everybody_is_asked_about_everybody(matrix: Matrix, probes: Probes) -> None:
    sources = {cell.source for cell in matrix.decided()}
    assert len(sources) == len(probes.addresses)
    assert {*NAMESPACES} < {name.partition("/")[0] for name in sources}
    assert {*NAMESPACES} < {cell.destination.partition("/")[0] for cell in matrix.decided()}
    assert {HOST, DATABASE} < sources & {cell.destination for cell in matrix.decided()}
    assert any(cell.destination.startswith("service/") for cell in matrix.decided())


def test_each_firewall_closes_some_doors(matrix: Matrix) -> None:
    last = {cell: verdict.steps[-1].where for cell, verdict in matrix.decided().items() if verdict.answer == DENIED}
    for where in ("egress of ", "ingress to ", f"ufw on {HOST}", f"ufw on {DATABASE}"):
        assert any(one.startswith(where) for one in last.values()), where
    # The chain for published ports; input never sees what goes to a pod.
    assert any(cell.port in NODE_PORTS and where == f"ufw on {HOST}" for cell, where in last.items())


def test_every_closed_door_is_one_that_opens_for_somebody(matrix: Matrix) -> None:
    assert list(map(str, matrix.without_door())) == []


def test_what_is_undecided_is_little_and_says_what_it_depends_on(matrix: Matrix) -> None:
    assert all(verdict.assumptions for verdict in matrix.undecided().values())
    assert len(matrix.undecided()) <= MOST_UNDECIDED * len(matrix.verdicts), matrix.summary()
