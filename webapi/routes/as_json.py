"""What the JSON routes answer, as plain data; openapi.py has the schema of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import url_for

from webapi.classes.view import ClassView, Member
from webapi.engine import Preview
from webapi.labs.library import StoredLab
from webapi.runs.model import Kind, Run


def lab(stored: StoredLab, *, whole: bool = False) -> dict[str, Any]:
    """A stored lab; `whole` with its config."""
    found: dict[str, Any] = {
        "id": stored.id,
        "changed": stored.changed,
        "problems": [asdict(problem) for problem in stored.problems],
        "title": None,
    }
    if stored.lab:
        of = stored.lab
        found |= {
            "title": asdict(of.title),
            "text": asdict(of.text),
            "access": [asdict(access) for access in of.access],
            "deployment_mode": of.deployment_mode,
            "internet": of.internet,
            "security_level": of.security_level,
            "volume_size": of.volume_size,
            "lifetime": of.lifetime,
        }
    return found | ({"config": stored.text} if whole else {})


def preview(found: Preview) -> dict[str, Any]:
    """What a class takes."""
    return {
        "instances": [instance.name for instance in found.lab_class.instances],
        "objects": dict(found.objects),
        "flows": [flow.as_result() for flow in found.flows],
        "refused": [{"component": component, "reason": reason} for component, reason in found.refused],
        "per_instance": found.per_instance.as_result(),
        "whole": found.whole.as_result(),
    }


def run(one: Run) -> dict[str, Any]:
    """A run, without the number of its process."""
    return {
        "id": one.id,
        "kind": one.kind,
        "lab": one.lab,
        "class": one.class_id,
        "state": one.state,
        "message": one.message,
        "created": one.created,
        "started": one.started or None,
        "ended": one.ended or None,
        "links": links(one),
    }


def class_view(view: ClassView) -> dict[str, Any]:
    """A class with everybody in it."""
    return {
        "lab": view.lab,
        "class": view.class_id,
        "counts": view.counts,
        "admission": asdict(view.admission) if view.admission else None,
        "problems": list(view.problems),
        "credentials_available": view.credentials_available,
        "run": run(view.last_run),
        "instances": [member(one) for one in view.members],
    }


def member(one: Member) -> dict[str, Any]:
    """One instance of a class."""
    return {
        "instance": one.instance,
        "owner": one.owner,
        "students": [dict(student) for student in one.students],
        "state": one.state,
        "reason": one.reason,
        "detail": one.detail,
        "seconds": one.seconds,
        "connections": [dict(connection) for connection in one.connections],
        "outdated": list(one.outdated),
    }


def connection(view: ClassView, one: Member) -> dict[str, Any]:
    """How to get into an instance."""
    return {
        "instance": one.instance,
        "lab": view.lab,
        "class": view.class_id,
        "state": one.state,
        "connections": [dict(found) for found in one.connections],
    }


def links(one: Run) -> dict[str, str]:
    """Where to go on from a run; a check has no class yet."""
    found = {
        "run": url_for("api.run", run_id=one.id),
        "events": url_for("events.follow", run_id=one.id),
        "cancel": url_for("api.cancel", run_id=one.id),
    }
    if one.kind != Kind.PREVIEW:
        found["class"] = url_for("api.one_class", lab_id=one.lab, class_id=one.class_id)
        found["page"] = url_for("class_pages.page", lab_id=one.lab, class_id=one.class_id)
    return found
