"""The action without Ansible's start: a process that has imported everything starts a class, and starts it again.

usage: _action.py KUBECONFIG COUNT
"""

from __future__ import annotations

import json
import resource
import sys
import time

from _workload import lab_class
from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs import engine
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings


def main() -> None:
    """Print the seconds of the first start and of the unchanged one, and the peak of memory."""
    kubeconfig, count = sys.argv[1], int(sys.argv[2])
    wanted = lab_class(count)

    def start() -> tuple[float, float, bool]:
        spent, began = time.process_time(), time.monotonic()
        outcome, _credentials = engine.start(
            Session(kubeconfig), wanted, Settings(), engine.Options(wait=False), lambda _progress: None
        )
        seconds, spent = time.monotonic() - began, time.process_time() - spent
        if outcome.failed or len(outcome.outcomes) != count:
            sys.exit(outcome.sentence())
        return seconds, spent, outcome.changed

    first, cpu, changed = start()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    again, _spent, changed_again = start()
    if not changed or changed_again:
        sys.exit(f"the first start changed {changed}, the second {changed_again}; True and False were expected")
    print(json.dumps({"seconds": first, "unchanged": again, "cpu": cpu, "peak_mib": peak}))


if __name__ == "__main__":
    main()
