"""Accounts and feeds get an article once, as people do, unless a campaign asks for it again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from distributor.domain.campaign import DispatchState
from distributor.domain.errors import BlockedError
from distributor.domain.tags import Tag
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.publishing.review import review_campaign
from distributor.storage import articles, delivery_queries
from distributor.storage.database import Connection
from tests.flow.campaign_harness import CampaignHarness


@pytest.fixture
def board(harness: CampaignHarness) -> CampaignHarness:
    """A harness with the channel `board` of an account."""
    harness.channel("board", "scripted_broadcast")
    return harness


def once(harness: CampaignHarness, *names: str, slugs: tuple[str, ...] = ("hello",)) -> int:
    """A campaign that repeats nothing, as far as it goes by itself."""
    campaign_id = harness.plan(*names, slugs=slugs, repeats=False)
    harness.run()
    return campaign_id


def released(harness: CampaignHarness, campaign_id: int) -> bool:
    return release(harness.app, harness.report(campaign_id).dispatches[0].dispatch.id)


def rendered(harness: CampaignHarness, *names: str) -> int:
    """A campaign that repeats nothing and is about to be released."""
    campaign_id = harness.plan(*names, repeats=False)
    assert prepare(harness.app, harness.report(campaign_id).dispatches[0].dispatch.id)
    return campaign_id


def waiting(connection: Connection) -> int:
    """How many sessions of this database wait for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return int(connection.execute(text(asked)).scalar_one())


def recipients(harness: CampaignHarness, campaign_id: int) -> list[str]:
    with harness.app.database.begin() as connection:
        return [one.recipient for one in delivery_queries.of_campaign(connection, campaign_id, limit=100)]


def test_an_account_gets_an_article_once_and_is_told_by_which_campaign_and_when(board: CampaignHarness) -> None:
    first = once(board, "board")
    at = board.app.clock()
    by = rf"“Hello” \(campaign {first}\) on {at.day} {at:%B %Y}"
    with pytest.raises(BlockedError, match=f"@one already got 'Hello' by {by}"):
        once(board, "board")
    assert board.seen == ["@one"]


def test_the_review_refuses_a_second_post(board: CampaignHarness) -> None:
    first = once(board, "board")
    (problem,) = review_campaign(board.app, board.draft("board", repeats=False)).dispatches[0].problems
    assert (problem.severity.value, problem.code) == ("block", "already-posted")
    assert problem.message.startswith(f"@one already got 'Hello' by “Hello” (campaign {first}) on ")
    assert problem.message.endswith("; --again sends it once more")


def test_a_campaign_that_asks_for_it_again_posts_again(board: CampaignHarness) -> None:
    once(board, "board")
    assert not review_campaign(board.app, board.plan("board")).blockers
    board.run()
    assert board.seen == ["@one", "@one"]


def test_two_channels_of_one_account_are_one_account(board: CampaignHarness) -> None:
    board.channel("same", "scripted_broadcast")
    board.channel("other", "scripted_broadcast", accounts=["@two"])
    once(board, "board")
    with pytest.raises(BlockedError, match="same: @one already got 'Hello'"):
        once(board, "same", "other")
    once(board, "other")
    assert board.seen == ["@one", "@two"]


def test_an_account_of_the_same_name_on_another_network_is_another_one(board: CampaignHarness) -> None:
    board.channel("elsewhere", "scripted_posts")
    once(board, "board")
    once(board, "elsewhere")
    assert board.seen == ["@one", "@one"]


def test_any_article_of_a_digest_counts(board: CampaignHarness) -> None:
    board.article("second")
    once(board, "board", slugs=("hello", "second"))
    with pytest.raises(BlockedError, match="@one already got"):
        once(board, "board", slugs=("second",))
    assert board.seen == ["@one"]


def test_a_post_that_failed_or_was_cancelled_is_none(board: CampaignHarness) -> None:
    board.channel("board", "scripted_broadcast", answers={"@one": "failed"})
    once(board, "board")
    board.channel("board", "scripted_broadcast", answers={"@one": "deferred"})
    campaign_control.cancel(board.app, once(board, "board"))
    board.channel("board", "scripted_broadcast")
    assert board.counts(once(board, "board")) == {"audience": 1, "sent": 1}


@pytest.mark.parametrize("answer", ["deferred", "unknown"])
def test_a_post_that_may_still_be_made_counts(board: CampaignHarness, answer: str) -> None:
    board.channel("board", "scripted_broadcast", answers={"@one": answer}, reconciled="unknown")
    once(board, "board")
    board.channel("board", "scripted_broadcast", reconciled="unknown")
    with pytest.raises(BlockedError, match="@one already got"):
        once(board, "board")


def test_a_test_campaign_does_not_count(board: CampaignHarness) -> None:
    test_campaign = once(board, "board")
    with board.app.database.begin() as connection:
        connection.execute(text("UPDATE campaigns SET purpose = 'test' WHERE id = :id"), {"id": test_campaign})
    assert board.counts(once(board, "board")) == {"audience": 1, "sent": 1}


def test_of_two_releases_at_the_same_time_one_posts(board: CampaignHarness) -> None:
    both = [rendered(board, "board"), rendered(board, "board")]
    with ThreadPoolExecutor(2) as pool:
        with board.app.database.begin() as connection:
            articles.lock(connection, [articles.find_by_slug(connection, "hello").id])
            releases = [pool.submit(released, board, campaign_id) for campaign_id in both]
            while waiting(connection) < 2:
                assert not any(one.done() for one in releases)
        assert sorted(one.result() for one in releases) == [False, True]
    board.run()
    assert board.seen == ["@one"]
    (loser,) = [
        found.dispatch.reason
        for campaign_id in both
        for found in board.report(campaign_id).dispatches
        if found.dispatch.state is DispatchState.FAILED
    ]
    assert "@one already got 'Hello' by “Hello” (campaign " in loser


def test_a_failed_post_is_not_retried_once_another_campaign_has_made_it(board: CampaignHarness) -> None:
    board.channel("board", "scripted_broadcast", answers={"@one": "failed"})
    failed = once(board, "board")
    board.channel("board", "scripted_broadcast")
    once(board, "board")
    count = campaign_control.count_failed(board.app, failed)
    assert (count.received_since, count.retried) == (1, 0)


def test_a_feed_gets_an_article_once_and_a_feed_of_a_new_tag_gets_it_then(harness: CampaignHarness) -> None:
    harness.channel("feed", "feed")
    harness.article("tagged", tags=(Tag("Bread"),))
    assert recipients(harness, once(harness, "feed", slugs=("tagged",))) == ["all", "tags/bread"]
    with harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE recipient = 'tags/bread'"))
    later = harness.plan("feed", slugs=("tagged",), repeats=False)
    review = review_campaign(harness.app, later)
    assert [(one.problem.severity.value, one.problem.code) for one in review.warnings] == [("warn", "already-posted")]
    harness.run()
    assert recipients(harness, later) == ["tags/bread"]
    with pytest.raises(BlockedError, match="already got"):
        once(harness, "feed", slugs=("tagged",))
