"""Other requests get responses, however many requests programs send and however slowly."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.web.app import serving

from .conftest import NewToken

_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'distributor' AND wait_event_type = 'Lock'
"""
PROGRAMS = 20
TURNS = 5


def test_programs_that_wait_for_one_another_leave_threads_to_the_readers(app: AppContext, new_token: NewToken):
    headers = {"Authorization": f"Bearer {new_token(TokenScope.EVERYTHING)[0]}"}
    database = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with serving(app) as address, ThreadPoolExecutor(PROGRAMS) as programs:

        def rename(number: int) -> int:
            return httpx.patch(
                f"{address}/api/v1/lists/weekly", json={"name": f"N{number}"}, headers=headers, timeout=120
            ).status_code

        assert httpx.post(f"{address}/api/v1/lists", json={"name": "Weekly"}, headers=headers).status_code == 201
        with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as watcher:
            holder.execute("SELECT * FROM lists FOR UPDATE")
            renamed = [programs.submit(rename, number) for number in range(PROGRAMS)]
            give_up_at = time.monotonic() + 60
            while waiting(watcher) < TURNS:
                assert time.monotonic() < give_up_at, "the programs have not come"
            assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200
            assert waiting(watcher) == TURNS
            holder.rollback()
            assert {one.result() for one in renamed} == {200}


def waiting(watcher: psycopg.Connection) -> int:
    row = watcher.execute(_WAITING).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("path", ["/api/v1/imports?list=weekly&basis=x", "/api/v1/lists"])
def test_who_hangs_up_in_the_middle_leaves_nothing_and_keeps_no_one_waiting(
    app: AppContext, new_token: NewToken, path: str
):
    headers = {"Authorization": f"Bearer {new_token(TokenScope.EVERYTHING)[0]}"}
    with serving(app) as address:
        for _ in range(TURNS + 1):
            with socket.create_connection((urlsplit(address).hostname, urlsplit(address).port)) as client:
                head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                head += f"Authorization: {headers['Authorization']}\r\nContent-Type: application/json\r\n\r\n"
                client.sendall(head.encode() + b"email\na@example.org\n")
        assert httpx.get(f"{address}/api/v1/lists", headers=headers, timeout=60).json()["items"] == []
        assert httpx.get(f"{address}/api/v1/imports", headers=headers, timeout=60).json()["items"] == []
    assert not app.imports_dir.exists() or list(app.imports_dir.iterdir()) == []
