"""The inbox: every accepted mail as a numbered .eml file, byte for byte, with its envelope in an index beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from cattrs.preconf.json import make_converter

from distributor.domain.errors import NotFoundError
from distributor.sandbox.json_store import JsonLog

_CONVERTER = make_converter()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnvelope:
    """The SMTP envelope of a mail; an empty sender is the null reverse-path (RFC 5321, section 4.5.5)."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    size: int


class Inbox:
    """Mails in `folder`, numbered from 1.

    When `store` returns, the whole mail has been handed to the operating system and outlives this process; a power
    failure may still lose it. The rename makes a mail exist: an index line without a file is ignored.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        for unfinished in folder.glob("*.tmp"):
            unfinished.unlink()
        self._index = JsonLog(folder / "index.jsonl")
        present = {path.name for path in folder.glob("*.eml")}
        claimed = [_CONVERTER.structure(entry, StoredEnvelope) for entry in self._index.take_entries()]
        self._envelopes = {envelope.number: envelope for envelope in claimed if _file_name(envelope.number) in present}
        self._last = max(self._envelopes, default=0)

    def __len__(self) -> int:
        return len(self._envelopes)

    def store(self, content: bytes, *, sender: str, recipients: Sequence[str], now: datetime) -> StoredEnvelope:
        """Store a mail permanently."""
        number = self._last + 1
        path = self.folder / _file_name(number)
        unfinished = path.with_suffix(".tmp")
        unfinished.write_bytes(content)
        envelope = StoredEnvelope(
            number=number, sender=sender, recipients=tuple(recipients), received_at=now, size=len(content)
        )
        self._index.append(_CONVERTER.unstructure(envelope))
        unfinished.rename(path)
        self._envelopes[number] = envelope
        self._last = number
        return envelope

    def latest(self, limit: int, *, before: int | None = None) -> list[StoredEnvelope]:
        """The newest mails, newest first; `before` leaves out those with this number and later ones."""
        last = self._last if before is None else min(before - 1, self._last)
        present = (self._envelopes[number] for number in range(last, 0, -1) if number in self._envelopes)
        return list(islice(present, limit))

    def envelope(self, number: int) -> StoredEnvelope:
        """Raises NotFoundError if there is no such mail."""
        if number not in self._envelopes:
            raise NotFoundError("mail", number)
        return self._envelopes[number]

    def content(self, number: int) -> bytes:
        """The bytes that were received. Raises NotFoundError if there is no such mail."""
        return (self.folder / _file_name(self.envelope(number).number)).read_bytes()

    def envelopes(self) -> list[StoredEnvelope]:
        """All of them, oldest first."""
        return list(self._envelopes.values())

    def close(self) -> None:
        """Close the index."""
        self._index.close()


def _file_name(number: int) -> str:
    return f"{number:08d}.eml"
