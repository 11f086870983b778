"""The form that starts a class, and the check whether it fits."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from webapi.labs.library import StoredLab
from webapi.pages import language
from webapi.pages.forms import StartForm
from webapi.routes.services import services
from webapi.runs.model import ClassBusy, Kind, Run

blueprint = Blueprint("start_pages", __name__)


@blueprint.get("/labs/<lab_id>/start")
def form(lab_id: str) -> Answer:
    """The form; with ?run=ID as it was filled in for that run."""
    stored = services().library.get(lab_id)
    again = request.args.get("run", "")
    return _page(stored, StartForm.again(services().store.request(again)) if again else StartForm())


@blueprint.post("/labs/<lab_id>/start")
def start(lab_id: str) -> Answer:
    """Start the class, or check whether it fits; what has mistakes is shown again with them."""
    stored = services().library.get(lab_id)
    filled = StartForm.of(request)
    kind = Kind.PREVIEW if request.form.get("action") == "check" else Kind.START
    asked = filled.request(stored, kind, language.chosen())
    if asked is None:
        return _page(stored, filled, 422)
    try:
        run = services().dispatcher.submit(asked)
    except ClassBusy as error:
        return _page(stored, filled, 409, error.run)
    if kind == Kind.PREVIEW:
        return redirect(url_for("run_pages.run", run_id=run.id), 303)
    return redirect(url_for("class_pages.page", lab_id=lab_id, class_id=run.class_id), 303)


def _page(stored: StoredLab, filled: StartForm, status: int = 200, busy: Run | None = None) -> Answer:
    if not stored.lab:
        return redirect(url_for("lab_pages.lab", lab_id=stored.id), 303)
    page = render_template("start.html", section="labs", stored=stored, form=filled, busy=busy)
    return Response(page, status)
