"""The journal of one delivery run, written and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from distributor.domain.delivery import Outcome, Verdict
from distributor.flow.journal import open_journal, orphaned_journals, read_journal

OUTCOMES = [
    Outcome(delivery_id=1, epoch=2, verdict=Verdict.SENT, remote_id="<a@example.org>", permalink="https://example.org"),
    Outcome(delivery_id=2, epoch=1, verdict=Verdict.FAILED, reply_code=550, reply="5.1.1 unknown", is_hard_bounce=True),
    Outcome(
        delivery_id=3,
        epoch=1,
        verdict=Verdict.DEFERRED,
        retry_at=datetime(2027, 1, 1, tzinfo=UTC),
        counts_against_address=True,
        detail={"reason": "mailboxfull"},
    ),
]


def test_the_journal_of_a_killed_worker_gives_back_every_outcome_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_journal(tmp_path) as journal:
        for outcome in OUTCOMES:
            journal.settle(outcome)
        raise KeyboardInterrupt
    with orphaned_journals(tmp_path) as [path]:
        assert list(read_journal(path).outcomes) == OUTCOMES
