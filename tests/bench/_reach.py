"""One proof in a process of its own, so that its memory is its own.

usage: _reach.py OBJECTS SOURCE DESTINATION [QUESTIONS]
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.reach.manifests import cluster
from ansible_collections.autolabs.platform.plugins.module_utils.reach.matrix.matrix import reach_matrix
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.explain import verdict

QUESTIONS = 20


def main() -> None:
    """Print the seconds of the whole matrix, its counts, the peak of memory, and the milliseconds of one question."""
    path, source, destination = sys.argv[1:]
    objects = json.loads(Path(path).read_text())
    began, spent = time.monotonic(), time.process_time()
    found = cluster(objects)
    read = time.monotonic() - began
    matrix = reach_matrix(found, calico=True)
    counts = matrix.counts()
    seconds, spent = time.monotonic() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # The first question of a process that has only loaded the objects is the one that people wait for.
    found = cluster(objects)
    milliseconds = []
    for _number in range(QUESTIONS):
        began = time.monotonic()
        answer = verdict(found, source, destination, 2222, calico=True).answer
        milliseconds.append(1000 * (time.monotonic() - began))
        if answer != matrix.answer(source, destination, 2222):
            sys.exit(f"{source} to {destination}: {answer}, and the matrix says something else")
    figures = {
        "seconds": seconds,
        "cpu_seconds": spent,
        "read_seconds": read,
        "peak_mib": peak,
        "pods": len(found.pods),
        "policies": len(found.policies),
        "allowed": counts.allowed,
        "first_explain_ms": milliseconds[0],
        "explain_ms": statistics.median(milliseconds),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
