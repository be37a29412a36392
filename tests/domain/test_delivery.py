from __future__ import annotations

from datetime import UTC, datetime

from distributor.domain.delivery import SETTLED, TRANSITIONS, Delivery, DeliveryState, Outcome, Verdict


def test_every_state_says_what_may_follow() -> None:
    assert TRANSITIONS.keys() == set(DeliveryState)


def test_no_state_follows_itself() -> None:
    assert all(state not in following for state, following in TRANSITIONS.items())


def test_every_state_can_be_reached_from_the_beginning() -> None:
    reached = {DeliveryState.PENDING}
    while more := {after for state in reached for after in TRANSITIONS[state]} - reached:
        reached |= more

    assert reached == set(DeliveryState)


def test_only_what_is_in_flight_can_be_sent_or_be_lost() -> None:
    before_sent = {state for state, following in TRANSITIONS.items() if DeliveryState.SENT in following}
    before_unknown = {state for state, following in TRANSITIONS.items() if DeliveryState.UNKNOWN in following}

    assert before_sent == {DeliveryState.IN_FLIGHT, DeliveryState.UNKNOWN}
    assert before_unknown == {DeliveryState.IN_FLIGHT}


def test_only_what_is_claimed_takes_flight() -> None:
    assert [state for state, following in TRANSITIONS.items() if DeliveryState.IN_FLIGHT in following] == [
        DeliveryState.CLAIMED
    ]


def test_what_was_sent_is_never_sent_again() -> None:
    again = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT, DeliveryState.DEFERRED}

    for state in (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.COMPLAINED):
        assert not TRANSITIONS[state] & again


def test_who_is_suppressed_or_complained_gets_nothing_any_more() -> None:
    assert not TRANSITIONS[DeliveryState.SUPPRESSED]
    assert not TRANSITIONS[DeliveryState.COMPLAINED]


def test_a_dispatch_waits_for_whatever_is_still_under_way() -> None:
    assert set(DeliveryState) - SETTLED == {
        DeliveryState.PENDING,
        DeliveryState.CLAIMED,
        DeliveryState.IN_FLIGHT,
        DeliveryState.DEFERRED,
    }


def test_an_outcome_names_the_delivery_and_the_claim_it_was_made_under() -> None:
    delivery = Delivery(
        id=7, dispatch_id=1, recipient="a@b.example", epoch=3, attempt=1, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    outcome = Outcome.of(delivery, Verdict.SENT, remote_id="<id>", reply_code=250)

    assert (outcome.delivery_id, outcome.epoch, outcome.verdict) == (7, 3, Verdict.SENT)
    assert (outcome.remote_id, outcome.reply_code, outcome.detail) == ("<id>", 250, {})
