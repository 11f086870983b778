"""A cloud image becomes a template: download, import, convert. Whatever broke off in the middle is taken up again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import (
    NotThere,
    OutcomeUnknown,
    ProxmoxError,
    Refused,
    Taken,
    TaskFailed,
)
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.image import MARK, Template, differences
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Report, Telling
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import LiveVm
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.work import BEING_MADE, Options, Work

ROUNDS = 5
"""So often is looked anew, after an answer was lost or another run was faster."""

DELAY_SECONDS = 20
"""So long at most the API itself waits until an image is removed, and answers with no task then."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    changed: bool
    message: str
    vmid: int
    node: str
    before: tuple[str, ...] = ()
    """What there was of it, a line each, for a diff."""
    after: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """The node, and what is there already."""

    node: str
    vm: LiveVm | None
    """With its config."""
    image: bool
    """Whether the image is in its storage."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The same for a diff."""
        vm = (f"template {self.vm.vmid} ({self.vm.name})",) if self.vm and self.vm.template else ()
        half = (f"VM {self.vm.vmid} ({self.vm.name}), not a template yet",) if self.vm and not self.vm.template else ()
        return (*vm, *half)


def present(session: Session, template: Template, options: Options, report: Report) -> Outcome:
    """Make the template where it is not there. One that is there is left alone; what differs is told.

    Raises ProxmoxError: where its VMID belongs to something else before anything is changed.
    """
    work = Work(session, options, Telling(template.name, report))
    first = place = _look(session, template)
    for _round in range(ROUNDS):
        if place.vm and place.vm.template:
            return _left_alone(template, first, place, work)
        # In check mode a task before this one may only have told that it lets a storage hold more.
        _check_storages(session, template, place.node, contents=not options.check_mode)
        if options.check_mode:
            message = f"template {template.name} would be made as {template.vmid}"
            return Outcome(True, message, template.vmid, place.node, first.lines, _after(template))
        try:
            _go_on(work, template, place)
        except OutcomeUnknown:
            work.telling.say("an answer was lost; looking what came of the request")
            work.settled(place.node, template.vmid)
            # A download is a task of no VM.
            _idle(work, place.node)
        except Taken:
            work.telling.say("another run is faster; looking what it made")
            # Who has rights by the pool only sees it when it is in there, which is at its end.
            work.settled(place.node, template.vmid)
        place = _look(session, template)
    raise ProxmoxError(f"template {template.name} is not there after {ROUNDS} attempts; run this again")


def absent(session: Session, template: Template, options: Options, report: Report) -> Outcome:
    """Remove the template, and its image where `url` says which. Raises ProxmoxError."""
    work = Work(session, options, Telling(template.name, report))
    place = _look(session, template)
    if place.vm and place.vm.lock in BEING_MADE:
        # Only when it is whole it shows whose it is.
        work.unlocked(place.vm)
        place = _look(session, template)
    lines = (*place.lines, *([f"image {template.volume}"] if place.image else []))
    if not lines:
        return Outcome(False, f"template {template.name} is not there", template.vmid, place.node)
    if options.check_mode:
        return Outcome(True, f"template {template.name} would be removed", template.vmid, place.node, lines)
    if place.vm:
        _remove(work, place.vm)
    if place.image:
        path = f"nodes/{place.node}/storage/{template.image_storage}/content/{template.volume}"
        work.run(f"removing image {template.volume}", partial(_gone, session, path, delay=DELAY_SECONDS))
    return Outcome(True, f"template {template.name} was removed", template.vmid, place.node, lines)


def _look(session: Session, template: Template) -> Place:
    """Raises Refused where the VMID belongs to something else, or the node is not said or not there."""
    entries: list[dict[str, Any]] = session.get("cluster/resources")
    node = _node(entries, template)
    for entry in entries:
        if entry.get("type") == "lxc" and int(entry["vmid"]) == template.vmid:
            raise Refused(f"VMID {template.vmid} belongs to container {entry.get('name', '')}; choose another vmid")
    listed = live.listed_vms(session, entries)
    found = next((vm for vm in listed if vm.vmid == template.vmid), None)
    twin = next((vm for vm in listed if vm.template and vm.name == template.name and vm.vmid != template.vmid), None)
    if twin:
        raise Refused(f"template {template.name} is there already, as {twin.vmid} on {twin.node}; name that vmid")
    vm = live.read_vm(session, found) if found else None
    if vm:
        _check_ours(vm, template)
        node = vm.node
    return Place(node, vm, bool(template.url) and _has_image(session, template, node))


def _check_ours(vm: LiveVm, template: Template) -> None:
    # The name decides: a clone inherits the description of its template, and so the mark alone may be that of any VM.
    half = vm.name == template.name and str(vm.config.get("description", "")).startswith(MARK)
    if vm.template and vm.name != template.name:
        raise Refused(f"VMID {vm.vmid} belongs to template {vm.name}, not {template.name}; choose another vmid")
    if not vm.template and not half and vm.lock not in BEING_MADE:
        raise Refused(f"VMID {vm.vmid} belongs to VM {vm.name} on {vm.node}, which is no template; choose another vmid")


def _node(entries: Iterable[dict[str, Any]], template: Template) -> str:
    online = sorted(
        str(entry["node"]) for entry in entries if entry.get("type") == "node" and entry.get("status") == "online"
    )
    if not template.node and len(online) == 1:
        return online[0]
    if not template.node:
        raise Refused(f"there are several nodes, {', '.join(online)}: say which one makes the template (node)")
    if template.node not in online:
        raise Refused(f"node {template.node} is not there or not online; there are {', '.join(online)}")
    return template.node


def _check_storages(session: Session, template: Template, node: str, *, contents: bool) -> None:
    """Whether the storages are there, and hold what they are to hold: told with the way out before anything is made."""
    entries = session.get(f"nodes/{node}/storage", enabled=True)
    held = {str(entry["storage"]): str(entry.get("content", "")).split(",") for entry in entries}
    for storage, content in ((template.image_storage, "import"), (template.storage, "images")):
        if storage not in held:
            there = ", ".join(sorted(held)) or "none that the account may see"
            raise Refused(f"{node} has no storage {storage}; there are {there}")
        if contents and content not in held[storage]:
            more = ",".join([*(part for part in held[storage] if part), content])
            raise Refused(f"storage {storage} does not hold {content}: pvesm set {storage} --content {more}")


def _has_image(session: Session, template: Template, node: str) -> bool:
    try:
        entries = session.get(f"nodes/{node}/storage/{template.image_storage}/content", content="import")
    except Refused:
        # The storage takes no images; that is told where one is needed.
        return False
    return any(entry.get("volid") == template.volume for entry in entries)


def _go_on(work: Work, template: Template, place: Place) -> None:
    """The next step from what is there."""
    session, vm = work.session, place.vm
    if vm and vm.lock in BEING_MADE:
        work.unlocked(vm)
    elif vm and vm.name == template.name and _complete(vm, template):
        try:
            work.run("converting to a template", lambda: session.post(f"nodes/{vm.node}/qemu/{vm.vmid}/template"))
        except (Refused, TaskFailed) as error:
            if "template" not in str(error):
                raise
            # Another run was faster, which the next look shows.
            current = live.with_state(session, vm)
            if not (current and current.template):
                raise
    elif vm:
        work.telling.say(f"VM {vm.vmid} was left half made; making it anew")
        _remove(work, vm)
    elif not place.image:
        work.run(f"downloading {template.file}", partial(_download, session, template, place.node))
    else:
        work.run(f"importing {template.file}", lambda: session.post(f"nodes/{place.node}/qemu", **template.config()))


def _complete(vm: LiveVm, template: Template) -> bool:
    made = {key: str(vm.config.get(key, "")) for key in ("scsi0", "ide2", "net0", "description")}
    return bool(made["scsi0"] and made["ide2"] and made["net0"]) and made["description"].startswith(
        template.description
    )


def _download(session: Session, template: Template, node: str) -> Any:
    parameters = {
        "content": "import",
        "filename": template.file,
        "url": template.url,
        "checksum": template.checksum,
        "checksum-algorithm": template.checksum_algorithm,
    }
    return session.post(f"nodes/{node}/storage/{template.image_storage}/download-url", **parameters)


def _remove(work: Work, vm: LiveVm) -> None:
    path = f"nodes/{vm.node}/qemu/{vm.vmid}"
    try:
        work.run(f"removing {vm.vmid}", partial(_gone, work.session, path, purge=True))
    except OutcomeUnknown:
        work.settled(vm.node, vm.vmid)
        if live.with_state(work.session, vm):
            raise


def _gone(session: Session, path: str, **parameters: Any) -> Any:
    try:
        return session.delete(path, **parameters)
    except NotThere:
        return None


def _idle(work: Work, node: str) -> None:
    """Wait until no download runs on the node."""
    work.settled(node, None, "download")


def _left_alone(template: Template, first: Place, place: Place, work: Work) -> Outcome:
    vm = place.vm
    if vm is None:
        raise ProxmoxError(f"template {template.name} is not there")
    if not (first.vm and first.vm.template):
        message = f"template {template.name} was made as {vm.vmid} on {vm.node}"
        warned = tuple(work.warnings)
        return Outcome(True, message, vm.vmid, vm.node, first.lines, _after(template), warned)
    told = list(differences(template, vm.config))
    if template.pool and vm.pool != template.pool:
        told.append(f"it is in {f'pool {vm.pool}' if vm.pool else 'no pool'}, not in {template.pool}")
    way_out = f"template {vm.vmid} is left as it is, and differs: {'; '.join(told)}; remove it to have it made anew"
    return Outcome(False, f"template {template.name} is there", vm.vmid, vm.node, warnings=(way_out,) if told else ())


def _after(template: Template) -> tuple[str, ...]:
    config = {key: value for key, value in template.config().items() if key not in ("vmid", "name")}
    return (f"template {template.vmid} ({template.name})", *(f"  {key}: {value}" for key, value in config.items()))
