"""The life of a campaign: draft, review, approval, schedule, changes until the release, and undo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.campaign import CampaignAction, CampaignPlan, CampaignState, ChangePolicy
from distributor.domain.errors import BlockedError, InputError, NotFoundError, ScheduleError, StateError
from distributor.domain.message_options import MessageOptions
from distributor.domain.schedule import StartTimes
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import article_control, campaign_control, life_cycle
from distributor.flow.publishing.plan import create_campaign, duplicate_campaign, edit_campaign
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.publishing.review import review_campaign
from distributor.storage import articles, campaigns, dispatches
from tests.flow.campaign_harness import CampaignHarness

ME = "a test"
DAY = timedelta(days=1)


@pytest.fixture
def harness(harness: CampaignHarness) -> CampaignHarness:
    """The harness with a channel to subscribers and one to an account."""
    harness.channel("mail", "scripted")
    harness.channel("wall", "scripted_broadcast")
    return harness


def start(app: AppContext, after: timedelta, **times: timedelta) -> StartTimes:
    now = app.clock()
    return StartTimes(starts_at=now + after, times={name: now + one for name, one in times.items()}, notes=())


def revise(app: AppContext, words: str, slug: str = "hello") -> None:
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, slug)
        manuscript = replace(found.manuscript, title=words)
        articles.revise(connection, found.id, manuscript, content_hash=words, now=app.clock())


def at_its_time(harness: CampaignHarness, after: timedelta = DAY) -> CampaignHarness:
    """The harness when so much time has passed."""
    now = harness.app.clock() + after
    return replace(harness, app=replace(harness.app, clock=lambda: now))


def sent(harness: CampaignHarness, campaign_id: int, channel: str = "mail") -> str:
    """What a channel sends in this campaign."""
    with harness.app.database.begin() as connection:
        (number,) = [one.id for one in dispatches.of_campaign(connection, campaign_id) if one.channel_name == channel]
        return dispatches.rendition_of(connection, number).canonical()


def states(harness: CampaignHarness, campaign_id: int) -> dict[str, str]:
    return {one.dispatch.channel_name: one.dispatch.state.value for one in harness.report(campaign_id).dispatches}


def reason(harness: CampaignHarness, campaign_id: int) -> str:
    (found,) = {one.dispatch.reason for one in harness.report(campaign_id).dispatches}
    return found


def actions(app: AppContext, campaign_id: int) -> list[str]:
    with app.database.begin() as connection:
        return [one.action.value for one in campaigns.history(connection, campaign_id)]


def test_a_draft_goes_out_only_when_it_is_scheduled(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", "wall")
    at_its_time(harness).run()
    assert harness.report(campaign_id).state is CampaignState.DRAFT
    assert harness.report(campaign_id).dispatches[0].dispatch.scheduled_at is None

    life_cycle.review(harness.app, campaign_id, actor=ME)
    assert harness.report(campaign_id).state is CampaignState.REVIEWED
    at_its_time(harness).run()
    assert harness.seen == []

    life_cycle.schedule(harness.app, campaign_id, actor=ME, start=start(harness.app, timedelta()))
    assert harness.report(campaign_id).state is CampaignState.SCHEDULED
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 4, "sent": 4}
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    assert actions(harness.app, campaign_id) == [
        "created", "reviewed", "reviewed", "scheduled", "released", "released",
    ]  # fmt: skip


def test_a_draft_without_times_is_not_scheduled(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail")
    with pytest.raises(ScheduleError, match="has no time for mail"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)
    assert harness.report(campaign_id).state is CampaignState.DRAFT


def test_what_blocks_one_channel_holds_all_until_it_is_left_out(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", problem="there is no postal address")
    campaign_id = harness.draft("mail", "wall", after=timedelta())
    with pytest.raises(BlockedError, match="mail: there is no postal address"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)
    harness.run()
    assert (harness.seen, states(harness, campaign_id)) == ([], {"mail": "draft", "wall": "draft"})

    life_cycle.schedule(harness.app, campaign_id, actor=ME, without=["mail"])
    harness.run()
    assert (harness.seen, states(harness, campaign_id)) == (["@one"], {"wall": "finished"})


def test_a_channel_that_is_left_out_has_to_be_one_of_the_campaign_and_not_the_last(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", "wall", after=DAY)
    with pytest.raises(NotFoundError, match="it has mail, wall"):
        life_cycle.arrange(harness.app, campaign_id, actor=ME, without=["x"])
    with pytest.raises(InputError, match="none is left"):
        life_cycle.arrange(harness.app, campaign_id, actor=ME, without=["mail", "wall"])
    assert states(harness, campaign_id) == {"mail": "draft", "wall": "draft"}


def test_an_edit_of_the_article_long_after_scheduling_reaches_the_mail(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", after=DAY)
    harness.run()
    revise(harness.app, "Better words.")
    at_its_time(harness).run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert "Better words." in sent(harness, campaign_id)


def test_a_campaign_says_which_articles_were_revised_since_its_review_until_it_is_out(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", after=DAY)
    assert harness.report(campaign_id).revised == ()
    revise(harness.app, "Better words.")
    revise(harness.app, "The best words.")
    assert harness.report(campaign_id).revised == ("article hello was revised twice since the review",)
    at_its_time(harness).run()
    assert harness.report(campaign_id).revised == ()


def test_an_edit_after_a_dispatch_is_prepared_still_reaches_the_mail(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", after=timedelta(minutes=1))
    harness.run()
    (one,) = harness.report(campaign_id).dispatches
    assert one.dispatch.prepared_at is not None
    revise(harness.app, "At the last minute.")
    at_its_time(harness, timedelta(minutes=1)).run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert "At the last minute." in sent(harness, campaign_id)


def test_a_change_that_waits_for_a_person_says_what_changed_and_on_which_channels(harness: CampaignHarness) -> None:
    harness.channel("feed", "scripted_posts", accounts=["@two"])
    asked = harness.asked("mail", "wall", "feed", after=DAY, on_change=ChangePolicy.WAIT)
    campaign_id = create_campaign(harness.app, asked)
    life_cycle.schedule(harness.app, campaign_id, actor=ME)
    revise(harness.app, "Once.")
    revise(harness.app, "Twice.")
    there = at_its_time(harness)
    there.run()
    assert (there.seen, set(states(there, campaign_id).values())) == ([], {"paused"})
    assert reason(there, campaign_id).startswith(
        "article hello was revised twice since the review; feed, mail and wall differ. "
    )
    assert actions(there.app, campaign_id)[-1] == "paused"

    made = campaign_control.resume(there.app, campaign_id, actor=ME)
    assert made is not None
    assert made.revisions == {"hello": 3}
    there.run()
    assert there.counts(campaign_id) == {"audience": 5, "sent": 5}
    assert "Twice." in sent(there, campaign_id)


def test_what_was_reviewed_goes_out_though_the_article_was_revised_if_the_campaign_keeps_it(
    harness: CampaignHarness,
) -> None:
    campaign_id = harness.draft("mail", after=DAY, on_change=ChangePolicy.KEEP)
    life_cycle.schedule(harness.app, campaign_id, actor=ME)
    revise(harness.app, "Never approved.")
    there = at_its_time(harness)
    there.run()
    assert there.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert "Hello" in sent(there, campaign_id)
    assert "Never approved." not in sent(there, campaign_id)


@pytest.mark.parametrize("policy", ChangePolicy)
def test_that_its_own_release_publishes_and_dates_a_draft_article_is_no_change(
    harness: CampaignHarness, policy: ChangePolicy
) -> None:
    harness.channel("feed", "feed")
    campaign_id = harness.draft("mail", "feed", after=None, on_change=policy)
    life_cycle.schedule(harness.app, campaign_id, actor=ME, start=start(harness.app, DAY, feed=2 * DAY))
    at_its_time(harness, DAY + timedelta(seconds=20)).run()
    before = sent(harness, campaign_id, "feed")
    there = at_its_time(harness, 2 * DAY)
    there.run()
    assert states(there, campaign_id) == {"mail": "finished", "feed": "finished"}
    assert sent(there, campaign_id, "feed") == before


def test_no_channel_starts_before_those_of_its_time_are_prepared(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", "wall")
    mail, wall = [one.dispatch.id for one in harness.report(campaign_id).dispatches]
    assert prepare(harness.app, wall)
    assert not release(harness.app, wall)
    assert prepare(harness.app, mail)
    assert release(harness.app, wall)


def test_a_channel_with_a_later_time_holds_no_other(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", "wall")
    life_cycle.schedule(harness.app, campaign_id, actor=ME, start=start(harness.app, timedelta(), mail=DAY))
    harness.run()
    assert states(harness, campaign_id) == {"mail": "scheduled", "wall": "finished"}


def test_a_release_that_cannot_be_made_holds_the_other_channels_too(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", "wall")
    mail, wall = [one.dispatch.id for one in harness.report(campaign_id).dispatches]
    assert prepare(harness.app, mail)
    assert prepare(harness.app, wall)
    article_control.publish(harness.app, "hello", actor=ME, at=harness.app.clock() + DAY)
    assert not release(harness.app, wall)
    assert states(harness, campaign_id) == {"mail": "paused", "wall": "paused"}
    assert "under embargo" in reason(harness, campaign_id)


def test_a_blocked_channel_is_left_out_when_the_campaign_is_resumed(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", "wall")
    harness.channel("mail", "scripted", problem="there is no postal address")
    harness.run()
    assert states(harness, campaign_id) == {"mail": "paused", "wall": "paused"}
    campaign_control.resume(harness.app, campaign_id, without=["mail"], actor=ME)
    harness.run()
    assert (states(harness, campaign_id), harness.seen) == ({"mail": "cancelled", "wall": "finished"}, ["@one"])


def test_what_is_undone_is_a_draft_with_its_times_and_can_be_scheduled_again(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail", "wall", after=DAY)
    life_cycle.undo(harness.app, campaign_id, actor=ME)
    at_its_time(harness).run()
    assert harness.seen == []
    assert harness.report(campaign_id).state is CampaignState.REVIEWED
    with pytest.raises(StateError, match="is a draft: there is nothing to undo"):
        life_cycle.undo(harness.app, campaign_id, actor=ME)
    life_cycle.schedule(harness.app, campaign_id, actor=ME)
    at_its_time(harness).run()
    assert harness.counts(campaign_id) == {"audience": 4, "sent": 4}


def test_what_is_out_is_not_undone_and_the_message_says_what_is(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", "wall")
    life_cycle.schedule(harness.app, campaign_id, actor=ME, start=start(harness.app, timedelta(), wall=DAY))
    harness.run()
    with pytest.raises(StateError, match=r"has begun: mail \(3\) is out or on its way; wall can still be paused"):
        life_cycle.undo(harness.app, campaign_id, actor=ME)
    assert states(harness, campaign_id) == {"mail": "finished", "wall": "scheduled"}


def test_an_edit_of_what_is_scheduled_is_reviewed_and_goes_out_as_edited(harness: CampaignHarness) -> None:
    harness.article("second")
    campaign_id = harness.plan("mail", after=DAY)

    def change(plan: CampaignPlan) -> CampaignPlan:
        return replace(plan, article_slugs=("second",), channel_names=("mail", "wall"), name="Renamed")

    made = edit_campaign(harness.app, campaign_id, change, actor=ME)
    assert made is not None
    assert made.revisions == {"second": 1}
    found = harness.report(campaign_id)
    assert (found.state, found.campaign.name, found.campaign.version) == (CampaignState.SCHEDULED, "Renamed", 2)
    assert len({one.dispatch.scheduled_at for one in found.dispatches}) == 1
    at_its_time(harness).run()
    assert states(harness, campaign_id) == {"mail": "finished", "wall": "finished"}
    with harness.app.database.begin() as connection:
        entry = next(one for one in campaigns.history(connection, campaign_id) if one.action is CampaignAction.EDITED)
    assert (entry.actor, entry.detail) == (ME, "name, article, channel")


def test_an_edit_that_blocks_leaves_a_draft_and_one_that_cannot_be_made_changes_nothing(
    harness: CampaignHarness,
) -> None:
    harness.channel("blocked", "scripted", problem="no")
    campaign_id = harness.plan("mail", after=DAY)
    with pytest.raises(NotFoundError, match="no channel 'nowhere'"):
        edit_campaign(
            harness.app, campaign_id, lambda plan: replace(plan, channel_names=("nowhere",), times={}), actor=ME
        )
    assert states(harness, campaign_id) == {"mail": "scheduled"}
    assert edit_campaign(harness.app, campaign_id, lambda plan: plan, actor=ME) is None
    assert states(harness, campaign_id) == {"mail": "scheduled"}
    with pytest.raises(BlockedError, match="blocked: no"):
        edit_campaign(harness.app, campaign_id, lambda plan: replace(plan, channel_names=("mail", "blocked")), actor=ME)
    at_its_time(harness).run()
    assert (states(harness, campaign_id), harness.seen) == ({"mail": "draft", "blocked": "draft"}, [])


def test_what_is_out_or_has_ended_is_not_edited(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail")
    harness.run()
    with pytest.raises(StateError, match=r"has begun: mail \(3\) is out"):
        edit_campaign(harness.app, campaign_id, lambda plan: replace(plan, name="x"), actor=ME)
    cancelled = harness.plan("mail", after=DAY)
    campaign_control.cancel(harness.app, cancelled)
    with pytest.raises(StateError, match="has ended"):
        edit_campaign(harness.app, cancelled, lambda plan: replace(plan, name="x"), actor=ME)


def test_a_campaign_is_rescheduled_and_its_draft_stays_a_draft(harness: CampaignHarness) -> None:
    scheduled, draft = harness.plan("mail", after=DAY), harness.draft("mail", after=DAY)
    later = start(harness.app, 3 * DAY)
    assert life_cycle.reschedule(harness.app, scheduled, later, actor=ME, zone="Europe/Berlin") is not None
    assert life_cycle.reschedule(harness.app, draft, later, actor=ME) is None
    assert (states(harness, scheduled), states(harness, draft)) == ({"mail": "scheduled"}, {"mail": "draft"})
    (one,) = harness.report(scheduled).dispatches
    assert (one.dispatch.scheduled_at, one.dispatch.zone) == (later.starts_at, "Europe/Berlin")
    at_its_time(harness, 2 * DAY).run()
    assert harness.seen == []
    at_its_time(harness, 3 * DAY).run()
    assert harness.counts(scheduled) == {"audience": 3, "sent": 3}
    with pytest.raises(ScheduleError, match="is in the past"):
        life_cycle.reschedule(harness.app, draft, start(harness.app, -DAY), actor=ME)


def test_what_is_not_out_yet_is_rescheduled_when_the_rest_is_out(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", "wall")
    life_cycle.schedule(harness.app, campaign_id, actor=ME, start=start(harness.app, timedelta(), wall=DAY))
    harness.run()
    assert life_cycle.reschedule(harness.app, campaign_id, start(harness.app, 3 * DAY), actor=ME) is None
    at_its_time(harness, 2 * DAY).run()
    assert states(harness, campaign_id) == {"mail": "finished", "wall": "scheduled"}
    at_its_time(harness, 3 * DAY).run()
    assert states(harness, campaign_id) == {"mail": "finished", "wall": "finished"}


def test_a_copy_is_a_draft_of_the_same_without_times(harness: CampaignHarness) -> None:
    asked = harness.asked("mail", "wall", after=DAY, message_options=MessageOptions(), needs_approval=True)
    campaign_id = create_campaign(harness.app, asked)
    copy = duplicate_campaign(harness.app, campaign_id, actor=ME)
    with harness.app.database.begin() as connection:
        one, other = campaigns.plan_of(connection, campaign_id), campaigns.plan_of(connection, copy)
    assert replace(one, times={}) == other
    assert harness.report(copy).state is CampaignState.DRAFT
    assert actions(harness.app, copy) == ["created", "duplicated"]


def test_a_campaign_that_needs_approval_is_not_scheduled_without_one(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", after=DAY, needs_approval=True)
    with pytest.raises(StateError, match=f"needs an approval: `distributor campaign approve {campaign_id}`"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)
    life_cycle.approve(harness.app, campaign_id, actor="an editor")
    assert harness.report(campaign_id).state is CampaignState.APPROVED
    life_cycle.schedule(harness.app, campaign_id, actor=ME)
    at_its_time(harness).run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_changed_since_the_approval_is_approved_again(harness: CampaignHarness) -> None:
    campaign_id = harness.draft("mail", after=DAY, needs_approval=True)
    life_cycle.approve(harness.app, campaign_id, actor="an editor")
    revise(harness.app, "Unseen.")
    assert harness.report(campaign_id).state is CampaignState.DRAFT
    with pytest.raises(StateError, match="changed since it was approved: article hello was revised once"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)
    life_cycle.approve(harness.app, campaign_id, actor="an editor")
    life_cycle.schedule(harness.app, campaign_id, actor=ME)

    edit_campaign(harness.app, campaign_id, lambda plan: replace(plan, name="Edited"), actor=ME)
    assert harness.report(campaign_id).state is CampaignState.REVIEWED, "it waits for an approval"
    with pytest.raises(StateError, match="needs an approval"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)


def test_what_changes_after_an_approved_campaign_is_scheduled_waits_for_another_approval(
    harness: CampaignHarness,
) -> None:
    campaign_id = harness.draft("mail", after=DAY, needs_approval=True)
    life_cycle.approve(harness.app, campaign_id, actor="an editor")
    life_cycle.schedule(harness.app, campaign_id, actor=ME)
    revise(harness.app, "Unseen.")
    there = at_its_time(harness)
    there.run()
    assert (there.seen, states(there, campaign_id)) == ([], {"mail": "paused"})
    with pytest.raises(StateError, match="changed since it was approved"):
        campaign_control.resume(there.app, campaign_id, actor=ME)
    life_cycle.approve(there.app, campaign_id, actor="an editor")
    campaign_control.resume(there.app, campaign_id, actor=ME)
    there.run()
    assert there.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_campaign_that_is_blocked_is_not_approved(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", problem="no")
    campaign_id = harness.draft("mail", needs_approval=True)
    with pytest.raises(BlockedError):
        life_cycle.approve(harness.app, campaign_id, actor=ME)
    assert harness.report(campaign_id).state is CampaignState.DRAFT


def test_what_was_edited_while_it_was_reviewed_is_not_scheduled(
    harness: CampaignHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = harness.draft("mail", after=DAY)
    made = review_campaign(harness.app, campaign_id)

    def reviewing(app: AppContext, number: int, **_: Any) -> object:
        edit_campaign(app, number, lambda plan: replace(plan, name="Edited meanwhile"), actor="another")
        return made

    monkeypatch.setattr("distributor.flow.publishing.life_cycle.review_campaign", reviewing)
    with pytest.raises(StateError, match="was edited while it was reviewed"):
        life_cycle.schedule(harness.app, campaign_id, actor=ME)
    assert states(harness, campaign_id) == {"mail": "draft"}


def test_an_undo_waits_for_a_release_that_is_under_way(harness: CampaignHarness) -> None:
    campaign_id = harness.plan("mail")
    (dispatch,) = [one.dispatch.id for one in harness.report(campaign_id).dispatches]
    assert prepare(harness.app, dispatch)
    with ThreadPoolExecutor(2) as pool:
        with harness.app.database.begin() as connection:
            articles.lock(connection, [articles.find_by_slug(connection, "hello").id])
            going = pool.submit(release, harness.app, dispatch)
            _until_waiting(connection, 1)
            undoing = pool.submit(life_cycle.undo, harness.app, campaign_id, actor=ME)
            _until_waiting(connection, 2)
        assert going.result()
        with pytest.raises(StateError, match="has begun"):
            undoing.result()
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_preparation_that_took_so_long_that_the_campaign_was_edited_prepares_nothing(
    harness: CampaignHarness,
) -> None:
    campaign_id = harness.plan("mail")
    (dispatch,) = [one.dispatch.id for one in harness.report(campaign_id).dispatches]
    with ThreadPoolExecutor(1) as pool:
        with harness.app.database.begin() as connection:
            campaigns.lock(connection, campaign_id)
            preparing = pool.submit(prepare, harness.app, dispatch)
            _until_waiting(connection, 1)
            campaigns.bump_version(connection, campaign_id)
        assert not preparing.result()
    assert harness.report(campaign_id).dispatches[0].dispatch.prepared_at is None


def _until_waiting(connection: Any, count: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while int(connection.execute(text(asked)).scalar_one()) < count:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
