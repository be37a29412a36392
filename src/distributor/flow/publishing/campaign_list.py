"""The list of campaigns: where each of them is, what is next, and what became of its deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.domain.campaign import CampaignStage, CampaignState, Dispatch, DispatchState, Totals, campaign_state
from distributor.flow.app_context import AppContext
from distributor.storage import campaign_list, campaigns, delivery_totals, dispatches
from distributor.storage.campaign_list import CampaignPlace, ListedCampaign

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """A campaign in the list, with its dispatches by the names of their channels. `totals` are of all of them."""

    listed: ListedCampaign
    state: CampaignState
    dispatches: Sequence[Dispatch]
    totals: Totals

    @property
    def began_at(self) -> datetime | None:
        """When the first dispatch was released; None if none is."""
        return min((one.released_at for one in self.dispatches if one.released_at), default=None)

    @property
    def held(self) -> Sequence[Dispatch]:
        """The dispatches that did not go out or do not go on, with the reason."""
        return [one for one in self.dispatches if one.state in (DispatchState.PAUSED, DispatchState.FAILED)]

    @property
    def is_partly_out(self) -> bool:
        """Whether some of it is out although some of it failed."""
        return self.state is CampaignState.FAILED and self.totals.audience > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignListPage:
    """A page of the list: `next` is where the next one begins, if there is one; `counts` are of all pages."""

    rows: Sequence[CampaignRow]
    next: CampaignPlace | None
    counts: Mapping[CampaignStage, int]


def list_campaigns(
    app: AppContext,
    *,
    stage: CampaignStage | None = None,
    words: str = "",
    by_time: bool = False,
    after: CampaignPlace | None = None,
    limit: int = PAGE_SIZE,
) -> CampaignListPage:
    """The campaigns of articles whose names hold these words, the newest first, or with `by_time` the next ones.

    The number of queries does not depend on how many campaigns there are, and none counts deliveries.
    """
    with app.database.begin() as connection:
        found = campaign_list.listed(
            connection, limit=limit + 1, stage=stage, words=words, by_time=by_time, after=after
        )
        shown = found[:limit]
        ids = [one.id for one in shown]
        planned = dispatches.of_campaigns(connection, ids)
        verdicts = campaigns.verdicts(connection, ids)
        totals = delivery_totals.of_dispatches(connection, [one.id for ones in planned.values() for one in ones])
        counts = campaign_list.counts(connection, words=words)
    rows = [_row(one, planned[one.id], verdicts[one.id], totals) for one in shown]
    last = shown[-1] if len(found) > limit else None
    return CampaignListPage(
        rows=rows, next=CampaignPlace(id=last.id, next_at=last.next_at) if last else None, counts=counts
    )


def _row(
    listed: ListedCampaign, planned: Sequence[Dispatch], verdict: tuple[bool, bool], totals: Mapping[int, Totals]
) -> CampaignRow:
    is_reviewed, is_approved = verdict
    return CampaignRow(
        listed=listed,
        state=campaign_state((one.state for one in planned), is_reviewed=is_reviewed, is_approved=is_approved),
        dispatches=planned,
        totals=Totals.sum_of(totals[one.id] for one in planned),
    )
