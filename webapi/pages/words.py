"""Words and symbols for what the templates show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, request
from flask_babel import format_datetime, format_decimal
from markupsafe import Markup, escape

from webapi import engine
from webapi.classes.view import Admission
from webapi.engine import Lab
from webapi.pages import engine_words, language
from webapi.pages.states import SYMBOLS, state_word, symbol
from webapi.pages.texts import _, ngettext
from webapi.runs.model import Run, RunState


def install(app: Flask) -> None:
    """Give the templates of an app these words."""
    functions = (
        *(prose, state_word, symbol, kind_of_run, run_words, way_out, admission_words, kind_words),
        *(lab_words, counts_words, end_of_flow, price_words, moment),
    )
    app.jinja_env.globals.update({function.__name__: function for function in functions})
    app.jinja_env.globals.update(told=engine_words.told, STATES=tuple(SYMBOLS))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_of_the_request)


def _of_the_request() -> dict[str, Any]:
    return {
        "language": language.chosen(),
        "languages": language.offered(),
        "back": request.full_path.rstrip("?") if request.method == "GET" else request.path,
    }


def prose(text: str) -> Markup:
    """A lab's text as HTML: what is between backticks is code."""
    pieces = text.split("`")
    whole = len(pieces) % 2
    marked = (Markup("<code>{}</code>").format(p) if n % 2 and whole else escape(p) for n, p in enumerate(pieces))
    return Markup("" if whole else "`").join(marked)


def kind_of_run(kind: str) -> str:
    """What a run does."""
    words = {"start": _("Start"), "stop": _("Stop"), "delete": _("Delete"), "preview": _("Check")}
    return words.get(kind, kind)


def run_words(run: Run) -> str:
    """How a run ended that did not succeed."""
    words = {
        RunState.FAILED: _("Not everything worked"),
        RunState.CANCELLED: _("Cancelled"),
        RunState.LOST: _("The run was lost"),
    }
    return words.get(run.state, state_word(run.state))


def way_out(run: Run, admission: Admission | None = None) -> str:
    """What to do after a run that did not succeed, or for which there was no room."""
    if run.state == RunState.FAILED and admission and admission.fits < admission.of:
        return _(
            "Nothing was created. Take a shorter list, or tick “Start those for whom there is room” to start the first "
            "ones of the list."
        )
    words = {
        RunState.FAILED: _("Put right what is named, then start again: only what is missing is made."),
        RunState.LOST: _(
            "The computer was restarted, or something ended it. Start again: only what is missing is made."
        ),
    }
    return words.get(run.state, "")


def admission_words(admission: Admission) -> str:
    """For how many there is room, and what is short: `24 of 30 fit: memory short by 1.5 Gi on the lab nodes`."""
    fit = _("%(fits)s of %(all)s fit", fits=admission.fits, all=admission.of)
    short = [engine_words.translated(shortage) or shortage for shortage in admission.shortages]
    return f"{fit}: {'; '.join(short)}" if short else fit


def kind_words(kind: str) -> str:
    """What an object on the cluster is for."""
    words = {
        "Pod": _("runs the programs of an instance"),
        "Service": _("gives an instance its address and ports"),
        "Secret": _("keeps password and host key"),
        "ConfigMap": _("holds files of the lab"),
        "NetworkPolicy": _("closes an instance to all others"),
        "PersistentVolumeClaim": _("keeps the students' files"),
    }
    return words.get(kind, "")


def end_of_flow(name: str) -> str:
    """From where or to where a flow goes, and on which ports; the name of a component is its own word."""
    words = {
        engine.STUDENTS: _("students"),
        engine.DNS: _("the cluster's name service (DNS)"),
        engine.INTERNET: _("internet"),
        engine.EVERY_COMPONENT: _("every component"),
        engine.SAME_INSTANCE: _("components of the same instance"),
        engine.EVERY_PORT: _("all"),
    }
    return words.get(name, name)


def price_words(price: engine.Price) -> Iterator[tuple[str, str, str]]:
    """What instances take: what it is, how much is reserved, and how much it may be at most."""
    taken = price.demand
    limit, most = price.cpu_limit, price.memory_limit
    yield (
        _("Processor"),
        cores(float(taken.cpu)),
        _("at most %(amount)s", amount=cores(float(limit))) if limit is not None else _("no limit"),
    )
    yield (
        _("Memory"),
        size(int(taken.memory)),
        _("at most %(amount)s", amount=size(int(most))) if most is not None else _("no limit"),
    )
    yield _("Volume"), size(int(taken.storage)) if taken.storage else _("none"), ""
    yield _("Pods"), str(taken.pods), ""
    yield _("Ports to the outside"), str(taken.node_ports), ""


def lab_words(lab: Lab) -> Iterator[str]:
    """What a teacher wants to know about a lab, in few words each."""
    ways = {"ssh": _("by ssh"), "http": _("in the browser"), "vnc": _("a desktop over VNC")}
    yield from (ways[kind] for kind in dict.fromkeys(access.kind for access in lab.access))
    yield _("one a group") if lab.deployment_mode == "per_group" else _("one a student")
    yield _("%(size)s volume", size=size(lab.volume_size)) if lab.volume_size else _("keeps no files")
    yield _("ends after %(time)s", time=duration(lab.lifetime)) if lab.lifetime else _("no time limit")
    yield _("with internet") if lab.internet else _("no internet")
    if lab.security_level != "restricted":
        yield _("security level %(level)s", level=lab.security_level)


def counts_words(counts: Mapping[str, int]) -> str:
    """How many instances are in which state, such as `12 ready, 1 failed`."""
    told = [
        _("%(number)s %(state)s", number=number, state=state_word(state)) for state, number in counts.items() if number
    ]
    return ", ".join(told) or _("nobody")


def size(count: int) -> str:
    """Bytes in the largest binary unit that leaves a short number."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{format_decimal(round(count / factor, 1))} {unit}"
    return f"{count} B"


def cores(number: float) -> str:
    """Cores of CPU."""
    whole = int(number)
    if number == whole:
        return ngettext("%(num)s core", "%(num)s cores", whole)
    return _("%(number)s of a core", number=format_decimal(round(number, 3)))


def duration(seconds: int) -> str:
    """Seconds in the largest unit that divides them."""
    if seconds % 86400 == 0:
        return ngettext("%(num)s day", "%(num)s days", seconds // 86400)
    if seconds % 3600 == 0:
        return ngettext("%(num)s hour", "%(num)s hours", seconds // 3600)
    return ngettext("%(num)s minute", "%(num)s minutes", max(1, seconds // 60))


def moment(seconds: float) -> str:
    """A time since 1970, in the clock of this computer, which is also the reader's."""
    local = datetime.fromtimestamp(seconds, UTC).astimezone().replace(tzinfo=None)
    return str(format_datetime(local, "d MMM, HH:mm", rebase=False))
