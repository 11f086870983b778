"""The page of a class: who has what, live; its credentials; how to end it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from webapi import engine
from webapi.classes.view import ClassView
from webapi.labs.library import StoredLab, UnknownLab
from webapi.pages import language, sheet
from webapi.pages.texts import _
from webapi.routes.services import services
from webapi.runs.model import ClassBusy, Kind, RunRequest

blueprint = Blueprint("class_pages", __name__, url_prefix="/labs/<lab_id>/classes/<class_id>")


def find(lab_id: str, class_id: str) -> ClassView:
    """A class; 404 where no run tells of it, or where these can be no ids."""
    try:
        engine.check_class_id(class_id)
    except engine.InvalidInput:
        abort(404)
    found = services().classes.get(lab_id, class_id) if engine.is_lab_id(lab_id) else None
    return found or abort(404)


def ending(view: ClassView, kind: Kind) -> RunRequest:
    """What stops or deletes a class: with the lab config of its last run, for the lab may be gone from the library."""
    last = services().store.request(view.last_run.id)
    return RunRequest(kind, view.lab, view.class_id, last.lab_text, language=language.chosen())


@blueprint.get("")
def page(lab_id: str, class_id: str) -> str:
    """How everybody in the class is; as a board for the projector with ?view=board."""
    board = request.args.get("view") == "board"
    view, stored = find(lab_id, class_id), _stored(lab_id)
    cancelling = view.active and services().store.cancelling(view.last_run.id)
    shown = {"view": view, "title": _title(lab_id), "stored": stored, "board": board, "cancelling": cancelling}
    return render_template("class.html", section="labs", **shown)


@blueprint.get("/stop", defaults={"kind": Kind.STOP})
@blueprint.get("/delete", defaults={"kind": Kind.DELETE})
def ask(lab_id: str, class_id: str, kind: Kind) -> str:
    """Ask once more."""
    return _ask(lab_id, class_id, kind)


@blueprint.post("/stop", defaults={"kind": Kind.STOP})
@blueprint.post("/delete", defaults={"kind": Kind.DELETE})
def end(lab_id: str, class_id: str, kind: Kind) -> Answer:
    """Stop or delete the class."""
    view = find(lab_id, class_id)
    try:
        services().dispatcher.submit(ending(view, kind))
    except ClassBusy:
        # Begun in another tab since this one asked.
        return Response(_ask(lab_id, class_id, kind), 409)
    return redirect(url_for("class_pages.page", lab_id=lab_id, class_id=class_id), 303)


@blueprint.post("/credentials")
def credentials(lab_id: str, class_id: str) -> Response:
    """The credentials, once: with this answer they are gone from here."""
    view = find(lab_id, class_id)
    taken = services().classes.take_credentials(lab_id, class_id)
    slips = list(sheet.slips(taken or ()))
    headings = (
        *(_("Name"), _("Student"), _("Instance")),
        *(_("Address"), _("Account"), _("Password"), _("Fingerprint of the host key")),
    )
    download = sheet.data_address(sheet.as_csv(slips, headings))
    title = _title(lab_id)
    shown = {"view": view, "title": title, "stored": _stored(lab_id), "slips": slips, "download": download}
    text = render_template("credentials.html", section="labs", **shown)
    return Response(text, headers={"Cache-Control": "no-store"})


def _ask(lab_id: str, class_id: str, kind: Kind) -> str:
    shown = {"view": find(lab_id, class_id), "title": _title(lab_id), "stored": _stored(lab_id), "kind": kind}
    return render_template("confirm.html", section="labs", **shown)


def _stored(lab_id: str) -> StoredLab | None:
    """The lab of a class, which may have been deleted since it was started."""
    try:
        return services().library.get(lab_id)
    except UnknownLab:
        return None


def _title(lab_id: str) -> str:
    stored = _stored(lab_id)
    return stored.lab.title.in_language(language.chosen()) if stored and stored.lab else lab_id
