"""The one shape of lab files that differs from those of all documents: a value may hold no variables of Compose."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.autolabs.platform.plugins.module_utils.documents import shapes
from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import Scalar
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong


@dataclass(frozen=True)
class Word(shapes.Word):
    """A single value, made from its text by `parse`, which raises Wrong."""

    def text(self, node: Scalar) -> str:
        """See the base class."""
        return literal(node.text)


def literal(text: str) -> str:
    """`text` with Compose's `$$` as `$`. Raises Wrong for its variables."""
    if "$" in text.replace("$$", ""):
        raise Wrong(
            "variables ($NAME, ${NAME}) have no value here; write the value itself, or $$ for a dollar sign",
            text.replace("$$", "$").replace("$", "$$") if len(text) <= 80 and "\n" not in text else "$$HOME",
        )
    return text.replace("$$", "$")
