"""A mail relay in a thread: the sandbox's SMTP server with its inbox, behind a proxy that injects faults."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from distributor.sandbox.faults import Switches
from distributor.sandbox.inbox import Inbox
from distributor.sandbox.smtp_server import SMTP, SMTP_FAULTS, SmtpServer

from .fault_proxy import FaultProxy, ReplyFault, Strike

_STEP_SECONDS = 60


class Relay:
    """The relay. `switches` inject faults of the server, the methods faults of the network."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop, proxy: FaultProxy, switches: Switches) -> None:
        self.folder = folder
        self.switches = switches
        self._loop = loop
        self._proxy = proxy

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._proxy.port}"

    def refuse(self) -> None:
        """Refuse connections until `serve`."""
        self._do(self._proxy.refuse())

    def serve(self) -> None:
        self._do(self._proxy.serve())

    def delay(self, seconds: float) -> None:
        """Delay everything by so much, in each direction."""
        self._proxy.delay = seconds

    @property
    def passed(self) -> int:
        """How many mails have been forwarded to the server."""
        return self._proxy.passed

    @property
    def holding(self) -> int:
        """How many mails are held back at the moment, each on a connection of its own."""
        return self._proxy.holding

    def allow(self, limit: int | None) -> None:
        """Forward so many mails in all and hold back the others, whose senders wait; None: all of them."""
        self._do(self._proxy.allow(limit))

    def corrupt(self, fault: ReplyFault | None) -> None:
        """Garble, double or swallow lines of replies."""
        self._proxy.reply_fault = fault

    def arm(self, strike: Strike | None) -> None:
        self._proxy.strike = strike

    def wait_until_idle(self) -> None:
        """Wait until nothing is in transit any more."""
        self._do(self._proxy.wait_until_idle())

    def mails(self) -> Counter[tuple[str, str]]:
        """How often each mail was accepted, by recipient and Message-ID."""
        self.wait_until_idle()
        read = (message_from_bytes(file.read_bytes(), policy=default) for file in self.folder.glob("*.eml"))
        return Counter((mail["To"].addresses[0].addr_spec, str(mail["Message-ID"])) for mail in read)

    def _do(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(_STEP_SECONDS)


@contextmanager
def running_relay(folder: Path) -> Iterator[Relay]:
    """A relay that accepts every mail into `folder` unless faults are set."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    inbox, switches = Inbox(folder), Switches({SMTP: SMTP_FAULTS})
    loop = asyncio.new_event_loop()
    server = SmtpServer(inbox, switches, lambda: datetime.now(UTC))
    proxy = FaultProxy(listening.getsockname()[1])
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    try:
        for step in (server.start(listening), proxy.serve()):
            asyncio.run_coroutine_threadsafe(step, loop).result(_STEP_SECONDS)
        yield Relay(folder, loop, proxy, switches)
    finally:
        for step in (proxy.refuse(), server.stop()):
            asyncio.run_coroutine_threadsafe(step, loop).result(_STEP_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        listening.close()
        inbox.close()
