"""Campaigns in the states that the team's pages show, written as the flow leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, DispatchState
from distributor.domain.delivery import DeliveryState
from distributor.domain.subscriber import Person
from distributor.flow.app_context import AppContext
from distributor.storage import audiences, campaigns, channels, dispatches, lists, memberships
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection
from tests.web.samples import EVIDENCE


def people_on_a_list(app: AppContext, count: int) -> None:
    """A list "Weekly letter" (weekly) with so many people, and the channel newsletter."""
    with app.database.begin() as connection:
        letter = lists.add(connection, slug="weekly", name="Weekly letter")
        people = [
            Person(key=f"reader{number}@example.org", email=f"reader{number}@example.org") for number in range(count)
        ]
        memberships.subscribe(connection, letter.id, people, EVIDENCE, now=app.clock())
        channels.save(connection, name="newsletter", kind="email", settings={}, sealed=None)


def add_campaign(
    app: AppContext,
    name: str,
    state: DispatchState,
    *,
    at: datetime | None = None,
    reason: str = "",
    counts: Mapping[DeliveryState, int] | None = None,
    needs_approval: bool = False,
) -> int:
    """A campaign on the channel newsletter; with `counts` it was released at its time, and these are its deliveries."""
    time, plan = at or app.clock(), AudiencePlan(lists=("weekly",))
    with app.database.begin() as connection:
        channel = channels.find(connection, "newsletter")
        asked = CampaignPlan(
            name=name, article_slugs=(), channel_names=(), audience=plan, needs_approval=needs_approval
        )
        campaign_id = campaigns.add(connection, asked, article_ids=[], now=time)
        dispatch_id = dispatches.add(
            connection, campaign_id, channel.id, scheduled_at=time, zone="UTC", state=DispatchState.SCHEDULED
        )
        if counts is not None:
            mailing = AudienceQuery(plan=plan, article_ids=(), tag_slugs=(), campaign_id=campaign_id)
            size = audiences.freeze(connection, dispatch_id, mailing, now=time)
            assert size >= sum(counts.values())
            dispatches.mark_released(connection, {dispatch_id: size}, now=time)
            for one, count in counts.items():
                _settle(connection, dispatch_id, one, count)
        connection.execute(
            text("UPDATE dispatches SET state = :state, reason = :reason, finished_at = :finished WHERE id = :id"),
            {
                "state": state,
                "reason": reason,
                "finished": time if state is DispatchState.FINISHED else None,
                "id": dispatch_id,
            },
        )
    return campaign_id


def _settle(connection: Connection, dispatch_id: int, state: DeliveryState, count: int) -> None:
    connection.execute(
        text("""
            UPDATE deliveries SET state = :state WHERE id IN
                (SELECT id FROM deliveries WHERE dispatch_id = :id AND state = 'pending' ORDER BY id LIMIT :count)
        """),
        {"state": state, "id": dispatch_id, "count": count},
    )
