"""A small HTTP server for tests that reads whole requests, and can disconnect instead of responding."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class HttpCall:
    """A call with the names of its header fields in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpAnswer:
    """A body that is no text is written as JSON."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()
        fields = {**self.headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"HTTP/1.1 {self.status} Told\r\n{head}\r\n".encode() + body


class HangUp:
    """The call was read, and there is no answer."""


Answering = Callable[[HttpCall], HttpAnswer | HangUp]


class HttpServer:
    """Listens on 127.0.0.1 while it is entered; `calls` are all that were read, over so many `connections`."""

    def __init__(self, answering: Answering, *, tls: ssl.SSLContext | None = None) -> None:
        self.calls: list[HttpCall] = []
        self.connections = 0
        self._answering = answering
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> HttpServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                call = await _read(reader)
                self.calls.append(call)
                answer = self._answering(call)
                if isinstance(answer, HangUp):
                    return
                writer.write(answer.written())
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> HttpCall:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return HttpCall(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@contextmanager
def in_a_thread(server: AbstractAsyncContextManager[object]) -> Iterator[asyncio.AbstractEventLoop]:
    """The server runs in an event loop of its own, for tests whose caller has one that ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(_entered(server), loop).result()
        yield loop
        asyncio.run_coroutine_threadsafe(_left(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _entered(server: AbstractAsyncContextManager[object]) -> None:
    await server.__aenter__()


async def _left(server: AbstractAsyncContextManager[object]) -> None:
    await server.__aexit__(None, None, None)
