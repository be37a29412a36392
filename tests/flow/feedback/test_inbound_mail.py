"""Mails that come back: which delivery they are about, and what follows for it and for the person."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from distributor.domain.consent import ConsentMethod
from distributor.domain.delivery import DeliveryState, Outcome, Verdict
from distributor.domain.event import EventKind
from distributor.domain.feedback import BouncePolicy, FeedbackKind, MatchedBy
from distributor.domain.retry_policy import settle_outcome
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import TokenSigner
from distributor.flow.feedback.apply_feedback import AppliedFeedback
from distributor.flow.feedback.inbound_mail import receive_mail
from distributor.flow.people import privacy
from distributor.storage import consents, deliveries, delivery_queries, subscribers, tables
from tests.flow.feedback import feedback_mails as mails
from tests.flow.campaign_harness import Desk
from tests.flow.feedback.feedback_harness import ADA, Returns


@pytest.fixture
def returns(desk: Desk) -> Returns:
    return Returns(desk)


def test_a_hard_bounce_ends_the_delivery_and_suppresses_the_address(returns: Returns) -> None:
    taken = returns.take(mails.bounce(returns.delivery(), to=returns.return_path()))

    assert (taken.meaning, taken.match, taken.is_new) == (FeedbackKind.BOUNCE, MatchedBy.RETURN_PATH, True)
    assert taken.suppressed is SuppressionReason.HARD_BOUNCE
    assert returns.state() is DeliveryState.BOUNCED
    assert returns.reasons() == {SuppressionReason.HARD_BOUNCE}
    assert returns.membership() is Membership.SUBSCRIBED
    assert returns.events() == [EventKind.BOUNCE]
    assert returns.state(returns.delivery("bo@example.org")) is DeliveryState.SENT


def test_a_bounced_address_is_not_mailed_again_until_that_is_lifted(returns: Returns) -> None:
    returns.take(mails.bounce(returns.delivery(), to=returns.return_path()))
    desk = returns.desk
    second = desk.plan("mail")
    desk.run()
    assert desk.counts(second) == {"audience": 2, "sent": 2}

    returns.lift()
    third = desk.plan("mail")
    desk.run()
    assert desk.counts(third) == {"audience": 3, "sent": 3}


def test_a_mail_taken_in_twice_counts_once_also_when_relays_have_added_to_it(returns: Returns) -> None:
    raw = mails.bounce(returns.delivery(), to=returns.return_path())
    first = returns.take(raw)
    returns.lift()
    again = returns.take(b"Received: from mx by backup; later\r\n" + raw)

    assert (first.is_new, again.is_new) == (True, False)
    assert returns.reasons() == set()
    assert returns.events() == [EventKind.BOUNCE]


def test_the_envelope_says_which_delivery_it_is_whatever_the_mail_says(returns: Returns) -> None:
    taken = returns.take(
        mails.bounce(returns.delivery(), to="somebody@elsewhere.example"), envelope=returns.return_path().upper()
    )

    assert (taken.match, taken.delivery_id) == (MatchedBy.RETURN_PATH, returns.delivery().id)


def test_a_message_id_of_ours_in_what_came_back_will_do(returns: Returns) -> None:
    delivery = returns.delivery()
    identity = f"Message-ID: {mails.message_id(delivery, returns.tokens)}"
    taken = returns.take(mails.bounce(delivery, to="news@gazette.example", returned=identity))

    assert (taken.match, returns.state()) == (MatchedBy.MESSAGE_ID, DeliveryState.BOUNCED)


def test_a_forged_return_path_is_never_acted_on(returns: Returns) -> None:
    delivery = returns.delivery()
    forged = mails.verp(delivery, TokenSigner(b"the key of somebody else"))
    identity = f"Message-ID: {mails.message_id(delivery, returns.tokens)}"

    for raw, envelope in (
        (mails.bounce(delivery, to=forged, returned=identity), None),
        (mails.bounce(delivery, to=returns.return_path(), returned=identity), forged),
    ):
        assert returns.take(raw, envelope=envelope).match is MatchedBy.FORGED
    assert (returns.state(), returns.events(), returns.reasons()) == (DeliveryState.SENT, [], set())


def test_what_only_names_an_address_is_written_down_and_not_acted_on(returns: Returns) -> None:
    taken = returns.take(mails.bounce(returns.delivery(), to="news@gazette.example"))

    assert (taken.match, taken.delivery_id, taken.is_new) == (MatchedBy.ADDRESS, returns.delivery().id, True)
    assert (returns.state(), returns.events(), returns.reasons()) == (DeliveryState.SENT, [EventKind.BOUNCE], set())


def test_a_mail_about_nobody_we_know_changes_nothing(returns: Returns) -> None:
    stranger = replace(returns.delivery(), recipient="stranger@example.net")

    assert returns.take(mails.bounce(stranger, to="news@gazette.example")).match is MatchedBy.NONE
    assert returns.take(b"\x00\xff not a mail at all").meaning is FeedbackKind.NOTHING


def test_a_delay_is_no_bounce(returns: Returns) -> None:
    raw = mails.bounce(returns.delivery(), to=returns.return_path(), status="4.4.1", words="timeout", action="delayed")

    assert returns.take(raw).meaning is FeedbackKind.NOTHING
    assert (returns.state(), returns.events()) == (DeliveryState.SENT, [])


@pytest.mark.parametrize("before", [DeliveryState.UNKNOWN, DeliveryState.IN_FLIGHT, DeliveryState.DELIVERED])
def test_what_comes_back_was_sent(returns: Returns, before: DeliveryState) -> None:
    returns.force(before)
    returns.take(mails.full_mailbox(returns.delivery(), to=returns.return_path()))

    assert returns.state() is DeliveryState.BOUNCED
    with returns.desk.app.database.begin() as connection:
        assert delivery_queries.find(connection, returns.delivery().id).next_at is None


@pytest.mark.parametrize("before", [DeliveryState.PENDING, DeliveryState.FAILED, DeliveryState.SUPPRESSED])
def test_what_was_not_sent_stays_what_it_is(returns: Returns, before: DeliveryState) -> None:
    returns.force(before)
    returns.take(mails.bounce(returns.delivery(), to=returns.return_path()))

    assert returns.state() is before


def test_a_complaint_suppresses_for_good_and_takes_the_person_off_the_list(returns: Returns) -> None:
    taken = returns.take(mails.complaint(returns.delivery(), returns.tokens, to="abuse@gazette.example"))

    assert (taken.meaning, taken.match, taken.has_left) == (FeedbackKind.COMPLAINT, MatchedBy.MESSAGE_ID, True)
    assert returns.state() is DeliveryState.COMPLAINED
    assert returns.reasons() == {SuppressionReason.COMPLAINT}
    assert returns.membership() is Membership.UNSUBSCRIBED
    with returns.desk.app.database.begin() as connection:
        last = consents.of_subscriber(connection, subscribers.find(connection, ADA).id)[-1]
    assert (last.method, last.detail["delivery"]) == (ConsentMethod.MAIL, returns.delivery().id)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", "other"])
def test_other_reports_of_providers_are_no_complaints(returns: Returns, kind: str) -> None:
    raw = mails.complaint(returns.delivery(), returns.tokens, to="abuse@gazette.example", feedback_type=kind)

    assert returns.take(raw).meaning is FeedbackKind.NOTHING
    assert (returns.state(), returns.membership()) == (DeliveryState.SENT, Membership.SUBSCRIBED)


def test_a_mail_that_asks_for_it_takes_its_sender_off_the_list(returns: Returns) -> None:
    taken = returns.take(mails.wish_to_leave(returns.delivery(), returns.tokens))

    assert (taken.meaning, taken.has_left) == (FeedbackKind.UNSUBSCRIBE, True)
    assert (returns.membership(), returns.reasons()) == (Membership.UNSUBSCRIBED, set())
    assert (returns.state(), returns.events()) == (DeliveryState.SENT, [EventKind.UNSUBSCRIBE])


def full(returns: Returns, *, day: int, number: int = 1) -> AppliedFeedback:
    delivery = returns.delivery()
    return returns.take(mails.full_mailbox(delivery, to=returns.return_path(), number=day * 100 + number), days=day)


def test_full_mailboxes_are_suppressed_on_the_fifth_day_however_many_mails_a_day_brings(returns: Returns) -> None:
    for day in range(1, 5):
        for number in range(3):
            assert full(returns, day=day, number=number).suppressed is None
    assert full(returns, day=5).suppressed is SuppressionReason.SOFT_BOUNCES
    assert returns.reasons() == {SuppressionReason.SOFT_BOUNCES}


def test_bounces_that_are_not_hard_lapse(returns: Returns) -> None:
    returns.desk.app = replace(returns.desk.app, bounce_policy=BouncePolicy(limit=3, lapses_after=timedelta(days=10)))
    for day in (1, 4, 12, 19):
        assert full(returns, day=day).suppressed is None
    assert full(returns, day=20).suppressed is SuppressionReason.SOFT_BOUNCES


def test_who_is_lifted_begins_anew(returns: Returns) -> None:
    for day in range(1, 6):
        full(returns, day=day)
    returns.lift()

    assert [full(returns, day=day).suppressed for day in (6, 7, 8, 9)] == [None] * 4
    assert full(returns, day=10).suppressed is SuppressionReason.SOFT_BOUNCES


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.7.1", "554 5.7.1 your IP address is listed by Spamhaus"),
        ("5.7.1", "550 5.7.1 this message was classified as spam"),
        ("5.7.26", "550 5.7.26 unauthenticated mail: DMARC policy"),
    ],
)
def test_what_is_wrong_with_us_never_counts_against_the_person(returns: Returns, status: str, words: str) -> None:
    for day in range(1, 8):
        raw = mails.bounce(returns.delivery(), to=returns.return_path(), status=status, words=words, number=day)
        assert returns.take(raw, days=day).suppressed is None
    assert returns.state() is DeliveryState.BOUNCED


def test_of_the_erased_only_the_count_is_kept(returns: Returns) -> None:
    delivery, path = returns.delivery(), returns.return_path()
    with returns.desk.app.database.begin() as connection:
        number = subscribers.find(connection, ADA).id
    privacy.erase(returns.desk.app, number, requested_by="person")
    taken = returns.take(mails.bounce(delivery, to=path))

    assert (taken.is_new, taken.suppressed, taken.has_left) == (True, None, False)
    assert (returns.state(delivery), returns.events(delivery)) == (DeliveryState.BOUNCED, [EventKind.BOUNCE])
    assert returns.reasons() == {SuppressionReason.ERASED}
    assert privacy.search_traces(returns.desk.app, ADA) == {}


def outcome(returns: Returns) -> tuple[object, ...]:
    """All that taking mails in can have changed, but for the numbers and the order of rows."""
    with returns.desk.app.database.begin() as connection:
        states = connection.execute(select(tables.deliveries.c.id, tables.deliveries.c.state)).all()
        happened = connection.execute(select(tables.events.c.key, tables.events.c.delivery_id)).all()
        held_back = connection.execute(select(tables.suppressions.c.email, tables.suppressions.c.reason)).all()
        places = connection.execute(select(tables.memberships.c.subscriber_id, tables.memberships.c.state)).all()
    return tuple(sorted(map(tuple, rows)) for rows in (states, happened, held_back, places))


def wiped(returns: Returns) -> None:
    """As before anything came back."""
    with returns.desk.app.database.begin() as connection:
        for statement in (
            "DELETE FROM events",
            "DELETE FROM suppressions",
            "UPDATE deliveries SET state = 'sent'",
            "UPDATE memberships SET state = 'subscribed', consent_id = (SELECT min(id) FROM consents c "
            "WHERE c.subscriber_id = memberships.subscriber_id)",
        ):
            connection.execute(text(statement))


@given(seed=st.integers(min_value=0, max_value=2**32))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_mails_in_any_order_and_however_often_end_the_same(returns: Returns, seed: int) -> None:
    still = returns.desk.app.clock()
    pile = []
    for recipient in (ADA, "bo@example.org", "cy@example.org"):
        delivery = returns.delivery(recipient)
        path = returns.return_path(delivery)
        pile += [
            mails.bounce(delivery, to=path),
            mails.full_mailbox(delivery, to=path),
            mails.complaint(delivery, returns.tokens, to="abuse@gazette.example"),
            mails.wish_to_leave(delivery, returns.tokens),
            mails.bounce(delivery, to="news@gazette.example", number=9),
        ]
    dice = random.Random(seed)
    chosen = dice.sample(pile, k=dice.randint(1, len(pile)))
    ends = []
    for _ in range(2):
        wiped(returns)
        order = chosen + dice.choices(chosen, k=4)
        dice.shuffle(order)
        for raw in order:
            receive_mail(replace(returns.desk.app, clock=lambda: still), raw, source="test")
        ends.append(outcome(returns))
    assert ends[0] == ends[1]


def test_what_bounced_while_its_worker_still_writes_stays_bounced(returns: Returns) -> None:
    """The relay may be quicker with its bounce than the worker with its commit."""
    returns.force(DeliveryState.IN_FLIGHT)
    returns.take(mails.bounce(returns.delivery(), to=returns.return_path()))
    delivery, now = returns.delivery(), returns.desk.app.clock()
    late = settle_outcome(Outcome.of(delivery, Verdict.SENT, remote_id="<id>"), delivery, now=now)
    with returns.desk.app.database.begin() as connection:
        assert deliveries.settle(connection, [late], now=now) == 0

    assert returns.state() is DeliveryState.BOUNCED
    assert returns.desk.counts(returns.campaign_id) == {"audience": 3, "sent": 3}
