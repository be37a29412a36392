"""Segment: a condition saved by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from distributor.domain.segments.condition import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The subscribers to whom a condition applies when it is evaluated. Its slug never changes."""

    id: int
    slug: str
    name: str
    condition: Condition
    created_at: datetime
    updated_at: datetime
