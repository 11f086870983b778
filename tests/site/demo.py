"""The demo: a site on a stand-in for Proxmox, the web form, and a class of three students on it.

`make demo` and `make demo-down` call it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from running import Site
from testbed.hosts import registry
from testbed.mirror.manifest import load
from testbed.paths import REPOSITORY
from testbed.progress import say, step
from web_app import WebApp, WebAppFailed

from webapi import engine

NAME = "demo"
LAB = "linux-basics"
CLASS = "1"
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
    site.start()
    with step("the site: Proxmox, machines, firewalls, Kubernetes, namespaces", minutes=3):
        played = site.playbook("site", quiet=False)
    if not played.succeeded:
        say("the site did not come up; the last lines above say what failed. `make demo` goes on from there.")
        return 1
    web = web_app(site)
    try:
        with step("the web form, with the example labs"):
            web.start()
            fill_library(web)
        with step("a class of three students"):
            run = start_class(web)
    except WebAppFailed as failed:
        say(f"{failed}\n`make demo` goes on from there.")
        return 1
    print(welcome(web, run))
    return 0


def web_app(site: Site) -> WebApp:
    """The demo's web app, whether it runs or not."""
    return WebApp(site, site.folder / "web")


def fill_library(web: WebApp) -> None:
    """Store the example labs that are not there; those whose images the mirror does not have would not start."""
    there = {lab["id"] for lab in web.done("GET", "/api/v1/labs")["labs"]}
    for lab, text in examples():
        if lab.id not in there:
            web.done("POST", "/api/v1/labs", text)


def examples() -> Iterator[tuple[engine.Lab, str]]:
    """The labs of the documentation that can be started from the mirror."""
    images = {image.name for image in load().images}
    for path in sorted((REPOSITORY / "docs/labs").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        lab = engine.parse(text)
        if images.issuperset(component.image for component in lab.components):
            yield lab, text


def start_class(web: WebApp) -> str:
    """Start the class as the form does; the id of the run, once everybody is ready. Raises WebAppFailed."""
    begun = web.done("POST", f"/api/v1/labs/{LAB}/classes", {"students": STUDENTS, "class_id": CLASS})
    ended = web.wait(begun["run"], seconds=300)
    if ended["state"] != "succeeded":
        raise WebAppFailed(f"the class did not start: {ended['message']}\n{web.store.log(begun['run'])}")
    return str(begun["run"])


def welcome(web: WebApp, run: str) -> str:
    """What to do now. The passwords are read and not taken, so the form still shows them, once."""
    entries: list[dict[str, Any]] = json.loads(web.store.folder(run).credentials.read_text())
    lines = ["", "The demo is up. Look around:"]
    lines += [
        f"  ssh -F {web.site.network.folder}/ssh_config demo-k8s",
        "  kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A",
        "Take it away again with `make demo-down`.",
        "",
        "Start classes as a teacher does (this machine only; from another one through"
        f" ssh -L {web.port}:127.0.0.1:{web.port} THIS_MACHINE):",
        "",
        f"  {web.url}/",
        "",
        f"One runs: {web.url}/labs/{LAB}/classes/{CLASS}. Log in as one of its students:",
    ]
    for entry in entries:
        (connection,) = entry["connections"]
        lines += ["", f"  {entry['members'][0]['name']}", f"    {connection['address']}"]
        lines += [f"    password     {entry['password']}", f"    fingerprint  {connection['host_key_fingerprint']}"]
    return "\n".join(lines)


def down(site: Site) -> int:
    """Leave nothing behind but the cache of what was built."""
    if registry.load(site.name):
        web_app(site).remove()
        site.down()
    say("the demo is gone; what was built stays in the cache for the next time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
