"""What channels are given to send with keeps its word: parts are committed once, publications are whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from distributor.channels.api import PostPartState, PublishedDocument, PublishedItem, SendContext
from distributor.domain.delivery import Delivery
from distributor.domain.errors import LeaseLostError
from distributor.flow.delivery.send_context import send_context
from distributor.flow.journal import open_journal
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.storage import channels, deliveries, leases, publications
from tests.flow.campaign_harness import CampaignHarness

MOMENT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


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


def test_the_newest_items_are_composed_newest_first(
    harness: CampaignHarness, sending: tuple[SendContext, Delivery]
) -> None:
    context, _ = sending
    for number in (1, 3, 2):
        context.publications.publish("all", _item(number), limit=2, compose=_titles)
    assert _served(harness).body == b"3 2"


def test_an_older_revision_does_not_replace_a_newer_one(
    harness: CampaignHarness, sending: tuple[SendContext, Delivery]
) -> None:
    context, _ = sending
    context.publications.publish(
        "all", _item(1, title="new", revised=MOMENT + timedelta(days=9)), limit=2, compose=_titles
    )
    context.publications.publish("all", _item(1, title="old"), limit=2, compose=_titles)
    assert _served(harness).body == b"new"


def test_a_document_whose_bytes_change_is_never_dated_the_same(
    harness: CampaignHarness, sending: tuple[SendContext, Delivery]
) -> None:
    context, _ = sending
    context.publications.publish("all", _item(2), limit=5, compose=_titles)
    before = _served(harness)
    context.publications.publish("all", _item(2), limit=5, compose=_titles)
    assert _served(harness) == before
    context.publications.publish("all", _item(1), limit=5, compose=_titles)
    assert _served(harness).last_modified > before.last_modified


def _item(number: int, *, title: str = "", revised: datetime | None = None) -> PublishedItem:
    published = MOMENT + timedelta(hours=number)
    return PublishedItem(
        key=f"guid-{number}",
        published_at=published,
        updated_at=revised or published,
        content={"title": title or str(number)},
    )


def _titles(items: Sequence[PublishedItem]) -> list[PublishedDocument]:
    body = " ".join(item.content["title"] for item in items).encode()
    return [
        PublishedDocument(path="feeds/all.txt", media_type="text/plain", body=body, last_modified=items[0].updated_at)
    ]


def _served(harness: CampaignHarness) -> publications.DocumentRecord:
    with harness.app.database.begin() as connection:
        return publications.find_document(connection, "feeds/all.txt")


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
