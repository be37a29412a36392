"""A campaign from plan to finish: who gets it, who does not, and what the ledger says."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, DispatchState, UnknownPolicy
from distributor.domain.delivery import DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import InputError, NotFoundError, ScheduleError, StateError
from distributor.domain.retry_policy import settle_outcome
from distributor.flow.delivery.deliver import deliver
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.storage import campaigns, deliveries, delivery_queries, memberships
from distributor.storage.database import Connection
from tests.flow.campaign_harness import EVIDENCE, Desk


def test_everybody_on_the_list_gets_it_once(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    desk.run()
    assert sorted(desk.seen) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert desk.report(campaign_id).state is DispatchState.FINISHED


def test_nothing_goes_out_before_its_time(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail", after=timedelta(hours=1))
    desk.run()
    assert desk.seen == []
    assert desk.report(campaign_id).dispatches[0].dispatch.state is DispatchState.SCHEDULED


def test_channels_go_out_at_their_own_times(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    desk.channel("board", "scripted_broadcast")
    now = desk.app.clock()
    campaign_id = plan(
        desk.app,
        CampaignPlan(
            name="",
            article_slugs=("hello",),
            channel_names=("mail", "board"),
            audience=AudiencePlan(lists=("readers",)),
            starts_at=now + timedelta(hours=1),
            times={"board": now},
        ),
    )
    desk.run()
    states = {one.dispatch.channel_name: one.dispatch.state for one in desk.report(campaign_id).dispatches}
    assert states == {"board": DispatchState.FINISHED, "mail": DispatchState.SCHEDULED}


def test_somebody_who_leaves_between_release_and_claim_is_suppressed(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    dispatch_id = _released(desk, campaign_id)
    with desk.app.database.begin() as connection:
        first = delivery_queries.listed(connection, dispatch_id, state=None, limit=1)[0]
        assert first.subscriber_id and first.list_id
        memberships.leave(connection, first.subscriber_id, first.list_id, EVIDENCE, now=desk.app.clock())
    desk.run()
    assert first.recipient not in desk.seen
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "suppressed": 1}


def test_somebody_who_joins_after_the_release_is_not_in_the_audience(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    _released(desk, campaign_id)
    desk.people("dee")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_temporary_failure_waits_for_its_time_and_is_then_tried_again(desk: Desk) -> None:
    later = desk.app.clock() + timedelta(hours=2)
    desk.channel("mail", "scripted", answers={"bo@example.org": "deferred"}, asked_to_retry_at=later.isoformat())
    campaign_id = desk.plan("mail")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "deferred": 1}
    assert desk.report(campaign_id).state is DispatchState.RUNNING
    waiting = _one(desk, campaign_id, DeliveryState.DEFERRED)
    assert waiting.next_at is not None
    assert waiting.next_at >= later
    desk.channel("mail", "scripted")
    with desk.app.database.begin() as connection:
        _make_due(connection, waiting.id)
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert desk.seen.count("bo@example.org") == 2


def test_a_permanent_failure_is_final_until_somebody_retries_it(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "failed"})
    campaign_id = desk.plan("mail")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "failed": 1}
    assert desk.report(campaign_id).state is DispatchState.FINISHED
    desk.channel("mail", "scripted")
    assert campaign_control.retry_failed(desk.app, campaign_id).again == 1
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert sorted(desk.seen) == ["ada@example.org", "bo@example.org", "bo@example.org", "cy@example.org"]


def test_a_refusal_of_the_sender_pauses_the_dispatch_and_burns_nobody(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"ada@example.org": "refused"})
    campaign_id = desk.plan("mail")
    desk.run()
    dispatch = desk.report(campaign_id).dispatches[0].dispatch
    assert dispatch.state is DispatchState.PAUSED
    assert "scripted refused" in dispatch.reason
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "pending": 1}
    desk.channel("mail", "scripted")
    campaign_control.resume(desk.app, campaign_id)
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_a_channel_says_nothing_about_is_sent_later(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "silent"})
    campaign_id = desk.plan("mail")
    desk.run(rounds=6)
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "pending": 1}
    desk.channel("mail", "scripted")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_what_was_begun_and_never_answered_stays_unknown_by_default(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "begun"})
    campaign_id = desk.plan("mail")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    assert desk.report(campaign_id).state is DispatchState.FINISHED
    assert desk.seen.count("bo@example.org") == 1


def test_the_policy_resend_sends_what_is_unknown_again(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "begun"})
    campaign_id = desk.plan("mail", policy=UnknownPolicy.RESEND)
    desk.run(rounds=3)
    desk.channel("mail", "scripted")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert desk.seen.count("bo@example.org") == 2


def test_a_lost_answer_is_found_out_where_the_channel_can(desk: Desk) -> None:
    desk.channel("board", "scripted_broadcast", answers={"@one": "begun"})
    campaign_id = desk.plan("board")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 1, "sent": 1}
    found = _one(desk, campaign_id, DeliveryState.SENT)
    assert (found.remote_id, found.permalink) == ("found", "https://example.org/found")
    assert desk.seen == ["@one"]


def test_a_lost_answer_that_cannot_be_told_yet_is_looked_into_later(desk: Desk) -> None:
    desk.channel("board", "scripted_broadcast", answers={"@one": "begun"}, reconciled="unknown")
    campaign_id = desk.plan("board")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 1, "unknown": 1}
    assert desk.report(campaign_id).state is DispatchState.RUNNING


def test_a_call_that_is_never_doubled_is_simply_made_again(desk: Desk) -> None:
    desk.channel("board", "scripted_exact", answers={"@one": "begun"})
    campaign_id = desk.plan("board")
    desk.run(rounds=4)
    desk.channel("board", "scripted_exact")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 1, "sent": 1}


def test_a_channel_with_a_bug_pauses_its_dispatch_and_nothing_is_lost(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "break"})
    campaign_id = desk.plan("mail")
    with pytest.raises(RuntimeError):
        desk.run()
    recover_journals(desk.app)
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 1, "pending": 2}
    dispatch = desk.report(campaign_id).dispatches[0].dispatch
    assert (dispatch.state, dispatch.reason) == (
        DispatchState.PAUSED,
        "the channel broke: RuntimeError: a bug in the channel",
    )


def test_a_worker_that_is_killed_while_sending_leaves_one_in_doubt_and_the_rest_to_others(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "die"})
    campaign_id = desk.plan("mail")
    dispatch_id = _released(desk, campaign_id)
    desk.app.database.close()
    child = os.fork()
    if child == 0:
        deliver(desk.app, dispatch_id, until=desk.app.clock() + timedelta(seconds=20))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    desk.app.database.close()
    desk.channel("mail", "scripted")
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    assert sorted(desk.seen) == ["ada@example.org", "bo@example.org", "cy@example.org"]


def test_without_its_journal_a_dead_workers_deliveries_become_unknown_and_never_pending(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    dispatch_id = _released(desk, campaign_id)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with desk.app.database.begin() as connection:
        claimed = deliveries.claim(
            connection, dispatch_id, worker="gone", limit=2, now=desk.app.clock(), lease_until=long_ago
        )
        deliveries.put_in_flight(connection, claimed.deliveries[:1], now=long_ago, lease_until=long_ago)
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}


def test_an_answer_under_an_old_epoch_changes_nothing(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    dispatch_id = _released(desk, desk.plan("mail"))
    now = desk.app.clock()
    with desk.app.database.begin() as connection:
        first = deliveries.claim(connection, dispatch_id, worker="slow", limit=1, now=now, lease_until=now).deliveries
        deliveries.give_back(connection, first, now=now)
        again = deliveries.claim(connection, dispatch_id, worker="fast", limit=1, now=now, lease_until=now).deliveries
        deliveries.put_in_flight(connection, again, now=now, lease_until=now)
        late = Settlement(outcome=Outcome.of(first[0], Verdict.FAILED), state=DeliveryState.FAILED)
        assert first[0].id == again[0].id
        assert deliveries.settle(connection, [late], now=now) == 0


def test_two_releases_at_once_freeze_the_audience_once(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    dispatch_id = desk.report(campaign_id).dispatches[0].dispatch.id
    render(desk.app, dispatch_id)
    threads = [threading.Thread(target=release, args=(desk.app, dispatch_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.counts(campaign_id) == {"audience": 3, "pending": 3}


def test_two_workers_at_once_send_to_nobody_twice(desk: Desk) -> None:
    desk.people(*(f"reader{number}" for number in range(500)))
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    dispatch_id = _released(desk, campaign_id)
    until = desk.app.clock() + timedelta(seconds=20)
    threads = [
        threading.Thread(target=deliver, args=(desk.app, dispatch_id), kwargs={"until": until}) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.seen) == len(set(desk.seen)) == 503
    assert desk.counts(campaign_id) == {"audience": 503, "sent": 503}


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    _released(desk, campaign_id)
    campaign_control.pause(desk.app, campaign_id)
    desk.run()
    assert desk.seen == []
    campaign_control.resume(desk.app, campaign_id)
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_pause_before_the_time_outlasts_it(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    campaign_control.pause(desk.app, campaign_id)
    desk.run()
    assert desk.counts(campaign_id) == {}
    campaign_control.resume(desk.app, campaign_id)
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_cancelling_suppresses_what_waits_and_keeps_what_was_sent(desk: Desk) -> None:
    desk.channel("mail", "scripted", answers={"bo@example.org": "silent", "cy@example.org": "silent"})
    campaign_id = desk.plan("mail")
    desk.run(rounds=4)
    assert campaign_control.cancel(desk.app, campaign_id) == 2
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 1, "suppressed": 2}
    with pytest.raises(StateError, match="can be cancelled any more"):
        campaign_control.cancel(desk.app, campaign_id)


def test_what_comes_back_after_a_cancellation_is_not_sent_any_more(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    dispatch_id = _released(desk, campaign_id)
    now = desk.app.clock()
    with desk.app.database.begin() as connection:
        held = deliveries.claim(connection, dispatch_id, worker="w", limit=2, now=now, lease_until=now).deliveries
        deliveries.put_in_flight(connection, held, now=now, lease_until=now + timedelta(hours=1))
    campaign_control.cancel(desk.app, campaign_id)
    outcomes = [Outcome.of(held[0], Verdict.SENT), Outcome.of(held[1], Verdict.DEFERRED)]
    with desk.app.database.begin() as connection:
        settlements = [settle_outcome(outcome, one, now=now) for outcome, one in zip(outcomes, held, strict=True)]
        assert deliveries.settle(connection, settlements, now=now) == 2
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 1, "suppressed": 2}
    assert desk.seen == []


def test_a_blocking_problem_keeps_a_dispatch_from_going_out(desk: Desk) -> None:
    desk.channel("mail", "scripted", problem="there is no unsubscribe link")
    desk.channel("board", "scripted_broadcast")
    campaign_id = desk.plan("mail", "board")
    desk.run()
    by_name = {one.dispatch.channel_name: one.dispatch for one in desk.report(campaign_id).dispatches}
    assert (by_name["mail"].state, by_name["mail"].reason) == (DispatchState.FAILED, "there is no unsubscribe link")
    assert by_name["board"].state is DispatchState.FINISHED


def test_a_dispatch_that_could_not_be_rendered_goes_out_once_the_cause_is_mended(desk: Desk) -> None:
    desk.channel("mail", "scripted", problem="there is no postal address")
    campaign_id = desk.plan("mail")
    desk.run()
    desk.channel("mail", "scripted")
    assert campaign_control.resume(desk.app, campaign_id) == 1
    desk.run()
    assert desk.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_equal_renditions_are_kept_once(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    first, second = desk.plan("mail"), desk.plan("mail")
    desk.run()
    numbers = {desk.report(one).dispatches[0].dispatch.rendition_id for one in (first, second)}
    assert len(numbers) == 1


def test_a_list_that_empties_before_the_release_fails_in_words(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    campaign_id = desk.plan("mail")
    with desk.app.database.begin() as connection:
        connection.execute(text("UPDATE memberships SET state = 'unsubscribed'"))
    desk.run()
    dispatch = desk.report(campaign_id).dispatches[0].dispatch
    assert (dispatch.state, dispatch.audience) == (DispatchState.FAILED, 0)
    assert "nobody" in dispatch.reason


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"article_slugs": ("nothing",)}, NotFoundError, "no article 'nothing'"),
        ({"article_slugs": ()}, InputError, "at least one article"),
        ({"channel_names": ("nowhere",)}, NotFoundError, "no channel 'nowhere'"),
        ({"channel_names": ()}, InputError, "at least one channel"),
        ({"audience": AudiencePlan(lists=("nobody",))}, NotFoundError, "no list 'nobody'"),
        ({"audience": AudiencePlan()}, InputError, "say to which, by a list"),
        ({"starts_at": datetime(2020, 1, 1, tzinfo=UTC)}, ScheduleError, "in the past"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_and_leaves_nothing(
    desk: Desk, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    desk.channel("mail", "scripted")
    asked = {
        "name": "",
        "article_slugs": ("hello",),
        "channel_names": ("mail",),
        "audience": AudiencePlan(lists=("readers",)),
        "starts_at": desk.app.clock(),
        **changes,
    }
    with pytest.raises(error, match=words):
        plan(desk.app, CampaignPlan(**asked))  # type: ignore[arg-type]
    with desk.app.database.begin() as connection:
        assert campaigns.latest(connection, limit=1) == []


def test_an_empty_list_is_refused_when_the_campaign_is_planned(desk: Desk) -> None:
    desk.channel("mail", "scripted")
    desk.people(list_slug="empty")
    with pytest.raises(InputError, match="there is nobody to send it to"):
        plan(
            desk.app,
            CampaignPlan(
                name="",
                article_slugs=("hello",),
                channel_names=("mail",),
                audience=AudiencePlan(lists=("empty",)),
                starts_at=desk.app.clock(),
            ),
        )


def _released(desk: Desk, campaign_id: int) -> int:
    """The campaign's only dispatch, rendered and released, nothing sent yet."""
    dispatch_id = desk.report(campaign_id).dispatches[0].dispatch.id
    assert render(desk.app, dispatch_id)
    assert release(desk.app, dispatch_id)
    assert [ring.verb.value for ring in run_scheduler(desk.app)] == ["deliver"]
    return dispatch_id


def _one(desk: Desk, campaign_id: int, state: DeliveryState) -> delivery_queries.DeliveryRecord:
    dispatch_id = desk.report(campaign_id).dispatches[0].dispatch.id
    with desk.app.database.begin() as connection:
        (found,) = delivery_queries.listed(connection, dispatch_id, state=state, limit=2)
    return found


def _make_due(connection: Connection, delivery_id: int) -> None:
    connection.execute(text("UPDATE deliveries SET next_at = now() WHERE id = :id"), {"id": delivery_id})
