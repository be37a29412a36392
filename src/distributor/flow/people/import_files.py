"""The files of imports in a folder of this machine: the uploaded subscribers, and the rows that were rejected."""

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
from distributor.domain.subscriber_import import BadRow
from distributor.importers.columns import BAD_ROW_COLUMNS
from distributor.importers.encoding import Utf8Copy, copy_as_utf8
from distributor.importers.values import escape_formula
from distributor.private_files import make_private_folder

_SUFFIX = ".people"
_DRAFT_SUFFIX = ".new"
_BAD_SUFFIX = ".bad.csv"


class ImportFiles:
    """The folder of this machine's imports; workers of other machines cannot read it. It contains email addresses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def keep(self, pieces: Iterable[bytes], *, encoding: str) -> Iterator[tuple[Path, Utf8Copy]]:
        """A draft copy in UTF-8, for the caller to rename to `source`; else deleted at the end. Raises InputError."""
        try:
            make_private_folder(self._folder)
            path = self._folder / f"{uuid.uuid4().hex}{_DRAFT_SUFFIX}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write to {self._folder}: {error.strerror}; set DISTRIBUTOR_DATA_DIR to a folder of yours"
            ) from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                copied = copy_as_utf8(pieces, file, encoding=encoding, folder=self._folder)
                file.flush()
                os.fsync(file.fileno())
            yield path, copied
        finally:
            path.unlink(missing_ok=True)

    def source(self, import_id: int) -> Path:
        """The uploaded file of an import that has not ended."""
        return self._folder / f"{import_id}{_SUFFIX}"

    def bad_rows(self, import_id: int) -> Path:
        """The rejected rows of an import, as CSV that can be corrected and imported again."""
        return self._folder / f"{import_id}{_BAD_SUFFIX}"

    @contextmanager
    def hold(self, import_id: int) -> Iterator[BinaryIO | None]:
        """The file of an import, locked for this process; None if another process has it or it is on another machine.

        The kernel releases the lock when its holder dies.
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
        """Write rows after the first `behind` bytes, which are committed; returns the new size, synced to disk."""
        if not rows:
            return behind
        text = io.StringIO()
        writer = csv.writer(text)
        if not behind:
            writer.writerow((*BAD_ROW_COLUMNS, *map(escape_formula, headers)))
        for row in rows:
            writer.writerow((row.line, *map(escape_formula, (row.reason, *row.cells))))
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
        """Delete the file of an import that has ended."""
        self.source(import_id).unlink(missing_ok=True)

    def kept(self) -> list[int]:
        """The ids of the imports whose files are here."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return [int(name) for name in names if name.isdecimal()]

    def discard_drafts(self, *, before: datetime) -> None:
        """Delete draft copies of processes that were killed while they wrote them."""
        for path in self._old(_DRAFT_SUFFIX, before):
            # One that cannot be deleted is no reason not to import.
            with suppress(OSError):
                path.unlink()

    def old_bad_rows(self, *, before: datetime) -> list[Path]:
        """The files of rejected rows last written before this time."""
        return list(self._old(_BAD_SUFFIX, before))

    def _old(self, suffix: str, before: datetime) -> Iterator[Path]:
        for path in self._folder.glob(f"*{suffix}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    yield path
