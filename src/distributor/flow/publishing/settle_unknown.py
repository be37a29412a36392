"""Settle deliveries of unknown outcome by hand: a person knows, or decides, what became of them.

Every act has a reason, and is kept with who did it in the history of each delivery, in that of the campaign and in the
audit log.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from distributor.domain.campaign import CampaignAction, Dispatch, DispatchState
from distributor.domain.delivery import REPORT_WITHIN, DeliveryState, HandSettlement
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import require_sendable
from distributor.storage import (
    audit_log,
    campaigns,
    delivery_history,
    delivery_posts,
    delivery_queries,
    dispatches,
    unknown_deliveries,
)
from distributor.storage.database import Connection

LONGEST_REASON = 300
_ENDED = frozenset({DispatchState.CANCELLED, DispatchState.FAILED})
_WORDS = {
    HandSettlement.SENT: "as sent",
    HandSettlement.NOT_SENT: "as not sent",
    HandSettlement.SEND_AGAIN: "to be sent again",
}

log = structlog.get_logger(__name__)


def settle_delivery(
    app: AppContext, delivery_id: int, settlement: HandSettlement, *, epoch: int, reason: str, actor: Actor
) -> bool:
    """Settle one delivery of unknown outcome; False if the same person has just settled it so.

    `epoch` is that of the delivery when the person looked at it. Raises NotFoundError, InputError without a reason, and
    StateError if its outcome is known or its epoch is another by now, or it cannot be sent again.
    """
    kept = _checked_reason(reason)
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, delivery_queries.find(connection, delivery_id).dispatch_id)
        campaigns.lock(connection, dispatch.campaign_id)
        if _was_settled_so(connection, delivery_id, settlement, reason=kept, actor=actor):
            return False
        if delivery_queries.find(connection, delivery_id).epoch != epoch:
            raise StateError(f"delivery {delivery_id} was attempted again meanwhile: look at it again")
        settled = _settle(
            app, connection, [dispatch], settlement, delivery_ids=(delivery_id,), reason=kept, actor=actor
        )
        if not settled:
            raise StateError(f"the outcome of delivery {delivery_id} is known by now: look at it again")
    return True


def settle_unknown(
    app: AppContext,
    campaign_id: int,
    settlement: HandSettlement,
    *,
    reason: str,
    actor: Actor,
    expected: int | None = None,
    channel_names: Sequence[str] = (),
) -> int:
    """Settle every delivery of unknown outcome of a campaign, if given only on these channels; returns how many.

    That is none if there is none left and the same person has just settled them so. `expected` is how many there were
    when the person looked: if there are others by now, nothing changes. Raises NotFoundError, InputError without a
    reason, and StateError.
    """
    kept = _checked_reason(reason)
    with app.database.begin() as connection:
        campaigns.lock(connection, campaign_id)
        chosen = _chosen(connection, campaign_id, channel_names)
        waiting = sum(unknown_deliveries.count(connection, [one.id for one in chosen]).values())
        if not waiting and _were_settled_so(connection, campaign_id, settlement, reason=kept, actor=actor):
            return 0
        if not waiting:
            raise StateError(f"campaign {campaign_id} has no deliveries of unknown outcome")
        if expected is not None and waiting != expected:
            raise StateError(f"there were {expected} deliveries of unknown outcome, and now there are {waiting}")
        return _settle(app, connection, chosen, settlement, reason=kept, actor=actor)


def _settle(
    app: AppContext,
    connection: Connection,
    chosen: Sequence[Dispatch],
    settlement: HandSettlement,
    *,
    reason: str,
    actor: Actor,
    delivery_ids: Sequence[int] = (),
) -> int:
    campaign_id, now = chosen[0].campaign_id, app.clock()
    if settlement is HandSettlement.SEND_AGAIN:
        _require_open(connection, app, chosen)
    found = unknown_deliveries.lock(
        connection, [one.id for one in chosen], since=now - REPORT_WITHIN, delivery_ids=delivery_ids
    )
    if not found:
        return 0
    ids = [one.id for one in found]
    if settlement is HandSettlement.SEND_AGAIN:
        if any(one.is_unreported for one in found):
            minutes = REPORT_WITHIN.seconds // 60
            raise StateError(f"the worker that was sending may still report what it sent: wait {minutes} minutes")
        # A channel that finds an intent without a result, and cannot look it up, does not post again.
        delivery_posts.delete_intents(connection, ids)
    settled = unknown_deliveries.settle(connection, {one.id: one.epoch for one in found}, settlement.state, now=now)
    if settlement is HandSettlement.SEND_AGAIN:
        for dispatch in chosen:
            dispatches.reopen(connection, dispatch.id)
    delivery_history.record_by_hand(connection, ids, actor=actor.name, reason=reason, now=now)
    what = f"delivery {ids[0]}" if delivery_ids else f"{settled} deliveries of unknown outcome"
    detail = f"{what} settled {_WORDS[settlement]}: {reason}"
    campaigns.record(connection, campaign_id, CampaignAction.SETTLED, actor=actor.name, detail=detail, now=now)
    audit_log.record(
        connection, actor, AuditAction.DELIVERIES_SETTLED, subject=f"campaign {campaign_id}", detail=detail, now=now
    )
    log.info("delivery.settled_by_hand", campaign_id=campaign_id, deliveries=settled, settlement=settlement.value)
    return settled


def _require_open(connection: Connection, app: AppContext, chosen: Sequence[Dispatch]) -> None:
    """Raises StateError if one of the dispatches is over, or an article must not be sent."""
    over = [one.channel_name for one in chosen if one.state in _ENDED]
    if over:
        raise StateError(f"nothing is sent again on {', '.join(over)}: the campaign was cancelled there")
    campaign = campaigns.find(connection, chosen[0].campaign_id)
    require_sendable(connection, campaign.article_ids, at=app.clock())


def _chosen(connection: Connection, campaign_id: int, channel_names: Sequence[str]) -> list[Dispatch]:
    planned = dispatches.of_campaign(connection, campaign_id)
    known = {one.channel_name for one in planned}
    for name in channel_names:
        if name not in known:
            raise NotFoundError(f"channel of campaign {campaign_id}", name, hint=f"it has {', '.join(sorted(known))}")
    return [one for one in planned if not channel_names or one.channel_name in channel_names]


def _was_settled_so(
    connection: Connection, delivery_id: int, settlement: HandSettlement, *, reason: str, actor: Actor
) -> bool:
    """Whether the last thing that happened to the delivery is this act: a form that is sent twice acts once."""
    if delivery_queries.find(connection, delivery_id).state is DeliveryState.UNKNOWN:
        return False
    steps = delivery_history.of_delivery(connection, delivery_id)
    return bool(steps) and (steps[-1].state, steps[-1].actor, steps[-1].reason) == (
        settlement.state,
        actor.name,
        reason,
    )


def _were_settled_so(
    connection: Connection, campaign_id: int, settlement: HandSettlement, *, reason: str, actor: Actor
) -> bool:
    """Whether the last thing that was done with the campaign is this act."""
    history = campaigns.history(connection, campaign_id)
    return (
        bool(history)
        and (history[-1].action, history[-1].actor) == (CampaignAction.SETTLED, actor.name)
        and history[-1].detail.endswith(f"{_WORDS[settlement]}: {reason}")
    )


def _checked_reason(reason: str) -> str:
    kept = " ".join(reason.split())
    if not kept:
        raise InputError("say in a few words how you know: it is kept with the delivery")
    if len(kept) > LONGEST_REASON:
        raise InputError(f"a reason has at most {LONGEST_REASON} characters, and this has {len(kept)}")
    return kept
