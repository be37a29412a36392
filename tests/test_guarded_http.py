"""The client for URLs of outsiders, against real servers on this machine, hostile ones among them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.ip_networks import parse_networks
from distributor.guarded_http import (
    FetchedResponse,
    FetchError,
    FetchFailure,
    GuardedHttpClient,
    host_of,
)
from tests.mail.smtp.test_connect import make_certificate, tls_server

LOOPBACK = parse_networks("127.0.0.1, ::1")
Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def says(text: str) -> Respond:
    async def respond(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())

    return respond


OK = says("HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 5\n\nhello")


class RawServer:
    """Reads one request of each connection and hands it to `respond`; `heads` are the requests."""

    def __init__(self, respond: Respond) -> None:
        self.heads: list[str] = []
        self.port = 0
        self._respond = respond

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            await self._respond(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def fetch(
    respond: Respond,
    url: str = "http://127.0.0.1:{port}/page",
    *,
    allowed: str = "127.0.0.1",
    seconds: float = 20,
    max_bytes: int = 1000,
    tls: tuple[ssl.SSLContext, ssl.SSLContext | None] | None = None,
    **options: Any,
) -> tuple[FetchedResponse | FetchError, RawServer]:
    """What the client makes of a server that responds so, and the server."""
    made = RawServer(respond)

    async def run() -> FetchedResponse | FetchError:
        async with (
            made.running(tls[0] if tls else None) as server,
            GuardedHttpClient(allowed_networks=parse_networks(allowed), tls=tls[1] if tls else None) as client,
        ):
            try:
                return await client.fetch(url.format(port=server.port), seconds=seconds, max_bytes=max_bytes, **options)
            except FetchError as error:
                return error

    return asyncio.run(run()), made


def failure_of(result: FetchedResponse | FetchError) -> FetchFailure:
    assert isinstance(result, FetchError), result
    return result.failure


def test_a_page_is_fetched_under_the_products_name_without_credentials() -> None:
    result, server = fetch(OK, "http://user:secret@127.0.0.1:{port}/page?q=1#part")
    assert isinstance(result, FetchedResponse)
    assert (result.status, result.reason, result.body, result.headers["content-type"]) == (
        200,
        "200 OK",
        b"hello",
        "text/plain",
    )
    assert result.url == f"http://127.0.0.1:{server.port}/page?q=1"
    (head,) = server.heads
    assert head.startswith("GET /page?q=1 HTTP/1.1\r\n")
    assert "User-Agent: Distributor/" in head
    assert "authorization" not in head.lower()


def test_head_asks_for_no_body() -> None:
    result, server = fetch(says("HTTP/1.1 404 Not Found\nContent-Length: 99\n\n"), method="HEAD")
    assert isinstance(result, FetchedResponse)
    assert (result.reason, result.body) == ("404 Not Found", b"")
    assert server.heads[0].startswith("HEAD ")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
    ],
)
def test_addresses_that_are_not_public_are_never_connected_to(host: str) -> None:
    async def run() -> None:
        async with GuardedHttpClient() as client:
            await client.fetch(f"http://{host}/", seconds=20, max_bytes=10)

    with pytest.raises(FetchError) as error:
        asyncio.run(run())
    assert error.value.failure is FetchFailure.FORBIDDEN
    assert "not a public address" in str(error.value)


def test_a_redirect_to_the_metadata_of_a_cloud_is_not_followed() -> None:
    result, server = fetch(says("HTTP/1.1 302 Found\nLocation: http://169.254.169.254/latest/\nContent-Length: 0\n\n"))
    assert failure_of(result) is FetchFailure.FORBIDDEN
    assert "169.254.169.254, not a public address" in str(result)
    assert len(server.heads) == 1


def test_a_redirect_to_another_scheme_is_not_followed() -> None:
    result, _ = fetch(says("HTTP/1.1 302 Found\nLocation: file:///etc/passwd\nContent-Length: 0\n\n"))
    assert failure_of(result) is FetchFailure.PROTOCOL


def test_a_redirect_is_followed_to_the_page_it_names() -> None:
    async def respond(head: bytes, writer: asyncio.StreamWriter) -> None:
        moved = says("HTTP/1.1 301 Moved\nLocation: ../there\nContent-Length: 0\n\n")
        await (moved if b"/page" in head else OK)(head, writer)

    result, server = fetch(respond)
    assert isinstance(result, FetchedResponse)
    assert (result.url, result.status) == (f"http://127.0.0.1:{server.port}/there", 200)


def test_a_failure_after_a_redirect_names_the_host_that_failed() -> None:
    result, server = fetch(
        says("HTTP/1.1 302 Found\nLocation: http://127.0.0.2:1/\nContent-Length: 0\n\n"), allowed="127.0.0.0/8"
    )
    assert failure_of(result) is FetchFailure.NO_CONNECTION
    assert isinstance(result, FetchError)
    assert result.host == host_of("http://user:secret@127.0.0.2:1/page") == "127.0.0.2:1"
    assert host_of(f"http://127.0.0.1:{server.port}/") != result.host


def test_a_credential_stays_with_the_server_that_it_is_for() -> None:
    there = RawServer(OK)

    async def run() -> RawServer:
        async with there.running(), GuardedHttpClient(allowed_networks=LOOPBACK) as client:
            moved = f"HTTP/1.1 302 Found\nLocation: http://127.0.0.1:{there.port}/\nContent-Length: 0\n\n"
            async with RawServer(says(moved)).running() as here:
                address = f"http://127.0.0.1:{here.port}/page"
                given = {"Authorization": "Bearer s3cret", "Accept": "text/plain"}
                await client.fetch(address, seconds=20, max_bytes=1000, headers=given)
                return here

    assert "s3cret" in asyncio.run(run()).heads[0]
    assert "s3cret" not in there.heads[0]
    assert "text/plain" in there.heads[0]


def test_a_list_in_several_fields_is_one_list() -> None:
    result, _ = fetch(
        says("HTTP/1.1 200 OK\nLink: </a>; rel=x\nLink: </b>; rel=y\nAge: 1\nAge: 2\nContent-Length: 0\n\n")
    )
    assert isinstance(result, FetchedResponse)
    assert (result.headers["link"], result.headers["age"]) == ("</a>; rel=x, </b>; rel=y", "2")


def test_redirects_end() -> None:
    result, server = fetch(says("HTTP/1.1 302 Found\nLocation: /page\nContent-Length: 0\n\n"))
    assert failure_of(result) is FetchFailure.REDIRECTS
    assert len(server.heads) == 6


def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_means_a_moment_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        return real(answers.pop(0) if host == "rebinding.test" else host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    result, _ = fetch(OK, "http://rebinding.test:{port}/")
    assert isinstance(result, FetchedResponse)
    assert answers == ["127.0.0.2", "127.0.0.3"]
    # A second request resolves anew, and is checked anew.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: rebinding(*given, **named))
    assert failure_of(fetch(OK, "http://rebinding.test:{port}/")[0]) is FetchFailure.FORBIDDEN


def test_other_ports_of_the_public_web_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 6379))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: public)
    result, _ = fetch(OK, "http://elsewhere.test:6379/")
    assert failure_of(result) is FetchFailure.FORBIDDEN
    assert "port 6379 is not asked" in str(result)


@pytest.mark.parametrize(
    ("code", "failure"),
    [(socket.EAI_NONAME, FetchFailure.NO_SUCH_NAME), (socket.EAI_AGAIN, FetchFailure.NO_NAME_SERVER)],
)
def test_a_name_that_does_not_exist_differs_from_a_name_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, code: int, failure: FetchFailure
) -> None:
    def fail(*given: Any, **named: Any) -> Any:
        raise socket.gaierror(code, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert failure_of(fetch(OK, "http://nowhere.test/")[0]) is failure


def test_a_body_without_end_is_read_as_far_as_asked_for() -> None:
    async def respond(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    result, _ = fetch(respond, max_bytes=12_345)
    assert isinstance(result, FetchedResponse)
    assert len(result.body) == 12_345


def test_a_server_that_never_ends_its_header_is_given_up() -> None:
    async def respond(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: and more\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    result, _ = fetch(respond, seconds=0.5)
    assert failure_of(result) is FetchFailure.TIMEOUT


def test_a_huge_header_is_not_kept_in_memory() -> None:
    async def respond(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    assert failure_of(fetch(respond)[0]) is FetchFailure.PROTOCOL


@pytest.mark.parametrize("text", ["", "SSH-2.0-OpenSSH_9.2\n", "HTTP/1.1 nine OK\n\n"])
def test_what_is_no_http_is_said(text: str) -> None:
    assert failure_of(fetch(says(text))[0]) is FetchFailure.PROTOCOL


def test_a_certificate_that_no_one_vouches_for_is_a_failure_of_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    url = "https://127.0.0.1:{port}/"
    assert isinstance(fetch(OK, url, tls=(tls_server(certificate), trusting))[0], FetchedResponse)
    result, server = fetch(OK, url, tls=(tls_server(certificate), None))
    assert failure_of(result) is FetchFailure.TLS
    assert "certificate" in str(result)
    assert server.heads == []


@pytest.mark.parametrize(
    "url",
    ["http://", "https:///x", "ftp://example.org/", "http://exa mple/", "http://[::1/", "x", "http://127.0.0.1:99999/"],
)
def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    assert isinstance(fetch(OK, url.replace("{", "{{"))[0], FetchError)
