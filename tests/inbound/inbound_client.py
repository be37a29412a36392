"""The inbound server, running in this process, and a raw connection to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distributor.flow.app_context import AppContext
from distributor.inbound.server import MAX_SESSIONS, MAX_SESSIONS_PER_IP, InboundServer


class RawClient:
    """A raw connection: sends bytes, reads replies."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def send(self, content: bytes, replies: int = 1) -> list[str]:
        self.socket.sendall(content)
        return [self.reply() for _ in range(replies)]

    def reply(self) -> str:
        """A reply of any number of lines; empty if the server has closed the connection."""
        lines = []
        while line := self.file.readline().decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def codes(self, content: bytes, replies: int = 1) -> list[str]:
        return [reply[:3] for reply in self.send(content, replies)]

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def running_server(
    app: AppContext,
    *,
    idle_seconds: float = 30.0,
    max_sessions: int = MAX_SESSIONS,
    max_sessions_per_ip: int = MAX_SESSIONS_PER_IP,
) -> Iterator[int]:
    """The server on a free port, in a thread, until the context ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        server = InboundServer(
            app,
            name="inbound.test",
            idle_seconds=idle_seconds,
            max_sessions=max_sessions,
            max_sessions_per_ip=max_sessions_per_ip,
        )
        await server.start(listener)
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
