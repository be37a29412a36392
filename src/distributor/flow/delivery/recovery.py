"""Recovery: settle deliveries whose worker died or whose outcome is unknown."""

from __future__ import annotations

import asyncio

import structlog

from distributor.channels.api import Dedupe, ReconcilingChannel
from distributor.domain.campaign import UnknownPolicy
from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import open_journal, orphaned_journals, read_journal
from distributor.storage import campaigns, channels, deliveries, delivery_posts, dispatches, leases

BATCH = 100

log = structlog.get_logger(__name__)


def recover_journals(app: AppContext) -> int:
    """Commit the content of the journals of dead workers on this machine; returns how many journals there were."""
    with orphaned_journals(app.journal_dir) as orphans:
        for path in orphans:
            content = read_journal(path)
            now = app.clock()
            with app.database.begin() as connection:
                known = {outcome.delivery_id: outcome for outcome in content.outcomes}
                settlements = [
                    settle_outcome(known[delivery.id], delivery, now=now)
                    for delivery in deliveries.find_for_sending(connection, list(known))
                ]
                deliveries.settle(connection, settlements, now=now)
                leases.release_worker(connection, content.worker, in_flight=content.in_doubt, now=now)
            app.failpoint(Failpoint.AFTER_RECOVERY)
            path.unlink()
            log.info(
                "journal.recovered",
                worker=content.worker,
                outcomes=len(content.outcomes),
                in_doubt=len(content.in_doubt),
            )
        return len(orphans)


def resolve_unknown(app: AppContext, dispatch_id: int) -> int:
    """Settle the deliveries of a dispatch whose outcome is unknown, a batch at a time; returns how many there were.

    A channel that can reconcile looks each of them up; a channel with exact deduplication sends again; otherwise the
    campaign's policy decides.
    """
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        record = channels.find_by_id(connection, dispatch.channel_id)
        rendition = dispatches.rendition_of(connection, dispatch_id)
        unknown = leases.lock_unknown(connection, dispatch_id, limit=BATCH, now=app.clock())
    channel = app.open_channel(record)
    if isinstance(channel, ReconcilingChannel):
        asyncio.run(_reconcile(app, channel, record, rendition, unknown))
        method = "reconcile"
    else:
        is_exact = channel.capabilities.dedupe is Dedupe.EXACT
        resends = is_exact or campaign.unknown_policy is UnknownPolicy.RESEND
        state = DeliveryState.PENDING if resends else DeliveryState.UNKNOWN
        ids = [delivery.id for delivery in unknown]
        with app.database.begin() as connection:
            if resends and not is_exact:
                # A channel that finds an intent without a result, and cannot look it up, does not post again.
                delivery_posts.delete_intents(connection, ids)
            leases.resolve_by_policy(connection, ids, state=state, now=app.clock())
            if resends and unknown:
                dispatches.reopen(connection, dispatch_id)
        method = "resend" if resends else "assume_sent"
    log.info("delivery.unknown_resolved", dispatch_id=dispatch_id, deliveries=len(unknown), method=method)
    return len(unknown)


async def _reconcile(
    app: AppContext,
    channel: ReconcilingChannel,
    record: channels.ChannelRecord,
    rendition: Rendition,
    unknown: list[Delivery],
) -> None:
    with open_journal(app.journal_dir) as journal:
        context = send_context(app, record, journal)
        for delivery in unknown:
            outcome = await channel.reconcile(rendition, delivery, context)
            now = app.clock()
            with app.database.begin() as connection:
                deliveries.settle(connection, [settle_outcome(outcome, delivery, now=now)], now=now)
                dispatches.reopen(connection, delivery.dispatch_id)
