"""The web app as a wheel, in a place of its own, with a collection that is elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from unit.webapi.conftest import REPOSITORY

pytestmark = pytest.mark.slow

WEBAPI = REPOSITORY / "webapi"
TRIES = """
import sys
from pathlib import Path
import webapi
assert Path(webapi.__file__).is_relative_to(Path.cwd()), webapi.__file__
from webapi import collection, create_app, engine, server
from webapi.config import Config
import webapi.runner.__main__
assert "kubernetes" not in sys.modules
services = "services: {linux: {image: registry.example/linux:1}}"
lab, problems = engine.validate(f"name: a\\n{services}\\nx-lab: {{access: ssh}}\\n")
assert lab and not problems
app = create_app(Config.from_environment())
client = app.test_client()
for path in ("/healthz", "/", "/static/autolabs.css"):
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(WEBAPI, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "build"))
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, source]
    built = subprocess.run([sys.executable, *build], cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_it_holds_all_that_the_checkout_has(wheel: Path) -> None:
    held = {name.removeprefix("webapi/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("webapi/")}
    wanted = {
        str(path.relative_to(WEBAPI))
        for path in WEBAPI.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".po", ".toml", ".pot")
    }
    assert held == wanted


def test_it_has_the_collections_version() -> None:
    project = tomllib.loads((WEBAPI / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == yaml.safe_load((REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def test_it_works_outside_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (tmp_path / "hosts.yml").write_text("all: {}\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    environment |= {
        "PYTHONPATH": str(tmp_path),
        "AUTOLABS_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
        "AUTOLABS_STATE_FOLDER": str(tmp_path / "state"),
        "AUTOLABS_INVENTORIES": str(tmp_path / "hosts.yml"),
    }
    tried = subprocess.run(
        [sys.executable, "-c", TRIES], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr
