"""Failpoints: places in a delivery run or a purge where a test kills the worker.

Nothing happens there in production, and no setting or environment variable changes that: only an `AppContext` made
with another `failpoint` does, and only tests make one.
"""

from __future__ import annotations

from enum import StrEnum


class Failpoint(StrEnum):
    """In the order in which a delivery passes them."""

    BEFORE_CLAIM = "before the claim"
    AFTER_CLAIM = "after the claim"
    # Committed as in flight, and not in the journal yet.
    AFTER_INTENT = "after the intent"
    AFTER_JOURNAL = "after the journal"
    AFTER_OUTCOME = "after the outcome"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"
    # The content of a dead worker's journal is committed, and the journal is still there.
    AFTER_RECOVERY = "after the recovery"
    # Of a purge: what has passed its retention time is removed, but not committed.
    BEFORE_REMOVAL = "before the removal"
    AFTER_REMOVAL = "after the removal"


def do_nothing(_point: Failpoint) -> None:
    """What happens at every failpoint outside tests."""
