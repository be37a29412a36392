"""Generations of the database: a restore begins one, because what was sent after the backup is not in the database.

The generation is in every id that is given out in it, and so in each token, Message-ID, return path and idempotency
key: deliveries are numbered from the number of the generation on. That is a time in microseconds, so it is above every
id that was given out before, also after the backup, as long as fewer than a million are needed a second; and no two
restores of one backup begin the same generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class GenerationBeginning(StrEnum):
    """How a generation began.

    CREATED: with the database. RESTORED: from a backup. COPIED: from a backup, as a copy beside the original. REWOUND:
    an older snapshot of the database was put in its place, which its marks have shown.
    """

    CREATED = "created"
    RESTORED = "restored"
    COPIED = "copied"
    REWOUND = "rewound"


@dataclass(frozen=True, slots=True, order=True)
class LedgerMark:
    """How far a database has come: a mark kept outside it that is above its own shows that it is an older snapshot."""

    generation: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One history of the database. `known_until`: what was sent between this and `began_at` is not in the database.

    `source` is the name of the backup. `seen_at` is when the service has run last in it. Without `sends_since` it is a
    copy that sends nothing.
    """

    number: int
    database_id: UUID
    beginning: GenerationBeginning
    began_at: datetime
    known_until: datetime | None
    source: str
    position: int
    seen_at: datetime | None
    sends_since: datetime | None
    key_fingerprint: str

    @property
    def mark(self) -> LedgerMark:
        """How far it has come."""
        return LedgerMark(self.number, self.position)


def next_number(now: datetime, *, above: int) -> int:
    """The number of a generation that begins now, and is above this number."""
    return max((now - _EPOCH) // timedelta(microseconds=1), above + 1)


def first_short_id(number: int) -> int:
    """The first id in a generation of what people name by its id, such as campaigns: seconds, which are shorter.

    A restore takes longer than a second, so two of one backup do not begin in the same one.
    """
    return number // 1_000_000


def first_epoch(number: int) -> int:
    """The epoch of a delivery that was open when a generation began: above that of any claim before."""
    return first_short_id(number)
