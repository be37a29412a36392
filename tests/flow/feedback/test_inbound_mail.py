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
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import ADA, FeedbackHarness


@pytest.fixture
def feedback(harness: CampaignHarness) -> FeedbackHarness:
    return FeedbackHarness(harness)


def test_a_hard_bounce_ends_the_delivery_and_suppresses_the_address(feedback: FeedbackHarness) -> None:
    taken = feedback.take(mails.bounce(feedback.delivery(), to=feedback.return_path()))

    assert (taken.kind, taken.match, taken.is_new) == (FeedbackKind.BOUNCE, MatchedBy.RETURN_PATH, True)
    assert taken.suppressed is SuppressionReason.HARD_BOUNCE
    assert feedback.state() is DeliveryState.BOUNCED
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}
    assert feedback.membership() is Membership.SUBSCRIBED
    assert feedback.events() == [EventKind.BOUNCE]
    assert feedback.state(feedback.delivery("bo@example.org")) is DeliveryState.SENT


def test_a_bounced_address_is_not_mailed_again_until_that_is_lifted(feedback: FeedbackHarness) -> None:
    feedback.take(mails.bounce(feedback.delivery(), to=feedback.return_path()))
    harness = feedback.harness
    second = harness.plan("mail")
    harness.run()
    assert harness.counts(second) == {"audience": 2, "sent": 2}

    feedback.lift()
    third = harness.plan("mail")
    harness.run()
    assert harness.counts(third) == {"audience": 3, "sent": 3}


def test_a_mail_taken_in_twice_counts_once_also_when_relays_have_added_to_it(feedback: FeedbackHarness) -> None:
    raw = mails.bounce(feedback.delivery(), to=feedback.return_path())
    first = feedback.take(raw)
    feedback.lift()
    again = feedback.take(b"Received: from mx by backup; later\r\n" + raw)

    assert (first.is_new, again.is_new) == (True, False)
    assert feedback.reasons() == set()
    assert feedback.events() == [EventKind.BOUNCE]


def test_the_envelope_says_which_delivery_it_is_whatever_the_mail_says(feedback: FeedbackHarness) -> None:
    taken = feedback.take(
        mails.bounce(feedback.delivery(), to="other@elsewhere.example"), envelope=feedback.return_path().upper()
    )

    assert (taken.match, taken.delivery_id) == (MatchedBy.RETURN_PATH, feedback.delivery().id)


def test_a_message_id_of_ours_in_what_came_back_will_do(feedback: FeedbackHarness) -> None:
    delivery = feedback.delivery()
    identity = f"Message-ID: {mails.message_id(delivery, feedback.tokens)}"
    taken = feedback.take(mails.bounce(delivery, to="news@gazette.example", returned=identity))

    assert (taken.match, feedback.state()) == (MatchedBy.MESSAGE_ID, DeliveryState.BOUNCED)


def test_a_forged_return_path_is_never_acted_on(feedback: FeedbackHarness) -> None:
    delivery = feedback.delivery()
    forged = mails.verp(delivery, TokenSigner(b"the key of another installation"))
    identity = f"Message-ID: {mails.message_id(delivery, feedback.tokens)}"

    for raw, envelope in (
        (mails.bounce(delivery, to=forged, returned=identity), None),
        (mails.bounce(delivery, to=feedback.return_path(), returned=identity), forged),
    ):
        assert feedback.take(raw, envelope=envelope).match is MatchedBy.FORGED
    assert (feedback.state(), feedback.events(), feedback.reasons()) == (DeliveryState.SENT, [], set())


def test_what_only_names_an_address_is_written_down_and_not_acted_on(feedback: FeedbackHarness) -> None:
    taken = feedback.take(mails.bounce(feedback.delivery(), to="news@gazette.example"))

    assert (taken.match, taken.delivery_id, taken.is_new) == (MatchedBy.ADDRESS, feedback.delivery().id, True)
    assert (feedback.state(), feedback.events(), feedback.reasons()) == (DeliveryState.SENT, [EventKind.BOUNCE], set())


def test_a_mail_about_nobody_we_know_changes_nothing(feedback: FeedbackHarness) -> None:
    stranger = replace(feedback.delivery(), recipient="stranger@example.net")

    assert feedback.take(mails.bounce(stranger, to="news@gazette.example")).match is MatchedBy.NONE
    assert feedback.take(b"\x00\xff not a mail at all").kind is FeedbackKind.NOTHING


def test_a_delay_is_no_bounce(feedback: FeedbackHarness) -> None:
    raw = mails.bounce(
        feedback.delivery(), to=feedback.return_path(), status="4.4.1", words="timeout", action="delayed"
    )

    for is_new in (True, False):
        taken = feedback.take(raw)
        assert (taken.kind, taken.is_new) == (FeedbackKind.DELAY, is_new)
    assert (feedback.state(), feedback.events(), feedback.reasons()) == (DeliveryState.SENT, [EventKind.DELAY], set())


@pytest.mark.parametrize("before", [DeliveryState.UNKNOWN, DeliveryState.IN_FLIGHT, DeliveryState.DELIVERED])
def test_what_comes_back_was_sent(feedback: FeedbackHarness, before: DeliveryState) -> None:
    feedback.force(before)
    feedback.take(mails.full_mailbox(feedback.delivery(), to=feedback.return_path()))

    assert feedback.state() is DeliveryState.BOUNCED
    with feedback.harness.app.database.begin() as connection:
        assert delivery_queries.find(connection, feedback.delivery().id).next_at is None


@pytest.mark.parametrize("before", [DeliveryState.PENDING, DeliveryState.FAILED, DeliveryState.SUPPRESSED])
def test_what_was_not_sent_stays_what_it_is(feedback: FeedbackHarness, before: DeliveryState) -> None:
    feedback.force(before)
    feedback.take(mails.bounce(feedback.delivery(), to=feedback.return_path()))

    assert feedback.state() is before


def test_a_complaint_suppresses_for_good_and_takes_the_person_off_the_list(feedback: FeedbackHarness) -> None:
    taken = feedback.take(mails.complaint(feedback.delivery(), feedback.tokens, to="abuse@gazette.example"))

    assert (taken.kind, taken.match, taken.unsubscribed) == (FeedbackKind.COMPLAINT, MatchedBy.MESSAGE_ID, True)
    assert feedback.state() is DeliveryState.COMPLAINED
    assert feedback.reasons() == {SuppressionReason.COMPLAINT}
    assert feedback.membership() is Membership.UNSUBSCRIBED
    with feedback.harness.app.database.begin() as connection:
        last = consents.of_subscriber(connection, subscribers.find(connection, ADA).id)[-1]
    assert (last.method, last.detail["delivery"]) == (ConsentMethod.MAIL, feedback.delivery().id)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", "other"])
def test_other_reports_of_providers_are_no_complaints(feedback: FeedbackHarness, kind: str) -> None:
    raw = mails.complaint(feedback.delivery(), feedback.tokens, to="abuse@gazette.example", feedback_type=kind)

    assert feedback.take(raw).kind is FeedbackKind.NOTHING
    assert (feedback.state(), feedback.membership()) == (DeliveryState.SENT, Membership.SUBSCRIBED)


def test_a_mail_that_asks_for_it_takes_its_sender_off_the_list(feedback: FeedbackHarness) -> None:
    taken = feedback.take(mails.wish_to_leave(feedback.delivery(), feedback.tokens))

    assert (taken.kind, taken.unsubscribed) == (FeedbackKind.UNSUBSCRIBE, True)
    assert (feedback.membership(), feedback.reasons()) == (Membership.UNSUBSCRIBED, set())
    assert (feedback.state(), feedback.events()) == (DeliveryState.SENT, [EventKind.UNSUBSCRIBE])


def full(feedback: FeedbackHarness, *, day: int, number: int = 1) -> AppliedFeedback:
    delivery = feedback.delivery()
    return feedback.take(mails.full_mailbox(delivery, to=feedback.return_path(), number=day * 100 + number), days=day)


def test_full_mailboxes_are_suppressed_on_the_fifth_day_however_many_mails_a_day_brings(
    feedback: FeedbackHarness,
) -> None:
    for day in range(1, 5):
        for number in range(3):
            assert full(feedback, day=day, number=number).suppressed is None
    assert full(feedback, day=5).suppressed is SuppressionReason.SOFT_BOUNCES
    assert feedback.reasons() == {SuppressionReason.SOFT_BOUNCES}


def test_bounces_that_are_not_hard_lapse(feedback: FeedbackHarness) -> None:
    feedback.harness.app = replace(
        feedback.harness.app, bounce_policy=BouncePolicy(limit=3, lapses_after=timedelta(days=10))
    )
    for day in (1, 4, 12, 19):
        assert full(feedback, day=day).suppressed is None
    assert full(feedback, day=20).suppressed is SuppressionReason.SOFT_BOUNCES


def test_who_is_lifted_begins_anew(feedback: FeedbackHarness) -> None:
    for day in range(1, 6):
        full(feedback, day=day)
    feedback.lift()

    assert [full(feedback, day=day).suppressed for day in (6, 7, 8, 9)] == [None] * 4
    assert full(feedback, day=10).suppressed is SuppressionReason.SOFT_BOUNCES


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.7.1", "554 5.7.1 your IP address is listed by Spamhaus"),
        ("5.7.1", "550 5.7.1 this message was classified as spam"),
        ("5.7.26", "550 5.7.26 unauthenticated mail: DMARC policy"),
    ],
)
def test_what_is_wrong_with_us_never_counts_against_the_person(
    feedback: FeedbackHarness, status: str, words: str
) -> None:
    for day in range(1, 8):
        raw = mails.bounce(feedback.delivery(), to=feedback.return_path(), status=status, words=words, number=day)
        assert feedback.take(raw, days=day).suppressed is None
    assert feedback.state() is DeliveryState.BOUNCED


def test_of_the_erased_only_the_count_is_kept(feedback: FeedbackHarness) -> None:
    delivery, path = feedback.delivery(), feedback.return_path()
    with feedback.harness.app.database.begin() as connection:
        number = subscribers.find(connection, ADA).id
    privacy.erase(feedback.harness.app, number, requested_by="person")
    taken = feedback.take(mails.bounce(delivery, to=path))

    assert (taken.is_new, taken.suppressed, taken.unsubscribed) == (True, None, False)
    assert (feedback.state(delivery), feedback.events(delivery)) == (DeliveryState.BOUNCED, [EventKind.BOUNCE])
    assert feedback.reasons() == {SuppressionReason.ERASED}
    assert privacy.search_traces(feedback.harness.app, ADA) == {}


def outcome(feedback: FeedbackHarness) -> tuple[object, ...]:
    """All that taking mails in can have changed, but for the numbers and the order of rows."""
    with feedback.harness.app.database.begin() as connection:
        states = connection.execute(select(tables.deliveries.c.id, tables.deliveries.c.state)).all()
        happened = connection.execute(select(tables.events.c.key, tables.events.c.delivery_id)).all()
        suppressed = connection.execute(select(tables.suppressions.c.email, tables.suppressions.c.reason)).all()
        subscribed = connection.execute(select(tables.memberships.c.subscriber_id, tables.memberships.c.state)).all()
    return tuple(sorted(map(tuple, rows)) for rows in (states, happened, suppressed, subscribed))


def wiped(feedback: FeedbackHarness) -> None:
    """As before anything came back."""
    with feedback.harness.app.database.begin() as connection:
        for statement in (
            "DELETE FROM events",
            "DELETE FROM suppressions",
            "UPDATE deliveries SET state = 'sent'",
            "UPDATE memberships SET state = 'subscribed', consent_id = (SELECT min(id) FROM consents c "
            "WHERE c.subscriber_id = memberships.subscriber_id)",
        ):
            connection.execute(text(statement))


@given(seed=st.integers(min_value=0, max_value=2**32))
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_mails_in_any_order_and_however_often_end_the_same(feedback: FeedbackHarness, seed: int) -> None:
    still = feedback.harness.app.clock()
    pile = []
    for recipient in (ADA, "bo@example.org", "cy@example.org"):
        delivery = feedback.delivery(recipient)
        path = feedback.return_path(delivery)
        pile += [
            mails.bounce(delivery, to=path),
            mails.full_mailbox(delivery, to=path),
            mails.complaint(delivery, feedback.tokens, to="abuse@gazette.example"),
            mails.wish_to_leave(delivery, feedback.tokens),
            mails.bounce(delivery, to="news@gazette.example", number=9),
        ]
    dice = random.Random(seed)
    chosen = dice.sample(pile, k=dice.randint(1, len(pile)))
    ends = []
    for _ in range(2):
        wiped(feedback)
        order = chosen + dice.choices(chosen, k=4)
        dice.shuffle(order)
        for raw in order:
            receive_mail(replace(feedback.harness.app, clock=lambda: still), raw, source="test")
        ends.append(outcome(feedback))
    assert ends[0] == ends[1]


def test_what_bounced_while_its_worker_still_writes_stays_bounced(feedback: FeedbackHarness) -> None:
    """The relay may be quicker with its bounce than the worker with its commit."""
    feedback.force(DeliveryState.IN_FLIGHT)
    feedback.take(mails.bounce(feedback.delivery(), to=feedback.return_path()))
    delivery, now = feedback.delivery(), feedback.harness.app.clock()
    late = settle_outcome(Outcome.of(delivery, Verdict.SENT, remote_id="<id>"), delivery, now=now)
    with feedback.harness.app.database.begin() as connection:
        assert deliveries.settle(connection, [late], now=now) == 0

    assert feedback.state() is DeliveryState.BOUNCED
    assert feedback.harness.counts(feedback.campaign_id) == {"audience": 3, "sent": 3}
