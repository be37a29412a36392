"""A release: a dispatch whose time has long passed waits for a person, and PostgreSQL learns of a large audience."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from distributor.domain.campaign import DispatchState
from distributor.domain.schedule import TOO_LATE
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from tests.flow.campaign_harness import CampaignHarness


def after(harness: CampaignHarness, wait: timedelta) -> CampaignHarness:
    """The same campaigns when no service has run for so long."""
    now = harness.app.clock() + wait
    return replace(harness, app=replace(harness.app, clock=lambda: now))


def test_what_could_not_start_for_more_than_six_hours_waits_for_a_person(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    late = after(harness, TOO_LATE + timedelta(minutes=1))
    late.run()
    (found,) = late.report(campaign_id).dispatches
    assert (found.dispatch.state, late.seen, late.counts(campaign_id)) == (DispatchState.PAUSED, [], {})
    assert "it was to start at " in found.dispatch.reason
    assert " UTC, 6 hours ago, and could not; nothing was sent." in found.dispatch.reason


def test_a_person_who_resumes_it_sends_it(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    late = after(harness, timedelta(days=3))
    late.run()
    campaign_control.resume(late.app, campaign_id)
    late.run()
    assert late.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_is_a_little_late_is_sent(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    late = after(harness, TOO_LATE - timedelta(minutes=1))
    late.run()
    assert late.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_campaign_that_a_person_held_for_days_is_sent_when_it_is_resumed(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail", after=timedelta(hours=1))
    campaign_control.pause(harness.app, campaign_id)
    later = after(harness, timedelta(days=2))
    campaign_control.resume(later.app, campaign_id)
    later.run()
    assert later.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_the_article_that_one_channel_publishes_is_no_embargo_for_another_one_whose_clock_is_behind(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    harness.channel("posts", "scripted_broadcast")
    campaign_id = harness.plan("mail", "posts", after=timedelta(hours=1))
    mail, posts = (one.dispatch.id for one in harness.report(campaign_id).dispatches)
    due, ahead = after(harness, timedelta(hours=1, seconds=1)), after(harness, timedelta(hours=1, seconds=3))
    assert prepare(due.app, mail) and prepare(due.app, posts)
    assert release(ahead.app, mail)
    assert release(due.app, posts)


@pytest.mark.parametrize(("people", "is_large"), [(999, False), (1000, True)])
def test_a_release_to_many_ends_with_statistics_of_what_is_to_be_sent(
    harness: CampaignHarness, people: int, is_large: bool
) -> None:
    harness.channel("mail", "scripted")
    harness.people(*(f"reader{number}" for number in range(people)), list_slug="many")
    asked = harness.asked("mail")
    campaign_id = plan(harness.app, replace(asked, audience=replace(asked.audience, lists=("many",))))
    (found,) = harness.report(campaign_id).dispatches
    prepare(harness.app, found.dispatch.id)
    assert release(harness.app, found.dispatch.id)
    with harness.app.database.begin() as connection:
        known = connection.execute(
            text("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'deliveries' AND attname = 'state'")
        ).scalar_one_or_none()
    assert known == ("{pending}" if is_large else None)
