"""What campaigns do with articles that are not published yet, under embargo, or withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from distributor.domain.article import ArticleStatus
from distributor.domain.campaign import DispatchState
from distributor.domain.errors import InputError, ScheduleError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.articles import ingest, revisions
from distributor.flow.publishing import article_control, campaign_control
from distributor.storage import articles
from tests.flow.campaign_harness import CampaignHarness

ACTOR = "a test"


@pytest.fixture
def harness(harness: CampaignHarness) -> CampaignHarness:
    """The harness, whose article is a draft, with a channel that sends to subscribers."""
    harness.channel("mail", "scripted")
    return harness


def _status(app: AppContext) -> ArticleStatus:
    with app.database.begin() as connection:
        return articles.find_by_slug(connection, "hello").status


def _state(harness: CampaignHarness, campaign_id: int) -> tuple[DispatchState, str]:
    (one,) = harness.report(campaign_id).dispatches
    return one.dispatch.state, one.dispatch.reason


def test_the_release_of_a_campaign_publishes_its_draft_and_planning_does_not(
    harness: CampaignHarness, app: AppContext
) -> None:
    campaign_id = harness.plan("mail", after=timedelta(days=1))
    harness.run()
    assert not _status(app).is_public(app.clock())
    assert harness.report(campaign_id).to_publish == ("hello",)
    later = replace(harness, app=harness.later(days=1))
    later.run()
    assert later.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert _status(app).is_public(later.app.clock())
    assert later.report(campaign_id).to_publish == ()
    with app.database.begin() as connection:
        last = articles.history(connection, articles.find_by_slug(connection, "hello").id)[-1]
    assert last.actor == f"campaign {campaign_id}"


def test_a_release_without_an_audience_publishes_nothing(harness: CampaignHarness, app: AppContext) -> None:
    campaign_id = harness.plan("mail", after=timedelta(days=1))
    with app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE memberships SET state = 'unsubscribed'")
    later = replace(harness, app=harness.later(days=1))
    later.run()
    assert _state(later, campaign_id)[0] is DispatchState.FAILED
    assert not _status(app).is_public(later.app.clock())


def test_a_campaign_is_not_planned_before_the_embargo_of_its_article_is_over(
    harness: CampaignHarness, app: AppContext
) -> None:
    article_control.publish(app, "hello", actor=ACTOR, at=app.clock() + timedelta(days=2))
    with pytest.raises(StateError, match=r"hello is under embargo until .* UTC, after the time of the campaign"):
        harness.plan("mail", after=timedelta(days=1))
    harness.plan("mail", after=timedelta(days=3))


def test_a_withdrawn_article_is_not_planned(harness: CampaignHarness, app: AppContext) -> None:
    article_control.publish(app, "hello", actor=ACTOR)
    article_control.withdraw(app, "hello", actor=ACTOR)
    with pytest.raises(StateError, match="hello was withdrawn"):
        harness.plan("mail")
    article_control.publish(app, "hello", actor=ACTOR)
    harness.plan("mail")


@pytest.mark.parametrize("rounds", [0, 1], ids=["planned", "rendered"])
def test_a_withdrawal_pauses_a_campaign_before_anything_is_sent(
    harness: CampaignHarness, app: AppContext, rounds: int
) -> None:
    article_control.publish(app, "hello", actor=ACTOR)
    campaign_id = harness.plan("mail", after=timedelta(days=1))
    harness.run(rounds)
    assert article_control.withdraw(app, "hello", actor=ACTOR).paused_campaigns == (campaign_id,)
    state, reason = _state(harness, campaign_id)
    assert state is DispatchState.PAUSED
    assert reason.startswith("article hello was withdrawn")
    later = replace(harness, app=harness.later(days=1))
    with pytest.raises(StateError, match="hello was withdrawn"):
        campaign_control.resume(later.app, campaign_id)
    later.run()
    assert later.seen == []
    article_control.publish(later.app, "hello", actor=ACTOR)
    campaign_control.resume(later.app, campaign_id)
    later.run()
    assert later.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_withdrawal_pauses_a_campaign_that_runs(harness: CampaignHarness, app: AppContext) -> None:
    harness.channel("slow", "scripted", answers={"ada@example.org": "deferred"})
    campaign_id = harness.plan("slow")
    harness.run(2)
    assert _state(harness, campaign_id)[0] is DispatchState.RUNNING
    article_control.withdraw(app, "hello", actor=ACTOR)
    assert _state(harness, campaign_id)[0] is DispatchState.PAUSED


def test_failed_deliveries_of_a_withdrawn_article_are_not_retried(harness: CampaignHarness, app: AppContext) -> None:
    campaign_id = harness.plan("mail")
    harness.run()
    with app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'failed'")
    article_control.withdraw(app, "hello", actor=ACTOR)
    with pytest.raises(StateError, match="hello was withdrawn"):
        campaign_control.retry_failed(app, campaign_id)


def test_a_finished_campaign_that_gets_work_again_sends_nothing_of_a_withdrawn_article(
    harness: CampaignHarness, app: AppContext
) -> None:
    campaign_id = harness.plan("mail")
    harness.run()
    article_control.withdraw(app, "hello", actor=ACTOR)
    with app.database.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'pending'")
        connection.exec_driver_sql("UPDATE dispatches SET state = 'running'")
    sent = len(harness.seen)
    harness.run()
    assert len(harness.seen) == sent
    assert _state(harness, campaign_id)[0] is DispatchState.PAUSED


def test_an_embargo_set_after_planning_holds_the_campaign(harness: CampaignHarness, app: AppContext) -> None:
    campaign_id = harness.plan("mail", after=timedelta(days=1))
    article_control.publish(app, "hello", actor=ACTOR, at=app.clock() + timedelta(days=30))
    later = replace(harness, app=harness.later(days=1))
    later.run()
    state, reason = _state(later, campaign_id)
    assert state is DispatchState.PAUSED
    assert "under embargo" in reason
    assert later.seen == []


def test_a_draft_whose_file_was_taken_away_is_not_released(harness: CampaignHarness, app: AppContext) -> None:
    campaign_id = harness.plan("mail", after=timedelta(days=1))
    with app.database.begin() as connection:
        articles.set_missing(connection, articles.find_by_slug(connection, "hello").id, app.clock())
    later = replace(harness, app=harness.later(days=1))
    later.run()
    state, reason = _state(later, campaign_id)
    assert state is DispatchState.PAUSED
    assert "its source test has hello no more" in reason


def test_nothing_is_published_in_the_past_and_what_does_not_change_has_no_entry_in_the_history(
    harness: CampaignHarness, app: AppContext
) -> None:
    with pytest.raises(ScheduleError, match="in the past"):
        article_control.publish(app, "hello", actor=ACTOR, at=app.clock() - timedelta(days=1))
    article_control.publish(app, "hello", actor=ACTOR)
    article_control.publish(app, "hello", actor=ACTOR)
    with app.database.begin() as connection:
        assert len(articles.history(connection, articles.find_by_slug(connection, "hello").id)) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (article_control.withdraw, "article hello: it is draft, and cannot become withdrawn"),
        (article_control.mark_ready, None),
        (article_control.unpublish, None),
    ],
)
def test_a_change_of_state_that_is_not_possible_names_the_article(
    harness: CampaignHarness, app: AppContext, change: Callable[..., object], reason: str | None
) -> None:
    if reason is None:
        article_control.publish(app, "hello", actor=ACTOR)
        reason = "article hello: it "
    with pytest.raises(StateError, match=reason):
        change(app, "hello", actor=ACTOR)


def test_revisions_are_compared_line_by_line(app: AppContext) -> None:
    app.content_dir.mkdir()
    file = app.content_dir / "a.md"
    file.write_text("---\ntitle: A\ntags: [one]\n---\n\nFirst words.\n\nThey stay.\n")
    ingest.scan(app)
    with pytest.raises(InputError, match="no revision before 1"):
        revisions.compare(app, "a")
    file.write_text("---\ntitle: A\ntags: [one, two]\n---\n\nOther words.\n\nThey stay.\n")
    ingest.scan(app)
    lines = revisions.compare(app, "a").splitlines()
    assert [line for line in lines if line.startswith(("-", "+")) and "summary" not in line] == [
        "--- a, revision 1",
        "+++ a, revision 2",
        "-tags: one",
        "+tags: one, two",
        "-First words.",
        "+Other words.",
    ]
    assert revisions.compare(app, "a", before=2, after=2) == ""
