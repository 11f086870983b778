"""Test hosts and their mirror: `python -m testbed --help`."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from testbed.hosts import machine, registry, removal, site

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it was done, 1 when it failed (the reason on standard error)."""
    options = _parser().parse_args(arguments)
    if os.geteuid() != 0:
        sys.stderr.write("testbed: run it as root: namespaces, mounts and systemd-nspawn need it\n")
        return 1
    try:
        options.run(options)
    except Exception as failed:
        if type(failed).__module__.partition(".")[0] != "testbed":
            raise
        sys.stderr.write(f"testbed: {failed}\n")  # the test bed's own exceptions are written for people
        return 1
    return 0


def wanted_host(text: str) -> site.Wanted:
    """`NAME` or `NAME:MEMORY`, the memory as 512M or 6G."""
    name, _, memory = text.partition(":")
    if not memory:
        return site.Wanted(name)
    number, unit = (memory[:-1], memory[-1].upper()) if memory[-1].isalpha() else (memory, "")
    if unit not in UNITS or not number.isdigit():
        raise argparse.ArgumentTypeError(f"memory {memory!r}: give it as 512M or 6G")
    return site.Wanted(name, int(number) * UNITS[unit])


def group(text: str) -> tuple[str, list[str]]:
    """`GROUP=HOST,HOST…`."""
    name, separator, hosts = text.partition("=")
    if not (name and separator and hosts):
        raise argparse.ArgumentTypeError(f"group {text!r}: give it as GROUP=HOST,HOST")
    return name, [host for host in hosts.split(",") if host]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m testbed", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="make and start what is missing of a network and its hosts")
    up.add_argument("network")
    up.add_argument("hosts", nargs="+", type=wanted_host, metavar="HOST[:MEMORY]")
    up.add_argument("--group", action="append", default=[], type=group, metavar="GROUP=HOST,…", help="may be repeated")
    up.add_argument("--inventory", type=Path, metavar="FILE", help="also write the Ansible inventory there")
    up.add_argument("--owner", type=int, metavar="PID", help="remove the network once this process is gone")
    up.add_argument("--no-mirror", action="store_true", help="without file mirror and registry")
    up.set_defaults(run=_up)

    host = commands.add_parser("host", help="create, start, stop or destroy one host")
    host.add_argument("action", choices=["create", "start", "stop", "destroy"])
    host.add_argument("network")
    host.add_argument("host", type=wanted_host, metavar="HOST[:MEMORY]")
    host.set_defaults(run=_host)

    shown = commands.add_parser("list", help="networks and hosts, and whether they run")
    shown.set_defaults(run=_list)

    _add_proxmox(commands.add_parser("proxmox", help="the stand-in for Proxmox VE, whose VMs are hosts of a network"))

    down = commands.add_parser("down", help="remove a network with all its hosts")
    down.add_argument("network")
    down.set_defaults(run=_down)

    swept = commands.add_parser("sweep", help="remove the networks whose owner is gone")
    swept.set_defaults(run=lambda _: removal.sweep())
    return parser


def _add_proxmox(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    up = actions.add_parser("up", help="start it on a network that is up")
    up.add_argument("network")
    up.add_argument("--node", metavar="HOST", help="the host that is the Proxmox node; without it there is none")
    up.add_argument("--password-file", type=Path, required=True, metavar="FILE", help="holds the password of root@pam")
    up.add_argument("--seconds", action="append", default=[], type=seconds, metavar="KIND=SECONDS",
                    help="how long tasks of a kind last (qmclone, qmstart…); may be repeated")  # fmt: skip
    up.set_defaults(run=_proxmox_up)
    down = actions.add_parser("down", help="end it; its state and its VMs stay until the network goes")
    down.add_argument("network")
    down.set_defaults(run=lambda options: removal.proxmox_service().down(options.network))
    serve = actions.add_parser("serve", help="be it; this is what `up` starts")
    serve.add_argument("network")
    serve.add_argument("--settings", help="names the settings that it was started with")
    serve.set_defaults(run=_proxmox_serve)


def seconds(text: str) -> tuple[str, float]:
    """`KIND=SECONDS`."""
    kind, _, number = text.partition("=")
    try:
        return kind, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"seconds {text!r}: give them as KIND=SECONDS") from None


def _proxmox_up(options: argparse.Namespace) -> None:
    password = options.password_file.read_text().strip()
    service = removal.proxmox_service().up(options.network, options.node, password, dict(options.seconds))
    print(f"{service.url}, CA certificate {service.ca}")


def _proxmox_serve(options: argparse.Namespace) -> None:
    serving = importlib.import_module("testbed.proxmox.serving")  # late, as the others
    serving.serve(options.network)


def _up(options: argparse.Namespace) -> None:
    groups: dict[str, list[str]] = {}
    for name, hosts in options.group:
        groups.setdefault(name, []).extend(hosts)
    place = site.up(
        options.network, options.hosts, groups=groups, owner=options.owner, mirror=not options.no_mirror
    )  # fmt: skip
    if options.inventory:
        options.inventory.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place.folder / "inventory.yml", options.inventory)
    for wanted in options.hosts:
        print(f"ssh -F {place.folder}/ssh_config {wanted.name}")


def _host(options: argparse.Namespace) -> None:
    if options.action == "create":
        site.create_host(options.network, options.host)
        return
    action = {"start": site.start_host, "stop": site.stop_host, "destroy": site.destroy_host}[options.action]
    action(options.network, options.host.name)


def _down(options: argparse.Namespace) -> None:
    if not removal.down(options.network):
        print(f"there is no network {options.network}")


def _list(_: argparse.Namespace) -> None:
    rows = [("NETWORK", "OWNER", "HOST", "ADDRESS", "STATE", "PID")]
    for place in registry.every():
        owner = f"{place.owner.pid}{' (gone)' if place.abandoned else ''}" if place.owner else "-"
        rows += [(place.name, owner, "-", str(place.plan.subnet), "-", "-")] if not place.hosts else []
        for host in place.hosts.values():
            address, leader = str(place.plan.host(host.number)), machine.leader(place, host)
            rows.append((place.name, owner, host.name, address, machine.state(place, host), str(leader or "-")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
