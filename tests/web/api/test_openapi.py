"""The OpenAPI description: the committed file is what is served, complete, and correct for every response.

After a change that is meant, look at the difference and rewrite it with
`UPDATE_GOLDEN=1 make test ARGS=tests/web/api/test_openapi.py`.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from distributor.domain.api_token import SCOPES
from distributor.flow.app_context import AppContext
from distributor.web.api.app import create_api
from tests.paths import ROOT

from .conftest import Program

COMMITTED = ROOT / "docs" / "reference" / "openapi.json"


@pytest.fixture
def described(program: Program) -> dict[str, Any]:
    """The description as a program gets it."""
    answer = program().get("/../openapi.json")
    assert answer.status_code == 200
    served: dict[str, Any] = answer.json()
    return served


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_the_committed_description_is_the_one_that_is_served(described: dict[str, Any]):
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        COMMITTED.write_text(text, encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == text, (
        "docs/reference/openapi.json differs; see the head of this test"
    )


def test_every_operation_says_what_it_does_what_it_needs_and_what_can_go_wrong(described: dict[str, Any]):
    for name, operation in operations(described).items():
        assert operation["description"], name
        assert operation["operationId"], name
        (needed,) = operation["security"]
        assert set(needed["token"]) <= set(SCOPES), name
        assert {"401", "403", "422", "503"} <= set(operation["responses"]), name
        assert all(parameter.get("description") for parameter in operation.get("parameters", [])), name


def test_names_of_operations_are_short_and_differ(described: dict[str, Any]):
    names = [operation["operationId"] for operation in operations(described).values()]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalpha() for name in names)


def test_every_error_is_a_problem(described: dict[str, Any]):
    for name, operation in operations(described).items():
        for status, answer in operation["responses"].items():
            if status >= "400":
                named = described["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                kind = "text/plain" if status == "413" else "application/problem+json"
                assert list(named["content"]) == [kind], (name, status)
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_no_answer_and_no_field_of_one_is_without_a_schema(described: dict[str, Any]):
    for name, operation in operations(described).items():
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, name
        assert all(media["schema"] for answer in good for media in answer.get("content", {}).values()), name


def test_every_body_refuses_fields_it_does_not_know(described: dict[str, Any]):
    schemas = described["components"]["schemas"]
    found = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for operation in operations(described).values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    # A body that may be missing may be null too.
    parts = [part for schema in found for part in schema.get("anyOf", [schema]) if part != {"type": "null"}]
    bodies = {part["$ref"].rpartition("/")[2] for part in parts}
    assert len(bodies) > 10
    assert [name for name in bodies if schemas[name].get("additionalProperties") is not False] == []


def test_it_leads_to_where_the_installation_is(app: AppContext):
    below = replace(app, configured_site=replace(app.site, public_url="https://example.org/news"))
    assert create_api(below).openapi()["servers"] == [{"url": "/news/api"}]
