"""A cloud image becomes a template once, whatever was left half made, and nothing else is touched."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import template
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError, Refused, TaskFailed
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.image import MARK, Template
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.template import Outcome

from .conftest import QUICK, Site

IMAGE = b"QFI\xfb" + b"\0\0\0\x03" + b"\0" * 16 + (1 << 30).to_bytes(8, "big") + b"\0" * 480
VMID = 9100


class _Images(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def wanted() -> Iterator[Template]:
    """A template of an image that is served nearby."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Images)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/debian-13.qcow2"
    yield Template("debian-13", VMID, url=url, checksum=hashlib.sha256(IMAGE).hexdigest())
    server.shutdown()
    thread.join()
    server.server_close()


def present(site: Site, wanted: Template, **more: bool) -> Outcome:
    return template.present(site.session(), wanted, replace(QUICK, **more), site.told.append)  # type: ignore[arg-type]


def is_template(site: Site) -> bool:
    return str(site.config(VMID).get("template")) == "1"


def test_an_image_is_downloaded_imported_and_converted(site: Site, wanted: Template) -> None:
    with site.requests() as sent:
        made = present(site, wanted)
    assert (made.changed, made.message) == (True, "template debian-13 was made as 9100 on pve-1")
    assert sent == [
        "POST /nodes/pve-1/storage/local/download-url",
        "POST /nodes/pve-1/qemu",
        f"POST /nodes/pve-1/qemu/{VMID}/template",
    ]
    config = site.config(VMID)
    assert is_template(site) and "cloudinit" in config["ide2"] and config["boot"] == "order=scsi0"
    assert (config["scsihw"], config["vga"], config["serial0"]) == ("virtio-scsi-single", "serial0", "socket")


def test_the_second_run_changes_nothing(site: Site, wanted: Template) -> None:
    present(site, wanted)
    with site.requests() as sent:
        again = present(site, wanted)
    assert (again.changed, again.warnings, sent) == (False, (), [])


def test_check_mode_tells_what_would_be_made_and_sends_nothing(site: Site, wanted: Template) -> None:
    with site.requests() as sent:
        foreseen = present(site, wanted, check_mode=True)
    assert (foreseen.changed, sent) == (True, [])
    assert foreseen.before == () and "template 9100 (debian-13)" in foreseen.after


def test_a_template_that_is_there_is_left_alone_and_what_differs_is_told(site: Site, wanted: Template) -> None:
    present(site, wanted)
    with site.requests() as sent:
        other = present(site, replace(wanted, memory=4096, checksum="0" * 64))
    assert (other.changed, sent) == (False, [])
    assert "memory is 1024, not 4096" in other.warnings[0] and "it was not made from" in other.warnings[0]


def test_a_vm_with_that_id_is_refused(site: Site, wanted: Template) -> None:
    site.admin.wait(site.admin.post("nodes/pve-1/qemu", vmid=VMID, name="somebodys"))
    with (
        site.requests() as sent,
        pytest.raises(Refused, match="belongs to VM somebodys on pve-1, which is no template"),
    ):
        present(site, wanted)
    assert sent == []


def test_a_clone_of_ours_with_that_id_is_refused_though_it_inherited_the_mark(site: Site, wanted: Template) -> None:
    present(site, wanted)
    (clone,) = site.run({"name": "k8s-vm", "node": "pve-1", "template": VMID, "vmid": 130, "state": "stopped"})
    assert clone.failure == "" and site.config(130)["description"].startswith(MARK)
    pointed = replace(wanted, vmid=130, name="debian-14")
    with site.requests() as sent:
        for bring in (template.present, template.absent):
            with pytest.raises(Refused, match="belongs to VM k8s-vm on pve-1, which is no template"):
                bring(site.session(), pointed, QUICK, site.told.append)
    assert sent == [] and 130 in site.vms()


def test_a_vm_that_another_makes_with_that_id_is_waited_for_and_not_removed(site: Site, wanted: Template) -> None:
    site.engine.seconds["qmclone"] = 0.3
    site.admin.post("nodes/pve-1/qemu/9000/clone", newid=VMID, name="somebodys", full=True)
    with pytest.raises(Refused, match="belongs to VM somebodys"):
        template.absent(site.session(), wanted, QUICK, site.told.append)
    assert site.vms() == {VMID: "somebodys"}


def test_a_template_is_made_in_its_pool_and_made_anew_by_rights_on_the_pool(site: Site, wanted: Template) -> None:
    pooled = replace(wanted, pool="autolabs")
    present(site, pooled)
    session = site.by_pool()
    assert template.absent(session, replace(pooled, url=""), QUICK, site.told.append).changed
    assert template.present(session, pooled, QUICK, site.told.append).changed
    assert VMID in [member["vmid"] for member in site.admin.get("pools/autolabs")["members"]]
    assert present(site, pooled).warnings == ()
    (told,) = present(site, replace(wanted, pool="other")).warnings
    assert "it is in pool autolabs, not in other" in told


def test_another_template_with_that_id_or_that_name_is_refused(site: Site, wanted: Template) -> None:
    with pytest.raises(Refused, match="belongs to template debian-12"):
        present(site, replace(wanted, vmid=9000))
    with pytest.raises(Refused, match="is there already, as 9000"):
        present(site, replace(wanted, name="debian-12"))


def test_a_half_made_template_is_completed(site: Site, wanted: Template) -> None:
    site.fault("task", task="qmtemplate", failure="interrupted by signal")
    with pytest.raises(TaskFailed, match="interrupted by signal"):
        present(site, wanted)
    with site.requests() as sent:
        assert present(site, wanted).changed
    assert sent == [f"POST /nodes/pve-1/qemu/{VMID}/template"]
    assert is_template(site)


def test_a_template_that_was_left_without_a_disk_is_made_anew(site: Site, wanted: Template) -> None:
    site.admin.wait(site.admin.post("nodes/pve-1/qemu", vmid=VMID, name=wanted.name, description=wanted.description))
    assert present(site, wanted).changed
    assert is_template(site) and "scsi0" in site.config(VMID)


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("path", ["*/download-url", "*/qemu", "*/template"])
def test_a_lost_answer_is_looked_into(site: Site, wanted: Template, path: str, after: bool) -> None:
    site.fault("answer", method="POST", path=path, after=after)
    assert present(site, wanted).changed
    assert is_template(site)


def test_two_runs_at_once_make_one_template(site: Site, wanted: Template) -> None:
    site.engine.seconds |= {"qmcreate": 0.2, "download": 0.1}
    found: list[Outcome | ProxmoxError] = []

    def run() -> None:
        try:
            found.append(present(site, wanted))
        except ProxmoxError as error:
            found.append(error)

    runs = [threading.Thread(target=run) for _number in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert [one.__class__ for one in found] == [Outcome, Outcome], found
    assert is_template(site)


def test_a_wrong_checksum_makes_nothing(site: Site, wanted: Template) -> None:
    with pytest.raises(TaskFailed, match="checksum"):
        present(site, replace(wanted, checksum="0" * 64))
    assert VMID not in site.vms()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"image_storage": "local-lvm"}, "storage local-lvm does not hold import: pvesm set local-lvm --content"),
        ({"storage": "nowhere"}, "pve-1 has no storage nowhere; there are local"),
        ({"node": "pve-9"}, "node pve-9 is not there or not online; there are pve-1"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_made(
    site: Site, wanted: Template, changes: dict[str, str], told: str
) -> None:
    with site.requests() as sent, pytest.raises(Refused, match=told):
        present(site, replace(wanted, **changes))  # type: ignore[arg-type]
    assert sent == []


def test_an_absent_template_is_removed_with_its_image_once(site: Site, wanted: Template) -> None:
    present(site, wanted)
    gone = template.absent(site.session(), wanted, QUICK, site.told.append)
    assert gone.changed and gone.before == ("template 9100 (debian-13)", f"image {wanted.volume}")
    assert site.admin.get("nodes/pve-1/storage/local/content", content="import") == []
    assert not template.absent(site.session(), wanted, QUICK, site.told.append).changed
