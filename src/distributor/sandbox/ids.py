"""Identifiers that grow with time, as the networks generate them: snowflakes and AT Protocol TIDs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_TID_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_X_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Snowflakes:
    """Numbers made of the units of time since `epoch`, shifted left by `shift` bits; no number is used twice."""

    epoch: datetime
    unit: timedelta
    shift: int
    last: int = 0

    def next(self, now: datetime) -> int:
        """A number greater than all before it, even if the clock stands still or goes back."""
        self.last = max((now - self.epoch) // self.unit << self.shift, self.last + 1)
        return self.last

    def resume_after(self, number: int) -> None:
        """Continue above this number."""
        self.last = max(self.last, number)


def x_snowflakes() -> Snowflakes:
    """Post ids of X."""
    return Snowflakes(epoch=_X_EPOCH, unit=timedelta(milliseconds=1), shift=22)


def mastodon_snowflakes() -> Snowflakes:
    """Status and media ids of Mastodon."""
    return Snowflakes(epoch=_UNIX_EPOCH, unit=timedelta(milliseconds=1), shift=16)


def tid_numbers() -> Snowflakes:
    """Numbers for `tid`."""
    return Snowflakes(epoch=_UNIX_EPOCH, unit=timedelta(microseconds=1), shift=10)


def tid(number: int) -> str:
    """An AT Protocol timestamp identifier: 13 characters that sort as the 64-bit number does."""
    return "".join(_TID_DIGITS[(number >> shift) & 31] for shift in range(60, -1, -5))
