"""Text from the bytes of an uploaded or stored file."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem

DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What sets the direction of writing: with it, a text can read otherwise than it is."""


def decoded(content: bytes, file: str) -> str:
    """UTF-8 with or without a byte order mark, or UTF-16 with one, as spreadsheets save. Raises InvalidInput."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "the file is not in UTF-8; save it again as UTF-8 (in a spreadsheet: CSV UTF-8)"
        raise InvalidInput([Problem(file, line, "", message)]) from None
