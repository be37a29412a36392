"""Failpoints: places on the way of a delivery where a test lets the worker die.

An app does nothing there, and no setting or variable changes that: only code that makes an app with
another `reach` can, and none but the tests does.
"""

from __future__ import annotations

from enum import StrEnum


class Failpoint(StrEnum):
    """In the order in which a delivery comes by."""

    BEFORE_CLAIM = "before the claim"
    AFTER_CLAIM = "after the claim"
    # Committed as in flight, and nothing of it in the journal yet.
    AFTER_INTENT = "after the intent"
    AFTER_JOURNAL = "after the journal"
    AFTER_ANSWER = "after the answer"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"
    # What the journal of a dead worker said is in the ledger, and the journal is still there.
    AFTER_EVIDENCE = "after the evidence"


def go_on(_point: Failpoint) -> None:
    """What is done at every failpoint outside of tests."""
