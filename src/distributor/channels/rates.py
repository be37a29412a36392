"""How fast a channel may send: limits, and the port that keeps them for all workers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A token bucket: `per_second` tokens flow in, and a second's worth of them, or one, may wait to be taken.

    Limits of one `name` are one bucket for everybody who sends over the channel.
    """

    name: str
    per_second: float


class Rates(Protocol):
    """The buckets of one channel, shared by all workers."""

    def take(self, limits: Sequence[Limit]) -> timedelta:
        """Take a token out of each bucket and return zero; or take none, and return how long until that may succeed."""

    def queue(self, limit: Limit) -> timedelta:
        """How long until it is the turn of one more who cannot wait here; those who ask get one turn after another."""


class Unlimited:
    """Rates of which there are none: for a channel that is tried out alone."""

    def take(self, limits: Sequence[Limit]) -> timedelta:
        return timedelta()

    def queue(self, limit: Limit) -> timedelta:
        return timedelta()
