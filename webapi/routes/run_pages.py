"""Pages of runs: what was done when, and what Ansible printed. And the switch of languages, which is nobody's page."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from webapi.classes.view import Admission
from webapi.pages import language
from webapi.routes.services import services
from webapi.runs.model import ClassBusy, Kind

blueprint = Blueprint("run_pages", __name__)

MOST_SHOWN = 100
A_YEAR = 365 * 24 * 3600


@blueprint.get("/runs")
def runs() -> str:
    """The newest runs."""
    return render_template("runs.html", section="runs", runs=services().store.find()[:MOST_SHOWN])


@blueprint.get("/runs/<run_id>")
def run(run_id: str) -> str:
    """One run with its log."""
    store = services().store
    found = store.get(run_id)
    outcome = store.outcome(run_id) or {}
    admission = Admission.told(outcome)
    return render_template(
        "run.html",
        section="runs",
        run=found,
        outcome=outcome,
        admission=admission,
        log=store.log(run_id),
        cancelling=store.cancelling(run_id),
    )


@blueprint.post("/runs/<run_id>/cancel")
def cancel(run_id: str) -> Answer:
    """Have a run ended; its page tells when it has."""
    found = services().dispatcher.cancel(run_id, wait=False)
    if found.kind == Kind.PREVIEW:
        return redirect(url_for("run_pages.run", run_id=run_id), 303)
    return redirect(url_for("class_pages.page", lab_id=found.lab, class_id=found.class_id), 303)


@blueprint.post("/runs/<run_id>/start")
def start(run_id: str) -> Answer:
    """Start the class that a check was made for."""
    asked = services().store.request(run_id)
    if asked.kind != Kind.PREVIEW:
        abort(409)
    try:
        started = services().dispatcher.submit(replace(asked, kind=Kind.START, language=language.chosen()))
    except ClassBusy as error:
        return redirect(url_for("class_pages.page", lab_id=error.run.lab, class_id=error.run.class_id), 303)
    return redirect(url_for("class_pages.page", lab_id=started.lab, class_id=started.class_id), 303)


@blueprint.post("/language")
def choose_language() -> Answer:
    """Remember a language in a cookie, and go back to the page where it was chosen."""
    chosen = request.form.get("language", "")
    if chosen not in current_app.config["LANGUAGES"]:
        abort(400)
    answer = redirect(_own(request.form.get("back", "")), 303)
    answer.set_cookie(language.COOKIE, chosen, max_age=A_YEAR, httponly=True, samesite="Lax")
    return answer


def _own(address: str) -> str:
    """A page of this app, whatever was asked for: `//elsewhere` and `/\\elsewhere` are other sites to a browser."""
    own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if own else url_for("lab_pages.labs")
