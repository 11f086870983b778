"""nftables tables on the host where this runs: what the kernel has of them, and what a text would make."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.system import FirewallError, Runner, command

NFT = ("nft", "--stateless")
ABSENT = re.compile(r"No such file or directory|does not exist", re.IGNORECASE)
NOT_THERE = 127
"""Exit status of a program that is not on the host."""


class NotInstalled(FirewallError):
    """nft is not on the host."""


@dataclass(frozen=True)
class Tables:
    """Tables by `FAMILY NAME`, each as nft lists it."""

    listed: dict[str, str]

    def __str__(self) -> str:
        """All tables, one after the other."""
        return "".join(self.listed[name] for name in sorted(self.listed))


def wanted(text: str, run: Runner = command) -> Tables:
    """What the kernel would have of `text`, loaded into a network namespace that ends at once.

    So both sides are in nft's own writing, and the kernel has judged the rules before any of them is in force.
    Raises NotInstalled, FirewallError.
    """
    listing = f"nft -f - && {' '.join(NFT)} list ruleset"
    status, output, errors = run(["unshare", "--net", "sh", "-c", listing], text)
    if status == NOT_THERE:
        raise NotInstalled("nft is not on this host; install the package nftables.")
    if status:
        raise FirewallError(f"Nothing was changed: the kernel refuses the rules. {errors.strip() or output.strip()}")
    return Tables({_name(block): block for block in re.split(r"(?m)^(?=table )", output) if block.strip()})


def present(tables: Iterable[str], run: Runner = command) -> Tables:
    """What the kernel has of `tables` now. Raises NotInstalled, FirewallError."""
    found = {}
    for table in tables:
        status, output, errors = run([*NFT, "list", "table", *table.split()], "")
        if status == NOT_THERE:
            raise NotInstalled("nft is not on this host; install the package nftables.")
        if status and not ABSENT.search(errors):
            raise FirewallError(f"The rules of table {table} cannot be read: {errors.strip()}")
        if not status:
            found[table] = output
    return Tables(found)


def load(path: str, run: Runner = command) -> None:
    """Put a file in force, in one transaction. Raises FirewallError; then the kernel has its old rules."""
    status, output, errors = run(["nft", "-f", path], "")
    if status:
        raise FirewallError(f"{path} was written and is not in force, the old rules are: {errors.strip() or output}")


def _name(block: str) -> str:
    return " ".join(block.split("{", 1)[0].split()[1:3])
