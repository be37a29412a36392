"""`/v1/sources`: programs add, try, read, change, pause and remove what articles come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.domain.ip_networks import parse_networks
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.storage import articles, audit_log
from distributor.testing.scripted_server import ScriptedServer, scripted_server
from tests.flow.articles.content_site import ContentSite, Post
from tests.web.api.conftest import Program


@pytest.fixture
def app(app: AppContext) -> AppContext:
    """An app that may fetch from servers on this machine."""
    return replace(app, fetch_networks=parse_networks("127.0.0.1"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    site = ContentSite([Post("a", "First", "<p>One.</p>"), Post("b", "Second", "")])
    with scripted_server(route=site.route) as running:
        yield running


@pytest.fixture
def api(program: Program) -> Any:
    return program(TokenScope.ARTICLES_WRITE, TokenScope.ARTICLES_READ)


def test_a_source_is_tried_added_read_changed_and_removed(app: AppContext, api: Any, server: ScriptedServer) -> None:
    feed = f"{server.url}/feed.xml"
    tried = api.post("/sources/try", json={"address": feed}).json()
    assert [(one["title"], one["is_refused"]) for one in tried["items"]] == [("First", False), ("", True)]
    made = api.post("/sources", json={"address": feed, "name": "site", "publishing": "new"})
    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["interval_seconds"]) == ("feed", 900)

    source_runs.run_source(app, sources.show(app, "site").source.id)
    found = api.get("/sources/site").json()
    assert (found["last_result"]["added"], found["last_result"]["broken"]) == (1, 1)
    assert api.post("/sources/site/run").status_code == 202
    changed = api.patch("/sources/site", json={"interval_seconds": 60, "settings": {"complete": True}}).json()
    assert (changed["interval_seconds"], changed["settings"]["complete"]) == (60, True)
    assert api.post("/sources/site/pause").json()["state"] == "paused"
    assert api.post("/sources/site/run").status_code == 409
    assert api.post("/sources/site/resume").json()["state"] == "active"
    assert api.delete("/sources/site").status_code == 204
    assert api.get("/sources/site").status_code == 404
    with app.database.begin() as connection:
        acts = [entry.action for entry in audit_log.latest(connection, limit=10)]
    assert acts[0] == "source removed"
    assert acts[-1] == "source added"


def test_programs_cannot_point_a_source_at_files_of_the_server(app: AppContext, api: Any, tmp_path: Path) -> None:
    for body in (
        {"kind": "folder", "settings": {"path": str(tmp_path)}},
        {"kind": "git", "settings": {"path": str(tmp_path)}},
        {"address": str(tmp_path)},
    ):
        assert api.post("/sources", json={**body, "name": "x"}).status_code == 422
        assert api.post("/sources/try", json=body).status_code == 422
    sources.add(app, "blog", "folder", {"path": str(tmp_path)}, may_be_local=True)
    refused = api.patch("/sources/blog", json={"settings": {"path": "/etc"}})
    assert (refused.status_code, "command line" in refused.text) == (422, True)
    assert api.patch("/sources/blog", json={"publishing": "new"}).status_code == 200


def test_a_program_takes_the_newer_version_that_waits(app: AppContext, api: Any, server: ScriptedServer) -> None:
    number = sources.add(app, "site", "feed", {"url": f"{server.url}/feed.xml"}).source.id
    source_runs.run_source(app, number)
    assert (api.get("/articles/first").json()["source"], api.post("/articles/first/take-update").status_code) == (
        "site",
        409,
    )
    edited = {"revision": 1, "markdown": "One, as we say it."}
    assert api.patch("/articles/first", json=edited).status_code == 200
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, "first")
        newer = replace(found.manuscript, title="First again")
        articles.hold_update(connection, found.id, newer, content_hash="newer")
    assert api.get("/articles/first").json()["has_held_update"]
    taken = api.post("/articles/first/take-update").json()
    assert (taken["title"], taken["revision"], taken["has_held_update"]) == ("First again", 3, False)


def test_secrets_are_set_and_never_returned(api: Any) -> None:
    secret = "a secret that nobody shows again"
    body = {"kind": "web_hook", "name": "erp", "settings": {"secret": secret}}
    made = api.post("/sources", json=body)
    assert made.json()["hook"].endswith("/webhooks/sources/erp")
    assert made.json()["secrets_set"] == ["secret"]
    assert secret not in made.text + api.get("/sources").text + api.get("/sources/erp").text


def test_whoever_may_only_read_articles_changes_no_source(program: Program) -> None:
    reader = program(TokenScope.ARTICLES_READ)
    assert reader.get("/sources").status_code == 200
    assert {one["kind"] for one in reader.get("/source-kinds").json()["items"]} >= {"feed", "folder", "git", "web_hook"}
    for method, path in (("post", "/sources"), ("post", "/sources/folder/pause"), ("delete", "/sources/folder")):
        assert getattr(reader, method)(path).status_code in (403, 422)
