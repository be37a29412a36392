"""One bad item stops no other: it is in quarantine with its reason, nothing is lost, and nothing is done twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.campaign import DispatchState
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Verdict
from distributor.domain.errors import InputError, NotFoundError, ServiceError
from distributor.domain.event import Event, EventKind
from distributor.domain.person import person_of
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.recovery import recover_journals, retry_journal
from distributor.flow.feedback.tracking import STREAM, note_open, retry_event, write_events
from distributor.flow.jobs import JobKind
from distributor.flow.journal import open_journal
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.people.retention import purge_expired
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.preview import measure_campaign
from distributor.flow.publishing.release import release
from distributor.flow.quarantine import guarded_job, retry
from distributor.storage import (
    deliveries,
    delivery_queries,
    erasure,
    events,
    lists,
    memberships,
    quarantine,
    subscribers,
)
from distributor.storage.database import Connection, Database
from tests.conftest import thorough
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name
from tests.flow.scripted_channel import ScriptedBroadcast

pytestmark = pytest.mark.chaos


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    return make_campaign_harness(app, tmp_path)


def held(app: AppContext, loop: QuarantineLoop) -> dict[str, QuarantinedItem]:
    """The items of a loop in quarantine by their keys, with their content."""
    with app.database.begin() as connection:
        return {key: quarantine.find(connection, one.id) for key, one in quarantine.of_loop(connection, loop).items()}


def unreachable(app: AppContext) -> AppContext:
    return replace(app, database=Database("postgresql://127.0.0.1:1/nothing", pool_size=0))


def an_hour_later(app: AppContext) -> AppContext:
    """When everything that failed is due again, and no dispatch is too late to be released."""
    now = app.clock() + timedelta(hours=1)
    return replace(app, clock=lambda: now)


def kind_of_channel(app: AppContext, channel: str, kind: str) -> None:
    """As if the channel were of this kind, such as one whose package is not installed any more."""
    with app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET kind = :kind WHERE name = :channel"), locals())


@pytest.mark.parametrize(
    "state",
    [pytest.param(None, marks=thorough), pytest.param(DispatchState.SCHEDULED, marks=thorough), DispatchState.RUNNING],
    ids=["scheduled", "prepared", "running"],
)
def test_dispatches_of_a_kind_that_is_not_installed_wait_and_show_why_and_the_others_are_sent(
    harness: CampaignHarness, state: DispatchState | None
) -> None:
    app = harness.app
    harness.channel("mail", "scripted")
    harness.channel("posts", "scripted_broadcast")
    # More than the scheduler looks at in one run, and due before the other one.
    waiting = [harness.plan("posts") for _ in range(60)]
    for campaign_id in waiting:
        (dispatch,) = [one.dispatch for one in harness.report(campaign_id).dispatches]
        if state is not None:
            prepare(app, dispatch.id)
        if state is DispatchState.RUNNING:
            release(app, dispatch.id)
    sent = harness.plan("mail")
    kind_of_channel(app, "posts", "gone")
    # As the beat does every second.
    for _ in range(2):
        harness.run()

    assert harness.counts(sent) == {"audience": 3, "sent": 3}
    for campaign_id in waiting:
        (dispatch,) = [one.dispatch for one in harness.report(campaign_id).dispatches]
        assert dispatch.state is (state or DispatchState.SCHEDULED)
        assert "there is no kind of channel 'gone'" in dispatch.reason
        assert measure_campaign(app, campaign_id) == {}
    assert len(held(app, QuarantineLoop.SCHEDULER)) == len(waiting)

    # It is installed again, and nothing else has to be done.
    kind_of_channel(app, "posts", "scripted_broadcast")
    CampaignHarness(an_hour_later(app), harness.folder).run(rounds=30)
    assert all(harness.counts(campaign_id) == {"audience": 1, "sent": 1} for campaign_id in waiting)
    assert len(harness.seen) == 3 + len(waiting), "nothing was sent twice"
    assert held(app, QuarantineLoop.SCHEDULER) == {}


def test_a_job_that_fails_is_shown_by_its_campaign_and_works_again_by_itself(harness: CampaignHarness) -> None:
    app = harness.app
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    (dispatch,) = [one.dispatch for one in harness.report(campaign_id).dispatches]
    prepare(app, dispatch.id)
    with guarded_job(app, JobKind.RELEASE, dispatch.id):
        raise RuntimeError("a bug")
    assert "RuntimeError in test_isolation.py" in harness.report(campaign_id).dispatches[0].dispatch.reason
    assert run_scheduler(app) == [], "it rests for a second"

    later = an_hour_later(app)
    (job,) = run_scheduler(later)
    with guarded_job(later, job.kind, job.subject_id):
        assert release(later, job.subject_id)
    assert harness.report(campaign_id).dispatches[0].dispatch.reason == ""
    assert held(app, QuarantineLoop.JOB) == {}


def test_a_job_that_fails_because_a_service_is_away_is_not_in_quarantine(harness: CampaignHarness) -> None:
    with pytest.raises(ServiceError), guarded_job(harness.app, JobKind.RELEASE, 1):
        raise ServiceError("Redis does not answer")
    assert held(harness.app, QuarantineLoop.JOB) == {}


def test_a_job_of_a_dispatch_that_is_gone_is_forgotten(harness: CampaignHarness) -> None:
    with guarded_job(harness.app, JobKind.RELEASE, 999):
        release(harness.app, 999)
        raise NotFoundError("dispatch", 999)
    assert list(held(harness.app, QuarantineLoop.JOB)) == ["release 999"]
    run_scheduler(harness.later(days=1))
    assert held(harness.app, QuarantineLoop.JOB) == {}


def test_a_post_whose_look_up_fails_stops_no_other(harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.channel(
        "posts", "scripted_broadcast", accounts=["@a", "@b", "@c"], answers={f"@{one}": "unknown" for one in "abc"}
    )
    campaign_id = harness.plan("posts")
    reconcile = ScriptedBroadcast.reconcile

    async def failing(self: ScriptedBroadcast, rendition: Any, delivery: Delivery, context: Any) -> Outcome:
        if delivery.recipient == "@a":
            raise ValueError("an answer that no one expected")
        outcome = await reconcile(self, rendition, delivery, context)
        return replace(outcome, remote_id=f"found-{delivery.id}")

    monkeypatch.setattr(ScriptedBroadcast, "reconcile", failing)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    (item,) = held(harness.app, QuarantineLoop.JOB).values()
    assert "an answer that no one expected" in item.reason


# --- journals


def test_a_journal_that_is_read_by_a_later_version_settles_what_it_holds(harness: CampaignHarness) -> None:
    app = harness.app
    harness.channel("mail", "scripted", answers={"ada@example.org": "begun"})
    campaign_id = harness.plan("mail")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    with app.database.begin() as connection:
        (record,) = delivery_queries.listed(connection, 1, state=DeliveryState.UNKNOWN, limit=10)
        (delivery,) = deliveries.find_for_sending(connection, [record.id])
    with pytest.raises(KeyboardInterrupt), open_journal(app.journal_dir) as journal:
        journal.begin(delivery)
        journal.settle(Outcome.of(delivery, Verdict.SENT, remote_id="<a@example.org>"))
        raise KeyboardInterrupt
    (path,) = app.journal_dir.glob("*.journal")
    readable = path.read_bytes()
    path.write_bytes(b"2 0 of a later version\n" + readable)
    # What the whole journal says still counts.
    recover_journals(app)
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    (item,) = held(app, QuarantineLoop.JOURNAL).values()
    assert item.content == b"2 0 of a later version\n" + readable

    assert not retry(app, item, retry_journal)
    assert held(app, QuarantineLoop.JOURNAL)[item.key].failures == 2
    assert retry(app, replace(item, content=readable), retry_journal)
    assert held(app, QuarantineLoop.JOURNAL) == {}
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_journal_that_cannot_be_opened_stops_no_other(harness: CampaignHarness) -> None:
    app = harness.app
    (app.journal_dir / "a.journal").mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), open_journal(app.journal_dir):
        raise KeyboardInterrupt
    assert recover_journals(app) == 1
    assert [path.name for path in app.journal_dir.iterdir()] == ["a.journal"]
    assert list(held(app, QuarantineLoop.JOURNAL)) == ["a.journal"]


# --- events in Redis


BAD_EVENTS: dict[str, dict[str, str | bytes]] = {
    "an unknown kind": {"kind": "hologram"},
    "no delivery": {"delivery_id": "one"},
    "a number that is too large": {"delivery_id": "99999999999999999999"},
    "a broken time": {"at": "yesterday"},
    "a time out of range": {"at": "0001-01-01T00:00:00+23:59"},
    "no JSON": {"detail": "{"},
    "bytes that are no text": {"key": b"\xff\xfe"},
}


@pytest.mark.parametrize("bad", BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_a_bad_event_stops_no_later_one(harness: CampaignHarness, bad: Mapping[str, str | bytes]) -> None:
    app, delivery_id = harness.app, sent_delivery(harness)
    good = stream_fields(app, delivery_id)
    for number in range(3):
        add_to_stream(app, {**good, "key": f"good {number}"})
        add_to_stream(app, {**good, "key": f"bad {number}", **bad})
    assert write_events(app) == 6
    assert write_events(app) == 0
    assert [event.key for event in events_of(app, delivery_id)] == ["good 0", "good 1", "good 2"]
    items = held(app, QuarantineLoop.EVENT)
    assert len(items) == 3
    (first, *_) = items.values()
    kept = {name.encode("latin-1"): value.encode("latin-1") for name, value in json.loads(first.content or b"").items()}
    wanted = {**good, "key": "bad 0", **bad}
    assert kept == {
        name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in wanted.items()
    }
    assert not retry(app, first, retry_event)


def test_an_event_with_characters_that_cannot_be_stored_is_stored_without_them(harness: CampaignHarness) -> None:
    app, delivery_id = harness.app, sent_delivery(harness)
    token = app.tokens.mint(Purpose.OPEN, delivery_id)
    assert note_open(app, token, {"agent": "a\x00b\ud800c"})
    write_events(app)
    (event,) = events_of(app, delivery_id)
    assert event.detail == {"agent": "a\ufffdb\ufffdc"}


def test_an_event_in_quarantine_is_written_once_it_can_be_read(harness: CampaignHarness) -> None:
    app, delivery_id = harness.app, sent_delivery(harness)
    add_to_stream(app, {**stream_fields(app, delivery_id), "kind": "hologram"})
    write_events(app)
    (item,) = held(app, QuarantineLoop.EVENT).values()
    # As a version that knows the kind reads it.
    assert retry(app, replace(item, content=(item.content or b"").replace(b"hologram", b"open")), retry_event)
    assert [event.kind for event in events_of(app, delivery_id)] == [EventKind.OPEN]
    assert held(app, QuarantineLoop.EVENT) == {}


def test_an_event_whose_consequences_raise_stops_no_other(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, delivery_id = harness.app, sent_delivery(harness)
    record = events.record

    def failing(connection: Connection, found: Sequence[Event]) -> int:
        if any(event.key == "2" for event in found):
            raise RuntimeError("a bug")
        return record(connection, found)

    with monkeypatch.context() as patched:
        patched.setattr(events, "record", failing)
        for key in "123":
            add_to_stream(app, {**stream_fields(app, delivery_id), "key": key})
        assert write_events(app) == 3
    assert [event.key for event in events_of(app, delivery_id)] == ["1", "3"]
    (item,) = held(app, QuarantineLoop.EVENT).values()
    assert "a bug" in item.reason
    assert retry(app, item, retry_event)
    assert [event.key for event in events_of(app, delivery_id)] == ["1", "2", "3"]


def test_events_wait_while_the_database_is_away(harness: CampaignHarness) -> None:
    app, delivery_id = harness.app, sent_delivery(harness)
    note_open(app, app.tokens.mint(Purpose.OPEN, delivery_id), {})
    with pytest.raises(ServiceError):
        write_events(unreachable(app))
    assert write_events(app) == 1
    assert held(app, QuarantineLoop.EVENT) == {}


def stream_fields(app: AppContext, delivery_id: int) -> dict[str, str | bytes]:
    at = app.clock().isoformat()
    return {"delivery_id": str(delivery_id), "kind": "open", "at": at, "key": "1", "detail": "{}"}


def add_to_stream(app: AppContext, fields: Any) -> None:
    app.redis.xadd(STREAM, fields)


def sent_delivery(harness: CampaignHarness) -> int:
    harness.channel("mail", "scripted")
    harness.plan("mail")
    harness.run()
    with harness.app.database.begin() as connection:
        return delivery_queries.listed(connection, 1, state=None, limit=1)[0].id


def events_of(app: AppContext, delivery_id: int) -> list[Event]:
    with app.database.begin() as connection:
        return sorted(events.of_delivery(connection, delivery_id), key=lambda event: event.key)


# --- retention


def test_a_subscriber_who_cannot_be_deleted_stops_no_other(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = harness.app
    numbers = sign_ups(app, "eve@example.org", "fay@example.org", "gil@example.org")
    delete_subscriber = erasure.delete_subscriber

    def failing(connection: Connection, subscriber_id: int, *, now: datetime) -> dict[str, int]:
        counts = delete_subscriber(connection, subscriber_id, now=now)
        if subscriber_id == numbers[0]:
            raise InputError("this one cannot be deleted")
        return counts

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "delete_subscriber", failing)
        assert purge_expired(harness.later(days=60)).people == 2
    assert list(held(app, QuarantineLoop.PURGE)) == [f"subscriber {numbers[0]}"]
    assert purge_expired(harness.later(days=60)).people == 1
    assert held(app, QuarantineLoop.PURGE) == {}


def test_a_step_of_the_purge_that_fails_stops_no_other(harness: CampaignHarness) -> None:
    app = harness.app
    sign_ups(app, "eve@example.org")
    bad_rows = app.imports_dir / "1.bad.csv"
    bad_rows.mkdir(parents=True)
    os.utime(bad_rows, (0, 0))
    (app.imports_dir / "2.bad.csv").touch()
    os.utime(app.imports_dir / "2.bad.csv", (0, 0))
    count = purge_expired(harness.later(days=60))
    assert (count.people, count.bad_rows) == (1, 1)
    assert list(held(app, QuarantineLoop.PURGE)) == ["1.bad.csv"]


def sign_ups(app: AppContext, *addresses: str) -> list[int]:
    """The ids of people who never confirmed."""
    with app.database.begin() as connection:
        found = lists.add(connection, slug="news", name="News")
        numbers = subscribers.upsert(connection, [person_of(one) for one in addresses], now=app.clock())
        evidence = ConsentEvidence(method=ConsentMethod.FORM, text="Yes.")
        for number in numbers.values():
            memberships.request(connection, number, found.id, evidence, now=app.clock())
    return sorted(numbers.values())
