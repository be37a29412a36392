"""A source that runs: where articles come from, how often it is read, and what the last run found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json

# The source whose articles are those of the folder DISTRIBUTOR_CONTENT_DIR; it is always there.
CONTENT_FOLDER = "folder"

SHORTEST_INTERVAL = timedelta(seconds=10)
LONGEST_INTERVAL = timedelta(days=30)
# A source that fails is read more and more seldom, but as often as this.
LONGEST_BACKOFF = timedelta(days=1)


_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_INTERVAL = re.compile(r"(?P<number>\d{1,7}) ?(?P<unit>[smhd])", re.ASCII)


class SourceState(StrEnum):
    """Whether a source is read by itself."""

    ACTIVE = "active"
    PAUSED = "paused"


class Publishing(StrEnum):
    """Which articles of a source are published as they come in; the others are drafts.

    NEW are those that appear, and are dated, after the source was read for the first time.
    """

    NOTHING = "nothing"
    NEW = "new"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResult:
    """What a run found: how many items it added, revised, found unchanged, gone or broken, or left for the next run.

    `held` counts articles that were edited here and therefore stay as they are although their source has changed.
    `notes` are for whoever added the source.
    """

    added: int = 0
    revised: int = 0
    unchanged: int = 0
    gone: int = 0
    held: int = 0
    broken: int = 0
    postponed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def has_changes(self) -> bool:
        return bool(self.added or self.revised or self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as it is stored. `sealed` is its encrypted secrets.

    `cursor` is what its kind remembers from run to run, such as a validator of HTTP. `host` is asked by one run at a
    time. `first_run_at` is when it was read completely for the first time, `failing_since` since when every run failed,
    for the reason `error`. All times are aware UTC.
    """

    id: int
    name: str
    kind: str
    settings: Mapping[str, Json]
    sealed: bytes | None = None
    state: SourceState = SourceState.ACTIVE
    publishing: Publishing = Publishing.NOTHING
    interval: timedelta
    host: str = ""
    cursor: Mapping[str, Json] = field(default_factory=dict)
    next_run_at: datetime
    first_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_success_at: datetime | None = None
    last_result: SourceResult | None = None
    failing_since: datetime | None = None
    failures: int = 0
    error: str = ""


def read_interval(text: str) -> timedelta:
    """How often a source is read: ``30s``, ``15m``, ``2h``, ``1d``. Raises InputError."""
    found = _INTERVAL.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(f"{text[:20]!r} is no interval: write it as 30s, 15m, 2h or 1d")
    interval = int(found["number"]) * _UNITS[found["unit"]]
    if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
        raise InputError("a source is read at most every 10 seconds, and at least every 30 days")
    return interval


def spell_interval(interval: timedelta) -> str:
    """The interval as it is written: ``15m``."""
    for unit, span in reversed(_UNITS.items()):
        if interval % span == timedelta():
            return f"{interval // span}{unit}"
    return f"{interval.total_seconds():g}s"


def backoff(interval: timedelta, failures: int) -> timedelta:
    """The time until the next run after so many failed ones in a row: doubled with each, up to a day."""
    doubled = timedelta(seconds=interval.total_seconds() * 2.0 ** min(failures, 20))
    return max(interval, min(doubled, LONGEST_BACKOFF))
