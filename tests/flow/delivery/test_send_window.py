"""Quiet hours and warm-up plans in a campaign: what waits, until when, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignState
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import channels, delivery_queries
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.delivery.test_paused_routes import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def at(harness: CampaignHarness, now: datetime) -> CampaignHarness:
    return CampaignHarness(replace(harness.app, clock=lambda: now), harness.folder)


def add_channel(app: AppContext, provider: Provider, **settings: object) -> int:
    values = {"smtp_url": provider.server.url, **settings}
    with app.database.begin() as connection:
        return channels.save(connection, name="mail", kind="email", settings=values, sealed=None).id


def begun_on(app: AppContext, day: date) -> int | None:
    with app.database.begin() as connection:
        query = text("SELECT started FROM warm_up_days WHERE day = :day")
        return connection.execute(query, {"day": day}).scalar_one_or_none()


NIGHT = datetime(2027, 1, 10, 23, 0, tzinfo=UTC)


def test_nothing_is_sent_in_quiet_hours_and_everything_after_them(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, provider, quiet_hours="22:00-07:00")
    at_night = at(harness, NIGHT)
    campaign_id = at_night.plan("mail")
    at_night.run()
    assert at_night.counts(campaign_id) == {"audience": 3, "deferred": 3}
    assert provider.server.sessions == []
    at(harness, NIGHT + timedelta(hours=7, minutes=59)).run()
    assert provider.server.sessions == []
    in_the_morning = at(harness, NIGHT + timedelta(hours=8))
    in_the_morning.run()
    assert in_the_morning.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_quiet_by_the_recipients_own_clock_lets_those_pass_who_are_awake(
    harness: CampaignHarness, provider: Provider
) -> None:
    add_channel(harness.app, provider, quiet_hours="22:00-07:00", quiet_for_recipient=True)
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE subscribers SET zone = 'America/New_York' WHERE key = 'bo@example.org'"))
    at_night = at(harness, NIGHT)
    campaign_id = at_night.plan("mail")
    at_night.run()
    assert at_night.counts(campaign_id) == {"audience": 3, "deferred": 2, "sent": 1}
    assert "bo@example.org" in provider.server.taken[0].rcpt_to


def test_a_day_of_the_plan_brings_so_many_and_the_rest_comes_on_the_next_days(
    harness: CampaignHarness, provider: Provider
) -> None:
    add_channel(harness.app, provider, warm_up="2027-01-10: 1 1 5")
    first = at(harness, NIGHT)
    campaign_id = first.plan("mail")
    first.run()
    assert first.counts(campaign_id) == {"audience": 3, "deferred": 2, "sent": 1}
    second = at(harness, NIGHT + timedelta(days=1))
    second.run()
    assert second.counts(campaign_id) == {"audience": 3, "deferred": 1, "sent": 2}
    third = at(harness, NIGHT + timedelta(days=2))
    third.run()
    assert third.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert third.report(campaign_id).state is CampaignState.FINISHED
    assert [begun_on(harness.app, date(2027, 1, day)) for day in (10, 11, 12)] == [1, 1, 1]


def test_campaigns_of_one_channel_share_the_day(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, provider, warm_up="2027-01-10: 4")
    night = at(harness, NIGHT)
    campaigns = [night.plan("mail"), night.plan("mail")]
    night.run()
    assert sum(night.counts(one).get("sent", 0) for one in campaigns) == 4


def test_what_was_not_taken_does_not_use_up_the_day(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, provider, warm_up="2027-01-10: 3")
    provider.refusal = "451 4.7.1 later"
    night = at(harness, NIGHT)
    night.plan("mail")
    night.run()
    assert begun_on(harness.app, NIGHT.date()) == 0


def test_what_waits_for_its_turn_has_made_no_attempt(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, provider, quiet_hours="22:00-07:00")
    night = at(harness, NIGHT)
    dispatch_id = night.report(night.plan("mail")).dispatches[0].dispatch.id
    prepare(night.app, dispatch_id)
    release(night.app, dispatch_id)
    night.run()
    with harness.app.database.begin() as connection:
        rows = delivery_queries.listed(connection, dispatch_id, state=None, limit=9)
    assert {(row.attempt, row.next_at) for row in rows} == {(0, NIGHT + timedelta(hours=8))}
    assert {row.reply for row in rows} == {"waits for the end of quiet hours"}


def test_a_failure_long_after_the_release_still_has_its_three_days(
    harness: CampaignHarness, provider: Provider
) -> None:
    add_channel(harness.app, provider, warm_up="2027-01-20: 100")
    campaign_id = at(harness, NIGHT).plan("mail")
    at(harness, NIGHT).run()
    provider.refusal = "451 4.7.1 later"
    at(harness, NIGHT + timedelta(days=10)).run()
    assert at(harness, NIGHT).counts(campaign_id) == {"audience": 3, "deferred": 3}


def test_other_waits_can_be_set(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, provider, retry_first_minutes=30)
    provider.refusal = "451 4.7.1 later"
    night = at(harness, NIGHT)
    dispatch_id = night.report(night.plan("mail")).dispatches[0].dispatch.id
    night.run()
    with harness.app.database.begin() as connection:
        rows = delivery_queries.listed(connection, dispatch_id, state=None, limit=9)
    assert all(row.next_at and row.next_at >= NIGHT + timedelta(minutes=30) for row in rows)
