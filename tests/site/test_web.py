"""A teacher at the web form, on the real cluster: from the roster to ssh, and to the end of the class."""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import DESK, PHONE, PICTURES, PROJECTOR, Teacher, browser, teacher
from playwright.sync_api import Browser, expect
from running import Site, wait_until_open
from testbed.paths import REPOSITORY
from web_app import WebApp, serving

BASICS = (REPOSITORY / "docs/labs/linux-basics.yml").read_text()
ROSTER = "id,name\nanna,Анна Иванова\nboris,Boris Petrov\nwei,Zhang Wei\n"


def basics(name: str) -> str:
    """The first lab of the documentation, under another name."""
    return BASICS.replace("name: linux-basics", f"name: {name}")


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[WebApp]:
    with serving(site, "web-test") as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def login(command: str, password: str, fingerprint: str, folder: Path) -> str:
    """What the shell behind a copied ssh command says; checks the fingerprint that was shown as a student would."""
    program, *words = shlex.split(command)
    port, host = words[1], words[2].partition("@")[2]
    wait_until_open({"host": host, "port": int(port), "address": command})
    known, asking = folder / "known_hosts", folder / "askpass"
    asking.write_text('#!/bin/sh\nprintf "%s\\n" "$STUDENT_PASSWORD"\n')
    asking.chmod(0o700)
    options = ["StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null"]
    options += ["PreferredAuthentications=password", "NumberOfPasswordPrompts=1", "ConnectTimeout=10"]
    done = subprocess.run(
        [program, "-F", "none", *(f"-o{option}" for option in options), *words, "whoami; echo $AUTOLABS_STUDENT_ID"],
        env={**os.environ, "SSH_ASKPASS": str(asking), "SSH_ASKPASS_REQUIRE": "force", "STUDENT_PASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(["ssh-keygen", "-lf", known], capture_output=True, text=True, check=True, timeout=10).stdout
    assert fingerprint in shown
    return done.stdout


def start_class(at: Teacher, lab: str, class_id: str, roster: str = ROSTER) -> None:
    """Fill the form in and send it."""
    at.open(f"/labs/{lab}/start")
    at.fill(roster=roster, class_id=class_id)
    at.press("Start the class")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_class_from_its_start_to_its_end(web: WebApp, chromium: Browser, language: str, tmp_path: Path) -> None:
    lab = f"web-story-{language}"
    with teacher(chromium, web.url, language) as at:
        at.add_lab(basics(lab))
        at.sees("Nobody has started this lab yet.")
        at.press("Start a class")
        at.fill(roster=ROSTER, class_id="101")
        at.looks_at(f"start-{language}")
        at.press("Start the class")
        born = at.page.evaluate("performance.timeOrigin")
        at.states("starting", 3)
        at.looks_at(f"class-starting-{language}")
        at.states("ready", 3)
        at.ended()
        assert at.page.evaluate("performance.timeOrigin") == born, "the page was loaded again"
        at.looks_at(f"class-ready-{language}")

        at.press("Copy", "Boris Petrov")
        command = at.page.evaluate("navigator.clipboard.readText()")
        at.press("Show the passwords")
        at.sees("You see this once")
        slip = at.page.locator(".slip").filter(has_text="Boris Petrov")
        password = slip.locator(".secret").inner_text()
        fingerprint = slip.locator(".fingerprint").inner_text()
        assert command in slip.inner_text()
        saved = str(at.page.locator("a[download]").get_attribute("href"))
        assert password in base64.b64decode(saved.partition("base64,")[2]).decode()
        assert login(command, password, fingerprint, tmp_path).split() == ["student", "boris"]

        at.open(f"/labs/{lab}/classes/101")
        assert at.page.get_by_role("button", name=at.words("Show the passwords")).count() == 0
        assert password not in at.page.content()

        for word, button, state in (("Stop…", "Stop the class", "stopped"), ("Delete…", "Delete the class", "absent")):
            at.press(word)
            at.looks_at(f"class-{state}-asked-{language}")
            at.press(button)
            at.states(state, 3)
            at.ended()
            at.looks_at(f"class-{state}-{language}")
    assert web.site.objects("pods,services,secrets", "labs", f"lab_id={lab}") == []


def test_the_passwords_are_shown_once_and_again_after_another_start(web: WebApp, chromium: Browser) -> None:
    with teacher(chromium, web.url) as at:
        at.add_lab(basics("web-once"))
        start_class(at, "web-once", "1", "anna\n")
        at.states("ready", 1)
        at.ended()
        at.press("Show the passwords")
        at.page.locator(".secret").evaluate("(element) => { element.textContent = 'kite-lamp-07' }")
        at.looks_at("credentials")
        at.page.emulate_media(media="print")
        at.page.screenshot(path=PICTURES / "credentials-printed.png", full_page=True)
        at.page.emulate_media(media="screen")
        at.page.reload()
        at.sees("The passwords were shown already")
        at.looks_at("credentials-shown")
        at.press("Back to the class")
        at.press("Start again")
        at.press("Start the class")
        at.states("ready", 1)
        at.sees("The passwords are ready", 60)


def test_a_check_says_for_how_many_there_is_room(web: WebApp, chromium: Browser) -> None:
    large = basics("web-large").replace(
        "    volumes:\n", "    deploy: {resources: {reservations: {cpus: '0.2'}}}\n    volumes:\n", 1
    )
    with teacher(chromium, web.url) as at:
        at.add_lab(large)
        at.open("/labs/web-large/start")
        at.fill(roster="".join(f"s{number:02}\n" for number in range(30)), class_id="1")
        at.press("Check whether it fits")
        at.ended(60)
        room = re.compile(r"\d+ of 30 fit: CPU short by [0-9.]+ cores? on the lab nodes")
        expect(at.page.locator(".count")).to_have_text(room)
        at.looks_at("check-too-large")
        at.press("Change something")
        at.page.locator("#admit").check()
        at.press("Check whether it fits")
        at.ended(60)
        expect(at.page.locator(".count")).to_have_text(room)
        at.page.get_by_role("button", name="Русский").click()
        expect(at.page.locator(".count")).to_have_text(re.compile(r"Поместится \d+ из 30: не хватает"))
        at.looks_at("check-too-large-ru")
    assert web.site.objects("pods,services,secrets", "labs", "lab_id=web-large") == []


WRONG = {"roster": "id,name\nanna,Anna\nanna,Anna again\nboris petrov,Boris\n", "class_id": "Class A"}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "language": "ru"},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
    "projector": {"viewport": PROJECTOR},
}


@pytest.fixture(scope="module")
def well_used(web: WebApp) -> str:
    """A lab with a class of twelve, among others; its id."""
    for path in sorted((REPOSITORY / "docs/labs").glob("*.yml")):
        web.ask("POST", "/api/v1/labs", path.read_text())
    web.done("POST", "/api/v1/labs", basics("web-twelve"))
    names = "Анна Boris Вэй Dmitri Eva Fyodor Galina Hugo Irina Jan Klara Lev".split()
    students = [{"id": f"s{number:02}", "name": name} for number, name in enumerate(names)]
    begun = web.done("POST", "/api/v1/labs/web-twelve/classes", {"students": students, "class_id": "7b"})
    assert web.wait(begun["run"])["state"] == "succeeded"
    return "web-twelve"


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_without_barriers_and_fits(web: WebApp, chromium: Browser, well_used: str, look: str) -> None:
    start, here = f"/labs/{well_used}/start", f"/labs/{well_used}/classes/7b"
    pages = {"labs": "/", "lab": f"/labs/{well_used}", "new": "/new-lab", "start": start, "class": here}
    pages |= {"board": f"{here}?view=board", "stop": f"{here}/stop", "delete": f"{here}/delete", "runs": "/runs"}
    pages |= {"several": "/labs/sql-basics", "delete-lab": f"/labs/{well_used}/delete", "missing": "/labs/nowhere"}
    pages |= {"run": f"/runs/{web.store.find(well_used)[0].id}", "edit": f"/labs/{well_used}/edit"}
    with teacher(chromium, web.url, **LOOKS[look]) as at:

        def look_at(name: str) -> None:
            at.looks_at(f"{name}-{look}")
            assert at.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"

        for name, path in pages.items():
            at.open(path)
            look_at(name)
        at.open(start)
        at.fill(**WRONG)
        at.press("Start the class")
        look_at("start-wrong")
        at.open("/new-lab")
        at.fill(config=basics("web-wrong").replace("access: ssh", "access: telnet").replace("image:", "imag:"))
        at.press("Store")
        look_at("new-wrong")
        at.fill(config=basics("web-right"))
        at.press("Check and preview")
        look_at("new-preview")


def test_a_page_can_be_used_by_keyboard(web: WebApp, chromium: Browser, well_used: str) -> None:
    with teacher(chromium, web.url) as at:
        at.open(f"/labs/{well_used}/classes/7b")
        at.page.keyboard.press("Tab")
        assert at.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        at.page.keyboard.press("Enter")
        at.page.keyboard.press("Tab")
        assert at.page.evaluate("document.activeElement.closest('main') !== null")
        at.page.locator(".copy").first.focus()
        at.page.keyboard.press("Enter")
        assert at.page.evaluate("navigator.clipboard.readText()").startswith("ssh -p ")
