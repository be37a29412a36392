"""Report: the state and totals of campaigns, as they are maintained: nothing is counted on a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.domain.campaign import (
    OPEN_STATES,
    Campaign,
    CampaignPurpose,
    CampaignState,
    Dispatch,
    DispatchState,
    Totals,
    campaign_state,
)
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.flow.app_context import AppContext
from distributor.flow.event_counting import count_events
from distributor.flow.publishing.prepare import spell_revisions
from distributor.storage import (
    articles,
    campaign_reviews,
    campaigns,
    delivery_queries,
    delivery_totals,
    dispatches,
    event_totals,
    paused_routes,
)
from distributor.storage.database import Connection
from distributor.storage.paused_routes import RouteWait


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchReport:
    """A dispatch and how many of its deliveries are in each state.

    For deferred deliveries, `next_attempt_at` is the time of the next attempt, and `waits` are the paused routes that
    some of them wait for.
    """

    dispatch: Dispatch
    totals: Totals
    next_attempt_at: datetime | None
    waits: tuple[RouteWait, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """A campaign now. `events` has for each kind the number of events, and of deliveries with such an event.

    `to_publish` has the slugs of those articles that its release is going to publish. `revised` says which articles
    were revised since the review that it is scheduled on.
    """

    campaign: Campaign
    dispatches: tuple[DispatchReport, ...]
    events: Mapping[EventKind, tuple[int, int]]
    to_publish: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()

    @property
    def state(self) -> CampaignState:
        """The state of the campaign as a whole."""
        return state_of(self.campaign, [one.dispatch for one in self.dispatches])

    @property
    def totals(self) -> Totals:
        """The totals over all dispatches."""
        return Totals.sum_of(one.totals for one in self.dispatches)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """A campaign in a list: its dispatches, and the totals over all of them."""

    campaign: Campaign
    dispatches: tuple[Dispatch, ...]
    totals: Totals

    @property
    def state(self) -> CampaignState:
        """The state of the campaign as a whole."""
        return state_of(self.campaign, self.dispatches)


# The words of the stable summary, and the states each of them counts.
COUNTED: Mapping[str, tuple[DeliveryState, ...]] = {
    "sent": (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED),
    "deferred": (DeliveryState.DEFERRED,),
    "failed": (DeliveryState.FAILED,),
    "suppressed": (DeliveryState.SUPPRESSED,),
    "unknown": (DeliveryState.UNKNOWN,),
    "pending": (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT),
}


def report(app: AppContext, campaign_id: int) -> CampaignReport:
    """The campaign with its totals, all read in one transaction. Raises NotFoundError."""
    count_events(app)
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        is_to_come = any(one.state in OPEN_STATES and one.released_at is None for one in planned)
        hidden = articles.hidden_of_campaign(connection, campaign_id, now=app.clock()) if is_to_come else []
        return CampaignReport(
            campaign=campaign,
            dispatches=tuple(_of_dispatch(connection, dispatch) for dispatch in planned),
            events=_events(connection, [one.id for one in planned]),
            to_publish=tuple(hidden),
            revised=_revised(connection, campaign) if is_to_come else (),
        )


def newest_campaigns(
    app: AppContext,
    *,
    purpose: CampaignPurpose,
    state: CampaignState | None = None,
    limit: int,
    before_id: int | None = None,
) -> list[CampaignSummary]:
    """The newest campaigns of a purpose, if given in one state or older than `before_id`.

    The number of queries is the same for any number of them.
    """
    with app.database.begin() as connection:
        newest = campaigns.latest(connection, limit=limit, purposes=[purpose], state=state, before_id=before_id)
        planned = dispatches.of_campaigns(connection, [one.id for one in newest])
        totals = delivery_totals.of_dispatches(connection, [one.id for found in planned.values() for one in found])
    return [
        CampaignSummary(
            campaign=campaign,
            dispatches=tuple(planned[campaign.id]),
            totals=Totals.sum_of(totals[one.id] for one in planned[campaign.id]),
        )
        for campaign in newest
    ]


def totals_of(app: AppContext, campaign_id: int) -> tuple[str, Totals, bool]:
    """The name of a campaign, its totals, and whether it is being sent. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        totals = delivery_totals.of_dispatches(connection, [one.id for one in planned])
    is_running = any(one.state is DispatchState.RUNNING for one in planned)
    return campaign.name, Totals.sum_of(totals.values()), is_running


def state_of(campaign: Campaign, planned: Sequence[Dispatch]) -> CampaignState:
    """The state of a campaign with these dispatches."""
    return campaign_state(
        (one.state for one in planned), is_reviewed=campaign.is_reviewed, is_approved=campaign.is_approved
    )


def summarise(totals: Totals) -> dict[str, int]:
    """The totals as in `summary.json`: `audience` first, then the counts, which add up to it."""
    return {"audience": totals.audience} | {
        word: sum(totals[state] for state in states) for word, states in COUNTED.items()
    }


def _events(connection: Connection, dispatch_ids: Sequence[int]) -> dict[EventKind, tuple[int, int]]:
    counts: dict[EventKind, tuple[int, int]] = {}
    for key, found in event_totals.of_dispatches(connection, dispatch_ids).items():
        total, unique = counts.get(key.kind, (0, 0))
        counts[key.kind] = (total + found.events, unique + found.deliveries)
    return {kind: count for kind, count in counts.items() if count[0]}


def _revised(connection: Connection, campaign: Campaign) -> tuple[str, ...]:
    review = campaign_reviews.newest_accepted(connection, campaign.id)
    found = articles.find_many(connection, campaign.article_ids)
    now = {one.article.slug: one.article.revision for one in found}
    return tuple(spell_revisions(review.revisions, now)) if review else ()


def _of_dispatch(connection: Connection, dispatch: Dispatch) -> DispatchReport:
    totals = delivery_totals.of_dispatch(connection, dispatch.id)
    if not totals[DeliveryState.DEFERRED]:
        return DispatchReport(dispatch=dispatch, totals=totals, next_attempt_at=None, waits=())
    waits = paused_routes.waits(connection, dispatch.channel_id, dispatch_id=dispatch.id)
    return DispatchReport(
        dispatch=dispatch,
        totals=totals,
        next_attempt_at=delivery_queries.next_attempt(connection, dispatch.id),
        waits=tuple(wait for wait in waits if wait.deliveries),
    )
