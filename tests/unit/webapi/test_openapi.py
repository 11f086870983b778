"""The OpenAPI document is valid and describes every JSON route, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator
from unit.webapi.front import Front

from webapi.openapi import DOCUMENT


def test_the_document_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_document_describes_every_route_and_no_other(tmp_path: Path) -> None:
    front = Front(tmp_path)
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule).removeprefix("/api/v1"), method.lower())
        for rule in front.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item.keys() - {"parameters"}}
    assert described == routes


def test_the_document_is_served(tmp_path: Path) -> None:
    answer = Front(tmp_path).client().get("/api/v1/openapi.json")
    assert answer.json == DOCUMENT
