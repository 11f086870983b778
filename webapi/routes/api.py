"""The same as the pages, as JSON for programs. openapi.py describes every route, and a test holds the two together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from werkzeug.exceptions import BadRequest, NotFound

from webapi import engine
from webapi.labs.library import StoredLab
from webapi.openapi import DOCUMENT
from webapi.pages import example, language
from webapi.routes import as_json, class_pages
from webapi.routes.orders import Order
from webapi.routes.services import services
from webapi.runs.model import Kind, Run

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

Answer = tuple[Response, int, dict[str, str]]


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """What these routes take and give."""
    return jsonify(DOCUMENT)


@blueprint.get("/labs")
def labs() -> Response:
    """All labs."""
    return jsonify(labs=[as_json.lab(stored) for stored in services().library.all()])


@blueprint.post("/labs")
def add_lab() -> Answer:
    """Store a new lab."""
    return _lab_answer(services().library.add(_config()).id, 201)


@blueprint.get("/labs/<lab_id>")
def lab(lab_id: str) -> Response:
    """One lab with its config."""
    return jsonify(as_json.lab(services().library.get(lab_id), whole=True))


@blueprint.put("/labs/<lab_id>")
def replace_lab(lab_id: str) -> Answer:
    """Store a new config of a lab."""
    return _lab_answer(services().library.replace(lab_id, _config()).id, 200)


@blueprint.delete("/labs/<lab_id>")
def delete_lab(lab_id: str) -> tuple[str, int]:
    """Delete a lab; its classes go on."""
    services().library.delete(lab_id)
    return "", 204


@blueprint.post("/labs/<lab_id>/preview")
def preview(lab_id: str) -> Response | Answer:
    """What an instance takes; for a roster also what the class takes, and a run that finds out whether it fits."""
    stored = services().library.get(lab_id)
    if not request.get_data():
        return jsonify(_preview(stored, example.STUDENTS))
    order = Order.of(_body())
    asked = order.request(stored, Kind.PREVIEW, language.chosen())
    found = _preview(stored, engine.roster(asked.roster or b""), asked.class_id)
    return _accepted(services().dispatcher.submit(asked), found)


@blueprint.get("/labs/<lab_id>/classes")
def classes(lab_id: str) -> Response:
    """The classes of a lab."""
    if not engine.is_lab_id(lab_id):
        raise NotFound
    return jsonify(classes=[as_json.class_view(view) for view in services().classes.all(lab_id)])


@blueprint.post("/labs/<lab_id>/classes")
def start_class(lab_id: str) -> Answer:
    """Start a class."""
    stored = services().library.get(lab_id)
    asked = Order.of(_body()).request(stored, Kind.START, language.chosen())
    return _accepted(services().dispatcher.submit(asked))


@blueprint.get("/labs/<lab_id>/classes/<class_id>")
def one_class(lab_id: str, class_id: str) -> Response:
    """How everybody in a class is."""
    return jsonify(as_json.class_view(class_pages.find(lab_id, class_id)))


@blueprint.post("/labs/<lab_id>/classes/<class_id>/stop")
def stop_class(lab_id: str, class_id: str) -> Answer:
    """Stop a class."""
    view = class_pages.find(lab_id, class_id)
    return _accepted(services().dispatcher.submit(class_pages.ending(view, Kind.STOP)))


@blueprint.delete("/labs/<lab_id>/classes/<class_id>")
def delete_class(lab_id: str, class_id: str) -> Answer:
    """Delete a class; the volumes stay."""
    view = class_pages.find(lab_id, class_id)
    return _accepted(services().dispatcher.submit(class_pages.ending(view, Kind.DELETE)))


@blueprint.get("/instances/<instance>/connection")
def connection(instance: str) -> Response:
    """How to get into an instance; no password, which is shown to the teacher once."""
    found = services().classes.instance(instance)
    if not found:
        raise NotFound
    return jsonify(as_json.connection(*found))


@blueprint.get("/runs/<run_id>")
def run(run_id: str) -> Response:
    """One run, and what came of it."""
    store = services().store
    return jsonify(as_json.run(store.get(run_id)) | {"outcome": store.outcome(run_id)})


@blueprint.post("/runs/<run_id>/cancel")
def cancel(run_id: str) -> Response:
    """End a run."""
    return jsonify(as_json.run(services().dispatcher.cancel(run_id)))


def _preview(stored: StoredLab, students: Sequence[engine.Student], class_id: str = "1") -> dict[str, Any]:
    return as_json.preview(engine.preview(stored.text, students, class_id, limits=services().limits))


def _config() -> str:
    """The lab config of a request: as text, or as `config` in JSON. Raises BadRequest and InvalidInput."""
    if not request.is_json:
        return engine.lab_text(request.get_data())
    config = _body().get("config")
    if not isinstance(config, str):
        raise BadRequest('Send the lab config as text, or as JSON: {"config": "name: linux-basics…"}.')
    return config


def _body() -> dict[str, Any]:
    try:
        body = request.get_json()
    except RecursionError:
        raise BadRequest("The body nests too deeply.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _lab_answer(lab_id: str, status: int) -> Answer:
    stored = services().library.get(lab_id)
    place = {"Location": url_for("api.lab", lab_id=lab_id)}
    return jsonify(as_json.lab(stored, whole=True)), status, place if status == 201 else {}


def _accepted(begun: Run, found: dict[str, Any] | None = None) -> Answer:
    links = as_json.links(begun)
    answer = {"run": begun.id, "class": begun.class_id, "links": links}
    return jsonify(answer | ({"preview": found} if found else {})), 202, {"Location": links["run"]}
