"""What channels are given to send with keeps its word: parts are committed once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from distributor.channels.api import Attribution, PostPartState, SendContext
from distributor.domain.delivery import Delivery
from distributor.domain.errors import LeaseLostError
from distributor.flow.delivery.send_context import send_context
from distributor.flow.journal import open_journal
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import channels, deliveries, leases
from tests.flow.campaign_harness import CampaignHarness


@pytest.fixture
def sending(harness: CampaignHarness) -> tuple[SendContext, Delivery]:
    """A context to send with, and a delivery to send."""
    harness.channel("board", "scripted_broadcast")
    return claimed_delivery(harness)


def claimed_delivery(harness: CampaignHarness) -> tuple[SendContext, Delivery]:
    """A context to send with, and the claimed delivery of a new campaign to the same account."""
    dispatch_id = harness.report(harness.plan("board")).dispatches[0].dispatch.id
    prepare(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        claimed = deliveries.claim(connection, [dispatch_id], worker="w", limit=1, now=now, lease_until=now)
        record = channels.find(connection, "board")
    with open_journal(harness.app.journal_dir) as journal:
        return send_context(harness.app, record, journal), claimed.deliveries[0]


def test_a_part_is_new_only_the_first_time_it_is_intended(sending: tuple[SendContext, Delivery]) -> None:
    context, delivery = sending
    first = context.parts.intend(delivery, 0, {"text": "as first meant"})
    second = context.parts.intend(delivery, 0, {"text": "otherwise"})
    assert (first.is_new, second.is_new) == (True, False)
    assert second.request == {"text": "as first meant"}


def test_a_settled_part_keeps_its_identity(sending: tuple[SendContext, Delivery]) -> None:
    context, delivery = sending
    context.parts.intend(delivery, 0, {})
    context.parts.settle(delivery, 0, remote_id="7", permalink="https://example.org/7", detail={"cid": "c"})
    (part,) = context.parts.of(delivery)
    assert (part.state, part.remote_id, part.detail) == (PostPartState.SENT, "7", {"cid": "c"})


def test_a_withdrawn_part_may_be_intended_anew_and_a_settled_one_cannot_be_withdrawn(
    sending: tuple[SendContext, Delivery],
) -> None:
    context, delivery = sending
    context.parts.intend(delivery, 0, {"text": "one"})
    context.parts.withdraw(delivery, 0)
    assert context.parts.intend(delivery, 0, {"text": "two"}).is_new
    context.parts.settle(delivery, 0, remote_id="7", permalink=None)
    context.parts.withdraw(delivery, 0)
    assert [part.remote_id for part in context.parts.of(delivery)] == ["7"]


@pytest.fixture
def in_doubt(harness: CampaignHarness, sending: tuple[SendContext, Delivery]) -> tuple[SendContext, list[Delivery]]:
    """Two deliveries to one account whose workers died after committing the intent of a post."""
    context, first = sending
    both = [first, claimed_delivery(harness)[1]]
    for delivery in both:
        context.parts.intend(delivery, 0, {"text": "the same"})
    set_state(harness, both, "unknown")
    return context, both


def set_state(harness: CampaignHarness, changed: Sequence[Delivery], state: str) -> None:
    with harness.app.database.begin() as connection:
        for delivery in changed:
            connection.execute(
                text("UPDATE deliveries SET state = :state WHERE id = :id"), {"state": state, "id": delivery.id}
            )


def found(context: SendContext, delivery: Delivery, remote_id: str) -> Attribution:
    return context.parts.settle_found(delivery, 0, remote_id=remote_id, permalink=None)


def test_a_post_that_two_lookups_find_at_the_same_time_belongs_to_one_delivery(
    in_doubt: tuple[SendContext, list[Delivery]],
) -> None:
    context, both = in_doubt
    for number in range(10):
        together = Barrier(2)

        def look_up(delivery: Delivery, together: Barrier = together, number: int = number) -> Attribution:
            together.wait()
            return found(context, delivery, f"post {number}")

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(look_up, both)) == [Attribution.OTHER, Attribution.OWN]


def test_a_post_that_another_delivery_may_be_making_belongs_to_no_one_yet(
    harness: CampaignHarness, in_doubt: tuple[SendContext, list[Delivery]]
) -> None:
    context, (first, second) = in_doubt
    set_state(harness, [second], "in_flight")
    assert found(context, first, "7") is Attribution.OPEN
    assert context.parts.settle(second, 0, remote_id="7", permalink=None)
    assert found(context, first, "7") is Attribution.OTHER
    assert found(context, first, "8") is Attribution.OWN


def test_a_worker_that_reports_late_does_not_take_a_post_that_was_given_to_another_delivery(
    in_doubt: tuple[SendContext, list[Delivery]],
) -> None:
    context, (first, second) = in_doubt
    assert found(context, first, "7") is Attribution.OWN
    assert not context.parts.settle(second, 0, remote_id="7", permalink=None)
    assert [part.state for part in context.parts.of(second)] == [PostPartState.INTENDED]


def test_ids_that_begin_again_on_a_new_server_are_stored_with_both_posts(
    in_doubt: tuple[SendContext, list[Delivery]],
) -> None:
    context, (first, second) = in_doubt
    assert context.parts.settle(first, 0, remote_id="1", permalink=None)
    assert context.parts.settle(second, 0, remote_id="1", permalink=None)


def test_a_delivery_that_another_worker_has_claimed_can_neither_be_intended_nor_withdrawn(
    harness: CampaignHarness, sending: tuple[SendContext, Delivery]
) -> None:
    context, late = sending
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        leases.expire(connection, now=now + timedelta(minutes=1))
        (new,) = deliveries.claim(
            connection, [late.dispatch_id], worker="w2", limit=1, now=now, lease_until=now
        ).deliveries
    assert context.parts.intend(new, 0, {"text": "the new one"}).is_new
    with pytest.raises(LeaseLostError):
        context.parts.intend(late, 1, {})
    context.parts.withdraw(late, 0)
    assert [part.request for part in context.parts.of(new)] == [{"text": "the new one"}]
