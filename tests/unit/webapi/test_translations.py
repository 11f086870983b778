"""Every text is in every language, and no text is forgotten."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from unit.webapi.front import LAB, Front

import webapi
from webapi.pages import engine_words
from webapi.translations import __main__ as translations

CATALOGUES = translations.catalogues()
TEMPLATES = sorted((Path(webapi.__file__).parent / "pages" / "templates").glob("*.html"))
# The name of the product is the same everywhere.
NO_WORDS = re.compile(r"AutoLabs|[^A-Za-zА-Яа-я]+")
SHOWN_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title", "data-copied"}
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.parents[1].name)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    """Each catalogue."""
    return translations.read(request.param)


def test_there_is_a_catalogue_for_each_language_but_that_of_the_code() -> None:
    assert [path.parents[1].name for path in CATALOGUES] == ["ru"]


def test_no_translation_is_missing_or_fuzzy(catalog: Catalog) -> None:
    assert [m.id for m in catalog if m.id and (m.fuzzy or not translations.is_complete(m.string))] == []


def test_a_catalogue_holds_the_texts_of_the_code_and_no_others(catalog: Catalog) -> None:
    wanted = {message.id for message in translations.extracted()}
    assert {message.id for message in catalog} ^ wanted == set()


def test_a_translation_has_the_places_of_its_text(catalog: Catalog) -> None:
    broken = []
    for message in catalog:
        for form in [message.string] if isinstance(message.string, str) else message.string or ():
            texts = [message.id] if isinstance(message.id, str) else message.id
            if message.id and places(form) != places(texts[-1]):
                broken.append(form)
    assert broken == []


def places(text: str) -> list[str]:
    """What is filled into a text."""
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parents[1].name)
def test_the_compiled_catalogue_is_fresh(path: Path) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, translations.read(path))
    assert path.with_suffix(".mo").read_bytes() == compiled.getvalue(), "run python -m webapi.translations"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


def test_an_unmarked_text_is_found() -> None:
    found = unmarked('<p title="A title">{{ _("marked") }} forgotten</p><code>{# no #}</code>')
    assert found == ["A title", "forgotten"]


def unmarked(template: str) -> list[str]:
    """Texts of a template that are neither marked nor names."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data.strip())

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attributes if name in SHOWN_ATTRIBUTES)

    Reader().feed(JINJA.sub(" ", template))
    return [text for text in found if NO_WORDS.sub("", text)]


def test_a_sentence_of_the_engine_is_translated_with_what_varies(tmp_path: Path) -> None:
    app = Front(tmp_path).app
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        sentence = "not ready after 300 s: the program of db ends again and again (last exit status 1)"
        told = "не готов за 300 с: программа db завершается снова и снова (последний код завершения 1)"
        assert engine_words.told(sentence) == told
        assert engine_words.told("<b>new</b>") == '<span lang="en">&lt;b&gt;new&lt;/b&gt;</span>'
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert engine_words.told(sentence) == sentence


@pytest.mark.parametrize(
    "address", ["/", "/labs/linux", "/new-lab", "/labs/linux/start", "/runs", "/labs/linux/delete"]
)
def test_a_russian_page_has_no_english_sentence(address: str, tmp_path: Path) -> None:
    front = Front(tmp_path)
    front.library.add(LAB.replace("text: Make a folder `work`.", "text: {en: Make, ru: Создайте}"))
    page = front.client("ru").get(address).text
    shown = re.sub(r"<(textarea|pre|script|code)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert re.findall(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}\b", shown) == []
