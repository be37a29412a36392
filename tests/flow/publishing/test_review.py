"""The review: every channel of a campaign rendered and checked before anything is public."""

from __future__ import annotations

from datetime import timedelta

import pytest

from distributor.domain.campaign_review import CampaignReview, Reach
from distributor.domain.errors import StateError
from distributor.flow.publishing.review import review_campaign
from tests.flow.campaign_harness import CampaignHarness

SOON = timedelta(hours=3)


def review(harness: CampaignHarness, campaign_id: int) -> CampaignReview:
    return review_campaign(harness.app, campaign_id)


def test_every_channel_is_shown_with_its_rendition_recipients_and_time(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    harness.channel("wall", "scripted_broadcast", accounts=["@one", "@two"])
    found = review(harness, harness.plan("news", "wall", after=SOON))
    assert [(one.channel_name, one.reach, one.recipients) for one in found.dispatches] == [
        ("news", Reach.MAILED, 3),
        ("wall", Reach.POSTED, 2),
    ]
    assert all(one.rendition is not None for one in found.dispatches)
    assert found.revisions == {"hello": 1}
    assert found.to_publish == ("hello",)
    assert not found.blockers


def test_a_channel_that_cannot_be_rendered_blocks_and_the_others_are_still_reviewed(harness: CampaignHarness) -> None:
    harness.channel("broken", "scripted_breaking")
    harness.channel("news", "scripted")
    harness.channel("wall", "scripted_broadcast", problem="too long for a wall")
    found = review(harness, harness.plan("broken", "news", "wall", after=SOON))
    assert [str(one) for one in found.blockers] == [
        "broken: it cannot be rendered, because of a fault in the channel: RuntimeError: a bug in render",
        "wall: too long for a wall",
    ]
    assert [one.rendition is None for one in found.dispatches] == [True, False, False]


def test_a_review_changes_nothing(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted", problem="not yet")
    campaign_id = harness.plan("news", after=SOON)
    before = harness.report(campaign_id)
    review(harness, campaign_id)
    assert harness.report(campaign_id) == before


def test_a_campaign_that_is_out_has_nothing_to_review(harness: CampaignHarness) -> None:
    harness.channel("news", "scripted")
    campaign_id = harness.plan_and_run("news")
    with pytest.raises(StateError, match="nothing to review"):
        review(harness, campaign_id)
