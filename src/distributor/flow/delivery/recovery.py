"""Settle: find out what became of deliveries whose worker died or whose answer was lost."""

from __future__ import annotations

import asyncio

from distributor.channels.api import Dedupe, ReconcilingChannel
from distributor.domain.campaign import UnknownPolicy
from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import open_journal, orphaned_journals, read_journal
from distributor.storage import campaigns, channels, deliveries, dispatches, leases

BATCH = 100


def recover_journals(app: AppContext) -> int:
    """Write down what the journals of dead workers on this machine say; returns how many journals there were."""
    with orphaned_journals(app.journal_dir) as orphans:
        for path in orphans:
            evidence = read_journal(path)
            now = app.clock()
            with app.database.begin() as connection:
                known = {outcome.delivery_id: outcome for outcome in evidence.outcomes}
                settlements = [
                    settle_outcome(known[delivery.id], delivery, now=now)
                    for delivery in deliveries.find_for_sending(connection, list(known))
                ]
                deliveries.settle(connection, settlements, now=now)
                leases.release_worker(connection, evidence.worker, begun=evidence.in_doubt, now=now)
            app.failpoint(Failpoint.AFTER_RECOVERY)
            path.unlink()
        return len(orphans)


def resolve_unknown(app: AppContext, dispatch_id: int) -> int:
    """Look into the deliveries of a dispatch whose outcome is unknown; returns how many were looked into.

    A channel that can find out is asked; one that never doubles a call is called again; else the campaign's policy
    holds.
    """
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        record = channels.find_by_id(connection, dispatch.channel_id)
        rendition = dispatches.rendition_of(connection, dispatch_id)
        doubtful = leases.lock_unknown(connection, dispatch_id, limit=BATCH, now=app.clock())
    channel = app.open_channel(record)
    if isinstance(channel, ReconcilingChannel):
        asyncio.run(_reconcile(app, channel, record, rendition, doubtful))
        return len(doubtful)
    sends_again = channel.capabilities.dedupe is Dedupe.EXACT or campaign.unknown_policy is UnknownPolicy.RESEND
    state = DeliveryState.PENDING if sends_again else DeliveryState.UNKNOWN
    with app.database.begin() as connection:
        leases.resolve_by_policy(connection, [delivery.id for delivery in doubtful], state=state, now=app.clock())
        if sends_again and doubtful:
            dispatches.reopen(connection, dispatch_id)
    return len(doubtful)


async def _reconcile(
    app: AppContext,
    channel: ReconcilingChannel,
    record: channels.ChannelRecord,
    rendition: Rendition,
    doubtful: list[Delivery],
) -> None:
    with open_journal(app.journal_dir) as journal:
        context = send_context(app, record, journal)
        for delivery in doubtful:
            outcome = await channel.reconcile(rendition, delivery, context)
            now = app.clock()
            with app.database.begin() as connection:
                deliveries.settle(connection, [settle_outcome(outcome, delivery, now=now)], now=now)
                dispatches.reopen(connection, delivery.dispatch_id)
