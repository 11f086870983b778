"""The demo: a site on one test host, with a class of three students. `make demo` and `make demo-down` call it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from running import Site
from testbed.hosts import registry
from testbed.paths import REPOSITORY
from testbed.progress import say, step

NAME = "demo"
LAB = REPOSITORY / "docs/labs/linux-basics.yml"
STUDENTS = [
    {"id": "anna", "name": "Анна Иванова"},
    {"id": "boris", "name": "Boris Petrov"},
    {"id": "wei", "name": "Zhang Wei"},
]


def main() -> int:
    """Bring the demo up or take it down, as the only argument says."""
    if sys.argv[1:] == ["up"]:
        return up(Site(NAME))
    if sys.argv[1:] == ["down"]:
        return down(Site(NAME))
    sys.stderr.write("usage: demo.py up|down\n")
    return 2


def up(site: Site) -> int:
    """Everything from nothing; run again, it repairs what is missing."""
    site.start_hosts()
    with step("the site: containerd, Kubernetes, Calico, storage, namespaces", minutes=2):
        played = site.playbook("site", quiet=False)
    if not played.succeeded:
        say("the site did not come up; the last lines above say what failed. `make demo` goes on from there.")
        return 1
    handout = site.folder / "credentials.json"
    roster = site.folder / "roster.json"
    roster.write_text(json.dumps(STUDENTS))
    with step("a class of three students"):
        variables = {"lab_file": str(LAB), "lab_roster": str(roster), "lab_credentials_file": str(handout)}
        played = site.playbook("lab_start", variables, quiet=False)
    if not played.succeeded:
        say("the class did not start; the table above says why")
        return 1
    print(welcome(site, json.loads(handout.read_text()), handout))
    return 0


def welcome(site: Site, credentials: list[dict[str, Any]], handout: Path) -> str:
    """What to type now."""
    lines = ["", "The demo is up. Log in as one of its students:", ""]
    for entry in credentials:
        (connection,) = entry["connections"]
        lines += [f"  {entry['members'][0]['name']}", f"    {connection['address']}"]
        lines += [f"    password     {entry['password']}", f"    fingerprint  {connection['host_key_fingerprint']}", ""]
    lines += [
        f"The passwords are also in {handout}, which only you may read.",
        "Look around:",
        f"  ssh -F {site.network.folder}/ssh_config demo-k8s",
        "  kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A",
        "Take it away again with `make demo-down`.",
    ]
    return "\n".join(lines)


def down(site: Site) -> int:
    """Leave nothing behind but the cache of what was built."""
    if registry.load(site.name):
        site.down()
    say("the demo is gone; what was built stays in the cache for the next time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
