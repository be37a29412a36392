"""An HTTP server on a real socket that answers by a script and records the requests it gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes

    @property
    def body(self) -> Any:
        """The JSON body; None if there is none. Raises ValueError for another body."""
        return json.loads(self.raw_body) if self.raw_body else None

    @property
    def form(self) -> Mapping[str, str | bytes]:
        """The fields of a form: text, or bytes for a file of multipart/form-data."""
        media_type = self.headers.get("content-type", "")
        if not media_type.startswith("multipart/form-data"):
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True))
        message = message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + self.raw_body)
        return {
            str(part.get_param("name", header="content-disposition")): _field_of(part.get_payload(decode=True), part)
            for part in message.walk()
            if not part.is_multipart()
        }


def _field_of(content: Any, part: Any) -> str | bytes:
    return bytes(content) if part.get_filename() else bytes(content).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: `body` is sent as JSON, or unchanged if it is bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoseResponse:
    """The request is accepted, and the connection is closed without a response."""


@dataclass(frozen=True, slots=True)
class NeverRespond:
    """The request is accepted, and no response comes until the server stops."""


Step: TypeAlias = Reply | LoseResponse | NeverRespond


class ScriptedServer:
    """Answers its requests with the steps of the script in order; `route`, if set, answers instead of the script."""

    def __init__(self, *script: Step, route: Callable[[RecordedRequest], Step] | None = None) -> None:
        self.requests: list[RecordedRequest] = []
        self.url = ""
        self.route = route
        self.stopping = threading.Event()
        self._script = list(script)
        self._lock = threading.Lock()

    def then(self, *steps: Step) -> None:
        """Add steps to the script."""
        self._script.extend(steps)

    def next_step(self, request: RecordedRequest) -> Step:
        """Record the request and return what happens to it."""
        with self._lock:
            self.requests.append(request)
            if self.route is not None:
                return self.route(request)
            return self._script.pop(0) if self._script else Reply(599, {"detail": "the script is at its end"})

    def requests_to(self, method: str, path: str) -> list[RecordedRequest]:
        """The requests of this method whose path ends with `path`."""
        return [request for request in self.requests if request.method == method and request.path.endswith(path)]

    @property
    def is_finished(self) -> bool:
        """Whether every step of the script was used."""
        return not self._script


@contextmanager
def scripted_server(*script: Step, route: Callable[[RecordedRequest], Step] | None = None) -> Iterator[ScriptedServer]:
    """A running server on a free port of this machine."""
    scripted = ScriptedServer(*script, route=route)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"scripted": scripted}))
    server.daemon_threads = True
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        scripted.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def closed_port() -> Iterator[str]:
    """The URL of a port that refuses connections."""
    with scripted_server() as server:
        url = server.url
    yield url


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ScriptedServer

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        request = RecordedRequest(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            raw_body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        step = self.scripted.next_step(request)
        if isinstance(step, NeverRespond):
            self.scripted.stopping.wait()
        if not isinstance(step, Reply):
            self.close_connection = True
            return
        body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
        self.send_response(step.status)
        for name, value in {"Content-Type": "application/json", **step.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Requests are recorded, not logged."""
