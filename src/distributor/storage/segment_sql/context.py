"""The context of a condition: the time, and the ids of the lists that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, literal, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text

from distributor.domain.segments.window import TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`topics` has the slugs that each topic has and had, by the one that the condition names."""

    now: datetime
    list_ids: Mapping[str, int]
    topics: Mapping[str, Sequence[str]]

    def within(self, column: ColumnElement[Any], window: TimeWindow | None) -> ColumnElement[bool]:
        """Whether a time, which is not NULL, is in the window; without a window it always is."""
        since, until = window.bounds(self.now) if window else (None, None)
        return and_(
            true(),
            *([column >= instant(since)] if since is not None else []),
            *([column < instant(until)] if until is not None else []),
        )


def instant(time: datetime) -> ColumnElement[Any]:
    """A parameter of PostgreSQL's type for instants."""
    return literal(time, DateTime(timezone=True))


def texts(values: Sequence[str]) -> ColumnElement[Any]:
    """A parameter that is an array of texts."""
    return cast(list(values), ARRAY(Text))


def pattern_of(part: str, *, before: str = "%", after: str = "%") -> ColumnElement[str]:
    """A parameter for LIKE that matches texts with `part` in them, whatever characters it contains."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal(f"{before}{escaped}{after}", Text)
