"""No request is accepted without a valid token with the required scope."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.storage import api_tokens
from distributor.storage.database import Database
from distributor.web.app import create_app

from .conftest import NewToken, Program

ELSEWHERE = [
    "",
    "Basic ZHN0OnNlY3JldA==",
    "Bearer",
    "Bearer dst_nobody",
    "Bearer " + "x" * 5000,
    "dst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("header", ELSEWHERE)
def test_without_a_token_that_is_known_there_is_only_the_question_for_one(program: Program, header: str):
    answer = program().get("/lists", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="distributor"')
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:distributor:problem:unauthorized"


def test_an_expired_token_opens_nothing(program: Program, new_token: NewToken, app: AppContext):
    secret, _ = new_token(TokenScope.EVERYTHING, expires_at=app.clock() - timedelta(seconds=1))
    answer = program().get("/token", headers=bearer(secret))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_revoked_token_opens_nothing_from_that_moment_on(program: Program, new_token: NewToken, app: AppContext):
    secret, token = new_token(TokenScope.EVERYTHING)
    assert program().get("/token", headers=bearer(secret)).status_code == 200
    with app.database.begin() as connection:
        api_tokens.revoke(connection, token.id, now=app.clock())
    assert program().get("/token", headers=bearer(secret)).status_code == 401


def test_its_use_is_written_down(program: Program, new_token: NewToken, app: AppContext):
    secret, _ = new_token(TokenScope.LISTS_READ)
    program().get("/lists", headers=bearer(secret))
    with app.database.begin() as connection:
        assert [token.last_used_at is not None for token in api_tokens.listed(connection)] == [True]


def test_a_token_says_what_it_may_do_to_whoever_holds_it(program: Program):
    assert program(TokenScope.LISTS_READ).get("/token").json() == {
        "name": "test",
        "scopes": ["lists:read"],
        "expires_at": None,
    }


def operations(program: Program) -> list[tuple[str, str, list[str]]]:
    """Method, path and scopes of everything the description names."""
    described = program().get("/../openapi.json").json()
    return [
        (method, path.removeprefix("/v1"), operation["security"][0]["token"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_names_its_scope_and_is_closed_to_every_other(program: Program):
    found = operations(program)
    assert len(found) > 20
    for method, path, scopes in found:
        where = re.sub(r"\{\w+\}", "1", path)
        assert getattr(program(), method)(where).status_code in {401, 422}, path
        if scopes:
            others = [scope for scope in TokenScope if scope not in {*scopes, TokenScope.EVERYTHING}]
            answer = getattr(program(*others), method)(where)
            assert answer.status_code in {403, 422}, path


def test_the_scope_that_is_missing_is_named(program: Program):
    answer = program(TokenScope.LISTS_READ).delete("/lists/weekly")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "the token lacks the scope lists:write"
    assert 'error="insufficient_scope", scope="lists:write"' in answer.headers["www-authenticate"]


def test_neither_tokens_nor_addresses_nor_queries_are_logged(
    program: Program, new_token: NewToken, caplog: pytest.LogCaptureFixture
):
    secret, _ = new_token(TokenScope.EVERYTHING)
    caplog.set_level(logging.DEBUG)
    # The client of this test, not the server.
    caplog.set_level(logging.WARNING, logger="httpx")
    with capture_logs() as lines:
        program().get("/subscribers/robin@example.org", headers=bearer(secret))
        program().get("/subscribers", params={"q": "robin"}, headers=bearer(secret))
        program().get("/nothing/robin", headers=bearer(secret))
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/api/v1/subscribers/{subscriber}", 404),
        ("/api/v1/subscribers", 200),
        ("unmatched", 404),
    ]
    for hidden in (secret, "robin"):
        assert hidden not in str(lines) + caplog.text


def test_no_answer_is_kept_on_the_way(program: Program, api: Any):
    answers = [api.get("/token"), api.get("/exports/subscribers"), api.get("/nothing"), program().get("/token")]
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 4


def test_a_body_is_a_body_and_nothing_is_taken_that_cannot_be_kept(api: Any):
    for body, status in [
        (b"[" * 100_000, 400),
        (b'{"name": "a', 422),
        (b'{"name": "a\\u0000"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"name": "a", "id": 7}', 422),
        (b'{"name": 7}', 422),
        (b"\xff", 400),
        (b"null", 422),
    ]:
        answer = api.post("/lists", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body[:20]
    assert api.get("/lists").json()["items"] == []


def test_json_that_ends_too_soon_is_reported_with_its_place(api: Any):
    answer = api.post("/lists", content=b'{"name": ', headers={"Content-Type": "application/json"})
    assert answer.json()["errors"] == [{"detail": "the body is not JSON, at character 9: Expecting value"}]


def test_a_database_that_does_not_answer_is_reported_and_when_to_come_back(app: AppContext):
    away = replace(app, database=Database("postgresql://somebody:secret@127.0.0.1:1/nowhere"))
    with TestClient(create_app(away), raise_server_exceptions=False) as client:
        answer = client.get("/api/v1/lists", headers=bearer("dst_somebody"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert answer.json()["type"] == "urn:distributor:problem:unavailable"
    assert "127.0.0.1" not in answer.text


def test_a_fault_of_ours_is_a_problem_and_never_a_traceback(api: Any, app: AppContext):
    address = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute("ALTER TABLE lists DROP COLUMN footer")
    answer = api.get("/lists")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for word in ("Traceback", ".py", "psycopg", "footer"):
        assert word not in answer.text


def test_more_than_a_mebibyte_is_not_read(api: Any):
    assert api.post("/lists", json={"name": "x" * 2**20}).status_code == 413


def test_what_an_address_can_do_is_shown_in_full(api: Any):
    answer = api.put("/lists")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize("path", ["/nothing", "/lists/", "/lists/a/b/c", ""])
def test_what_is_not_there_is_a_problem_as_well(api: Any, path: str):
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:distributor:problem:not-found"
