"""What the mirror holds is keyed by all that decides it, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from testbed.mirror.manifest import Image, Manifest, Part, digest_of_folder, load

BASE = "docker.io/library/base:1"


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A base image, one that starts from it and takes a program, and one that has nothing to do with either."""
    for name, lines in {"base": "FROM scratch", "top": f"FROM {BASE}\nCOPY bin/ /", "other": "FROM scratch"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(lines)
    return Manifest(
        {"tool": Part("tool", "v1", module="example.org/tool")},
        (
            Image(BASE, folder=str(tmp_path / "base")),
            Image("example.org/top:1", folder=str(tmp_path / "top"), binaries={"tool": ["tool"]}),
            Image("example.org/other:1", folder=str(tmp_path / "other")),
        ),
    )


def with_part(manifest: Manifest, **changes: object) -> Manifest:
    part = manifest.parts["tool"]
    return replace(manifest, parts={"tool": replace(part, **changes)})  # type: ignore[arg-type]


def edited(manifest: Manifest, number: int) -> Manifest:
    path = manifest.images[number].context / "Dockerfile"
    path.write_text(path.read_text() + "\n# changed")
    return manifest


@pytest.mark.parametrize(
    ("change", "remade"),
    [
        (lambda found: edited(found, 0), {"base", "top"}),
        (lambda found: edited(found, 1), {"top"}),
        (lambda found: with_part(found, version="v2"), {"top"}),
        (lambda found: with_part(found, ldflags=("-X main.a=b",)), {"top"}),
        (lambda found: with_part(found, cold_minutes=9), set()),
        (lambda found: replace(found, images=tuple(replace(i, cold_minutes=9) for i in found.images)), set()),
    ],
)
def test_what_changes_an_image_changes_its_key(
    manifest: Manifest, change: Callable[[Manifest], Manifest], remade: set[str]
) -> None:
    before = manifest.image_keys()
    after = change(manifest).image_keys()
    assert {name.rpartition("/")[2].split(":")[0] for name in before if before[name] != after[name]} == remade


def test_an_image_may_only_start_from_one_that_is_named_before_it(manifest: Manifest) -> None:
    turned = replace(manifest, images=tuple(reversed(manifest.images)))
    with pytest.raises(ValueError, match=r"example\.org/top:1 starts from docker\.io/library/base:1"):
        turned.image_keys()


@pytest.mark.parametrize(
    ("dockerfile", "bases"),
    [
        ("FROM scratch", []),
        (f"# a\nFROM {BASE} AS one\nFROM scratch\nCOPY --from=one / /", [BASE]),
        (f"from --platform=linux/amd64 {BASE}", [BASE]),
    ],
)
def test_the_bases_of_a_dockerfile(dockerfile: str, bases: list[str], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    assert Image("example.org/a:1", folder=str(tmp_path)).bases == bases


def test_an_image_name_in_parts() -> None:
    image = Image("registry.example.org/a/b:v1.2")
    assert (image.registry, image.repository, image.tag) == ("registry.example.org", "a/b", "v1.2")


def test_a_folder_is_the_same_under_any_umask(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    keys = []
    for mode in (0o644, 0o664, 0o755):
        file.chmod(mode)
        keys.append(digest_of_folder(tmp_path))
    assert keys[0] == keys[1] != keys[2]


def test_versions_yml_names_what_exists() -> None:
    manifest = load()
    keys = manifest.image_keys()
    # One registry serves all: the host is not part of a name there.
    assert len({(image.repository, image.tag) for image in manifest.images}) == len(keys) == len(manifest.images)
    for image in manifest.images:
        assert image.debootstrap or (image.context / "Dockerfile").is_file()
        assert {*image.binaries, *image.sources} <= set(manifest.parts)
