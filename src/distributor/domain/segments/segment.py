"""Segment: a condition saved by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from distributor.domain.segments.condition import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Whoever fits the condition at the moment it is asked. Its slug is what others refer to, and is for good."""

    id: int
    slug: str
    name: str
    condition: Condition
    created_at: datetime
    updated_at: datetime
