"""A campaign from plan to finish: who gets it, who does not, and what the ledger says."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, CampaignState, DispatchState, UnknownPolicy
from distributor.domain.delivery import DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import BlockedError, InputError, NotFoundError, ScheduleError, StateError
from distributor.domain.retry_policy import settle_outcome
from distributor.domain.subscriber import Person
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import campaigns, deliveries, delivery_queries, lists, memberships
from distributor.storage.database import Connection
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness


def test_everybody_on_the_list_gets_it_once(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    harness.run()
    assert sorted(harness.seen) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert harness.report(campaign_id).state is CampaignState.FINISHED


def test_nothing_goes_out_before_its_time(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail", after=timedelta(hours=1))
    harness.run()
    assert harness.seen == []
    assert harness.report(campaign_id).dispatches[0].dispatch.state is DispatchState.SCHEDULED


def test_channels_go_out_at_their_own_times(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    harness.channel("board", "scripted_broadcast")
    now = harness.app.clock()
    campaign_id = plan(
        harness.app,
        CampaignPlan(
            name="",
            article_slugs=("hello",),
            channel_names=("mail", "board"),
            audience=AudiencePlan(lists=("readers",)),
            starts_at=now + timedelta(hours=1),
            times={"board": now},
        ),
    )
    harness.run()
    states = {one.dispatch.channel_name: one.dispatch.state for one in harness.report(campaign_id).dispatches}
    assert states == {"board": DispatchState.FINISHED, "mail": DispatchState.SCHEDULED}


def test_somebody_who_leaves_between_release_and_claim_is_suppressed(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    dispatch_id = _released(harness, campaign_id)
    with harness.app.database.begin() as connection:
        first = delivery_queries.listed(connection, dispatch_id, state=None, limit=1)[0]
        assert first.subscriber_id and first.list_id
        memberships.unsubscribe(connection, first.subscriber_id, first.list_id, EVIDENCE, now=harness.app.clock())
    harness.run()
    assert first.recipient not in harness.seen
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "suppressed": 1}


def test_somebody_who_joins_after_the_release_is_not_in_the_audience(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    _released(harness, campaign_id)
    harness.people("dee")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_temporary_failure_waits_for_its_time_and_is_then_tried_again(harness: CampaignHarness) -> None:
    later = harness.app.clock() + timedelta(hours=2)
    harness.channel("mail", "scripted", answers={"bo@example.org": "deferred"}, asked_to_retry_at=later.isoformat())
    campaign_id = harness.plan("mail")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "deferred": 1}
    assert harness.report(campaign_id).state is CampaignState.RUNNING
    waiting = _one(harness, campaign_id, DeliveryState.DEFERRED)
    assert waiting.next_at is not None
    assert waiting.next_at >= later
    harness.channel("mail", "scripted")
    with harness.app.database.begin() as connection:
        _make_due(connection, waiting.id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert harness.seen.count("bo@example.org") == 2


def test_a_permanent_failure_is_final_until_somebody_retries_it(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "failed"})
    campaign_id = harness.plan("mail")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "failed": 1}
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    harness.channel("mail", "scripted")
    assert campaign_control.retry_failed(harness.app, campaign_id).retried == 1
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert sorted(harness.seen) == ["ada@example.org", "bo@example.org", "bo@example.org", "cy@example.org"]


def test_a_refusal_of_the_sender_pauses_the_dispatch_and_burns_nobody(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"ada@example.org": "sender_rejected"})
    campaign_id = harness.plan("mail")
    harness.run()
    dispatch = harness.report(campaign_id).dispatches[0].dispatch
    assert dispatch.state is DispatchState.PAUSED
    assert "scripted sender_rejected" in dispatch.reason
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "pending": 1}
    harness.channel("mail", "scripted")
    campaign_control.resume(harness.app, campaign_id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_a_channel_says_nothing_about_is_sent_later(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "silent"})
    campaign_id = harness.plan("mail")
    harness.run(rounds=6)
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "pending": 1}
    harness.channel("mail", "scripted")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_was_begun_and_never_answered_stays_unknown_by_default(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "begun"})
    campaign_id = harness.plan("mail")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    assert harness.seen.count("bo@example.org") == 1


def test_the_policy_resend_sends_what_is_unknown_again(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "begun"})
    campaign_id = harness.plan("mail", policy=UnknownPolicy.RESEND)
    harness.run(rounds=3)
    harness.channel("mail", "scripted")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert harness.seen.count("bo@example.org") == 2


def test_a_lost_answer_is_found_out_where_the_channel_can(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_broadcast", answers={"@one": "begun"})
    campaign_id = harness.plan("board")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 1, "sent": 1}
    found = _one(harness, campaign_id, DeliveryState.SENT)
    assert (found.remote_id, found.permalink) == ("found", "https://example.org/found")
    assert harness.seen == ["@one"]


def test_a_lost_answer_that_cannot_be_told_yet_is_looked_into_later(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_broadcast", answers={"@one": "begun"}, reconciled="unknown")
    campaign_id = harness.plan("board")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 1, "unknown": 1}
    assert harness.report(campaign_id).state is CampaignState.RUNNING


@pytest.mark.parametrize(
    ("policy", "counts"),
    [
        (UnknownPolicy.ASSUME_SENT, {"audience": 1, "unknown": 1}),
        (UnknownPolicy.RESEND, {"audience": 1, "sent": 1}),
    ],
)
def test_what_a_lookup_finds_is_not_given_to_a_second_delivery(
    harness: CampaignHarness, policy: UnknownPolicy, counts: dict[str, int]
) -> None:
    harness.channel("board", "scripted_broadcast", answers={"@one": "begun"})
    first = harness.plan_and_run("board")
    second = harness.plan("board", policy=policy)
    harness.run(rounds=3)
    harness.channel("board", "scripted_broadcast")
    harness.run()
    assert harness.only_delivery(first).remote_id == "found"
    assert harness.only_delivery(second).remote_id != "found"
    assert harness.counts(second) == counts


def test_a_call_that_is_never_doubled_is_simply_made_again(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_exact", answers={"@one": "begun"})
    campaign_id = harness.plan("board")
    harness.run(rounds=4)
    harness.channel("board", "scripted_exact")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 1, "sent": 1}


def test_a_post_whose_result_is_unknown_is_made_again_only_if_the_policy_says_so(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_posts", answers={"@one": "unknown"})
    cautious, repeating = harness.plan("board"), harness.plan("board", policy=UnknownPolicy.RESEND)
    harness.run(rounds=3)
    harness.channel("board", "scripted_posts")
    harness.run()
    assert harness.counts(cautious) == {"audience": 1, "unknown": 1}
    assert harness.counts(repeating) == {"audience": 1, "sent": 1}


def test_a_channel_with_a_bug_pauses_its_dispatch_and_nothing_is_lost(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "break"})
    campaign_id = harness.plan("mail")
    with pytest.raises(RuntimeError):
        harness.run()
    recover_journals(harness.app)
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 1, "pending": 2}
    dispatch = harness.report(campaign_id).dispatches[0].dispatch
    assert (dispatch.state, dispatch.reason) == (
        DispatchState.PAUSED,
        "the channel failed: RuntimeError: a bug in the channel",
    )


def test_a_worker_that_is_killed_while_sending_leaves_one_in_doubt_and_the_rest_to_others(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "die"})
    campaign_id = harness.plan("mail")
    dispatch_id = _released(harness, campaign_id)
    harness.app.database.close()
    child = os.fork()
    if child == 0:
        deliver(harness.app, dispatch_id, until=harness.app.clock() + timedelta(seconds=20))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    harness.app.database.close()
    harness.channel("mail", "scripted")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    assert sorted(harness.seen) == ["ada@example.org", "bo@example.org", "cy@example.org"]


def test_without_its_journal_a_dead_workers_deliveries_become_unknown_and_never_pending(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    dispatch_id = _released(harness, campaign_id)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with harness.app.database.begin() as connection:
        claimed = deliveries.claim(
            connection, [dispatch_id], worker="gone", limit=2, now=harness.app.clock(), lease_until=long_ago
        )
        deliveries.mark_in_flight(connection, claimed.deliveries[:1], now=long_ago, lease_until=long_ago)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}


def test_an_answer_under_an_old_epoch_changes_nothing(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    dispatch_id = _released(harness, harness.plan("mail"))
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        first = deliveries.claim(connection, [dispatch_id], worker="slow", limit=1, now=now, lease_until=now).deliveries
        deliveries.release(connection, first, now=now)
        again = deliveries.claim(connection, [dispatch_id], worker="fast", limit=1, now=now, lease_until=now).deliveries
        deliveries.mark_in_flight(connection, again, now=now, lease_until=now)
        late = Settlement(outcome=Outcome.of(first[0], Verdict.FAILED), state=DeliveryState.FAILED)
        assert first[0].id == again[0].id
        assert deliveries.settle(connection, [late], now=now) == 0


def test_two_releases_at_once_freeze_the_audience_once(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    prepare(harness.app, dispatch_id)
    threads = [threading.Thread(target=release, args=(harness.app, dispatch_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert harness.counts(campaign_id) == {"audience": 3, "pending": 3}


def test_two_workers_at_once_send_to_nobody_twice(harness: CampaignHarness) -> None:
    harness.people(*(f"reader{number}" for number in range(500)))
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    dispatch_id = _released(harness, campaign_id)
    until = harness.app.clock() + timedelta(seconds=20)
    threads = [
        threading.Thread(target=deliver, args=(harness.app, dispatch_id), kwargs={"until": until}) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(harness.seen) == len(set(harness.seen)) == 503
    assert harness.counts(campaign_id) == {"audience": 503, "sent": 503}


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    _released(harness, campaign_id)
    campaign_control.pause(harness.app, campaign_id)
    harness.run()
    assert harness.seen == []
    campaign_control.resume(harness.app, campaign_id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_pause_before_the_time_outlasts_it(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    campaign_control.pause(harness.app, campaign_id)
    harness.run()
    assert harness.counts(campaign_id) == {}
    campaign_control.resume(harness.app, campaign_id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_cancelling_suppresses_what_waits_and_keeps_what_was_sent(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "silent", "cy@example.org": "silent"})
    campaign_id = harness.plan("mail")
    harness.run(rounds=4)
    assert campaign_control.cancel(harness.app, campaign_id) == 2
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 1, "suppressed": 2}
    with pytest.raises(StateError, match=r"no dispatch of campaign \d+ is open"):
        campaign_control.cancel(harness.app, campaign_id)


def test_what_comes_back_after_a_cancellation_is_not_sent_any_more(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    dispatch_id = _released(harness, campaign_id)
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        held = deliveries.claim(connection, [dispatch_id], worker="w", limit=2, now=now, lease_until=now).deliveries
        deliveries.mark_in_flight(connection, held, now=now, lease_until=now + timedelta(hours=1))
    campaign_control.cancel(harness.app, campaign_id)
    outcomes = [Outcome.of(held[0], Verdict.SENT), Outcome.of(held[1], Verdict.DEFERRED)]
    with harness.app.database.begin() as connection:
        settlements = [settle_outcome(outcome, one, now=now) for outcome, one in zip(outcomes, held, strict=True)]
        assert deliveries.settle(connection, settlements, now=now) == 2
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 1, "suppressed": 2}
    assert harness.seen == []


def test_a_problem_that_blocks_one_channel_keeps_a_campaign_from_being_planned_at_all(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted", problem="there is no unsubscribe link")
    harness.channel("board", "scripted_broadcast")
    with pytest.raises(BlockedError, match="cannot go out: mail: there is no unsubscribe link"):
        harness.plan("mail", "board")
    harness.run()
    assert (harness.seen, harness.report_ids()) == ([], [])


def test_a_problem_found_near_the_release_holds_all_channels_until_it_is_mended(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    harness.channel("board", "scripted_broadcast")
    campaign_id = harness.plan("mail", "board")
    harness.channel("mail", "scripted", problem="there is no postal address")
    harness.run()
    found = [one.dispatch for one in harness.report(campaign_id).dispatches]
    assert [one.state for one in found] == [DispatchState.PAUSED] * 2
    assert {one.reason for one in found} == {"mail: there is no postal address"}
    assert harness.seen == []
    with pytest.raises(BlockedError, match="there is no postal address"):
        campaign_control.resume(harness.app, campaign_id)
    harness.channel("mail", "scripted")
    campaign_control.resume(harness.app, campaign_id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 4, "sent": 4}


def test_equal_renditions_are_kept_once(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    first, second = harness.plan("mail"), harness.plan("mail")
    harness.run()
    numbers = {harness.report(one).dispatches[0].dispatch.rendition_id for one in (first, second)}
    assert len(numbers) == 1


def test_a_list_that_empties_before_the_release_fails_in_words(harness: CampaignHarness) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET state = 'unsubscribed'"))
    harness.run()
    dispatch = harness.report(campaign_id).dispatches[0].dispatch
    assert (dispatch.state, dispatch.audience_size) == (DispatchState.FAILED, 0)
    assert "the audience was empty" in dispatch.reason


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"article_slugs": ("nothing",)}, NotFoundError, "no article 'nothing'"),
        ({"article_slugs": ()}, InputError, "at least one article"),
        ({"channel_names": ("nowhere",)}, NotFoundError, "no channel 'nowhere'"),
        ({"channel_names": ()}, InputError, "at least one channel"),
        ({"audience": AudiencePlan(lists=("nobody",))}, NotFoundError, "no list 'nobody'"),
        ({"audience": AudiencePlan()}, InputError, "name a list"),
        ({"starts_at": datetime(2020, 1, 1, tzinfo=UTC)}, ScheduleError, "in the past"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_and_leaves_nothing(
    harness: CampaignHarness, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    harness.channel("mail", "scripted")
    asked = {
        "name": "",
        "article_slugs": ("hello",),
        "channel_names": ("mail",),
        "audience": AudiencePlan(lists=("readers",)),
        "starts_at": harness.app.clock(),
        **changes,
    }
    with pytest.raises(error, match=words):
        plan(harness.app, CampaignPlan(**asked))  # type: ignore[arg-type]
    with harness.app.database.begin() as connection:
        assert campaigns.latest(connection, limit=1) == []


def test_a_campaign_to_a_list_that_is_empty_today_is_planned_and_reaches_those_who_join_until_it_starts(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    harness.people(list_slug="empty")
    campaign_id = plan(
        harness.app,
        CampaignPlan(
            name="",
            article_slugs=("hello",),
            channel_names=("mail",),
            audience=AudiencePlan(lists=("empty",)),
            starts_at=harness.app.clock() + timedelta(hours=1),
        ),
    )
    with harness.app.database.begin() as connection:
        joined = [Person(key="dee@example.org", email="dee@example.org", name="Dee")]
        found = lists.find(connection, "empty")
        memberships.subscribe(connection, found.id, joined, EVIDENCE, now=harness.app.clock())
    CampaignHarness(harness.later(days=1 / 24), harness.folder).run()
    assert harness.counts(campaign_id) == {"audience": 1, "sent": 1}


def _released(harness: CampaignHarness, campaign_id: int) -> int:
    """The campaign's only dispatch, rendered and released, nothing sent yet."""
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    assert prepare(harness.app, dispatch_id)
    assert release(harness.app, dispatch_id)
    assert [ring.kind.value for ring in run_scheduler(harness.app)] == ["deliver"]
    return dispatch_id


def _one(harness: CampaignHarness, campaign_id: int, state: DeliveryState) -> delivery_queries.DeliveryRecord:
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    with harness.app.database.begin() as connection:
        (found,) = delivery_queries.listed(connection, dispatch_id, state=state, limit=2)
    return found


def _make_due(connection: Connection, delivery_id: int) -> None:
    connection.execute(text("UPDATE deliveries SET next_at = now() WHERE id = :id"), {"id": delivery_id})
