"""What channels are given to send with keeps its word: parts are committed once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from distributor.channels.api import PostPartState, SendContext
from distributor.domain.delivery import Delivery
from distributor.domain.errors import LeaseLostError
from distributor.flow.delivery.send_context import send_context
from distributor.flow.journal import open_journal
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.storage import channels, deliveries, leases
from tests.flow.campaign_harness import CampaignHarness


@pytest.fixture
def sending(harness: CampaignHarness) -> tuple[SendContext, Delivery]:
    """A context to send with, and a delivery to send."""
    harness.channel("board", "scripted_broadcast")
    dispatch_id = harness.report(harness.plan("board")).dispatches[0].dispatch.id
    render(harness.app, dispatch_id)
    release(harness.app, dispatch_id)
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        claimed = deliveries.claim(connection, dispatch_id, worker="w", limit=1, now=now, lease_until=now)
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


def test_a_delivery_that_another_worker_has_claimed_can_neither_be_intended_nor_withdrawn(
    harness: CampaignHarness, sending: tuple[SendContext, Delivery]
) -> None:
    context, late = sending
    now = harness.app.clock()
    with harness.app.database.begin() as connection:
        leases.expire(connection, now=now + timedelta(minutes=1))
        (new,) = deliveries.claim(
            connection, late.dispatch_id, worker="w2", limit=1, now=now, lease_until=now
        ).deliveries
    assert context.parts.intend(new, 0, {"text": "the new one"}).is_new
    with pytest.raises(LeaseLostError):
        context.parts.intend(late, 1, {})
    context.parts.withdraw(late, 0)
    assert [part.request for part in context.parts.of(new)] == [{"text": "the new one"}]
