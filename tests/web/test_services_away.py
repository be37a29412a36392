"""PostgreSQL or Redis stops while the site is open: every page says so in words, and works again by itself."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from redis import Redis, RedisError
from starlette.testclient import TestClient

from distributor.domain.api_token import TokenScope, secret_of
from distributor.domain.subscriber import ListVisibility
from distributor.domain.tokens import Purpose
from distributor.domain.user import Actor, Role
from distributor.embedded import Tuning
from distributor.embedded.paths import DataPaths, make_socket_folder
from distributor.embedded.postgres import Postgres
from distributor.embedded.redis import find_redis
from distributor.embedded.server_process import ServerProcess
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import api_tokens, lists, user_sessions, users
from distributor.storage.database import Database
from distributor.storage.schema import migrate
from distributor.web.app import create_app
from distributor.web.config import WebConfig
from distributor.web.team.app import TeamApp

from .test_hostile_requests import PARAMETERS

_SECRET = secret_of(b"s" * 32)
_SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
# What the ledger is not needed for.
WITHOUT_DATABASE = {"/app/sign-in", "/app/_components", "/app/_components/document"}


@dataclass
class Servers:
    """A PostgreSQL and a Redis of the test's own, which keep their addresses when they are stopped and started."""

    postgres: ServerProcess
    runner: asyncio.Runner
    redis_port: int
    folder: Path
    redis: subprocess.Popen[bytes] | None = None

    def start_database(self) -> None:
        self.runner.run(self.postgres.start())

    def stop_database(self) -> None:
        self.runner.run(self.postgres.stop())

    def start_redis(self) -> None:
        options = ("--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder))
        self.redis = subprocess.Popen([find_redis(), *options], stdout=subprocess.DEVNULL)
        with Redis(port=self.redis_port) as client:
            while True:
                try:
                    client.ping()
                except RedisError:
                    time.sleep(0.05)
                else:
                    return

    def stop_redis(self) -> None:
        if self.redis is not None:
            self.redis.terminate()
            self.redis.wait()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    sockets = make_socket_folder()
    sockets.chmod(0o711)
    data = tmp_path / "servers"
    data.mkdir()
    with asyncio.Runner() as runner:
        postgres = ServerProcess(Postgres(DataPaths(data), sockets, Tuning.TEST_SPEED))
        started = Servers(postgres, runner, _free_port(), tmp_path)
        started.start_database()
        started.start_redis()
        yield started
        started.stop_redis()
        started.stop_database()
    shutil.rmtree(sockets)


@dataclass
class Site:
    """A site on these servers, with somebody who is signed in, a public list and a reader on it."""

    app: AppContext
    client: TestClient
    unsubscribe: str


@pytest.fixture
def site(app: AppContext, servers: Servers) -> Iterator[Site]:
    database = Database(servers.postgres.server.url)
    migrate(database)
    redis = Redis(port=servers.redis_port)
    changed = replace(app, database=database, connect_redis=lambda: redis)
    owner, _ = accounts.create_user(
        changed, email="ada@example.org", name="Ada", role=Role.OWNER, actor=Actor(name="x")
    )
    with database.begin() as connection:
        users.change(connection, owner.id, {"password_hash": "x"})
        user_sessions.add(connection, "token", user_id=owner.id, ip_address="", user_agent="", now=app.clock())
        lists.add(connection, slug="weekly", name="Weekly", visibility=ListVisibility.PUBLIC)
        scopes = [TokenScope.EVERYTHING]
        api_tokens.add(connection, _SECRET, name="all", scopes=scopes, expires_at=None, now=app.clock())
    asgi = create_app(changed, WebConfig(answer_after=timedelta(), challenge_cost=0))
    with TestClient(asgi, follow_redirects=False, raise_server_exceptions=False) as client:
        client.cookies.set("distributor_session", "token")
        yield Site(changed, client, f"/unsubscribe/{changed.tokens.mint(Purpose.UNSUBSCRIBE, 1)}")
    database.close()
    redis.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def team_paths(site: Site) -> list[str]:
    declared = TeamApp(site.app, WebConfig()).declared
    paths = {one.path for one in declared if one.method == "GET" and not one.path.endswith("/live")}
    values = {**PARAMETERS, "token": "none", "name": "email"}
    return sorted(f"/app{one.format_map(values)}".rstrip("/") for one in paths)


def is_in_words(answer: Any) -> bool:
    """Whether it says that something is away and when to come back, and nothing of what only we understand."""
    kind = answer.headers["content-type"].partition(";")[0]
    tells = {
        "text/html": "again in a minute" in answer.text,
        "text/plain": answer.text.endswith("\n"),
        "application/problem+json": "The service is unavailable" in answer.text,
    }
    return answer.headers.get("retry-after") == "60" and tells[kind] and "psycopg" not in answer.text


def test_without_postgresql_every_page_says_so_and_comes_back_by_itself(site: Site, servers: Servers):
    client = site.client
    api = {"Authorization": f"Bearer {_SECRET}"}
    public = ["/", "/articles/x", "/tags/x", "/feeds/all.rss", "/subscribe", "/subscribe/weekly", "/media/x.png"]
    public += ["/calendar/none.ics", site.unsubscribe, site.unsubscribe.replace("unsubscribe", "preferences")]
    described = client.get("/api/openapi.json").json()["paths"]
    reads = [f"/api{path}".format_map(PARAMETERS) for path, methods in described.items() if "get" in methods]
    team = team_paths(site)
    assert len(team) > 60
    servers.stop_database()
    wrong = []
    for path in [*public, *team, *reads]:
        answer = client.get(path, headers=api if path.startswith("/api") else {})
        if path in WITHOUT_DATABASE:
            assert answer.status_code in (200, 303, 503), path
        elif answer.status_code != 503 or not is_in_words(answer):
            wrong.append((path, answer.status_code, answer.text[:200]))
    assert wrong == []
    one_click = client.post(site.unsubscribe, data={"List-Unsubscribe": "One-Click"})
    assert (one_click.status_code, is_in_words(one_click)) == (503, True)
    written = client.post("/api/v1/lists", json={"name": "Daily"}, headers=api)
    assert (written.status_code, is_in_words(written)) == (503, True)
    part = client.get("/app/campaigns/audience", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-reswap"], "<" in part.text) == (503, "none", False)
    assert client.get("/healthz").status_code == 200
    servers.start_database()
    assert client.get("/app/campaigns").status_code == 200
    assert client.get("/subscribe").status_code == 200
    assert client.get("/api/v1/lists", headers=api).status_code == 200


def test_what_was_typed_while_postgresql_is_away_is_kept_and_can_be_sent_again(site: Site, servers: Servers):
    client = site.client
    typed = {"name": 'Ada "<b>" Lovelace'}
    servers.stop_database()
    away = client.post("/app/account/profile", data=typed, headers=_SAME_ORIGIN)
    signing_up = client.post("/subscribe", data={"email": "bo@example.org", "list": "weekly", "name": "<Bo>"})
    secret = client.post("/app/account/password", data={"current_password": "hidden"}, headers=_SAME_ORIGIN)
    servers.start_database()
    assert away.status_code == signing_up.status_code == secret.status_code == 503
    assert "hidden" not in secret.text
    assert lxml.html.fromstring(secret.text).forms == []
    (again,) = lxml.html.fromstring(away.text).forms
    assert (again.action, dict(again.form_values())) == ("/app/account/profile", typed)
    assert client.post(again.action, data=dict(again.form_values()), headers=_SAME_ORIGIN).status_code == 303
    with site.app.database.begin() as connection:
        assert users.find_by_id(connection, 1).name == typed["name"]
    (again,) = lxml.html.fromstring(signing_up.text).forms
    assert again.action == "/subscribe"
    assert dict(again.form_values()) == {"email": "bo@example.org", "list": "weekly", "name": "<Bo>"}


def test_without_redis_nobody_signs_in_or_up_and_everything_else_goes_on(site: Site, servers: Servers):
    client = site.client
    kept = {"resume": "/app/account/profile", "keep:name": "a long text"}
    servers.stop_redis()
    wrong = [(path, code) for path in team_paths(site) if (code := client.get(path).status_code) >= 500]
    assert wrong == []
    with TestClient(client.app, follow_redirects=False, raise_server_exceptions=False) as stranger:
        form = {"email": "ada@example.org", "password": "x", **kept}
        refused = stranger.post("/app/sign-in", data=form, headers=_SAME_ORIGIN)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert "a long text" in refused.text
        signing_up = stranger.post("/subscribe", data={"email": "bo@example.org", "list": "weekly"})
        assert (signing_up.status_code, is_in_words(signing_up)) == (503, True)
        assert stranger.get("/articles/none").status_code == 404
        assert stranger.get("/readyz").status_code == 503
        servers.start_redis()
        (again,) = lxml.html.fromstring(signing_up.text).forms
        assert dict(again.form_values()) == {"email": "bo@example.org", "list": "weekly"}
        assert stranger.post("/app/sign-in", data=form, headers=_SAME_ORIGIN).status_code == 422
