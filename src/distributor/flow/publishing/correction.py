"""Correction: what went out wrong is stopped, and whoever does not have it gets a corrected version."""

from __future__ import annotations

from distributor.domain.campaign import OPEN_STATES, PlanKey
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_control import cancel
from distributor.flow.publishing.plan import duplicate_campaign
from distributor.storage import campaigns, dispatches


def correct_campaign(
    app: AppContext, campaign_id: int, *, actor: str, key: PlanKey | None = None, version: int | None = None
) -> int:
    """Cancel what is left of a campaign, and make a draft like it for those who do not have it; returns its id.

    While a campaign is open it still means to reach the rest: they would count as those who are going to get it.
    `key` is as for `plan`, `version` as for `cancel`. Raises what these raise.
    """
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        is_open = any(one.state in OPEN_STATES for one in dispatches.of_campaign(connection, campaign_id))
    if is_open:
        cancel(app, campaign_id, actor=actor, version=version)
    return duplicate_campaign(app, campaign_id, actor=actor, key=key, to_the_rest=True)
