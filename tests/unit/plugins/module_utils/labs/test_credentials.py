"""Credentials: made once, kept when readable, never shown."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.autolabs.platform.plugins.module_utils.labs.credentials import Credentials


def test_each_is_new_and_easy_to_read() -> None:
    made = [Credentials.generate() for _ in range(50)]
    assert len({one.password for one in made}) == len({one.host_key for one in made}) == 50
    for one in made:
        assert [len(group) for group in one.password.split("-")] == [4, 4, 4, 4]
        assert not set(one.password) & set("0O1lI")


def test_a_secret_gives_back_what_it_was_made_of() -> None:
    made = Credentials.generate()
    assert Credentials.from_secret({"data": made.secret_data}) == made


def test_a_secret_that_lacks_something_or_was_damaged_gives_nothing() -> None:
    data = Credentials.generate().secret_data
    assert Credentials.from_secret({}) is None
    assert Credentials.from_secret({"data": {**data, "password": ""}}) is None
    assert Credentials.from_secret({"data": {**data, "ssh_host_ed25519_key": "bm8ga2V5"}}) is None
    assert Credentials.from_secret({"data": {"password": data["password"]}}) is None


def test_each_member_of_a_group_has_a_password_and_keeps_it() -> None:
    first = Credentials.generate().for_members(["anna", "bob"])
    assert len({first.password, *first.members.values()}) == 3
    assert Credentials.from_secret({"data": first.secret_data}) == first
    then = first.for_members(["bob", "clara"])
    assert then.members.keys() == {"bob", "clara"}
    assert then.members["bob"] == first.members["bob"]
    assert then.host_key == first.host_key
    assert not [name for name in then.secret_data if "anna" in name]


def test_a_members_password_that_is_empty_is_made_again_and_nobody_elses() -> None:
    made = Credentials.generate().for_members(["anna", "bob"])
    found = Credentials.from_secret({"data": {**made.secret_data, "password.bob": ""}})
    assert found
    again = found.for_members(["anna", "bob"])
    assert again.members["anna"] == made.members["anna"]
    assert again.members["bob"] not in ("", made.members["bob"])


def test_the_fingerprint_is_what_ssh_keygen_prints(tmp_path: Path) -> None:
    made = Credentials.generate()
    public = tmp_path / "key.pub"
    public.write_text(made.public_key + "\n")
    printed = subprocess.run(["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True).stdout
    assert printed.split()[1] == made.fingerprint


def test_no_representation_shows_them() -> None:
    made = Credentials.generate()
    group = made.for_members(["anna"])
    assert made.password not in repr(group) and "PRIVATE" not in repr(group)
    assert group.members["anna"] not in repr(group)
