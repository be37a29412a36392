"""Test group: addresses that tests of campaigns are sent to, under one name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LONGEST_GROUP_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TestGroup:
    """A group. `version` grows with each change, and `changed_by` is who made the last one."""

    __test__ = False

    id: int
    name: str
    addresses: tuple[str, ...]
    version: int
    changed_by: str
    changed_at: datetime
