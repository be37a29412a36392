"""Slow clients and many connections: each is given up in time, and none keeps others from a response."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from distributor.flow.app_context import AppContext
from distributor.web import server
from distributor.web.app import serving
from distributor.web.http_protocol import ConnectionLimits

HOST = "127.0.0.1"
PATIENCE = 60
HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: gazette.example\r\nX-Slow: "
HALF_BODY = b"POST /body HTTP/1.1\r\nHost: gazette.example\r\nContent-Length: 1000\r\n\r\n" + b"x" * 10
WHOLE = b"GET / HTTP/1.1\r\nHost: gazette.example\r\n\r\n"
CHUNK = b"x" * 256 * 1024


class Recorder:
    """An application that notes what it saw of its clients."""

    def __init__(self) -> None:
        self.is_disconnected = threading.Event()
        self.has_begun = threading.Event()
        self.may_respond = threading.Event()
        self.asgi = Starlette(
            routes=[
                Route("/", self.greet),
                Route("/body", self.read, methods=["POST"]),
                Route("/large", self.large),
                Route("/busy", self.busy),
            ]
        )

    async def greet(self, request: Request) -> Response:
        return PlainTextResponse("hello")

    async def read(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            self.is_disconnected.set()
            return Response(status_code=400)
        return PlainTextResponse(str(len(body)))

    async def large(self, request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield CHUNK

        async def finish() -> None:
            self.is_disconnected.set()

        return StreamingResponse(chunks(), background=BackgroundTask(finish))

    async def busy(self, request: Request) -> Response:
        self.has_begun.set()
        await asyncio.to_thread(self.may_respond.wait, PATIENCE)
        return PlainTextResponse("done")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@contextmanager
def limited_server(
    recorder: Recorder, *, trusted_proxies: str = HOST, **limits: Any
) -> Iterator[Callable[..., socket.socket]]:
    """A server with these limits; gives a function that connects to it."""
    with (
        server.running(
            recorder.asgi, host=HOST, port=0, trusted_proxies=trusted_proxies, limits=ConnectionLimits(**limits)
        ) as url,
        ExitStack() as connections,
    ):

        def connect(sent: bytes = b"") -> socket.socket:
            connection = connections.enter_context(socket.create_connection(_place(url), timeout=PATIENCE))
            connection.sendall(sent)
            return connection

        yield connect
        recorder.may_respond.set()


def _place(url: str) -> tuple[str, int]:
    return HOST, urlsplit(url).port or 0


def everything(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def test_headers_that_do_not_end_are_given_up(recorder: Recorder) -> None:
    with limited_server(recorder, header_seconds=0.2) as connect:
        assert everything(connect(HALF_HEADERS)).startswith(b"HTTP/1.1 408 ")
        assert everything(connect()) == b""


def test_headers_that_trickle_are_given_up_as_well(recorder: Recorder) -> None:
    with limited_server(recorder, header_seconds=0.3) as connect:
        connection = connect(HALF_HEADERS)
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.01)


def test_a_second_request_of_a_connection_has_the_same_limit(recorder: Recorder) -> None:
    with limited_server(recorder, header_seconds=0.2) as connect:
        received = everything(connect(WHOLE + HALF_HEADERS))
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"hello" + b"HTTP/1.1 408 " in received


def test_a_body_that_stalls_is_given_up_and_the_application_learns_of_it(recorder: Recorder) -> None:
    with limited_server(recorder, stall_seconds=0.2) as connect:
        assert everything(connect(HALF_BODY)).startswith(b"HTTP/1.1 408 ")
        assert recorder.is_disconnected.wait(PATIENCE)


def test_a_body_that_advances_is_read_however_long_it_takes(recorder: Recorder) -> None:
    with limited_server(recorder, stall_seconds=1.5, bytes_per_second=2) as connect:
        connection = connect(b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 400\r\n\r\n")
        for _ in range(400):
            connection.sendall(b"x")
            time.sleep(0.01)
        assert everything(connection).endswith(b"\r\n\r\n400")


def test_a_body_that_no_one_reads_is_given_up_after_the_response(recorder: Recorder) -> None:
    with limited_server(recorder, stall_seconds=0.2) as connect:
        received = everything(connect(HALF_BODY.replace(b"/body", b"/nowhere")))
        assert received.count(b"HTTP/1.1 ") == 1
        assert received.startswith(b"HTTP/1.1 404 ")


def test_a_response_that_is_not_read_is_given_up(recorder: Recorder) -> None:
    with limited_server(recorder, stall_seconds=0.2) as connect:
        connect(b"GET /large HTTP/1.1\r\nHost: gazette.example\r\n\r\n")
        assert recorder.is_disconnected.wait(PATIENCE)


def test_a_response_is_waited_for_without_a_limit(recorder: Recorder) -> None:
    with limited_server(recorder, header_seconds=0.1, stall_seconds=0.1) as connect:
        busy = connect(b"GET /busy HTTP/1.1\r\nHost: gazette.example\r\nConnection: close\r\n\r\n")
        assert recorder.has_begun.wait(PATIENCE)
        assert everything(connect(HALF_HEADERS)).startswith(b"HTTP/1.1 408 ")
        recorder.may_respond.set()
        assert everything(busy).endswith(b"done")


def test_at_the_limit_the_longest_wait_for_a_client_is_closed(recorder: Recorder) -> None:
    with limited_server(recorder, connections=3) as connect, capture_logs():
        # Each responds before the next one connects, so the order is known.
        kept = connect(WHOLE)
        assert greeted(kept)
        slow = connect(WHOLE + HALF_BODY)
        assert greeted(slow)
        assert greeted(connect(WHOLE))
        assert greeted(connect(WHOLE))
        assert everything(kept) == b""
        assert greeted(connect(WHOLE))
        assert everything(slow) == b""


def test_a_connection_that_waits_for_us_is_not_closed_for_a_new_one(recorder: Recorder) -> None:
    with limited_server(recorder, connections=1) as connect, capture_logs():
        busy = connect(b"GET /busy HTTP/1.1\r\nHost: gazette.example\r\nConnection: close\r\n\r\n")
        assert recorder.has_begun.wait(PATIENCE)
        assert everything(connect()).startswith(b"HTTP/1.1 503 ")
        recorder.may_respond.set()
        assert everything(busy).endswith(b"done")


def test_one_network_has_fewer_connections_unless_it_is_a_trusted_proxy(recorder: Recorder) -> None:
    with limited_server(recorder, connections_per_network=2, trusted_proxies="192.0.2.1") as connect, capture_logs():
        first = connect(HALF_HEADERS)
        for _ in range(3):
            assert greeted(connect(WHOLE))
        assert everything(first) == b""
    with limited_server(recorder, connections_per_network=2) as connect:
        first = connect(HALF_HEADERS)
        for _ in range(3):
            assert greeted(connect(WHOLE))
        first.sendall(b"\r\n\r\n")
        assert greeted(first)


def greeted(connection: socket.socket) -> bool:
    """Whether the response to `WHOLE` comes."""
    received = b""
    while not received.endswith(b"hello") and (chunk := connection.recv(65536)):
        received += chunk
    return received.startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def many_files() -> Iterator[None]:
    """Enough open files for both ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("half", [HALF_HEADERS, HALF_BODY.replace(b"/body", b"/subscribe")], ids=["headers", "bodies"])
def test_it_is_alive_while_a_thousand_half_requests_are_open(app: AppContext, many_files: None, half: bytes) -> None:
    with serving(app) as url, ExitStack() as connections:
        opened = []
        for _ in range(1000):
            opened.append(connections.enter_context(socket.create_connection(_place(url), timeout=PATIENCE)))
            with suppress(ConnectionError):
                opened[-1].sendall(half)
        for _ in range(3):
            with urlopen(f"{url}/healthz", timeout=PATIENCE) as response:
                assert response.status == 200
        # What the server has closed may still have an answer to read, or its end may be on the way.
        deadline = time.monotonic() + PATIENCE
        while sum(map(is_open, opened)) > ConnectionLimits().connections:
            assert time.monotonic() < deadline, "the server keeps more connections open than its limit"
            time.sleep(0.05)


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(65536))
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_it_is_alive_while_every_thread_waits_for_the_database(app: AppContext) -> None:
    address = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with serving(app) as url, ExitStack() as connections, psycopg.connect(address) as lock:
        lock.execute("LOCK TABLE heartbeats")
        waiting = [
            connections.enter_context(socket.create_connection(_place(url), timeout=PATIENCE)) for _ in range(30)
        ]
        for connection in waiting:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: gazette.example\r\n\r\n")
        with urlopen(f"{url}/healthz", timeout=PATIENCE) as response:
            assert response.status == 200
        lock.rollback()
        assert all(connection.recv(65536).startswith(b"HTTP/1.1 ") for connection in waiting)


def test_a_form_that_breaks_off_is_no_error_of_ours(app: AppContext) -> None:
    with (
        capture_logs() as lines,
        # Stopping the server waits for its requests.
        serving(app) as url,
        socket.create_connection(_place(url), timeout=PATIENCE) as connection,
    ):
        form = b"POST /subscribe HTTP/1.1\r\nHost: gazette.example\r\nConnection: close\r\nContent-Length: 1000\r\n"
        connection.sendall(form + b"Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=ada")
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == b""
    assert [line["status"] for line in lines if line.get("route") == "/subscribe"] == [400]
