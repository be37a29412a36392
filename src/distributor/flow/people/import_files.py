"""The files of imports in a folder of this machine: the people still to come in, and the rows that could not."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from distributor.domain.errors import ConfigurationError
from distributor.domain.importing import BadRow
from distributor.importers.columns import OF_BAD_ROWS
from distributor.importers.encoding import Copied, copy_as_utf8
from distributor.importers.values import escaped

_SUFFIX = ".people"
_DRAFT_SUFFIX = ".new"
_BAD_SUFFIX = ".bad.csv"


class ImportFiles:
    """A folder that only this machine, or those that share it, can import from. People's addresses are in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def keep(self, pieces: Iterable[bytes], *, encoding: str) -> Iterator[tuple[Path, Copied]]:
        """A copy in UTF-8, to be renamed to `source`; gone at the end if it was not. Raises InputError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{uuid.uuid4().hex}{_DRAFT_SUFFIX}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write to {self._folder}: {error.strerror}; set DISTRIBUTOR_DATA_DIR to a folder of yours"
            ) from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                copied = copy_as_utf8(pieces, file, encoding=encoding)
                file.flush()
                os.fsync(file.fileno())
            yield path, copied
        finally:
            path.unlink(missing_ok=True)

    def source(self, import_id: int) -> Path:
        """The people of an import that has not ended."""
        return self._folder / f"{import_id}{_SUFFIX}"

    def bad_rows(self, import_id: int) -> Path:
        """The rows of an import that could not come in, as CSV that can be corrected and imported again."""
        return self._folder / f"{import_id}{_BAD_SUFFIX}"

    @contextmanager
    def hold(self, import_id: int) -> Iterator[BinaryIO | None]:
        """The people of an import for nobody else until the end; None if another has them, or another machine.

        The kernel gives them back when their holder dies.
        """
        try:
            file = self.source(import_id).open("rb")
        except FileNotFoundError:
            yield None
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield file

    def write_bad_rows(self, import_id: int, rows: Sequence[BadRow], *, behind: int, headers: Sequence[str]) -> int:
        """Write rows behind the first `behind` octets, which are committed; returns the new size, safe on disk."""
        if not rows:
            return behind
        text = io.StringIO()
        writer = csv.writer(text)
        if not behind:
            writer.writerow((*OF_BAD_ROWS, *map(escaped, headers)))
        for row in rows:
            writer.writerow((row.line, *map(escaped, (row.reason, *row.cells))))
        data = text.getvalue().encode("utf-8", "replace")
        descriptor = os.open(self.bad_rows(import_id), os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(behind)
            file.seek(behind)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return behind + len(data)

    def discard(self, import_id: int) -> None:
        """Remove the people of an import that has ended."""
        self.source(import_id).unlink(missing_ok=True)

    def kept(self) -> list[int]:
        """The numbers of the imports whose people are here."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return [int(name) for name in names if name.isdecimal()]

    def discard_drafts(self, *, before: datetime) -> None:
        """Remove the copies that processes have left who were killed while they made them."""
        self._discard_old(_DRAFT_SUFFIX, before)

    def discard_bad_rows(self, *, before: datetime) -> int:
        """Remove rows that could not come in and that nobody has corrected since; returns of how many imports."""
        return self._discard_old(_BAD_SUFFIX, before)

    def _discard_old(self, suffix: str, before: datetime) -> int:
        discarded = 0
        for path in self._folder.glob(f"*{suffix}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    discarded += 1
        return discarded
