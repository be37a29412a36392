"""A real HTTP server on this machine that answers by a script and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer: `body` as JSON, or as it is if it is bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hangup:
    """The request is taken and the connection is closed without a word: the answer is lost."""


@dataclass(frozen=True)
class Silence:
    """The request is taken and nothing ever comes back."""


Step = Reply | Hangup | Silence


class ScriptedServer:
    """Answers its requests with the steps of the script, one after the other."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._script = list(script)
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def then(self, *steps: Step) -> None:
        """Go on with these steps."""
        self._script.extend(steps)

    def next_step(self, asked: Asked) -> Step:
        with self._lock:
            self.asked.append(asked)
            return self._script.pop(0) if self._script else Reply(599, {"detail": "the script is at its end"})

    def asked_for(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == method and asked.path.endswith(path)]

    @property
    def is_played(self) -> bool:
        """Whether all of the script was asked for, and nothing more."""
        return not self._script


@contextmanager
def scripted(*script: Step) -> Iterator[ScriptedServer]:
    played = ScriptedServer(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            raw = self.rfile.read(length)
            parts = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(raw) if raw else None,
            )
            step = played.next_step(asked)
            if isinstance(step, Silence):
                played.closing.wait()
            if not isinstance(step, Reply):
                self.close_connection = True
                return
            body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
            self.send_response(step.status)
            for name, value in {"Content-Type": "application/json", **step.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    played.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield played
    finally:
        played.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def closed_port() -> Iterator[str]:
    """The URL of a port that nobody listens on."""
    with scripted() as server:
        url = server.url
    yield url
