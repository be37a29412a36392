"""Privacy: all data about a subscriber can be exported, and erased so that a search finds nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from distributor.domain.consent import CONFIRM_WITHIN
from distributor.domain.delivery import DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.person import person_of
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.subscriber_import import ImportPlan
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import plan_import, run_import
from distributor.flow.people.privacy import erase, export_person, search_traces
from distributor.flow.people.retention import purge_expired
from distributor.storage import deliveries, delivery_queries, events, lists, memberships, quarantine, subscribers
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness


def test_the_export_tells_lists_consents_deliveries_and_events(harness: CampaignHarness) -> None:
    number = _sent_and_opened(harness)
    exported = export_person(harness.app, number)
    assert exported["subscriber"]["email"] == "ada@example.org"
    assert [(one["list"], one["state"]) for one in exported["lists"]] == [("readers", "subscribed")]
    assert [(one["action"], one["text"]) for one in exported["consents"]] == [("granted", EVIDENCE.text)]
    assert [(one["recipient"], one["state"]) for one in exported["deliveries"]] == [("ada@example.org", "sent")]
    assert [one["kind"] for one in exported["events"]] == ["open"]


def test_after_an_erasure_a_search_finds_the_address_nowhere(harness: CampaignHarness) -> None:
    number = _sent_and_opened(harness)
    assert set(search_traces(harness.app, "ada@example.org")) == {"deliveries", "events", "subscribers"}
    done = erase(harness.app, number, requested_by="person")
    assert done.is_complete
    assert done.counts["subscribers"] == done.counts["deliveries"] == done.counts["events"] == 1
    assert search_traces(harness.app, "ada@example.org") == {}


def test_items_in_quarantine_that_name_somebody_who_is_erased_are_deleted_and_the_others_stay(
    harness: CampaignHarness,
) -> None:
    number = _sent_and_opened(harness)
    kept = [b"To: bo@example.org", b"To: dada@example.org", b"To: ada@example.org.uk", None]
    naming: list[bytes | None] = [b"\x00\xff To: <ADA@example.ORG>\r\n", b"it went to ada@example.org."]
    with harness.app.database.begin() as connection:
        for place, content in enumerate(kept + naming):
            quarantine.hold(
                connection, QuarantineLoop.MAIL, str(place), reason="no", content=content, now=harness.app.clock()
            )
        quarantine.hold(connection, QuarantineLoop.FILE, "a", reason="'ada@example.org'", now=harness.app.clock())
    assert erase(harness.app, number, requested_by="person").counts["quarantine"] == len(naming) + 1
    with harness.app.database.begin() as connection:
        assert sorted(quarantine.of_loop(connection, QuarantineLoop.MAIL)) == ["0", "1", "2", "3"]


def test_an_erasure_leaves_the_totals_and_other_people_as_they_were(harness: CampaignHarness) -> None:
    number = _sent_and_opened(harness)
    campaign_id = harness.report_ids()[0]
    before = harness.report(campaign_id)
    erase(harness.app, number, requested_by="person")
    after = harness.report(campaign_id)
    assert (after.totals, after.events) == (before.totals, before.events)
    assert set(search_traces(harness.app, "bo@example.org")) == {"deliveries", "subscribers"}


def test_who_was_erased_cannot_be_imported_again(harness: CampaignHarness) -> None:
    number = _sent_and_opened(harness)
    erase(harness.app, number, requested_by="person")
    harness.people("ada")
    assert search_traces(harness.app, "ada@example.org") == {}


def test_erasing_twice_finds_nobody(harness: CampaignHarness) -> None:
    number = _sent_and_opened(harness)
    erase(harness.app, number, requested_by="person")
    with pytest.raises(NotFoundError):
        erase(harness.app, number, requested_by="person")


def test_what_comes_in_after_an_erasure_names_nobody(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    harness.plan("mail")
    number, delivery_id = _first_in_flight(harness)
    erase(harness.app, number, requested_by="person")
    with harness.app.database.begin() as connection:
        held = deliveries.find_for_sending(connection, [delivery_id])[0]
        refused = Outcome.of(held, Verdict.FAILED, reply_code=550, reply="ada@example.org is unknown")
        now = harness.app.clock()
        settlement = Settlement(outcome=refused, state=DeliveryState.FAILED, next_at=None)
        assert deliveries.settle(connection, [settlement], now=now) == 1
        events.record(connection, [_open(harness, delivery_id)])
    assert search_traces(harness.app, "ada@example.org") == {}


def test_what_waited_for_somebody_who_was_erased_is_not_sent(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail", after=timedelta())
    harness.run(rounds=2)
    with harness.app.database.begin() as connection:
        number = subscribers.find(connection, "ada@example.org").id
        waits = connection.execute(text("SELECT count(*) FROM deliveries WHERE state = 'pending'")).scalar_one()
    assert waits == 3
    erase(harness.app, number, requested_by="person")
    harness.run()
    assert sorted(harness.seen) == ["bo@example.org", "cy@example.org"]
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "suppressed": 1}


def test_events_are_kept_as_long_as_the_setting_says(harness: CampaignHarness) -> None:
    _sent_and_opened(harness)
    assert purge_expired(harness.later(days=400)).events == 0
    assert purge_expired(harness.later(days=29, event_retention=timedelta(days=30))).events == 0
    assert purge_expired(harness.later(days=31, event_retention=timedelta(days=30))).events == 1


def test_who_never_confirmed_is_forgotten_and_may_come_back(harness: CampaignHarness) -> None:
    with harness.app.database.begin() as connection:
        now = harness.app.clock()
        numbers = subscribers.upsert(connection, [person_of("eve@example.org")], now=now)
        readers = lists.find(connection, "readers")
        memberships.request(connection, numbers["eve@example.org"], readers.id, EVIDENCE, now=now)
    assert purge_expired(harness.later(days=29)).people == 0
    assert purge_expired(harness.later(days=CONFIRM_WITHIN.days + 1)).people == 1
    assert search_traces(harness.app, "eve@example.org") == {}
    harness.people("eve")
    assert set(search_traces(harness.app, "eve@example.org")) == {"subscribers"}


def test_rows_that_could_not_come_in_are_kept_for_a_month(harness: CampaignHarness) -> None:
    plan = ImportPlan(list_slug="readers", basis="They signed a list.")
    begun = plan_import(harness.app, plan, name="people.csv", pieces=[b"email\nada@example.org\nnobody\n"])
    run_import(harness.app, begun.id)
    bad_rows = ImportFiles(harness.app.imports_dir).bad_rows(begun.id)
    assert "nobody" in bad_rows.read_text()
    assert purge_expired(harness.later(days=29)).bad_rows == 0
    assert purge_expired(harness.later(days=31)).bad_rows == 1
    assert not bad_rows.exists()


def _sent_and_opened(harness: CampaignHarness) -> int:
    """Everybody got a mail, and Ada opened hers; her number."""
    harness.channel("mail", "scripted")
    harness.plan("mail")
    harness.run()
    with harness.app.database.begin() as connection:
        number = subscribers.find(connection, "ada@example.org").id
        delivery = delivery_queries.of_subscriber(connection, number)[0]
        assert events.record(connection, [_open(harness, delivery.id)]) == 1
    return number


def _open(harness: CampaignHarness, delivery_id: int) -> Event:
    return Event(
        delivery_id=delivery_id,
        kind=EventKind.OPEN,
        at=harness.app.clock(),
        key=f"open-{delivery_id}",
        detail={"by": "ada@example.org"},
    )


def _first_in_flight(harness: CampaignHarness) -> tuple[int, int]:
    harness.run(rounds=2)
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        number = subscribers.find(connection, "ada@example.org").id
        delivery = delivery_queries.of_subscriber(connection, number)[0]
        claimed = deliveries.claim(
            connection, [delivery.dispatch_id], worker="w", limit=10, now=now, lease_until=now + timedelta(minutes=1)
        )
        deliveries.mark_in_flight(connection, claimed.deliveries, now=now, lease_until=now + timedelta(minutes=1))
    return number, delivery.id
