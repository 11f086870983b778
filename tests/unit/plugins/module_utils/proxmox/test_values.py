"""What the API writes is read as it is meant, and what is written, the API reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import values
from hypothesis import given
from hypothesis import strategies as st

GIB = 1 << 30

READ: list[tuple[Callable[..., Any], Any, Any]] = [
    (values.size_of, "200G", 200 * GIB),
    (values.size_of, "204800M", 200 * GIB),
    (values.size_of, "209715200K", 200 * GIB),
    (values.size_of, "214748364800", 200 * GIB),
    (values.size_of, 214748364800, 200 * GIB),
    (values.size_of, "0.5T", 512 * GIB),
    (values.size_of, "200GiB", 200 * GIB),
    (values.size_of, "200g", 200 * GIB),
    (values.size_text, 200 * GIB, "200G"),
    (values.size_text, 1024 * GIB, "1024G"),
    (values.size_text, 2252 << 20, "2252M"),
    (values.size_text, 528 << 10, "528K"),
    (values.size_text, 1000, "1000"),
    (values.boolean, 1, True),
    (values.boolean, "on", True),
    (values.boolean, "Yes", True),
    (values.boolean, 0, False),
    (values.boolean, "off", False),
    (values.words, "a, b;c d", ("a", "b", "c", "d")),
    (values.words, "", ()),
    (values.tags, "k8s;Demo,k8s web", ("demo", "k8s", "web")),
    (values.ssh_keys, "ssh-rsa%20A%2BB%2F%3D%20me%0Assh-rsa%20CC%0A", ("ssh-rsa A+B/= me", "ssh-rsa CC")),
    (values.ssh_keys, "ssh-rsa%20A+B", ("ssh-rsa A+B",)),
    (values.written_keys, ["ssh-rsa A+B/= me", "ssh-rsa CC"], "ssh-rsa%20A%2BB%2F%3D%20me%0Assh-rsa%20CC"),
    (values.written_keys, [], ""),
    (values.description, "one\ntwo\n", "one\ntwo"),
    (values.interface, "FD00:0:0::30/64", "fd00::30/64"),
    (values.interface, "dhcp", "dhcp"),
    (values.address, "fd00:0::1", "fd00::1"),
    (values.disk, "local-lvm:vm-1-disk-0,size=3G", {"file": "local-lvm:vm-1-disk-0", "size": "3G"}),
    (values.disk, "size=3G,file=local-lvm:vm-1-disk-0", {"file": "local-lvm:vm-1-disk-0", "size": "3G"}),
    (values.disk, "volume=local-lvm:x", {"file": "local-lvm:x"}),
    (
        values.network,
        "virtio=bc:24:11:00:00:01,bridge=b",
        {"model": "virtio", "macaddr": "BC:24:11:00:00:01", "bridge": "b"},
    ),
    (values.network, "model=e1000,macaddr=BC:24:11:00:00:01", {"model": "e1000", "macaddr": "BC:24:11:00:00:01"}),
    (values.network, "virtio,bridge=b", {"model": "virtio", "bridge": "b"}),
    (values.written_network, {"bridge": "b", "model": "virtio", "macaddr": "AA"}, "virtio=AA,bridge=b"),
    (values.written_network, {"bridge": "b"}, "virtio,bridge=b"),
    (values.written_network, {"model": "virtio"}, "virtio"),
]


@pytest.mark.parametrize(("function", "given_value", "meaning"), READ)
def test_a_value_means(function: Callable[..., Any], given_value: Any, meaning: Any) -> None:
    assert function(given_value) == meaning


@pytest.mark.parametrize("text", ["", "G", "-1G", "12X", "1.2.3G", "a"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as 200G"):
        values.size_of(text)


@pytest.mark.parametrize(
    ("size", "value"), [(32 * GIB, "local-lvm:32"), (GIB // 2, "local-lvm:0.5"), (1536 << 20, "local-lvm:1.5")]
)
def test_a_new_disk_is_asked_for_in_gib(size: int, value: str) -> None:
    assert values.new_disk("local-lvm", size) == value


@given(st.integers(min_value=0, max_value=1 << 50))
def test_a_size_that_is_written_is_read_as_it_was(size: int) -> None:
    assert values.size_of(values.size_text(size)) == size


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).map(str.strip).filter(bool))
)
def test_keys_that_are_written_are_read_as_they_were(keys: list[str]) -> None:
    assert values.ssh_keys(values.written_keys(keys)) == tuple(keys)
