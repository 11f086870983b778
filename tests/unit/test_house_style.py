"""Files stay small, the engine is documented, and nothing ties the project to one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.house import style
from unit.house.sources import CHECKOUT

Check = Callable[[Path], Iterator[str]]

LONG = "\n".join(f"a{number} = {number}" for number in range(150))
LONGER = "\n".join(f"a{number} = {number}" for number in range(300))
TASKS = "\n".join("- ansible.builtin.meta: noop" for number in range(60))
REGISTRY = ".".join(["deb", "debian", "org"])
MACHINE = "/".join(["", "work", "main"])
PROMISE = "TO" + "DO"

# Rule, file, content that breaks the rule, part of the finding.
BREACHES: list[tuple[Check, str, str, str]] = [
    (style.size_findings, "plugins/modules/a.py", LONG, "150 lines of code"),
    (style.size_findings, "plugins/module_utils/labs/a.py", LONGER, "300 lines of code"),
    (style.size_findings, "roles/a/tasks/main.yml", TASKS, "60 lines of tasks"),
    (style.docstring_findings, "plugins/module_utils/labs/a.py", "a = 1", "the module has no docstring"),
    (style.docstring_findings, "plugins/module_utils/labs/a.py", '"""A."""\ndef f(): pass', "f has no docstring"),
    (style.docstring_findings, "plugins/module_utils/labs/a.py", '"""A."""\nclass C: pass', "C has no docstring"),
    (
        style.docstring_findings,
        "plugins/module_utils/labs/a.py",
        '"""A."""\nclass C:\n    """C."""\n    def f(self): pass',
        "C.f has no docstring",
    ),
    (style.forbidden_findings, "roles/a/defaults/main.yml", f"mirror: http://{REGISTRY}/debian", "a package registry"),
    (style.forbidden_findings, "README.md", f"cd {MACHINE}", "a path of one machine"),
    (style.forbidden_findings, "a.py", f"# {PROMISE}: later", "is not finished"),
]

ALLOWED = [
    ("plugins/modules/a.py", '"""A."""\n' + 'DOCUMENTATION = """\n' + "a\n" * 200 + '"""\n' + "# a\n\n" * 200),
    ("plugins/module_utils/labs/a.py", '"""A."""\ndef _f(): pass\nclass _C: pass'),
    ("roles/a/tasks/main.yml", "# a\n\n" * 60),
    ("docs/a.md", "the file mirror of dl.k8s.io, images of docker.io; spec/network, /home/student, ../work"),
]


@pytest.mark.parametrize("rule", [style.size_findings, style.docstring_findings, style.forbidden_findings])
def test_the_checkout_keeps_the_rule(rule: Check) -> None:
    assert list(rule(CHECKOUT)) == []


@pytest.mark.parametrize(("rule", "name", "content", "finding"), BREACHES)
def test_a_breach_is_found(rule: Check, name: str, content: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content, encoding="utf-8")
    (found,) = rule(tmp_path)
    assert finding in found


@pytest.mark.parametrize(("name", "content"), ALLOWED)
def test_what_is_allowed_is_not_found(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content, encoding="utf-8")
    rules = (style.size_findings, style.docstring_findings, style.forbidden_findings)
    assert [found for rule in rules for found in rule(tmp_path)] == []
