"""Records made of received mail (a folder of .eml files, a Maildir, an mbox) and lists of Message-IDs."""

from __future__ import annotations

import csv
import mailbox
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.mail.records.recorded_mail import RecordedMail, bare_message_id

_HEADERS = BytesHeaderParser(policy=compat32)


def read_folder(folder: Path) -> Iterator[RecordedMail]:
    """Every .eml file in `folder` and below."""
    _require_folder(folder)
    return _of_files(file for file in folder.rglob("*.eml") if file.is_file())


def read_maildir(folder: Path) -> Iterator[RecordedMail]:
    """Every mail of a Maildir, read or not; mails that are still being delivered (tmp) are skipped."""
    _require_folder(folder)
    if not (folder / "cur").is_dir() and not (folder / "new").is_dir():
        raise SourceError("no Maildir: it has neither cur nor new", path=folder)
    return _of_files(file for part in ("cur", "new") if (folder / part).is_dir() for file in (folder / part).iterdir())


def read_mbox(path: Path) -> Iterator[RecordedMail]:
    """Every mail of an mbox (RFC 4155)."""
    if not path.is_file():
        raise SourceError("there is no such file", path=path)
    for message in mailbox.mbox(path, create=False):
        yield from _recorded(message)


def _of_files(files: Iterable[Path]) -> Iterator[RecordedMail]:
    for file in files:
        try:
            with file.open("rb") as opened:
                header = _HEADERS.parse(opened)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", path=file) from error
        yield from _recorded(header)


def _recorded(header: Message) -> Iterator[RecordedMail]:
    message_id = bare_message_id(str(header["Message-ID"] or ""))
    if message_id is not None:
        yield RecordedMail(message_id, addressees=tuple(address for _, address in _addressees(header) if address))


def _addressees(header: Message) -> list[tuple[str, str]]:
    try:
        return getaddresses([str(field) for field in header.get_all("To", [])])
    except RecursionError:
        # Thousands of nested comments: the standard library calls itself for each.
        return []


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise SourceError("there is no such folder", path=folder)


_NAMES = frozenset({"messageid", "smtpid", "headermessageid"})


def read_message_ids(path: Path) -> Iterator[RecordedMail]:
    """One Message-ID per line, or a CSV file with such a column; empty lines and a header line are skipped.

    Raises SourceError for a line without a Message-ID.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _of_rows(csv.reader(file), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"cannot be read as CSV in UTF-8: {error}", path=path) from error


def _of_rows(rows: Iterator[list[str]], path: Path) -> Iterator[RecordedMail]:
    column: int | None = None
    for number, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            continue
        if number == 1 and (column := _column_named(row)) is not None:
            continue
        message_id = _id_in(row, column)
        if message_id is None and number > 1:
            raise SourceError("there is no Message-ID in this line", path=path, line=number)
        if message_id is not None:
            yield RecordedMail(message_id)


def _column_named(row: Sequence[str]) -> int | None:
    folded = ["".join(filter(str.isalnum, cell.lower())) for cell in row]
    return next((place for place, name in enumerate(folded) if name in _NAMES), None)


def _id_in(row: Sequence[str], column: int | None) -> str | None:
    cells = row if column is None else row[column : column + 1]
    return next((found for cell in cells if (found := bare_message_id(cell)) is not None), None)
