"""Totals are counted anew: what differs is named and mended, while deliveries and events go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from distributor.domain.event import Event, EventKind
from distributor.flow.event_counting import count_events
from distributor.flow.operations.recounting import TotalDifference, verify_totals
from distributor.storage import delivery_queries, delivery_totals, events, recounts
from tests.flow.campaign_harness import CampaignHarness

PERSON, ROBOT = "Mozilla/5.0 (X11) Firefox/145.0", "somebot/1.0"
LONG_LINK = "https://b.example/" + "long/" * 200


@pytest.fixture
def sent(harness: CampaignHarness) -> CampaignHarness:
    """A campaign to three people, of which one fails, with opens, clicks and a bounce that are counted."""
    harness.channel("mail", "scripted", answers={"cy@example.org": "failed"})
    campaign_id = harness.plan_and_run("mail")
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        first, second, _ = delivery_queries.of_campaign(connection, campaign_id, limit=9)
        happened = (
            # From before: so none of the campaign was deleted because of its age.
            (-60, EventKind.DELAY, first.id, "", ""),
            (1, EventKind.OPEN, first.id, "", PERSON),
            (2, EventKind.CLICK, first.id, "https://a.example/", PERSON),
            (3, EventKind.CLICK, second.id, LONG_LINK, ROBOT),
            (4, EventKind.BOUNCE, second.id, "", ""),
        )
        events.record(
            connection,
            [
                Event(
                    delivery_id=delivery_id,
                    kind=kind,
                    at=now + timedelta(minutes=minute),
                    key=f"event {minute}",
                    detail={"url": url, "user_agent": agent},
                )
                for minute, kind, delivery_id, url, agent in happened
            ],
        )
    count_events(harness.app)
    return harness


def change(harness: CampaignHarness, statement: str) -> None:
    with harness.app.database.begin() as connection:
        connection.execute(text(statement))


def test_totals_that_are_right_differ_nowhere_before_and_after_they_are_added_up(sent: CampaignHarness) -> None:
    assert verify_totals(sent.app) == []
    with sent.app.database.begin() as connection:
        delivery_totals.add_up(connection)
    assert verify_totals(sent.app) == []
    assert sent.counts(1) == {"audience": 3, "sent": 2, "failed": 1}


def test_every_wrong_total_is_named_and_mended(sent: CampaignHarness) -> None:
    before = sent.report(1)
    with sent.app.database.begin() as connection:
        delivery_totals.add_up(connection)
    change(sent, "UPDATE delivery_totals SET deliveries = 7 WHERE state = 'sent'")
    change(sent, "DELETE FROM delivery_totals WHERE state = 'failed'")
    change(sent, "UPDATE event_totals SET opened = 0, people_events = 5 WHERE kind = 'click' AND link = ''")
    change(sent, "DELETE FROM event_totals WHERE kind = 'bounce'")
    wrong = {(one.kind, one.number): (one.stored, one.counted) for one in verify_totals(sent.app)}
    assert wrong == {
        ("sent", "deliveries"): (7, 2),
        ("failed", "deliveries"): (0, 1),
        ("click", "opened"): (0, 1),
        ("click", "people_events"): (5, 1),
        ("bounce", "events"): (0, 1),
        ("bounce", "people_events"): (0, 1),
        ("bounce", "deliveries"): (0, 1),
        ("bounce", "people_deliveries"): (0, 1),
    }
    # Looking alone changed nothing.
    assert len(verify_totals(sent.app, mend=True)) == len(wrong)
    assert verify_totals(sent.app) == []
    assert sent.report(1) == before


def test_totals_without_a_dispatch_are_mended_too(sent: CampaignHarness) -> None:
    change(sent, "INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries) VALUES (99, 'failed', 'x', 4)")
    expected = TotalDifference(dispatch_id=99, kind="failed", detail="x", number="deliveries", stored=4, counted=0)
    assert verify_totals(sent.app, mend=True) == [expected]
    assert verify_totals(sent.app) == []


def test_totals_of_events_that_were_deleted_because_of_their_age_stay(sent: CampaignHarness) -> None:
    before = sent.report(1).events
    with sent.app.database.begin() as connection:
        assert events.delete_before(connection, sent.app.clock() + timedelta(seconds=90), limit=9) >= 2
    assert verify_totals(sent.app, mend=True) == []
    assert sent.report(1).events == before


def test_what_changes_while_totals_are_mended_is_neither_lost_nor_counted_twice(sent: CampaignHarness) -> None:
    change(sent, "INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries) VALUES (1, 'unknown', '', 5)")
    with changing(sent) as changed:
        for _ in range(20):
            verify_totals(sent.app, mend=True)
            with sent.app.database.begin() as connection:
                delivery_totals.add_up(connection)
    assert changed[0] > 0
    assert verify_totals(sent.app) == []


def test_two_who_mend_at_once_mend_once(sent: CampaignHarness) -> None:
    change(sent, "INSERT INTO delivery_totals (dispatch_id, state, reason, deliveries) VALUES (1, 'unknown', '', 5)")
    with sent.app.database.begin() as connection:
        recounts.lock(connection)
        assert recounts.delivery_differences(connection, [1], mend=True)
        other = threading.Thread(target=verify_totals, args=(sent.app,), kwargs={"mend": True})
        other.start()
        wait_for_the_other(sent)
    other.join()
    assert verify_totals(sent.app) == []


def wait_for_the_other(sent: CampaignHarness) -> None:
    """Until a transaction waits for a lock that has no table."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    waiting = 0
    while not waiting:
        with sent.app.database.begin() as connection:
            waiting = connection.execute(text(query)).scalar_one()


@contextmanager
def changing(sent: CampaignHarness) -> Iterator[list[int]]:
    """Another thread moves deliveries between states for as long as this is open; counts its statements."""
    is_over, changed = threading.Event(), [0]

    def change_on() -> None:
        while not is_over.is_set():
            change(sent, "UPDATE deliveries SET state = CASE state WHEN 'sent' THEN 'delivered' ELSE 'sent' END")
            changed[0] += 1

    thread = threading.Thread(target=change_on)
    thread.start()
    try:
        yield changed
    finally:
        is_over.set()
        thread.join()
