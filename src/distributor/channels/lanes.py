"""Lanes: the way from one relay to one destination, which may be paused for a refusal that is about the sender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lane:
    """From `relay` to `destination`, a domain or a group of them; without one, all that leaves the relay."""

    relay: str
    destination: str = ""

    def __str__(self) -> str:
        return f"{self.relay}/{self.destination}" if self.destination else self.relay


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is sent over `lane`, why, and when one delivery may try whether that has passed."""

    lane: Lane
    reason: str
    probe_at: datetime

    def __str__(self) -> str:
        return f"{self.lane} is paused: {self.reason}"


class Lanes(Protocol):
    """Which lanes of the channel are paused. All workers see the same."""

    def paused(self) -> Sequence[Pause]:
        """Every pause there is now."""

    def pause(self, lane: Lane, reason: str) -> Pause:
        """The lane was refused; again if it was paused already, and then the next probe is further away."""

    def begin_probe(self, lane: Lane) -> Pause | None:
        """The right to send one delivery over a paused lane, if it is time: then the pause with its next probe."""

    def resume(self, lane: Lane) -> None:
        """The lane bears again: what waited for it is due at once."""


# Far away, and early enough to add to.
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class OpenLanes:
    """Lanes that nobody else knows of: for a channel that is tried out alone. A pause is never probed."""

    def __init__(self) -> None:
        self._pauses: dict[Lane, Pause] = {}

    def paused(self) -> Sequence[Pause]:
        return list(self._pauses.values())

    def pause(self, lane: Lane, reason: str) -> Pause:
        self._pauses[lane] = Pause(lane=lane, reason=reason, probe_at=_NEVER)
        return self._pauses[lane]

    def begin_probe(self, lane: Lane) -> Pause | None:
        return None

    def resume(self, lane: Lane) -> None:
        self._pauses.pop(lane, None)
