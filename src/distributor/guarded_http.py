"""The client for URLs that outsiders chose, such as links in an article: it reaches public addresses only.

Every connection, also one that follows a redirect, is made to an address that was checked after its name was resolved.
A name that resolves to something else a moment later changes nothing. Time, redirects and bytes are limited.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpcore
import httpx

from distributor import __version__
from distributor.domain.errors import ServiceError
from distributor.domain.ip_networks import IpAddress, IpNetwork, embedded_address, is_public

USER_AGENT = f"Distributor/{__version__}"
MAX_REDIRECTS = 5
_PORTS = frozenset({80, 443})
# So many addresses of one name are tried.
_MAX_ADDRESSES = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
# What may come in several fields, which together are one list (RFC 9110, section 5.3).
_LISTS = frozenset({"cache-control", "link"})
# How zlib is told that its data has the header of gzip.
_GZIP = zlib.MAX_WBITS | 16


class FetchFailure(StrEnum):
    """Why there is no response."""

    FORBIDDEN = "forbidden"
    NO_SUCH_NAME = "no_such_name"
    NO_NAME_SERVER = "no_name_server"
    NO_CONNECTION = "no_connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    REDIRECTS = "redirects"


class FetchError(ServiceError):
    """There is no response; `failure` is the kind of reason for programs, the text a phrase for people.

    `host` is the one that gave none, after redirects, as `host_of` spells it; empty if it is unknown.
    """

    def __init__(self, failure: FetchFailure, reason: str) -> None:
        self.failure = failure
        self.host = ""
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedResponse:
    """A response whatever its status, after redirects. `body` is decoded, and has at most as many bytes as asked for.

    Header names are in lower case. `has_moved` says that every redirect was permanent, so that `url` is to be asked
    from now on.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    has_moved: bool = False

    @property
    def reason(self) -> str:
        """The status with its name: ``404 Not Found``."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""
        return f"{self.status} {phrase}".strip()


class GuardedHttpClient:
    """Fetches URLs of http and https, without cookies; an async context manager.

    What a caller sends as Authorization goes to the origin that was asked, and to no other one that it redirects to.
    `allowed_networks` may be reached although they are not public, on any port; elsewhere only ports 80 and 443 are.
    `tls` is for certificates of authorities of one's own.
    """

    def __init__(self, *, allowed_networks: Sequence[IpNetwork] = (), tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            network_backend=_CheckingBackend(allowed_networks),
            max_connections=None,
            max_keepalive_connections=0,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    async def fetch(
        self,
        address: str,
        *,
        method: str = "GET",
        seconds: float,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> FetchedResponse:
        """The response, after at most MAX_REDIRECTS redirects, within so many seconds altogether.

        The rest of a body beyond `max_bytes` is not read. Raises FetchError.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(address, method, max_bytes, headers or {})
        except TimeoutError:
            raise FetchError(FetchFailure.TIMEOUT, f"no response within {seconds:g} seconds") from None

    async def post(
        self, address: str, body: bytes, *, seconds: float, max_bytes: int, headers: Mapping[str, str]
    ) -> FetchedResponse:
        """The response to a body that is posted, within so many seconds; no redirect is followed. Raises FetchError."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(_parsed(address), "POST", max_bytes, headers, body)
        except TimeoutError:
            raise FetchError(FetchFailure.TIMEOUT, f"no response within {seconds:g} seconds") from None

    async def _follow(self, address: str, method: str, max_bytes: int, headers: Mapping[str, str]) -> FetchedResponse:
        url, redirects = _parsed(address), list[int]()
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = await self._ask(url, method, max_bytes, headers)
            except FetchError as error:
                error.host = _spelled_host(url)
                raise
            target = response.headers.get("location", "")
            if response.status not in _REDIRECTS or not target:
                return replace(response, has_moved=bool(redirects) and _PERMANENT.issuperset(redirects))
            redirects.append(response.status)
            before, url = url, _parsed(target, base=url)
            if (before.scheme, before.netloc) != (url.scheme, url.netloc):
                # A credential is for the one whom it was given to (RFC 9110, section 15.4).
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        raise FetchError(FetchFailure.REDIRECTS, f"it redirects more than {MAX_REDIRECTS} times")

    async def _ask(
        self, url: httpx.URL, method: str, max_bytes: int, headers: Mapping[str, str], content: bytes | None = None
    ) -> FetchedResponse:
        """One request, without following a redirect."""
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip", **headers}
        if content is not None:
            sent["Content-Length"] = str(len(content))
        try:
            async with self._pool.stream(method, target, headers=list(sent.items()), content=content) as response:
                body = b""
                async for part in response.aiter_stream():
                    body += part
                    if len(body) >= max_bytes:
                        break
                received = _fields(response.headers)
                encoding = received.get("content-encoding", "")
                return FetchedResponse(
                    url=str(url),
                    status=response.status,
                    headers=received,
                    body=_decoded(body, encoding, max_bytes),
                )
        except httpcore.NetworkError as error:
            # The pool of httpcore drops the cause; what it was raised in is still known.
            if isinstance(error.__context__, ssl.SSLError):
                raise FetchError(FetchFailure.TLS, f"TLS fails: {_tls_reason(error.__context__)}") from error
            raise FetchError(FetchFailure.NO_CONNECTION, f"no connection: {str(error) or 'it was closed'}") from error
        except httpcore.TimeoutException as error:
            raise FetchError(FetchFailure.TIMEOUT, "no response in time") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise FetchError(FetchFailure.PROTOCOL, "what answers there does not speak HTTP correctly") from error


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The header fields by their names in lower case; of one that may not be repeated the last counts."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in _LISTS and name in found else value
    return found


def _decoded(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The first bytes of a body without its content coding (RFC 9110, section 8.4.1). Raises FetchError."""
    name = encoding.strip().lower()
    if name in ("", "identity") or not body:
        return body[:max_bytes]
    if name not in ("gzip", "x-gzip"):
        raise FetchError(FetchFailure.PROTOCOL, f"the body is encoded as {name[:20]}, which was not asked for")
    try:
        return zlib.decompressobj(_GZIP).decompress(body, max_bytes)
    except zlib.error:
        raise FetchError(FetchFailure.PROTOCOL, "its gzip is damaged") from None


def host_of(address: str) -> str:
    """The host of a URL in lower case, with its port unless that is the usual one. Raises FetchError."""
    return _spelled_host(_parsed(address))


class _CheckingBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be reached."""

    def __init__(self, allowed_networks: Sequence[IpNetwork]) -> None:
        self._allowed_networks = allowed_networks
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await _resolve(host, port)
        permitted = [one for one in found if self._permits(one, port)]
        if not permitted:
            where = f"{host} is {found[0]}" if str(found[0]) != host else host
            what = f"port {port} is not asked" if any(is_public(one) for one in found) else "not a public address"
            raise FetchError(FetchFailure.FORBIDDEN, f"{where}, {what}")
        *others, last = permitted[:_MAX_ADDRESSES]
        for address in others:
            with suppress(httpcore.ConnectError):
                return await self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
        return await self._sockets.connect_tcp(str(last), port, timeout, local_address, socket_options)

    def _permits(self, address: IpAddress, port: int) -> bool:
        embedded = embedded_address(address)
        if any(embedded in network for network in self._allowed_networks):
            return True
        return port in _PORTS and is_public(address)


async def _resolve(host: str, port: int) -> list[IpAddress]:
    """The addresses of a host, those of IPv4 first. Raises FetchError.

    The resolver of the system cannot be interrupted; its thread is left behind when the time is up.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[list[IpAddress]] = loop.create_future()

    def settle(found: list[IpAddress] | None, error: FetchError | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(found or [])

    def look_up() -> None:
        found, failed = None, None
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = sorted({ip_address(answer[4][0]) for answer in answers}, key=lambda one: (one.version, int(one)))
        except socket.gaierror as error:
            is_unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            failure = FetchFailure.NO_SUCH_NAME if is_unknown else FetchFailure.NO_NAME_SERVER
            failed = FetchError(failure, f"the name {host} {'does not exist' if is_unknown else 'cannot be resolved'}")
        except (OSError, UnicodeError, ValueError):
            failed = FetchError(FetchFailure.NO_SUCH_NAME, f"{host} is not the name of a host")
        try:
            loop.call_soon_threadsafe(settle, found, failed)
        except RuntimeError:
            # The loop is closed: no one waits any more.
            return

    threading.Thread(target=look_up, daemon=True).start()
    return await result


def _parsed(address: str, base: httpx.URL | None = None) -> httpx.URL:
    """A URL of http or https without its user, password and fragment. Raises FetchError."""
    try:
        url = base.join(address) if base is not None else httpx.URL(address)
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchError(FetchFailure.PROTOCOL, "it is not a web address")
        if url.port is not None and not 0 < url.port < 65536:
            raise FetchError(FetchFailure.PROTOCOL, f"there is no port {url.port}")
        return url.copy_with(userinfo=b"", fragment=None)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise FetchError(FetchFailure.PROTOCOL, "it is not a valid URL") from None


def _spelled_host(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).replace("_", " ").lower()
