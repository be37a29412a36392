"""The server: binds its port before it starts, prints its address, and finishes running requests when it stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from distributor.domain.errors import ConfigurationError
from distributor.web import server

HOST = "127.0.0.1"


def greet(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", greet)])

# Responds only after a line on its standard input.
PATIENT = """
import sys
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from distributor.web import server

async def app(scope, receive, send):
    if scope["type"] == "http":
        print("asked", flush=True)
        word = await run_in_threadpool(sys.stdin.readline)
        await PlainTextResponse(word.strip() * 1000)(scope, receive, send)

server.run(app, host="127.0.0.1", port=0, on_listening=lambda address: print(address, flush=True))
print("cleaned up", flush=True)
"""


@contextmanager
def patient_server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PATIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_port_0_takes_a_free_one_and_says_which():
    with server.running(APP, host=HOST, port=0) as one, server.running(APP, host=HOST, port=0) as two:
        assert one != two
        for address in (one, two):
            with urlopen(address) as answer:
                assert answer.status == 200


def test_a_port_in_use_is_reported_in_a_sentence_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"127.0.0.1, port {port}: .*\(process {os.getpid()}\) uses it"):
            server.run(APP, host=HOST, port=port)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("203.0.113.7", 0, "this machine does not have that address"),
        ("a..b", 0, "this is not an address to listen on"),
        ("127.0.0.1", 70_000, "a port is a number from 0 to 65535"),
    ],
)
def test_a_place_that_cannot_be_had_is_reported_in_a_sentence(host: str, port: int, reason: str):
    with pytest.raises(ConfigurationError, match=f"cannot listen on {host}, port {port}: {reason}"):
        server.run(APP, host=host, port=port)


def test_the_same_port_can_be_taken_again_at_once():
    with server.running(APP, host=HOST, port=0) as address, urlopen(address) as answer:
        assert answer.read() == b"hello"
    port = urlsplit(address).port or 0
    with server.running(APP, host=HOST, port=port) as again, urlopen(again) as answer:
        assert again == address
        assert answer.read() == b"hello"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_lets_its_caller_clean_up(number: signal.Signals):
    with patient_server() as (process, _):
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.read() == "cleaned up\n"
        assert process.wait() == 0


def test_what_is_being_answered_when_it_is_asked_to_stop_is_answered():
    with patient_server() as (process, address):
        assert process.stdin is not None
        assert process.stdout is not None
        connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
        connection.request("GET", "/")
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.write("word\n")
        process.stdin.flush()
        assert connection.getresponse().read() == b"word" * 1000
        assert process.stdout.read() == "cleaned up\n"


def test_it_says_nothing_about_itself_and_sends_no_cookie():
    with server.running(APP, host=HOST, port=0) as address, urlopen(address) as answer:
        assert answer.headers["Server"] is None
        assert answer.headers["Set-Cookie"] is None
        assert answer.headers["Date"]
