"""Recovery: settle deliveries whose worker died or whose outcome is unknown."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import structlog

from distributor.channels.api import Dedupe, ReconcilingChannel
from distributor.domain.campaign import UnknownPolicy
from distributor.domain.delivery import Delivery, DeliveryState
from distributor.domain.errors import SourceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import (
    JournalContent,
    held_orphan,
    journal_files,
    open_journal,
    parse_journal,
    worker_of,
)
from distributor.flow.quarantine import ItemGuard
from distributor.storage import campaigns, channels, deliveries, delivery_posts, dispatches, leases, quarantine
from distributor.storage.database import Connection

BATCH = 100

log = structlog.get_logger(__name__)


def recover_journals(app: AppContext) -> int:
    """Commit the content of the journals of dead workers on this machine; returns how many journals there were.

    A damaged journal goes to the quarantine with its bytes. What its worker held and may have started is then unknown,
    also if the journal does not mention it.
    """
    paths = journal_files(app.journal_dir)
    if not paths:
        return 0
    guard, recovered = ItemGuard(app, QuarantineLoop.JOURNAL), 0
    for path in paths:
        if guard.rests(path.name):
            continue
        with guard.item(path.name), held_orphan(path) as data:
            if data is not None:
                _recover_journal(app, path, data)
                recovered += 1
    return recovered


def retry_journal(app: AppContext, item: QuarantinedItem) -> None:
    """Settle what can be read now of a journal in quarantine. Raises SourceError if it is damaged still."""
    content = parse_journal(worker_of(Path(item.key)), item.content or b"")
    now = app.clock()
    with app.database.begin() as connection:
        settled = _settle_outcomes(connection, content, now=now)
        for dispatch_id in {delivery.dispatch_id for delivery in settled}:
            dispatches.reopen(connection, dispatch_id)
    if content.damage:
        raise SourceError(content.damage, path=item.key)


def _recover_journal(app: AppContext, path: Path, data: bytes) -> None:
    content = parse_journal(worker_of(path), data)
    now = app.clock()
    with app.database.begin() as connection:
        _settle_outcomes(connection, content, now=now)
        leases.release_worker(
            connection, content.worker, in_flight=content.in_doubt, is_complete=not content.damage, now=now
        )
        if content.damage:
            quarantine.hold(connection, QuarantineLoop.JOURNAL, path.name, reason=content.damage, content=data, now=now)
    app.failpoint(Failpoint.AFTER_RECOVERY)
    path.unlink()
    write = log.warning if content.damage else log.info
    write(
        "journal.recovered",
        worker=content.worker,
        outcomes=len(content.outcomes),
        in_doubt=len(content.in_doubt),
        damage=content.damage,
    )


def _settle_outcomes(connection: Connection, content: JournalContent, *, now: datetime) -> list[Delivery]:
    """The deliveries that the journal has outcomes of, settled unless others have done so."""
    known = {outcome.delivery_id: outcome for outcome in content.outcomes}
    found = deliveries.find_for_sending(connection, list(known))
    settlements = [settle_outcome(known[delivery.id], delivery, now=now) for delivery in found]
    deliveries.settle(connection, settlements, now=now)
    return found


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
