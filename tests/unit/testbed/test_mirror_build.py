"""Each part of the mirror is made once; what a crash left half done is made again."""

from __future__ import annotations

import hashlib
import json
import tarfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from testbed.mirror import build, files, gomodule, images, official, parts, registry
from testbed.mirror.manifest import File, Image, Manifest, Part
from testbed.shell import CommandFailed

ARCHIVE = File("vendor.example/tool.tar.gz", archive={"bin/tool": "tool"})
BINARY = File("vendor.example/tool", binary="tool")
TOOL = Part("tool", "v1", module="vendor.example/tool", files=(BINARY, ARCHIVE))


class Compiler:
    """Stands for the Go build: writes one program, and can be told to die half way."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.dies = False

    def __call__(self, part: Part, into: Path, _: Path) -> None:
        assert not into.exists()
        into.mkdir(parents=True)
        (into / "half").write_text("")
        if self.dies:
            raise CommandFailed("killed")
        (into / "half").unlink()
        (into / part.name).write_text(f"{part.name} {part.version}")
        self.built.append(part.name)


class Workshop:
    """Stands for Buildah and the registry: remembers what was done, and keeps tags as the storage does."""

    done: list[str]
    dies_at: str

    def __init__(self, *_: object) -> None:
        """Every instance works on the same storage."""

    def build(self, name: str, context: Path) -> None:
        self.done.append(f"build {name}: {sorted(p.name for p in context.rglob('*') if p.is_file())}")

    def pull(self, name: str) -> None:
        self.done.append(f"pull {name}")

    def fetch(self, name: str, *_: str) -> None:
        self.done.append(f"fetch {name}")

    def push(self, name: str, repository: str, tag: str) -> None:
        if self.dies_at == tag:
            raise CommandFailed("killed")
        tags = registry.storage() / "docker/registry/v2/repositories" / repository / "_manifests/tags"
        link = tags / tag / "current/link"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.write_text(f"sha256:{hashlib.sha256(f'{name} {len(self.done)}'.encode()).hexdigest()}")

    def clear(self) -> None:
        """Nothing is left in it."""


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    monkeypatch.setenv("AUTOLABS_CACHE", str(tmp_path / "cache"))
    found = Compiler()
    monkeypatch.setattr(gomodule, "build", found)
    monkeypatch.setattr(official, "answers", lambda _: False)
    return found


@pytest.fixture
def workshop(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> type[Workshop]:
    Workshop.done, Workshop.dies_at = [], ""
    monkeypatch.setattr(images, "Buildah", Workshop)
    monkeypatch.setattr(images.packages, "ensure", lambda _: None)
    monkeypatch.setattr(images.registry, "writable", lambda *_: nullcontext("127.0.0.1:0"))
    return Workshop


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    for name, lines in {"base": "FROM scratch", "top": "FROM example.org/base:1\nCOPY bin/ /"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(lines)
    base = Image("example.org/base:1", folder=str(tmp_path / "base"), official=True)
    top = Image("example.org/top:1", folder=str(tmp_path / "top"), binaries={"tool": ["tool"]})
    return Manifest({"tool": TOOL}, (base, top))


def test_a_part_is_built_once_and_its_minutes_are_kept(compiler: Compiler) -> None:
    for _ in range(2):
        parts.programs([TOOL])
    assert compiler.built == ["tool"]
    assert json.loads((parts.folder(TOOL) / "built.json").read_text())["part"] == "tool"


def test_a_part_that_was_cut_short_is_built_again(compiler: Compiler) -> None:
    compiler.dies = True
    with pytest.raises(CommandFailed):
        parts.programs([TOOL])
    assert not parts.folder(TOOL).exists()
    compiler.dies = False
    parts.programs([TOOL])
    assert sorted(path.name for path in parts.folder(TOOL).iterdir()) == ["built.json", "tool"]


def test_a_part_that_is_in_no_file_is_built_when_it_is_asked_for(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "load", lambda: Manifest({"tool": replace(TOOL, files=())}, ()))
    assert (build.program("tool") / "tool").read_text() == "tool v1"
    build.program("tool")
    assert compiler.built == ["tool"]


def test_the_files_are_laid_out_with_their_checksums(compiler: Compiler, tmp_path: Path) -> None:
    files.files(Manifest({"tool": TOOL}, ()))
    root = files.folder()
    assert (root / BINARY.path).read_text() == "tool v1"
    with tarfile.open(root / ARCHIVE.path) as archive:
        assert archive.getnames() == ["bin/tool"]
    sums = {
        path: total for total, path in (line.split("  ") for line in (root / "SHA256SUMS").read_text().splitlines())
    }
    assert sums == {
        path: hashlib.sha256((root / path).read_bytes()).hexdigest() for path in (BINARY.path, ARCHIVE.path)
    }


def test_the_same_programs_give_the_same_archive(compiler: Compiler) -> None:
    manifest = Manifest({"tool": TOOL}, ())
    files.files(manifest)
    first = (files.folder() / "SHA256SUMS").read_text()
    (files.folder() / ARCHIVE.path).unlink()
    files.files(manifest)
    assert (files.folder() / "SHA256SUMS").read_text() == first


@pytest.mark.parametrize(
    "changed",
    [replace(TOOL, version="v2"), replace(TOOL, files=(BINARY, replace(ARCHIVE, archive={"sbin/tool": "tool"})))],
)
def test_files_follow_versions_yml(changed: Part, compiler: Compiler) -> None:
    files.files(Manifest({"tool": TOOL}, ()))
    first = (files.folder() / "SHA256SUMS").read_text()
    files.files(Manifest({"tool": changed}, ()))
    assert (files.folder() / "SHA256SUMS").read_text() != first


def test_nothing_is_built_where_the_vendors_answer(
    compiler: Compiler, workshop: type[Workshop], manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(official, "answers", lambda _: True)
    monkeypatch.setattr(official, "download", lambda path, target: bool(target.write_text(path)))
    build.all(replace(manifest, images=(manifest.images[0],)))
    assert (compiler.built, workshop.done) == ([], ["pull example.org/base:1"])


def test_images_are_made_once_in_their_order(compiler: Compiler, workshop: type[Workshop], manifest: Manifest) -> None:
    for _ in range(2):
        build.all(manifest)
    assert workshop.done == [
        "build example.org/base:1: ['Dockerfile']",
        "fetch example.org/base:1",
        "build example.org/top:1: ['Dockerfile', 'tool']",
    ]


@pytest.mark.parametrize("last_tag", ["own", "key"])
def test_an_image_whose_push_was_cut_short_is_made_again(
    last_tag: str, compiler: Compiler, workshop: type[Workshop], manifest: Manifest
) -> None:
    base = manifest.images[0]
    key = registry.key_tag(manifest.image_keys()[base.name])
    workshop.dies_at = base.tag if last_tag == "own" else key
    with pytest.raises(CommandFailed):
        images.images(manifest)
    assert images.missing(manifest) == list(manifest.images)
    workshop.dies_at = ""
    images.images(manifest)
    assert images.missing(manifest) == []


def test_an_edited_dockerfile_remakes_the_image_and_what_starts_from_it(
    compiler: Compiler, workshop: type[Workshop], manifest: Manifest
) -> None:
    images.images(manifest)
    (manifest.images[1].context / "Dockerfile").write_text("FROM example.org/base:1\nCOPY bin/ /usr/bin/")
    assert images.missing(manifest) == [manifest.images[1]]
    (manifest.images[0].context / "Dockerfile").write_text("FROM scratch\nCMD []")
    assert images.missing(manifest) == list(manifest.images)
