"""A retry sends the selected failed deliveries again, except to subscribers who are not sendable or got it since."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, FailureCause, FailureChoice, RetryCount
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.person import person_of
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.storage import audiences, lists, memberships, subscribers, suppressions
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection, Database
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness

EVERYBODY = AudiencePlan(lists=("readers",))


@pytest.fixture
def failed(harness: CampaignHarness) -> int:
    """A campaign to ada, bo and cy that no one got: ada was given up on, the others were rejected."""
    answers = {"ada@example.org": "deferred", "bo@example.org": "failed", "cy@example.org": "failed"}
    # Nobody waits for so long.
    harness.channel("mail", "scripted", answers=answers, asked_to_retry_at="2999-01-01T00:00:00Z")
    campaign_id = planned(harness, EVERYBODY)
    harness.run()
    with harness.app.database.begin() as connection:
        connection.execute(
            text("""
                UPDATE deliveries SET detail = detail || CASE recipient
                    WHEN 'ada@example.org' THEN '{"reason": "mailboxfull"}' ELSE '{"reason": "userunknown"}' END::jsonb
            """)
        )
    harness.channel("mail", "scripted")
    (harness.folder / "seen").unlink()
    return campaign_id


def planned(harness: CampaignHarness, audience: AudiencePlan, *channels: str) -> int:
    asked = CampaignPlan(
        name="",
        article_slugs=("hello",),
        channel_names=channels or ("mail",),
        audience=audience,
        starts_at=harness.app.clock(),
    )
    return plan(harness.app, asked)


def seen(harness: CampaignHarness) -> list[str]:
    return sorted(recipient.split("@")[0] for recipient in harness.seen)


def test_what_was_given_up_on_is_told_from_what_was_refused(harness: CampaignHarness, failed: int) -> None:
    temporary = FailureChoice(cause=FailureCause.TEMPORARY)
    counted = RetryCount(retried=1, not_selected=2, not_sendable=0, received_since=0)
    assert campaign_control.count_failed(harness.app, failed, temporary) == counted
    assert harness.counts(failed) == {"audience": 3, "failed": 3}
    assert campaign_control.retry_failed(harness.app, failed, temporary) == counted
    harness.run()
    assert seen(harness) == ["ada"]
    assert harness.counts(failed) == {"audience": 3, "sent": 1, "failed": 2}


def test_reasons_and_channels_are_chosen_by_name(harness: CampaignHarness, failed: int) -> None:
    def count(**choice: Any) -> int:
        return campaign_control.count_failed(harness.app, failed, FailureChoice(**choice)).retried

    assert count(reasons=("userunknown",)) == count(cause=FailureCause.PERMANENT) == 2
    assert count(reasons=("userunknown", "mailboxfull")) == count(channel_names=("mail",)) == 3
    assert count(reasons=("spamdetected",)) == 0
    with pytest.raises(NotFoundError, match=r"no channel of campaign 1 'post'; it has mail"):
        count(channel_names=("post",))


def test_what_fails_for_good_after_it_was_given_up_on_is_no_longer_called_temporary(
    harness: CampaignHarness, failed: int
) -> None:
    temporary = FailureChoice(cause=FailureCause.TEMPORARY)
    harness.channel("mail", "scripted", answers={"ada@example.org": "failed"})
    campaign_control.retry_failed(harness.app, failed, temporary)
    harness.run()
    with pytest.raises(StateError, match=r"none of the 3 failed deliveries of campaign 1 .* 3 do not match"):
        campaign_control.retry_failed(harness.app, failed, temporary)


def test_people_who_left_were_suppressed_or_paused_meanwhile_are_not_tried(
    harness: CampaignHarness, failed: int
) -> None:
    with harness.app.database.begin() as connection:
        now = harness.app.clock()
        suppressions.add(connection, [parse_target("ada@example.org")], SuppressionReason.MANUAL, now=now)
        readers = lists.find(connection, "readers").id
        memberships.unsubscribe(connection, number(connection, "bo"), readers, EVIDENCE, now=now)
        subscribers.change(connection, number(connection, "cy"), {"paused_until": now + timedelta(days=1)}, now=now)
    with pytest.raises(StateError, match="3 are for subscribers who are suppressed"):
        campaign_control.retry_failed(harness.app, failed)
    assert harness.counts(failed) == {"audience": 3, "failed": 3}


def test_who_got_it_since_by_another_campaign_gets_it_no_second_time(harness: CampaignHarness, failed: int) -> None:
    other = planned(harness, AudiencePlan(failed_of=(failed,)))
    harness.run()
    assert harness.counts(other) == {"audience": 3, "sent": 3}
    assert campaign_control.count_failed(harness.app, failed).received_since == 3
    with pytest.raises(StateError, match="3 for recipients who got it by another campaign"):
        campaign_control.retry_failed(harness.app, failed)
    assert seen(harness) == ["ada", "bo", "cy"]


def test_a_retry_waits_for_a_release_of_the_same_article_and_passes_over_whom_it_reaches(
    harness: CampaignHarness, failed: int
) -> None:
    other = planned(harness, AudiencePlan(failed_of=(failed,)))
    dispatch_id = harness.report(other).dispatches[0].dispatch.id
    database, now = harness.app.database, harness.app.clock()
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as releasing:
            asked = AudienceQuery(
                plan=AudiencePlan(failed_of=(failed,)), article_ids=(1,), tag_slugs=(), campaign_id=other
            )
            audiences.hold(releasing, [1])
            assert audiences.freeze(releasing, dispatch_id, asked, now=now) == 3
            retry = pool.submit(campaign_control.retry_failed, harness.app, failed)
            while not retry.done() and not is_waited_for(database):
                pass
        with pytest.raises(StateError, match="3 for recipients who got it by another campaign"):
            retry.result()


def test_what_was_cancelled_stays_as_it_was(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"ada@example.org": "failed", "bo@example.org": "silent"})
    campaign_id = planned(harness, EVERYBODY)
    harness.run(rounds=6)
    campaign_control.cancel(harness.app, campaign_id)
    with pytest.raises(StateError, match="1 do not match"):
        campaign_control.retry_failed(harness.app, campaign_id)
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 1, "failed": 1, "suppressed": 1}


def test_a_post_that_failed_is_retried(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_broadcast", answers={"@one": "failed"})
    campaign_id = planned(harness, AudiencePlan(), "board")
    harness.run()
    harness.channel("board", "scripted_broadcast")
    assert campaign_control.retry_failed(harness.app, campaign_id).retried == 1
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 1, "sent": 1}


def number(connection: Connection, name: str) -> int:
    return subscribers.find(connection, person_of(f"{name}@example.org").key).id


def is_waited_for(database: Database) -> bool:
    """Whether a transaction waits for a lock of another one."""
    with database.begin() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())
