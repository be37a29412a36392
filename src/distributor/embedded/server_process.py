"""The process of one server: started, waited for until it is ready, and started again when it ends unexpectedly."""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import Process
from collections import deque
from contextlib import suppress
from typing import NoReturn, Protocol

from distributor.domain.errors import ServiceError
from distributor.embedded.paths import last_error_line, open_log
from distributor.embedded.program import Program, launch, stop

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.02
# Recovery after a crash can take this long; a server that has ended is noticed at once.
_READY_SECONDS = 300.0
_ATTEMPTS = 3
_CRASHES = 5
_CRASH_WINDOW_SECONDS = 60.0


class Server(Protocol):
    """One kind of server."""

    @property
    def url(self) -> str:
        """The URL for its clients; does not change after `prepare`."""

    async def prepare(self) -> None:
        """Make all it needs, unless it exists. Raises ConfigurationError or ServiceError."""

    def program(self) -> Program:
        """How it is started."""

    async def is_ready(self, pid: int) -> bool:
        """Whether the server with this process number accepts connections."""


class _EndedEarlyError(ServiceError):
    """The server ended before it was ready."""


class ServerProcess:
    """A server and its current process."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._process: Process | None = None
        self._program: Program | None = None
        self._log_start = 0

    async def start(self) -> None:
        """Start the server and return when it is ready. Raises ConfigurationError or ServiceError."""
        for attempt in range(1, _ATTEMPTS + 1):
            await self.server.prepare()
            try:
                await self._start_once()
            except _EndedEarlyError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return

    async def keep_running(self) -> NoReturn:
        """Start the server again whenever it ends. Raises ServiceError when it has ended five times within a minute."""
        crashes: deque[float] = deque(maxlen=_CRASHES)
        clock = asyncio.get_running_loop().time
        while True:
            process, program = self._running()
            status = await process.wait()
            crashes.append(clock())
            if len(crashes) == _CRASHES and crashes[-1] - crashes[0] < _CRASH_WINDOW_SECONDS:
                raise ServiceError(f"{program.name} keeps ending: {self._last_error_line(program)}")
            _LOG.warning("%s ended unexpectedly with status %s; starting it again", program.name, status)
            with suppress(_EndedEarlyError):
                await self._start_once()

    async def stop(self) -> None:
        """Stop the server if it runs."""
        if self._process is not None and self._program is not None:
            await stop(self._process, self._program)

    async def _start_once(self) -> None:
        self._program = self.server.program()
        with open_log(self._program.log) as log:
            self._log_start = log.tell()
        self._process = await launch(self._program)
        try:
            await asyncio.wait_for(self._wait_until_ready(), _READY_SECONDS)
        except TimeoutError:
            error = self._last_error_line(self._program)
            raise ServiceError(f"{self._program.name} does not answer: {error}") from None

    async def _wait_until_ready(self) -> None:
        process, program = self._running()
        while not await self.server.is_ready(process.pid):
            if process.returncode is not None:
                raise _EndedEarlyError(f"{program.name} ended: {self._last_error_line(program)}")
            await asyncio.sleep(_POLL_SECONDS)

    def _last_error_line(self, program: Program) -> str:
        return f"{last_error_line(program.log, since=self._log_start)} (more in {program.log})"

    def _running(self) -> tuple[Process, Program]:
        if self._process is None or self._program is None:
            raise RuntimeError("the server has not been started")
        return self._process, self._program
