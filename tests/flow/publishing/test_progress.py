"""The progress of a campaign: numbers that add up to the audience, rates and stalls from real outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignState
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing.campaign_control import cancel, pause, resume
from distributor.flow.publishing.life_cycle import review
from distributor.flow.publishing.plan import duplicate_campaign
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.progress import DispatchProgress, progress_of
from distributor.flow.publishing.release import release
from distributor.storage import campaigns
from tests.flow.campaign_harness import CampaignHarness

MINUTE = timedelta(minutes=1)


def at(app: AppContext, time: datetime) -> AppContext:
    return replace(app, clock=lambda: time)


def released(harness: CampaignHarness, *channels: str) -> int:
    """A campaign whose audiences are frozen, of which nothing was sent."""
    campaign_id = harness.plan(*channels)
    for dispatch_id in range(1, len(channels) + 1):
        prepare(harness.app, dispatch_id)
        assert release(harness.app, dispatch_id)
    return campaign_id


def settle(app: AppContext, number: int, state: str, *, time: datetime, reply: str = "", reason: str = "") -> None:
    """So many waiting deliveries end in this state, as a worker would report."""
    with app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET state = :state, updated_at = :time, reply = :reply,
                       next_at = CASE :state WHEN 'deferred'
                                 THEN CAST(:time AS timestamptz) + interval '5 minutes' END,
                       detail = CASE WHEN :reason = '' THEN '{}' ELSE jsonb_build_object('reason', :reason) END
                WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY id LIMIT :number)
            """),
            {"state": state, "time": time, "reply": reply, "reason": reason, "number": number},
        )
    run_scheduler(at(app, time))


def only(app: AppContext, campaign_id: int, time: datetime) -> DispatchProgress:
    (one,) = progress_of(at(app, time), campaign_id).dispatches
    return one


@pytest.fixture
def start(harness: CampaignHarness) -> datetime:
    """Now, in a list of 60 people."""
    harness.channel("mail", "scripted")
    harness.people(*(f"reader{number}" for number in range(57)), list_slug="more")
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET list_id = 1"))
    return harness.app.clock()


def test_an_unknown_campaign_has_no_progress(app: AppContext) -> None:
    with pytest.raises(NotFoundError):
        progress_of(app, 7)


def test_before_its_release_a_campaign_says_whom_it_is_going_to_reach(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = harness.plan("mail", after=timedelta(hours=1))
    found = progress_of(harness.app, campaign_id)
    assert (found.state, found.out, found.remaining, found.is_released) == (CampaignState.SCHEDULED, 0, 60, False)
    assert found.sentence.startswith("Sends “Hello” over mail to 60 subscribers")
    assert (found.starts_at, found.is_over) == (found.dispatches[0].dispatch.scheduled_at, False)


def test_rate_and_time_left_are_those_of_the_last_minute(harness: CampaignHarness, start: datetime) -> None:
    campaign_id = released(harness, "mail")
    one = only(harness.app, campaign_id, start + 5 * timedelta(seconds=1))
    assert (one.rate, one.mean_rate, one.time_left) == (0, None, None)
    settle(harness.app, 30, "sent", time=start + timedelta(seconds=20))
    settle(harness.app, 3, "failed", time=start + timedelta(seconds=30), reason="userunknown")
    one = only(harness.app, campaign_id, start + MINUTE)
    assert one.rate == pytest.approx(33, abs=5)
    assert one.time_left is not None
    assert one.time_left == pytest.approx(MINUTE * 27 / 33, abs=timedelta(seconds=10))
    later = only(harness.app, campaign_id, start + 4 * MINUTE)
    assert (later.rate, later.time_left) == (0, None)
    assert later.mean_rate == pytest.approx(33 / 4, abs=1)


def test_a_dispatch_without_outcomes_has_stalled_and_one_that_waits_for_a_time_has_not(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = released(harness, "mail")
    assert only(harness.app, campaign_id, start + timedelta(seconds=40)).stalled_for is None
    stalled = only(harness.app, campaign_id, start + 3 * MINUTE).stalled_for
    assert stalled == pytest.approx(3 * MINUTE, abs=timedelta(seconds=10))
    settle(harness.app, 10, "sent", time=start + 3 * MINUTE)
    assert only(harness.app, campaign_id, start + 3.5 * MINUTE).stalled_for is None
    settle(harness.app, 100, "deferred", time=start + 4 * MINUTE, reason="mailboxfull", reply="try again later")
    waiting = only(harness.app, campaign_id, start + 8 * MINUTE)
    assert (waiting.stalled_for, waiting.next_attempt_at) == (None, start + 9 * MINUTE)
    overdue = only(harness.app, campaign_id, start + 12 * MINUTE).stalled_for
    assert overdue == pytest.approx(3 * MINUTE, abs=timedelta(seconds=10))


def test_what_is_paused_has_not_stalled_and_after_it_is_resumed_the_pause_does_not_count(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = released(harness, "mail")
    settle(harness.app, 10, "sent", time=start)
    pause(harness.app, campaign_id)
    assert only(harness.app, campaign_id, start + timedelta(hours=1)).stalled_for is None
    resume(at(harness.app, start + timedelta(hours=1)), campaign_id)
    assert only(harness.app, campaign_id, start + timedelta(hours=1, seconds=20)).stalled_for is None
    assert only(harness.app, campaign_id, start + timedelta(hours=1, minutes=5)).stalled_for is not None


def test_problems_are_the_last_ones_in_the_words_of_the_servers_and_equal_ones_once(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = released(harness, "mail")
    settle(harness.app, 2, "failed", time=start, reason="userunknown", reply="5.1.1 no such user")
    settle(harness.app, 2, "deferred", time=start + MINUTE, reason="mailboxfull", reply="4.2.2 full")
    settle(harness.app, 1, "sent", time=start + MINUTE, reply="250 fine")
    one = only(harness.app, campaign_id, start + MINUTE)
    assert [(problem.state.value, problem.reply) for problem in one.problems] == [
        ("deferred", "4.2.2 full"),
        ("failed", "5.1.1 no such user"),
    ]
    (failed,) = one.counts_of(DeliveryState.FAILED)
    assert (failed.reason, failed.deliveries) == ("userunknown", 2)


def test_whoever_has_it_and_whoever_will_not_get_it_add_up_to_the_audience_when_it_is_cancelled(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = released(harness, "mail")
    settle(harness.app, 20, "sent", time=start)
    settle(harness.app, 4, "in_flight", time=start)
    settle(harness.app, 1, "failed", time=start)
    before = progress_of(harness.app, campaign_id)
    assert (before.out, before.may_be_out, before.remaining) == (20, 4, 35)
    assert cancel(harness.app, campaign_id, actor="a test") == 35
    after = progress_of(harness.app, campaign_id)
    assert (after.out, after.may_be_out, after.remaining, after.totals.audience) == (20, 4, 0, 60)
    assert after.withheld == 35
    assert not after.is_over, "some are on their way"
    with harness.app.database.begin() as connection:
        assert campaigns.history(connection, campaign_id)[-1].detail == "35 not sent"


def test_a_corrected_version_goes_to_the_rest_even_if_the_first_allowed_repeats(
    harness: CampaignHarness, start: datetime
) -> None:
    campaign_id = released(harness, "mail")
    settle(harness.app, 20, "sent", time=start)
    cancel(harness.app, campaign_id)
    number = duplicate_campaign(harness.app, campaign_id, actor="a test", to_the_rest=True)
    with harness.app.database.begin() as connection:
        assert campaigns.plan_of(connection, campaign_id).audience.repeats
        assert not campaigns.plan_of(connection, number).audience.repeats
    assert review(harness.app, number, actor="a test").dispatches[0].recipients == 40
