"""SMTP connections kept from one batch to the next, so that a small batch does not pay for TLS and login."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from distributor.channels.email.relays import Relay
from distributor.mail.smtp.connection import SmtpConnection

# How long a connection may have been idle to be used again: far less than servers wait (RFC 5321 section 4.5.3.2.7).
MAX_IDLE_SECONDS = 30.0


class ConnectionPool:
    """Idle connections by relay. They belong to the event loop that they were made in."""

    def __init__(self) -> None:
        # Relays that could not be reached by the last batch: the next one prefers others.
        self.unreachable: set[str] = set()
        self._idle: defaultdict[str, list[tuple[SmtpConnection, float]]] = defaultdict(list)
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self, relay: Relay) -> SmtpConnection | None:
        """An idle connection that the server has not closed, as far as is known."""
        if self._loop is not asyncio.get_running_loop():
            self._idle.clear()
        while self._idle[relay.name]:
            connection, since = self._idle[relay.name].pop()
            if connection.is_idle and asyncio.get_running_loop().time() - since < MAX_IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def put(self, relay: Relay, connection: SmtpConnection) -> None:
        """Keep a connection on which no transaction is open."""
        self.unreachable.discard(relay.name)
        self._loop = asyncio.get_running_loop()
        self._idle[relay.name].append((connection, self._loop.time()))

    async def close(self) -> None:
        """End every connection with QUIT."""
        idle = [connection for kept in self._idle.values() for connection, _ in kept]
        self._idle.clear()
        if self._loop is asyncio.get_running_loop():
            await asyncio.gather(*(connection.quit() for connection in idle))
