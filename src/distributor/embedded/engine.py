"""Which server wrote the data of a Redis, and which may open it: the same kind of server, and never an older version.

Redis and Valkey have one origin and similar files, but each changes the format without the other: Redis 7.0 cannot read
what Valkey 8.1 writes, and neither reads all that its own later versions write. So the folder holds a record of the
server that was last started on it. The files themselves name a server too, but only the one that last rewrote them as a
whole; that is used for folders without a record.
"""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from distributor.domain.errors import ConfigurationError
from distributor.embedded.program import server_environment
from distributor.embedded.run_as import OsUser

_RECORD = "written_by"
_RECORD_TEXT = re.compile(r"(\w+) (\d+(?:\.\d+)*)\s*")
# Both servers answer `--version` so: Redis server v=7.0.15 sha=00000000:0 malloc=… bits=64 build=…
_VERSION_ANSWER = re.compile(r"(\w+) server v=(\d+(?:\.\d+)*)")
# An RDB file begins with its format, such as REDIS0011, and fields: 0xFA, then name and value, each after a byte with
# its length. The first is `redis-ver` or `valkey-ver`. An append-only file that was rewritten begins with an RDB file.
_RDB_HEADER = re.compile(rb"[A-Z]+\d+\xfa.(\w+)-ver.(\d+(?:\.\d+)*)", re.DOTALL)
_RDB_HEADER_BYTES = 64


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of server by the name it calls itself, `Redis` or `Valkey`, in one version."""

    kind: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.version))}"

    def may_open(self, data_of: Engine) -> bool:
        """Whether it reads all that the other has written."""
        return self.kind == data_of.kind and self.version >= data_of.version


async def engine_of_program(program: Path, run_as: OsUser) -> Engine | None:
    """What the program's `--version` says it is, or None if the user cannot run it."""
    try:
        process = await asyncio.create_subprocess_exec(
            *run_as.command((str(program), "--version"), SIGTERM),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=server_environment(),
            **run_as.credentials,
        )
    except OSError:
        return None
    answer, _ = await process.communicate()
    version = _VERSION_ANSWER.match(answer.decode(errors="replace"))
    return _engine(version[1], version[2]) if version else None


def engine_of_data(folder: Path) -> Engine | None:
    """The server that wrote the data in a folder, None if there is no data.

    Raises ConfigurationError if neither the record nor the files name it.
    """
    # Before Redis 7 there was one append-only file, since then there are several in a folder.
    files = [*folder.glob("appendonly.aof*"), *folder.glob("appendonlydir/appendonly.aof*")]
    if not files:
        return None
    engine = _recorded_engine(folder) or _engine_of_files(files)
    if engine is None:
        raise ConfigurationError(
            f"{folder} holds data, and neither its files nor {folder / _RECORD} say whether Redis or Valkey wrote it: "
            "write the name and the version there (such as `Valkey 8.1.8`), move the folder away, or set "
            "DISTRIBUTOR_DATA_DIR to another folder"
        )
    return engine


def record_engine(folder: Path, engine: Engine) -> None:
    """Note that a server is going to write in the folder."""
    record = folder / _RECORD
    if _recorded_engine(folder) == engine:
        return
    draft = record.with_suffix(".new")
    draft.unlink(missing_ok=True)
    # Root writes it into another user's folder, where it follows no link, and that user may have to read it later.
    with draft.open("x", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(f"{engine}\n")
    draft.replace(record)


def _recorded_engine(folder: Path) -> Engine | None:
    try:
        record = _RECORD_TEXT.fullmatch((folder / _RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return _engine(record[1], record[2]) if record else None


def _engine_of_files(files: list[Path]) -> Engine | None:
    """The server that wrote the newest file with a header."""
    for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
        with file.open("rb") as content:
            header = _RDB_HEADER.match(content.read(_RDB_HEADER_BYTES))
        if header:
            return _engine(header[1].decode(), header[2].decode())
    return None


def _engine(kind: str, version: str) -> Engine:
    return Engine(kind.capitalize(), tuple(int(part) for part in version.split(".")))
