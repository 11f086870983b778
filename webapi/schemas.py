"""JSON schemas (2020-12, as OpenAPI 3.1 takes them) of what the JSON routes take and answer."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
CORES: Schema = {"type": "number", "minimum": 0}
TIME: Schema = {"type": "number", "description": "Seconds since 1970."}
YES_OR_NO: Schema = {"type": "boolean"}
LAB_ID: Schema = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
LIFE = ("ready", "starting", "failed", "stopped", "absent", "refused", "unknown")


def ref(name: str) -> Schema:
    """A schema of this document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these fields and no others."""
    properties = required | (optional or {})
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


LAB_ABOUT: dict[str, Schema] = {
    "text": ref("Translated"),
    "access": array(record({"kind": {"enum": ["ssh", "http", "vnc"]}, "component": TEXT, "port": NUMBER})),
    "deployment_mode": {"enum": ["per_student", "per_group"]},
    "internet": YES_OR_NO,
    "security_level": {"enum": ["restricted", "baseline", "privileged"]},
    "volume_size": maybe(NUMBER | {"description": "Bytes; null without a volume."}),
    "lifetime": maybe(NUMBER | {"description": "Seconds; null without a limit."}),
    "config": TEXT | {"description": "The lab config as it was stored."},
}

ORDER: dict[str, Schema] = {
    "class_id": TEXT | {"default": "1"},
    "course_id": TEXT,
    "roster": TEXT | {"description": "CSV or JSON as a file has it; either this or students."},
    "students": array({"anyOf": [TEXT, {"type": "object"}]}),
    "admit": {"enum": ["whole", "partial"], "default": "whole"},
    "recreate": YES_OR_NO | {"default": False},
    "failure_threshold": NUMBER | {"maximum": 5000, "default": 3},
}

SCHEMAS: dict[str, Schema] = {
    "Translated": record({"en": TEXT, "ru": TEXT}),
    "Mistake": record({"file": TEXT, "line": NUMBER, "field": TEXT, "message": TEXT, "example": TEXT}),
    "Problem": record(
        {"type": TEXT, "title": TEXT, "status": NUMBER, "detail": TEXT, "problems": array(ref("Mistake"))}
    )
    | {"description": "RFC 9457; `problems` holds every mistake in what was sent."},
    "Config": record({"config": TEXT}),
    "Lab": record(
        {"id": LAB_ID, "changed": TIME, "problems": array(ref("Mistake")), "title": maybe(ref("Translated"))}, LAB_ABOUT
    ),
    "Labs": record({"labs": array(ref("Lab"))}),
    "Price": record(
        {
            "pods": NUMBER,
            "cpu": CORES | {"description": "Cores that are reserved."},
            "memory": NUMBER | {"description": "Bytes that are reserved."},
            "cpu_limit": maybe(CORES | {"description": "Cores at most; null without a limit."}),
            "memory_limit": maybe(NUMBER | {"description": "Bytes at most; null without a limit."}),
            "storage": NUMBER | {"description": "Bytes of volumes."},
            "node_ports": NUMBER,
        }
    ),
    "Preview": record(
        {
            "instances": array(TEXT),
            "objects": {"type": "object", "additionalProperties": NUMBER},
            "flows": array(record({"name": TEXT, "from": TEXT, "to": TEXT, "ports": TEXT, "why": TEXT})),
            "refused": array(record({"component": TEXT, "reason": TEXT}))
            | {"description": "What the site's limits do not allow; the component is empty for the volume."},
            "per_instance": ref("Price"),
            "whole": ref("Price"),
        }
    ),
    "Order": record({}, ORDER) | {"oneOf": [{"required": ["roster"]}, {"required": ["students"]}]},
    "Links": record({"run": TEXT, "events": TEXT, "cancel": TEXT}, {"class": TEXT, "page": TEXT}),
    "Accepted": record({"run": TEXT, "class": TEXT, "links": ref("Links")}, {"preview": ref("Preview")}),
    "Run": record(
        {
            "id": TEXT,
            "kind": {"enum": ["start", "stop", "delete", "preview"]},
            "lab": LAB_ID,
            "class": TEXT,
            "state": {"enum": ["queued", "running", "succeeded", "failed", "cancelled", "lost"]},
            "message": TEXT,
            "created": TIME,
            "started": maybe(TIME),
            "ended": maybe(TIME),
            "links": ref("Links"),
        },
        {"outcome": maybe({"type": "object", "description": "The action's result; null while there is none."})},
    ),
    "Connection": {
        "type": "object",
        "properties": {"kind": TEXT, "host": TEXT, "port": NUMBER, "address": TEXT, "host_key_fingerprint": TEXT},
        "required": ["kind", "host", "port", "address"],
        "not": {"required": ["password"]},
    },
    "Instance": record(
        {
            "instance": TEXT,
            "owner": TEXT,
            "students": array(record({"id": TEXT, "name": TEXT})),
            "state": {"enum": list(LIFE)},
            "reason": TEXT,
            "detail": TEXT,
            "seconds": maybe({"type": "number"}),
            "connections": array(ref("Connection")),
            "outdated": array(TEXT),
        }
    ),
    "Class": record(
        {
            "lab": LAB_ID,
            "class": TEXT,
            "counts": {"type": "object", "additionalProperties": NUMBER},
            "admission": maybe(record({"fits": NUMBER, "of": NUMBER, "shortages": array(TEXT)})),
            "problems": array(TEXT),
            "credentials_available": YES_OR_NO,
            "run": ref("Run"),
            "instances": array(ref("Instance")),
        }
    ),
    "Classes": record({"classes": array(ref("Class"))}),
    "InstanceConnection": record(
        {"instance": TEXT, "lab": LAB_ID, "class": TEXT, "state": TEXT, "connections": array(ref("Connection"))}
    ),
}
