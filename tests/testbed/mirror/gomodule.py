"""Builds programs of a published Go module without its repository.

`go install module@version` refuses modules with replace directives, so each build has a small module of its own
that requires the upstream one and carries its go.mod's requirements and replacements.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from testbed.mirror.manifest import Part
from testbed.paths import HERE, cache
from testbed.shell import run


def build(part: Part, into: Path, log: Path) -> None:
    """Build all programs of `part` into the folder `into`; what `go` says goes to `log`."""
    go = toolchain()
    env = environment()
    if part.directory:
        source = work = HERE / "mirror" / part.directory
        packages = ["."]
        arguments: list[str] = []
    else:
        source = module_folder(part)
        work = into.parent / f"{into.name}.module"
        _write_module(part, source, work, go)
        packages = [part.module if package == "." else f"{part.module}/{package}" for package in part.packages]
        arguments = ["-mod=mod"]
    target = into / part.binary if part.binary else into
    into.mkdir(parents=True, exist_ok=True)
    flags = " ".join(("-s", "-w", *part.ldflags))
    if part.directory:
        packages = ["main.go"]
    run(
        [go, "build", *arguments, "-trimpath", "-tags", ",".join(part.tags), "-ldflags", flags]
        + ["-o", f"{target}" if part.binary else f"{target}/", *packages],
        cwd=work,
        env=env,
        log=log,
        timeout=3600,
    )


def module_folder(part: Part) -> Path:
    """The module's files in the module cache, downloaded if need be."""
    answer = run(
        [toolchain(), "mod", "download", "-json", f"{part.module}@{part.version}"],
        env=environment(),
        cwd=cache(),
        timeout=900,
    )
    return Path(json.loads(answer)["Dir"])


def toolchain() -> str:
    """The Go command: the machine's, or the one that the lock file installs beside this Python.

    Either downloads the toolchain that a module asks for from the module proxy.
    """
    return shutil.which("go") or str(Path(sys.executable).with_name("go"))


def environment() -> dict[str, str]:
    """Caches outside the checkout, static programs, no surprises from the user's own settings."""
    kept = cache()
    return {
        **os.environ,
        "GOMODCACHE": str(kept / "go-mod"),
        "GOCACHE": str(kept / "go-build"),
        "GOTOOLCHAIN": "auto",
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _write_module(part: Part, source: Path, work: Path, go: str) -> None:
    upstream = json.loads(run([go, "mod", "edit", "-json", source / "go.mod"], env=environment()))
    replaced = {entry["Old"]["Path"]: entry["New"] for entry in upstream.get("Replace") or ()}
    published = {name: _published(part, name) for name, by in replaced.items() if not by.get("Version")}
    pinned = {**published, **part.overrides}
    lines = [f"module autolabs.invalid/build/{part.name}", "", f"go {upstream['Go']}", "", "require ("]
    lines.append(f"\t{part.module} {part.version}")
    for required in upstream["Require"]:
        name = required["Path"]
        lines.append(f"\t{name} {pinned.get(name) or required['Version']}")
    lines += [")", "", "replace ("]
    lines += [f"\t{name} => {by['Path']} {by['Version']}" for name, by in replaced.items() if by.get("Version")]
    lines += [f"\t{name} => {name} {version}" for name, version in pinned.items() if version]
    lines += [")", ""]
    work.mkdir(parents=True, exist_ok=True)
    (work / "go.mod").write_text("\n".join(lines))
    shutil.copyfile(source / "go.sum", work / "go.sum")


def _published(part: Part, name: str) -> str:
    """The version to use for a module that upstream replaces by a folder, or nothing to leave it alone."""
    return next((version for prefix, version in part.local_replaces.items() if name.startswith(prefix)), "")
