"""The source files of a tree, and what they import."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COLLECTION = "ansible_collections.autolabs.platform"
CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Import:
    """One imported module; names of this collection are relative to its root (`plugins.module_utils.net`)."""

    module: str
    line: int
    own: bool
    """Whether it belongs to this collection."""
    guarded: bool
    """Whether the importing module can be loaded where the imported one is not installed."""


@cache
def files(root: Path) -> tuple[Path, ...]:
    """The files of `root` that are, or would be, under version control; all files where there is no git."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        found = {root / name for name in listed.split("\0") if name}
    else:
        found = {Path(folder) / name for folder, _, names in os.walk(root) for name in names}
    return tuple(sorted(path for path in found if path.is_file() and not path.is_symlink()))


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """The Python files of `root` below one of `folders`, or all."""
    for path in files(root):
        if path.suffix == ".py" and (not folders or within(root, path, *folders)):
            yield path


def within(root: Path, path: Path, *folders: str) -> bool:
    """Whether `path` lies below one of `folders` of `root`."""
    return any(path.is_relative_to(root / folder) for folder in folders)


def imports(path: Path) -> list[Import]:
    """What a Python file imports, also within functions; in the order of the file."""
    found: list[Import] = []
    _collect(ast.parse(path.read_text(encoding="utf-8")), guarded=False, found=found)
    return found


def _collect(node: ast.AST, *, guarded: bool, found: list[Import]) -> None:
    if isinstance(node, ast.Import):
        found += [_import(alias.name, node.lineno, guarded) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        if module in (COLLECTION, f"{COLLECTION}.plugins", f"{COLLECTION}.plugins.module_utils", "webapi"):
            found += [_import(f"{module}.{alias.name}", node.lineno, guarded) for alias in node.names]
        else:
            found.append(_import(module, node.lineno, guarded))
    for child in ast.iter_child_nodes(node):
        _collect(child, guarded=guarded or _guards(node, child), found=found)


def _guards(node: ast.AST, child: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return True
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test) and child in node.body
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        return child in node.body and ("ImportError" in caught or "ModuleNotFoundError" in caught)
    return False


def _import(module: str, line: int, guarded: bool) -> Import:
    own = module == COLLECTION or module.startswith(f"{COLLECTION}.")
    return Import(module.removeprefix(f"{COLLECTION}.") if own else module, line, own, guarded)
