"""Credentials of one instance: made once, kept in its Secret, never in a result."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ansible_collections.autolabs.platform.plugins.module_utils.kube.resources import Manifest

# ansible-core needs cryptography to run, but its documentation tools load filters without it.
with contextlib.suppress(ImportError):
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSWORD_ENTRY = "password"
MEMBER_ENTRY = f"{PASSWORD_ENTRY}."
"""What the entry of a group's member begins with; their id follows."""
HOST_KEY_ENTRY = "ssh_host_ed25519_key"

# No letter or digit that is mistaken for another in print or on a projector.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
GROUPS, GROUP_LENGTH = 4, 4


@dataclass(frozen=True)
class Credentials:
    """How one instance is entered. The values never show in a representation."""

    password: str = field(repr=False)
    host_key: str = field(repr=False)
    """The sshd's private key, in OpenSSH's format."""
    members: dict[str, str] = field(default_factory=dict, repr=False)
    """The password of each member of a group, by the member's id, where each has an account."""

    @classmethod
    def generate(cls) -> Credentials:
        """New ones: a password of 80 random bits in four groups, and an Ed25519 key."""
        key = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        return cls(_new_password(), key.decode())

    @classmethod
    def from_secret(cls, secret: Manifest) -> Credentials | None:
        """Those that a live Secret holds; None where an entry is missing or cannot be read."""
        data = secret.get("data") or {}
        members = {name.removeprefix(MEMBER_ENTRY): name for name in data if name.startswith(MEMBER_ENTRY)}
        try:
            password, host_key = _decoded(data[PASSWORD_ENTRY]), _decoded(data[HOST_KEY_ENTRY])
            found = cls(password, host_key, {member: _decoded(data[name]) for member, name in members.items()})
            return found if password and found.fingerprint else None
        except (KeyError, TypeError, ValueError, UnsupportedAlgorithm, binascii.Error):
            return None

    def for_members(self, members: Iterable[str]) -> Credentials:
        """The same with a password for each of these members and nobody else; a member keeps the one that is there."""
        return replace(self, members={member: self.members.get(member) or _new_password() for member in members})

    @property
    def secret_data(self) -> dict[str, str]:
        """The `data` of the Secret."""
        members = {MEMBER_ENTRY + member: password for member, password in self.members.items()}
        return encoded({PASSWORD_ENTRY: self.password, HOST_KEY_ENTRY: self.host_key, **members})

    @property
    def fingerprint(self) -> str:
        """Of the host key, as `ssh` and `ssh-keygen -l` print it: `SHA256:` and 43 characters."""
        digest = hashlib.sha256(base64.b64decode(self.public_key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def public_key(self) -> str:
        """The host's public key as a known_hosts line holds it after the host's name: `ssh-ed25519 AAAA…`."""
        key = serialization.load_ssh_private_key(self.host_key.encode(), None)
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return public.decode()


def encoded(entries: dict[str, str]) -> dict[str, str]:
    """Entries as the `data` of a Secret holds them."""
    return {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}


def _decoded(entry: str) -> str:
    return base64.b64decode(entry).decode()


def _new_password() -> str:
    letters = [secrets.choice(ALPHABET) for _position in range(GROUPS * GROUP_LENGTH)]
    return "-".join("".join(letters[at : at + GROUP_LENGTH]) for at in range(0, len(letters), GROUP_LENGTH))
