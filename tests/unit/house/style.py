"""Sizes, docstrings, and words that have no business here."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from unit.house.sources import files, python_files, within

ENGINE = "plugins/module_utils"
# Files below the folder, the most lines of code that one may have, and what counts as code.
PYTHON_LIMITS = {
    "plugins/modules": 150,
    "plugins/action": 150,
    "plugins/filter": 150,
    "plugins/inventory": 150,
    "plugins/module_utils": 300,
    "tests/testbed": 300,
    "webapi": 150,
}
TASK_LIMIT = 60
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

# Written so that this file does not hold what it looks for.
PACKAGE_REGISTRIES = (
    r"(?:files\.pythonhosted|pypi|registry\.npmjs|static\.crates|rubygems|proxy\.golang|sum\.golang|deb\.debian"
    r"|security\.debian|repo1?\.maven(?:\.apache)?|galaxy\.ansible)\.(?:org|io|com)\b"
)
MACHINE_PATHS = r"(?<![\w.}-])/(?:work|farm|root/\.pyenv)(?=/|\b)"
UNFINISHED = r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"
FORBIDDEN = {
    "names a package registry": re.compile(PACKAGE_REGISTRIES),
    "names a path of one machine": re.compile(MACHINE_PATHS),
    "is not finished": re.compile(UNFINISHED),
}
# The text of the licence is what it is.
NOT_OURS = ("LICENSE",)


def code_lines(text: str) -> int:
    """Lines of Python with code on them: no comments, blank lines, docstrings or documentation of a plugin."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if _is_text(node) and isinstance(node, ast.stmt):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Assign) and any(ast.unparse(target) in DOCUMENTATION for target in node.targets)


def size_findings(root: Path) -> Iterator[str]:
    """Files that hold more than one idea, to judge by their length."""
    for folder, limit in PYTHON_LIMITS.items():
        for path in python_files(root, folder):
            if (count := code_lines(path.read_text(encoding="utf-8"))) >= limit:
                yield f"{path.relative_to(root)}: {count} lines of code; under {limit} are asked for"
    for path in files(root):
        place = path.relative_to(root)
        if place.parts[0] == "roles" and {"tasks", "handlers"} & set(place.parts) and path.suffix == ".yml":
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
            if (count := sum(1 for line in lines if line and not line.startswith("#"))) >= TASK_LIMIT:
                yield f"{place}: {count} lines of tasks; under {TASK_LIMIT} are asked for"


def docstring_findings(root: Path) -> Iterator[str]:
    """Public modules, classes and functions of the engine without a docstring."""
    for path in python_files(root, ENGINE):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, node in _public(tree):
            if not ast.get_docstring(node):
                yield f"{path.relative_to(root)}:{getattr(node, 'lineno', 1)}: {name or 'the module'} has no docstring"


def _public(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]]:
    if isinstance(node, ast.Module):
        yield "", node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{child.name}.")


def forbidden_findings(root: Path) -> Iterator[str]:
    """Words that tie the project to one machine or registry, or that promise instead of doing."""
    for path in files(root):
        if within(root, path, *NOT_OURS):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                if found := pattern.search(line):
                    yield f"{path.relative_to(root)}:{number}: {found[0]!r} {what}"
