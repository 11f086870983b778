"""Single words of a site are read, or refused with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.site import values


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (values.label, "k8s-vm", "k8s-vm"),
        (values.domain, "Autolabs.Internal.", "autolabs.internal"),
        (values.whole(1, 4094), "4094", 4094),
        (values.bridge, "vmbr0", "vmbr0"),
        (values.storage, "local-lvm", "local-lvm"),
        (values.truth, "True", True),
        (values.checksum, "sha256:" + "A" * 64, "sha256:" + "a" * 64),
        (values.url, "https://images.example/d.qcow2", "https://images.example/d.qcow2"),
    ],
)
def test_a_word_is_read(parse: Callable[[str], Any], text: str, expected: Any) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (values.label, "k8s_vm", "is no DNS label"),
        (values.label, "a" * 64, "longer than the 63 characters"),
        (values.domain, "autolabs.local", "multicast DNS"),
        (values.domain, "autolabs", "single label"),
        (values.domain, "-.internal", "its part '-'"),
        (values.network, "192.168.300.0/24", "is not an address range"),
        (values.networks, "10.244.0.0/16,fd00::1/48", "names a host"),
        (values.address, "192.168.100.256", "is not an address"),
        (values.whole(1, 4094), "4095", "from 1 to 4094"),
        (values.whole(0, 9, "GiB"), "5G", "GiB"),
        (values.bridge, "a-bridge-of-mine", "name of a bridge"),
        (values.storage, "9", "name of a storage"),
        (values.truth, "perhaps", "neither true nor false"),
        (values.url, "images.example/d.qcow2", "is no URL"),
        (values.checksum, "0" * 64, "does not name its algorithm"),
        (values.checksum, "sha512:" + "0" * 64, "has 128 hexadecimal digits"),
    ],
)
def test_a_word_that_cannot_be_is_refused(parse: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(Wrong, match=message):
        parse(text)


def test_two_families_are_written_with_a_comma() -> None:
    assert list(map(str, values.networks("10.244.0.0/16, fd00::/48"))) == ["10.244.0.0/16", "fd00::/48"]
