"""Pages of the labs: the list, one lab, adding, changing and deleting."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from webapi import engine
from webapi.labs.library import LabExists, OtherLab, StoredLab
from webapi.pages import example
from webapi.pages.forms import LabForm
from webapi.pages.texts import _
from webapi.routes.services import services

blueprint = Blueprint("lab_pages", __name__)


@blueprint.get("/")
def labs() -> str:
    """All labs."""
    return render_template("labs.html", section="labs", labs=services().library.all())


@blueprint.get("/labs/<lab_id>")
def lab(lab_id: str) -> str:
    """One lab: what it is, who has it, what it takes."""
    stored = services().library.get(lab_id)
    preview = engine.preview(stored.text, example.STUDENTS, limits=services().limits) if stored.lab else None
    classes = services().classes.all(lab_id)
    return render_template("lab.html", section="labs", stored=stored, preview=preview, classes=classes)


# Not below /labs, where `new` is the page of the lab of that name.
@blueprint.get("/new-lab")
def new() -> str:
    """An empty form, or rather one with an example."""
    return render_template("lab_form.html", section="labs", lab_id="", form=LabForm(example.LAB))


@blueprint.post("/new-lab")
def add() -> Answer:
    """Check a new lab, or store it."""
    return _take("")


@blueprint.get("/labs/<lab_id>/edit")
def edit(lab_id: str) -> str:
    """The form with a lab as it is."""
    stored = services().library.get(lab_id)
    form = LabForm(stored.text, list(stored.problems))
    return render_template("lab_form.html", section="labs", lab_id=lab_id, form=form)


@blueprint.post("/labs/<lab_id>/edit")
def change(lab_id: str) -> Answer:
    """Check the new text of a lab, or store it."""
    services().library.get(lab_id)
    return _take(lab_id)


@blueprint.get("/labs/<lab_id>/delete")
def delete(lab_id: str) -> str:
    """Ask once more."""
    stored = services().library.get(lab_id)
    left = [one for one in services().classes.all(lab_id) if not one.gone]
    return render_template("lab_delete.html", section="labs", stored=stored, classes=left)


@blueprint.post("/labs/<lab_id>/delete")
def remove(lab_id: str) -> Answer:
    """Delete a lab."""
    services().library.delete(lab_id)
    return redirect(url_for("lab_pages.labs"), 303)


def _take(lab_id: str) -> Answer:
    """Store what was sent, and go to the lab; or show it again with its mistakes or its preview."""
    form, preview, conflict = LabForm.of(request), None, ""
    if not form.problems:
        try:
            if request.form.get("action") == "store":
                return redirect(url_for("lab_pages.lab", lab_id=_store(lab_id, form.text).id), 303)
            preview = engine.preview(form.text, example.STUDENTS, limits=services().limits)
        except engine.InvalidInput as error:
            form.problems += error.problems
        except LabExists as error:
            conflict = _("There is a lab %(lab)s already. Give this one another name, or edit that one.", lab=error.lab)
        except OtherLab:
            conflict = _(
                "The name in this text is another one. Write name: %(lab)s, or add it as a new lab.", lab=lab_id
            )
    page = render_template(
        "lab_form.html", section="labs", lab_id=lab_id, form=form, preview=preview, conflict=conflict
    )
    return Response(page, 422 if form.problems else 409 if conflict else 200)


def _store(lab_id: str, text: str) -> StoredLab:
    library = services().library
    return library.replace(lab_id, text) if lab_id else library.add(text)
