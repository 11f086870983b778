"""The OpenAPI 3.1 document of /api/v1."""

from __future__ import annotations

from typing import Any

from webapi.schemas import SCHEMAS, ref

REASONS = {
    "403": "The request comes from another site.",
    "404": "There is no such thing.",
    "409": "A run of this class is under way, or there is a lab of this name.",
    "413": "More was sent than is taken.",
    "421": "Only loopback names are answered.",
    "422": "What was sent has mistakes.",
}
PARAMETERS = {
    "lab_id": "Id of a lab, the `name` of its config.",
    "class_id": "Id of a class.",
    "instance": "Name of an instance, such as lab-123-student-456.",
    "run_id": "Id of a run.",
}


def _content(schema: str, *types: str) -> dict[str, Any]:
    return {kind: {"schema": ref(schema)} for kind in types or ("application/json",)}


def _operation(
    summary: str, answers: dict[str, str], wrong: tuple[str, ...] = (), body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """answers: schema by status, nothing for an empty body; wrong: further statuses of problems."""
    responses: dict[str, Any] = {}
    for status, schema in answers.items():
        responses[status] = {"description": summary, **({"content": _content(schema)} if schema else {})}
    for status in ("421", *wrong):
        responses[status] = {"description": REASONS[status], "content": _content("Problem", "application/problem+json")}
    return {"summary": summary, "responses": responses, **({"requestBody": body} if body else {})}


def _change(
    summary: str, answers: dict[str, str], wrong: tuple[str, ...] = (), body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An operation that changes something, which other sites may not."""
    return _operation(summary, answers, ("403", *wrong), body)


def _path(*names: str, **operations: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": n, "in": "path", "required": True, "description": PARAMETERS[n], "schema": {"type": "string"}}
        for n in names
    ]
    return {**({"parameters": parameters} if parameters else {}), **operations}


CONFIG = {
    "required": True,
    "content": {"application/yaml": {"schema": {"type": "string"}}, **_content("Config")},
}
ORDER = {"required": True, "content": _content("Order")}
EVENTS = {
    "summary": "The run's events as they come",
    "description": "Server-sent events `state`, `progress` and `message`; Last-Event-ID goes on after an event.",
    "parameters": [
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
        {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0}},
    ],
    "responses": {
        "200": {"description": "Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        "404": {"description": REASONS["404"], "content": _content("Problem", "application/problem+json")},
    },
}

PATHS: dict[str, Any] = {
    "/openapi.json": _path(
        get={
            "summary": "This document",
            "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {}}}}},
        }
    ),
    "/labs": _path(
        get=_operation("All labs", {"200": "Labs"}),
        post=_change("Store a new lab", {"201": "Lab"}, ("409", "413", "422"), CONFIG),
    ),
    "/labs/{lab_id}": _path(
        "lab_id",
        get=_operation("One lab", {"200": "Lab"}, ("404",)),
        put=_change("Store a new config of a lab", {"200": "Lab"}, ("404", "409", "413", "422"), CONFIG),
        delete=_change("Delete a lab; its classes go on", {"204": ""}, ("404",)),
    ),
    "/labs/{lab_id}/preview": _path(
        "lab_id",
        post=_change(
            "What a class takes; with a roster, a run finds out whether it fits",
            {"200": "Preview", "202": "Accepted"},
            ("404", "413", "422"),
            {"required": False, "content": _content("Order")},
        ),
    ),
    "/labs/{lab_id}/classes": _path(
        "lab_id",
        get=_operation("The classes of a lab", {"200": "Classes"}, ("404",)),
        post=_change("Start a class", {"202": "Accepted"}, ("404", "409", "413", "422"), ORDER),
    ),
    "/labs/{lab_id}/classes/{class_id}": _path(
        *("lab_id", "class_id"),
        get=_operation("A class with everybody in it", {"200": "Class"}, ("404",)),
        delete=_change("Delete a class; the volumes stay", {"202": "Accepted"}, ("404", "409")),
    ),
    "/labs/{lab_id}/classes/{class_id}/stop": _path(
        *("lab_id", "class_id"),
        post=_change("Stop a class; volumes, ports and passwords stay", {"202": "Accepted"}, ("404", "409")),
    ),
    "/instances/{instance}/connection": _path(
        "instance", get=_operation("How to get into an instance", {"200": "InstanceConnection"}, ("404",))
    ),
    "/runs/{run_id}": _path("run_id", get=_operation("One run", {"200": "Run"}, ("404",))),
    "/runs/{run_id}/cancel": _path("run_id", post=_change("End a run", {"200": "Run"}, ("404",))),
    "/runs/{run_id}/events": _path("run_id", get=EVENTS),
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "AutoLabs",
        "version": "1",
        "summary": "Labs and their classes.",
        "description": "Reached from this computer only; what changes something needs our own Origin.",
    },
    "servers": [{"url": "/api/v1"}],
    "paths": PATHS,
    "components": {"schemas": SCHEMAS},
}
