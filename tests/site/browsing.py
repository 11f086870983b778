"""A teacher at a browser: Debian's Chromium, driven by Playwright, with what every page must hold."""

from __future__ import annotations

import gettext
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, expect, sync_playwright
from testbed import packages
from testbed.paths import REPOSITORY

PACKAGES = ("chromium", "fonts-inter", "fonts-noto-core", "fonts-noto-mono")
PICTURES = REPOSITORY / "build/screenshots"
SERIOUS = ("serious", "critical")
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PROJECTOR = {"width": 1920, "height": 1080}


@dataclass
class Teacher:
    """One page of a browser, and what went wrong in it that a teacher would not see."""

    page: Page
    url: str
    language: str = "en"
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(f"{self.url}{path}")

    def words(self, text: str) -> str:
        """A text of the pages in the teacher's language."""
        folder = REPOSITORY / "webapi/translations"
        return gettext.translation("messages", folder, [self.language], fallback=self.language == "en").gettext(text)

    def press(self, name: str, more: str = "") -> None:
        """Press a button or follow a link, by what a screen reader calls it in English; `more` is the same in all."""
        page, called = self.page, f"{self.words(name)} {more}".strip()
        button = page.get_by_role("button", name=called, exact=True)
        button.or_(page.get_by_role("link", name=called, exact=True)).click()

    def fill(self, **fields: str) -> None:
        """Write into fields, by their names in the form."""
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").fill(value)

    def add_lab(self, config: str) -> None:
        """Store a lab."""
        self.open("/new-lab")
        self.fill(config=config)
        self.press("Store")

    def sees(self, text: str, seconds: float = 10) -> None:
        """Wait for a text, given in English, that can be seen."""
        expect(self.page.get_by_text(self.words(text)).locator("visible=true").first).to_be_visible(
            timeout=seconds * 1000
        )

    def ended(self, seconds: float = 90) -> None:
        """Wait until the run that the page follows has ended, as the page tells it."""
        expect(self.page.locator("#live:not([data-events])")).to_have_count(1, timeout=seconds * 1000)

    def states(self, state: str, number: int, seconds: float = 90) -> None:
        """Wait until so many students have this state on the page."""
        expect(self.page.locator(f".student.is-{state}")).to_have_count(number, timeout=seconds * 1000)

    def looks_at(self, name: str) -> None:
        """Keep a picture of the whole page, and look for barriers: axe may find nothing serious."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        found = Axe().run(self.page).response["violations"]
        bad = [f"{one['id']} ({one['impact']}): {_places(one)}" for one in found if one["impact"] in SERIOUS]
        assert not bad, f"{name}: {bad}"


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium, installed where it is missing."""
    packages.ensure(PACKAGES)
    with sync_playwright() as playwright:
        # The sandbox needs a user who is not root, and pages of this machine need no proxy.
        arguments = ["--no-sandbox", "--no-proxy-server", "--force-color-profile=srgb"]
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def teacher(started: Browser, url: str, language: str = "en", **context: Any) -> Iterator[Teacher]:
    """A teacher with a fresh browser window; ends with an error where the page had one."""
    settings = {"viewport": DESK, "locale": language, **context}
    window = started.new_context(**settings)
    window.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    made = Teacher(window.new_page(), url, language)
    _watch(made)
    try:
        yield made
    finally:
        window.close()
    assert made.wrong == []


def _watch(at: Teacher) -> None:
    def dialog(found: Dialog) -> None:
        at.wrong.append(f"a dialog: {found.message}")
        found.dismiss()

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            at.wrong.append(message.text)

    at.page.on("dialog", dialog)
    at.page.on("console", said)
    at.page.on("pageerror", lambda error: at.wrong.append(f"a script failed: {error}"))


def _places(violation: dict[str, Any]) -> Sequence[str]:
    return [" ".join(map(str, node["target"])) for node in violation["nodes"]]
