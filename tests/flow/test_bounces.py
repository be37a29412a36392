"""A bounce has one effect, refused at once or reported later, and is taken back if the mail arrived after all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.feedback import BouncePolicy, Feedback, FeedbackKind, MatchedBy
from distributor.domain.segments.parser import parse
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.failpoints import Failpoint
from distributor.flow.feedback.apply_feedback import apply_feedback
from distributor.flow.operations.audit import audit
from distributor.flow.publishing.campaign_control import retry_failed
from distributor.storage import segments, suppressions, tables
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import ADA, FeedbackHarness

BO, CY = "bo@example.org", "cy@example.org"
# A mailbox that stays full for so long that there is no other attempt.
FULL = {"answers": {ADA: "mailbox_full"}, "asked_to_retry_at": "2999-01-01T00:00:00Z"}


@pytest.fixture
def feedback(harness: CampaignHarness) -> FeedbackHarness:
    return FeedbackHarness(harness)


def bounce(feedback: FeedbackHarness, delivery: Delivery | None = None, *, days: int = 0, **fields: Any) -> None:
    chosen = delivery or feedback.delivery()
    feedback.take(mails.bounce(chosen, to=feedback.return_path(chosen), **fields), days=days)


def arrive(feedback: FeedbackHarness, delivery: Delivery | None = None, **fields: Any) -> None:
    """A delivery notice of the remote server."""
    said: dict[str, Any] = {"action": "delivered", "status": "2.0.0", "words": "250 ok", "number": 50}
    bounce(feedback, delivery, **(said | fields))


def report_delivered(feedback: FeedbackHarness, *, days: float) -> None:
    """The provider's web hook reports the delivery, at a time of its own."""
    at = feedback.harness.app.clock() + timedelta(days=days)
    known = Feedback(
        kind=FeedbackKind.DELIVERED,
        key="hook",
        match=MatchedBy.METADATA,
        delivery_id=feedback.delivery().id,
        at=at,
    )
    apply_feedback(replace(feedback.harness.app, clock=lambda: at + timedelta(days=1)), known, source="webhook")


def in_segment(feedback: FeedbackHarness, words: str) -> list[str]:
    with feedback.harness.app.database.begin() as connection:
        found = segments.sample(connection, parse(words), limit=9, now=feedback.harness.app.clock())
    return [one.email for one in found]


# Refused at once


def test_an_address_refused_at_once_is_tried_once_and_suppressed_like_one_that_bounces(
    harness: CampaignHarness,
) -> None:
    feedback = FeedbackHarness(harness, answers={ADA: "unknown_user"})

    assert harness.seen.count(ADA) == 1
    assert harness.counts(feedback.campaign_id) == {"audience": 3, "sent": 2, "failed": 1}
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}
    assert feedback.membership() is Membership.SUBSCRIBED
    assert feedback.events() == [EventKind.BOUNCE]
    assert in_segment(feedback, "bounced hard") == [ADA]
    assert harness.report(feedback.campaign_id).events[EventKind.BOUNCE] == (1, 1)
    assert {name: feedback.detail()[name] for name in ("hard", "reason", "status", "code", "scope", "match")} == {
        "hard": True,
        "reason": "userunknown",
        "status": "5.1.1",
        "code": "550",
        "scope": "recipient",
        "match": "reply",
    }
    with harness.app.database.begin() as connection:
        [held_back] = suppressions.matching(connection, Target(hash=hash_of_key(ADA)))
    assert held_back.note == f"delivery {feedback.delivery().id}: userunknown 5.1.1"
    assert harness.counts(harness.plan("mail")) == {}
    harness.run()
    assert harness.seen.count(ADA) == 1


def test_what_only_the_journal_knows_is_recovered_with_its_suppression_and_once(harness: CampaignHarness) -> None:
    def lose_the_database(point: Failpoint) -> None:
        if point is Failpoint.BEFORE_COMMIT:
            raise KeyboardInterrupt

    harness.app = replace(harness.app, failpoint=lose_the_database)
    with pytest.raises(KeyboardInterrupt):
        FeedbackHarness(harness, answers={ADA: "unknown_user"})
    harness.app = replace(harness.app, failpoint=lambda point: None)
    [orphan] = harness.app.journal_dir.glob("*.journal")
    copy = orphan.read_bytes()
    assert recover_journals(harness.app) == 1
    orphan.write_bytes(copy)
    assert recover_journals(harness.app) == 1

    with harness.app.database.begin() as connection:
        happened = connection.execute(select(tables.events.c.kind, tables.events.c.detail["hard"].astext)).all()
        [held_back] = suppressions.matching(connection, Target(hash=hash_of_key(ADA)))
    assert [tuple(row) for row in happened] == [("bounce", "true")]
    assert held_back.reason is SuppressionReason.HARD_BOUNCE


def test_a_mailbox_that_stays_full_until_the_last_attempt_counts_for_a_day(harness: CampaignHarness) -> None:
    harness.app = replace(harness.app, bounce_policy=BouncePolicy(limit=2))
    feedback = FeedbackHarness(harness, **FULL)

    assert feedback.events() == [EventKind.BOUNCE]
    assert (feedback.detail()["hard"], feedback.detail()["counts"]) == (False, True)
    assert in_segment(feedback, "bounced softly") == [ADA]
    assert feedback.reasons() == set()
    feedback.take(mails.full_mailbox(feedback.delivery(), to=feedback.return_path()), days=1)
    assert feedback.reasons() == {SuppressionReason.SOFT_BOUNCES}


def test_a_mailbox_that_is_full_for_now_is_no_bounce_yet(harness: CampaignHarness) -> None:
    feedback = FeedbackHarness(harness, answers={ADA: "mailbox_full"})

    assert (feedback.state(), feedback.events()) == (DeliveryState.DEFERRED, [])


def test_an_account_that_is_refused_has_nobody_to_suppress(harness: CampaignHarness) -> None:
    harness.channel("wall", "scripted_broadcast", answers={"@one": "unknown_user"})
    campaign_id = harness.plan("wall")
    harness.run()

    assert harness.counts(campaign_id) == {"audience": 1, "failed": 1}
    assert harness.report(campaign_id).events == {}
    with harness.app.database.begin() as connection:
        assert suppressions.listed(connection, limit=9) == []


# Taken back

PROOFS: dict[str, Callable[[FeedbackHarness], None]] = {
    "click": lambda feedback: feedback.click(),
    "delivered": arrive,
    "relayed": lambda feedback: arrive(feedback, action="relayed"),
    "web hook": lambda feedback: report_delivered(feedback, days=1),
}


@pytest.mark.parametrize("proof", PROOFS)
def test_a_mail_that_arrived_takes_its_bounce_back(feedback: FeedbackHarness, proof: str) -> None:
    bounce(feedback)
    PROOFS[proof](feedback)
    PROOFS[proof](feedback)

    assert feedback.state() is DeliveryState.DELIVERED
    assert feedback.reasons() == set()
    assert feedback.detail()["taken_back"] == ("click" if proof == "click" else "delivered")
    assert in_segment(feedback, "bounced") == []
    assert EventKind.BOUNCE not in feedback.harness.report(feedback.campaign_id).events
    bounce(feedback)
    assert (feedback.state(), feedback.reasons()) == (DeliveryState.DELIVERED, set())


def test_a_refusal_at_once_is_taken_back_too(harness: CampaignHarness) -> None:
    feedback = FeedbackHarness(harness, answers={ADA: "unknown_user"})
    feedback.click()

    assert (feedback.state(), feedback.reasons()) == (DeliveryState.DELIVERED, set())


def test_a_later_attempt_that_is_accepted_takes_the_refusal_back(harness: CampaignHarness) -> None:
    harness.app = replace(harness.app, bounce_policy=BouncePolicy(limit=1))
    feedback = FeedbackHarness(harness, **FULL)
    assert feedback.reasons() == {SuppressionReason.SOFT_BOUNCES}
    feedback.lift()
    harness.channel("mail", "scripted")
    assert retry_failed(harness.app, feedback.campaign_id).retried == 1
    harness.run()

    assert (feedback.state(), feedback.detail()["taken_back"]) == (DeliveryState.SENT, "sent")


def test_the_audit_names_what_was_taken_back_and_a_refusal_at_once_is_no_difference(harness: CampaignHarness) -> None:
    feedback = FeedbackHarness(harness, answers={BO: "unknown_user"})
    bounce(feedback)
    feedback.click()
    result = audit(harness.app, feedback.campaign_id, ())

    assert result.counts.total() == 0
    assert result.taken_back == {feedback.delivery().id: "click"}


@pytest.mark.parametrize("proof", ["click", "web hook"])
def test_what_happened_before_the_bounce_takes_nothing_back(feedback: FeedbackHarness, proof: str) -> None:
    """A filter follows links before it refuses the mail; a provider delivers before the mailbox's server refuses."""
    bounce(feedback)
    if proof == "click":
        feedback.click(days=-1)
    else:
        report_delivered(feedback, days=-2)

    assert feedback.state() is DeliveryState.BOUNCED
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}


def test_an_open_takes_nothing_back(feedback: FeedbackHarness) -> None:
    bounce(feedback)
    feedback.open()

    assert (feedback.state(), feedback.reasons()) == (DeliveryState.BOUNCED, {SuppressionReason.HARD_BOUNCE})


def test_only_the_suppression_of_that_bounce_is_lifted(feedback: FeedbackHarness) -> None:
    with feedback.harness.app.database.begin() as connection:
        target = Target(hash=hash_of_key(ADA), email=ADA)
        suppressions.add(connection, [target], SuppressionReason.MANUAL, now=feedback.harness.app.clock())
    bounce(feedback)
    feedback.click()

    assert feedback.reasons() == {SuppressionReason.MANUAL}


def test_a_suppression_stays_while_another_mail_to_the_address_has_bounced(feedback: FeedbackHarness) -> None:
    harness, first = feedback.harness, feedback.delivery()
    second = feedback.delivery(campaign_id=harness.plan_and_run("mail"))
    bounce(feedback, first)
    bounce(feedback, second)
    arrive(feedback, first)
    assert (feedback.state(first), feedback.reasons()) == (DeliveryState.DELIVERED, {SuppressionReason.HARD_BOUNCE})
    arrive(feedback, second)
    assert (feedback.state(second), feedback.reasons()) == (DeliveryState.DELIVERED, set())


def test_a_soft_day_that_is_taken_back_no_longer_counts(feedback: FeedbackHarness) -> None:
    harness = feedback.harness
    harness.app = replace(harness.app, bounce_policy=BouncePolicy(limit=2))
    second = feedback.delivery(campaign_id=harness.plan_and_run("mail"))
    feedback.take(mails.full_mailbox(second, to=feedback.return_path(second)))
    feedback.take(mails.full_mailbox(feedback.delivery(), to=feedback.return_path()), days=1)
    assert feedback.reasons() == {SuppressionReason.SOFT_BOUNCES}
    arrive(feedback, second)

    assert feedback.reasons() == set()
    feedback.take(mails.full_mailbox(feedback.delivery(), to=feedback.return_path(), number=7), days=2)
    assert feedback.reasons() == {SuppressionReason.SOFT_BOUNCES}


@given(seed=st.integers(min_value=0, max_value=2**32))
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bounces_and_arrivals_in_any_order_and_however_often_end_the_same(feedback: FeedbackHarness, seed: int) -> None:
    start, dice = feedback.harness.app.clock(), random.Random(seed)
    delivery, other = feedback.delivery(), feedback.delivery(BO)
    pieces = [
        Feedback(
            kind=kind,
            key=f"{kind}-{one.id}-{hour}",
            match=MatchedBy.METADATA,
            delivery_id=one.id,
            is_hard=kind is FeedbackKind.BOUNCE,
            at=start + timedelta(hours=hour),
        )
        for one in (delivery, other)
        for kind in (FeedbackKind.BOUNCE, FeedbackKind.DELIVERED)
        for hour in dice.sample(range(4), k=dice.randint(0, 3))
    ]
    late = replace(feedback.harness.app, clock=lambda: start + timedelta(days=1))
    ends = []
    for _ in range(2):
        with late.database.begin() as connection:
            for statement in (
                "DELETE FROM events",
                "DELETE FROM suppressions",
                "UPDATE deliveries SET state = 'sent', detail = '{}'",
            ):
                connection.execute(text(statement))
        order = pieces + dice.choices(pieces, k=3) if pieces else []
        dice.shuffle(order)
        for one in order:
            apply_feedback(late, one, source="webhook")
        ends.append((feedback.state(delivery), feedback.state(other), feedback.reasons(), feedback.reasons(BO)))
    assert ends[0] == ends[1]
    for number, state in ((delivery.id, ends[0][0]), (other.id, ends[0][1])):
        last = max((piece for piece in pieces if piece.delivery_id == number), key=_at_and_kind, default=None)
        expected = {None: "sent", FeedbackKind.BOUNCE: "bounced", FeedbackKind.DELIVERED: "delivered"}
        assert state == expected[last.kind if last else None]


def _at_and_kind(piece: Feedback) -> tuple[object, bool]:
    """At the same time, the arrival counts."""
    return piece.at, piece.kind is FeedbackKind.DELIVERED


# What a report states


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("4.2.1", "450 4.2.1 The user you are trying to contact has a mailbox that is temporarily unavailable"),
        ("4.1.1", "450 4.1.1 user unknown, try again later"),
        ("5.1.1", "550 5.1.1 no such user here"),
    ],
)
def test_a_delay_changes_nothing_whatever_its_words(feedback: FeedbackHarness, status: str, words: str) -> None:
    bounce(feedback, action="delayed", status=status, words=words)

    assert (feedback.state(), feedback.reasons()) == (DeliveryState.SENT, set())
    assert feedback.events() == [EventKind.DELAY]
    detail = feedback.detail(kind=EventKind.DELAY)
    assert (detail["status"], detail["match"]) == (status, "return_path")
    assert not {"hard", "counts"} & detail.keys()


@pytest.mark.parametrize("before", [DeliveryState.UNKNOWN, DeliveryState.IN_FLIGHT, DeliveryState.FAILED])
def test_a_delay_settles_nothing_and_takes_nothing_back(feedback: FeedbackHarness, before: DeliveryState) -> None:
    bounce(feedback)
    reasons = feedback.reasons()
    feedback.force(before)
    bounce(feedback, action="delayed", status="4.4.1", words="connection timed out")

    assert (feedback.state(), feedback.reasons()) == (before, reasons)
    assert sorted(feedback.events()) == [EventKind.BOUNCE, EventKind.DELAY]


@pytest.mark.parametrize("original", ["", "rfc822;another@elsewhere.example"])
def test_a_report_about_another_address_never_suppresses_and_says_who_failed(
    feedback: FeedbackHarness, original: str
) -> None:
    bounce(feedback, final="dead@elsewhere.example", original=original)

    assert feedback.reasons() == set()
    failed = original.partition(";")[2] or "dead@elsewhere.example"
    assert (feedback.detail()["hard"], feedback.detail()["counts"]) == (False, True)
    assert feedback.detail()["failed_recipient"] == failed


@pytest.mark.parametrize(
    "fields",
    [
        {"final": "ADA@EXAMPLE.ORG"},
        {"final": "ada@mail.internal", "original": "rfc822;ada@example.org"},
        {"final": "ada@mail.internal", "original": "rfc822; Ada+40Example.org"},
        {"final": "ada@mail.internal", "original": "RFC822;<ada@example.org>"},
        {"final": "ada@mail.internal", "original": "utf-8; \\x{61}da@example.org"},
        {"final": ""},
    ],
)
def test_a_report_about_the_address_in_any_spelling_or_about_none_is_about_the_delivery(
    feedback: FeedbackHarness, fields: dict[str, Any]
) -> None:
    bounce(feedback, **fields)

    assert (feedback.state(), feedback.reasons()) == (DeliveryState.BOUNCED, {SuppressionReason.HARD_BOUNCE})
    assert "failed_recipient" not in feedback.detail()


def test_of_several_recipients_the_report_on_our_own_counts(feedback: FeedbackHarness) -> None:
    own, other = feedback.delivery(), replace(feedback.delivery(), recipient="dead@elsewhere.example")
    dead = mails.bounce(other, to=feedback.return_path())
    for number, (action, state) in enumerate(
        [("delayed", DeliveryState.SENT), ("delivered", DeliveryState.DELIVERED), ("failed", DeliveryState.BOUNCED)]
    ):
        group = f"\r\nFinal-Recipient: rfc822; {own.recipient}\r\nAction: {action}\r\nStatus: 5.1.1\r\n".encode()
        marker = b"\r\n--edge\r\nContent-Type: text/rfc822-headers"
        raw = dead.replace(marker, group + marker).replace(b".1@mx", b".%d@mx" % number)
        feedback.take(raw)
        assert feedback.state() is state
    assert feedback.reasons() == {SuppressionReason.HARD_BOUNCE}
