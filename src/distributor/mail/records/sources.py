"""Sources of mail records, given on the command line as KIND:PATH."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from distributor.domain.errors import InputError
from distributor.mail.records.mailboxes import read_folder, read_maildir, read_mbox, read_message_ids
from distributor.mail.records.maillog import read_postfix_logs
from distributor.mail.records.recorded_mail import RecordedMail

_Reader = Callable[[Sequence[Path]], Iterator[RecordedMail]]


def _one_by_one(read: Callable[[Path], Iterator[RecordedMail]]) -> _Reader:
    return lambda paths: chain.from_iterable(map(read, paths))


READERS: Mapping[str, _Reader] = {
    "inbox": _one_by_one(read_folder),
    "maildir": _one_by_one(read_maildir),
    "mbox": _one_by_one(read_mbox),
    "maillog": read_postfix_logs,
    "ids": _one_by_one(read_message_ids),
}
"""The reader of every kind of record; it reads all paths as one record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRecordSource:
    """The paths of one kind of record. Two sources may contain the same mail; twice in one source means two mails."""

    kind: str
    paths: tuple[Path, ...]

    def mails(self) -> Iterator[RecordedMail]:
        """Raises SourceError for a path that cannot be read."""
        return READERS[self.kind](self.paths)


def parse_record_sources(texts: Iterable[str]) -> list[MailRecordSource]:
    """Sources from KIND:PATH, those of one kind together in the given order. Raises InputError."""
    paths: dict[str, list[Path]] = {}
    for text in texts:
        kind, colon, path = text.partition(":")
        if not colon or not path or kind not in READERS:
            raise InputError(f"evidence {text!r}: write KIND:PATH, where KIND is one of {', '.join(READERS)}")
        paths.setdefault(kind, []).append(Path(path))
    return [MailRecordSource(kind=kind, paths=tuple(found)) for kind, found in paths.items()]
