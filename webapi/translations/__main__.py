"""`python -m webapi.translations`: extract, update and compile the catalogues."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).resolve().parents[1]
HERE = PACKAGE / "translations"
METHODS = [("pages/templates/**.html", "jinja2"), ("**.py", "python")]
# The templates' blocks are trimmed as the app does it; a text must not depend on that.
OPTIONS = {"pages/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
WIDTH = 110


def extracted() -> Catalog:
    """What the code and the templates say, in English."""
    catalog = Catalog(project="AutoLabs", fuzzy=False)
    for name, _line, text, comments, context in extract_from_dir(
        PACKAGE, METHODS, OPTIONS, keywords={"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
    ):
        # Without line numbers: they would change with every edit, and no text with them.
        catalog.add(text, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def catalogues() -> list[Path]:
    """The catalogue of each language."""
    return sorted(HERE.glob("*/LC_MESSAGES/messages.po"))


def read(path: Path) -> Catalog:
    """A catalogue as people edit it."""
    with open(path, "rb") as stream:
        return read_po(stream, locale=path.parents[1].name, ignore_obsolete=True)


def main() -> None:
    """Bring every catalogue up to date."""
    template = extracted()
    for path in catalogues():
        catalog = read(path)
        catalog.update(template, no_fuzzy_matching=True)
        with open(path, "wb") as stream:
            write_po(stream, catalog, width=WIDTH, omit_header=False, include_lineno=False, ignore_obsolete=True)
        with open(path.with_suffix(".mo"), "wb") as stream:
            write_mo(stream, catalog)
        empty = [message.id for message in catalog if message.id and not is_complete(message.string)]
        print(f"{path.relative_to(PACKAGE)}: {len(catalog)} texts, {len(empty)} to translate")


def is_complete(string: Collection[str] | None) -> bool:
    """Whether there is a translation for every number."""
    return isinstance(string, Collection) and bool(string) and all(string)


if __name__ == "__main__":
    main()
