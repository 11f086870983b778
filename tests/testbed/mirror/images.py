"""Puts the images of versions.yml into the registry's storage, each once.

An image is finished when the storage names it under its key; what a crash leaves in Buildah's storage is thrown
away. Images come from their own registry where that answers.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from testbed import packages
from testbed.mirror import buildah, gomodule, official, parts, registry
from testbed.mirror.buildah import Buildah
from testbed.mirror.manifest import Image, Manifest, Part
from testbed.paths import cache
from testbed.progress import say, step
from testbed.shell import CommandFailed

PACKAGES = ("buildah", "debootstrap", registry.PACKAGE)
# Docker Hub's registry has another address than the name that its images begin with.
ADDRESSES = {"docker.io": "registry-1.docker.io"}


def missing(manifest: Manifest) -> list[Image]:
    """The images that the registry does not hold under their key, in the order in which they are made."""
    keys = manifest.image_keys()
    return [image for image in manifest.images if not registry.holds(image, keys[image.name])]


def pulled(image: Image) -> bool:
    """Whether the image comes from its own registry."""
    return image.official and official.answers(f"https://{ADDRESSES.get(image.registry, image.registry)}/v2/")


def parts_for(image: Image, manifest: Manifest) -> list[Part]:
    """The parts whose programs go into the image when it is built here."""
    return [] if pulled(image) else [manifest.parts[name] for name in image.binaries]


def images(manifest: Manifest) -> None:
    """Make every image that the registry does not hold yet."""
    wanted = missing(manifest)
    if not wanted:
        return
    packages.ensure(PACKAGES)
    keys = manifest.image_keys()
    remaining = sum(image.cold_minutes for image in wanted)
    say(f"mirror: {len(wanted)} images to make, about {remaining:.1f} min")
    with registry.writable(buildah.folder(), parts.logs() / "registry.log") as address:
        Buildah(address, parts.logs() / "buildah.log").clear()
        for image in wanted:
            with step(f"image {image.name}", image.cold_minutes):
                _make(image, keys, manifest, address)
            remaining -= image.cold_minutes
        Buildah(address, parts.logs() / "buildah.log").clear()


def unpack(image: Image, target: Path) -> None:
    """Write the files of an image that the registry holds to the folder `target`."""
    log = parts.logs() / "unpack.log"
    with registry.writable(buildah.folder(), parts.logs() / "registry.log") as address:
        tool = Buildah(address, log)
        tool.unpack(image.repository, image.tag, target)
        tool.clear()


def record(image: Image, key: str) -> Path:
    """The file that says how many minutes the image took."""
    return cache() / "images" / f"{image.repository.replace('/', '-')}-{key}.json"


def _make(image: Image, keys: dict[str, str], manifest: Manifest, address: str) -> None:
    log = parts.logs() / f"image-{image.repository.replace('/', '-')}.log"
    log.write_text("")
    tool = Buildah(address, log)
    started = time.monotonic()
    if not (pulled(image) and _pull(tool, image)):
        if image.debootstrap:
            tool.debian(image.name, image.debootstrap)
        else:
            _build(tool, image, manifest)
    key = keys[image.name]
    # The image's own tag comes last: it names what is whole.
    for tag in (registry.key_tag(key), image.tag):
        tool.push(image.name, image.repository, tag)
    note = record(image, key)
    note.parent.mkdir(exist_ok=True)
    note.write_text(json.dumps({"image": image.name, "minutes": round((time.monotonic() - started) / 60, 2)}))


def _pull(tool: Buildah, image: Image) -> bool:
    try:
        tool.pull(image.name)
    except CommandFailed as failed:
        say(f"{image.name} could not be pulled, building instead: {str(failed).splitlines()[-1]}")
        return False
    return True


def _build(tool: Buildah, image: Image, manifest: Manifest) -> None:
    for base in (other for other in manifest.images if other.name in image.bases):
        tool.fetch(base.name, base.repository, base.tag)
    context = buildah.folder() / "context"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(image.context, context, ignore=shutil.ignore_patterns("__pycache__"))
    for name, programs in image.binaries.items():
        parts.ensure(manifest.parts[name])
        (context / "bin").mkdir(exist_ok=True)
        for program in programs:
            shutil.copy(parts.folder(manifest.parts[name]) / program, context / "bin" / program)
    for name, trees in image.sources.items():
        module = gomodule.module_folder(manifest.parts[name])
        for tree in trees:
            shutil.copytree(module / tree, context / "src" / tree)
    tool.build(image.name, context)
    shutil.rmtree(context)
