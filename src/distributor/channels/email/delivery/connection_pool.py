"""Connections that are kept from one batch to the next, so that a small batch need not pay for TLS and login."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from distributor.channels.email.relays import Relay
from distributor.mail.smtp.connection import SmtpConnection

# How long a connection may have been idle to be used again: far less than servers wait (RFC 5321 section 4.5.3.2.7).
LONGEST_IDLE_SECONDS = 30.0


class Pool:
    """Idle connections by relay. They belong to the event loop that they were made in."""

    def __init__(self) -> None:
        # Relays that could not be reached lately: the next batch begins with others where it can.
        self.unreached: set[str] = set()
        self._idle: defaultdict[str, list[tuple[SmtpConnection, float]]] = defaultdict(list)
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self, relay: Relay) -> SmtpConnection | None:
        """A connection on which nothing is under way and the server has not hung up, as far as that has been heard."""
        if self._loop is not asyncio.get_running_loop():
            self._idle.clear()
        while self._idle[relay.name]:
            connection, since = self._idle[relay.name].pop()
            if connection.is_idle and asyncio.get_running_loop().time() - since < LONGEST_IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def keep(self, relay: Relay, connection: SmtpConnection) -> None:
        """Nothing is under way on the connection."""
        self.unreached.discard(relay.name)
        self._loop = asyncio.get_running_loop()
        self._idle[relay.name].append((connection, self._loop.time()))

    async def close(self) -> None:
        """Take leave of every server."""
        idle = [connection for kept in self._idle.values() for connection, _ in kept]
        self._idle.clear()
        if self._loop is asyncio.get_running_loop():
            await asyncio.gather(*(connection.quit() for connection in idle))
