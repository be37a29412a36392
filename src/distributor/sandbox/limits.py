"""Limits of an emulated network: the values in force, and counting calls against them in a window of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distributor.domain.errors import InputError

Count = Annotated[int, Field(ge=0, le=10_000_000)]
Seconds = Annotated[int, Field(ge=1, le=10_000_000)]


class EmulatorLimits(BaseModel):
    """Base of each emulator's limits, as far as they differ between plans and servers; every field has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


LimitsT = TypeVar("LimitsT", bound=EmulatorLimits)


class LimitsInForce(Generic[LimitsT]):
    """The limits of one emulator. May be changed from any thread. A restart of the sandbox restores the defaults."""

    def __init__(self, kind: str, model: type[LimitsT]) -> None:
        self._kind = kind
        self._model = model
        self.current = model()

    def change(self, **changes: Any) -> LimitsT:
        """Set the defaults with these changes. Raises InputError naming the limit that is wrong."""
        return self.replace(changes)

    def replace(self, changes: Mapping[str, Any]) -> LimitsT:
        """As `change`, with the changes as a mapping."""
        try:
            self.current = self._model.model_validate(changes)
        except ValidationError as error:
            raise InputError(f"limits of {self._kind}: {describe_errors(error)}") from None
        return self.current


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a limit after a call; `granted` says whether the call was still within it."""

    limit: int
    remaining: int
    reset_at: datetime
    granted: bool


class RateWindow:
    """Counts points in a fixed window of time, which opens with the first call. A restart of the sandbox resets it."""

    def __init__(self) -> None:
        self._spent = 0
        self._ends = datetime.min.replace(tzinfo=UTC)

    def spend(self, points: int, now: datetime, *, limit: int, seconds: int) -> Allowance:
        """Take `points` out of `limit` per `seconds`, or nothing if that is more than what is left."""
        if now >= self._ends:
            self._spent, self._ends = 0, now + timedelta(seconds=seconds)
        granted = self._spent + points <= limit
        if granted:
            self._spent += points
        return Allowance(limit=limit, remaining=max(limit - self._spent, 0), reset_at=self._ends, granted=granted)


def describe_errors(error: ValidationError) -> str:
    """The errors that pydantic found, as one line to read."""
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
