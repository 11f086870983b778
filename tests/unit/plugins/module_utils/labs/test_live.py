"""What the cluster holds of a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.kube.session import Session
from ansible_collections.autolabs.platform.plugins.module_utils.labs.live import CLASS_KINDS, key_of, read
from unit.support.api_server import serving
from unit.support.classes import LAB, class_of, live_with, manifests

BOTH = class_of("anna", "boris")


def test_one_list_a_kind_finds_the_class_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, kubeconfig):
        others = (class_of("anna", class_id="2"), class_of("anna", lab=replace(LAB, id="124")))
        for lab_class in (BOTH, *others):
            for manifest in manifests(lab_class):
                server.put(manifest)
        live = read(Session(kubeconfig), "labs", "123", "1")
        assert live.objects.keys() == {key_of(manifest) for manifest in manifests(BOTH)}
        assert len(server.requests) == len(CLASS_KINDS)
        assert server.requests[-1].endswith("/pods")
        assert live.pod_version == max(entry["metadata"]["resourceVersion"] for entry in server.objects.values())


def test_objects_are_told_apart_by_owner_and_those_of_the_class_come_first() -> None:
    found = [(owner, {entry["kind"] for entry in entries}) for owner, entries in live_with(BOTH).by_owner()]
    everything = {"Secret", "PersistentVolumeClaim", "Service", "Pod"}
    assert found == [("", {"NetworkPolicy"}), ("anna", everything), ("boris", everything)]


def test_a_student_and_a_group_of_one_name_are_not_mistaken() -> None:
    of_seven = class_of("7")
    limited = live_with(of_seven).limited_to(frozenset({("group_id", "7")}))
    assert limited.objects == {}
    limited = live_with(of_seven).limited_to(frozenset({("student_id", "7")}))
    assert {kind for kind, _name in limited.objects} == {"Secret", "PersistentVolumeClaim", "Service", "Pod"}


def test_the_newest_state_of_an_object_is_kept() -> None:
    live = live_with(BOTH)
    changed = {**live.all("Pod")[0], "status": {"phase": "Failed"}}
    live.keep(changed)
    assert live.find(*key_of(changed)) == changed
    assert len(live.all("Pod")) == 2
    assert live.find("Pod", "nobody") is None
