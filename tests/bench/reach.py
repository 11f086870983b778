"""How fast the prover is: the whole matrix of a site with 200 to 3,000 instances; writes build/bench/reach.json.

Objects are dicts already, as a client or a parser hands them over; reading them into the prover's types, building the
matrix and counting all its answers are measured. Each measurement is a process of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _reach_workload import site_objects
from testbed.paths import REPOSITORY
from testbed.progress import say

SIZES = (200, 1000, 3000)
ROUNDS = 3
RESULT = REPOSITORY / "build/bench/reach.json"

Figures = dict[str, float]


def main() -> int:
    """Measure, and print one line of JSON last."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        each = {size: measured(Path(folder), size, policy_each=True) for size in SIZES}
        fixed = {size: measured(Path(folder), size, policy_each=False) for size in SIZES}
    figures = report(each, fixed)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return 0


def measured(folder: Path, size: int, *, policy_each: bool) -> Figures:
    """The medians of one size."""
    objects = site_objects(size, policy_each=policy_each)
    pods = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in objects if one["kind"] == "Pod"]
    path = folder / "objects.json"
    path.write_text(json.dumps(objects))
    command = [sys.executable, str(Path(__file__).with_name("_reach.py")), str(path), pods[-2], pods[-1]]
    rounds: list[Figures] = []
    for _round in range(ROUNDS):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        rounds.append(json.loads(done.stdout))
    found = {key: round(statistics.median(one[key] for one in rounds), 4) for key in rounds[0]}
    kind = "a policy each" if policy_each else "the policies of their class"
    say(f"{size} instances with {kind}: {found['seconds']:.2f} s, {found['peak_mib']:.0f} MiB")
    return found


def report(each: dict[int, Figures], fixed: dict[int, Figures]) -> dict[str, Any]:
    """By size; `fixed_policies_seconds` is with the policies of one class, whatever its size."""
    largest = each[SIZES[-1]]
    return {
        "seconds": {size: one["seconds"] for size, one in each.items()},
        "cpu_seconds": {size: one["cpu_seconds"] for size, one in each.items()},
        "read_seconds": {size: one["read_seconds"] for size, one in each.items()},
        "peak_mib": {size: one["peak_mib"] for size, one in each.items()},
        "policies": {size: one["policies"] for size, one in each.items()},
        "fixed_policies_seconds": {size: one["seconds"] for size, one in fixed.items()},
        "fixed_policies": fixed[SIZES[-1]]["policies"],
        "explain_ms": largest["explain_ms"],
        "first_explain_ms": max(one["first_explain_ms"] for one in each.values()),
    }


if __name__ == "__main__":
    sys.exit(main())
