"""Recovery: settle deliveries whose worker died or whose outcome is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from distributor.channels.api import Audience, Channel, Dedupe, LostPeriod, ReconcilingChannel
from distributor.channels.registry import kind_of
from distributor.domain.campaign import UnknownPolicy
from distributor.domain.delivery import REPORT_WITHIN, Delivery, DeliveryState, Outcome, Verdict
from distributor.domain.errors import SourceError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import lost_period, send_context
from distributor.flow.delivery.settlements import commit_settlements
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import (
    JournalContent,
    held_orphan,
    is_of_this_boot,
    journal_files,
    open_journal,
    parse_journal,
    worker_of,
)
from distributor.flow.quarantine import ItemGuard
from distributor.storage import (
    campaigns,
    channels,
    deliveries,
    delivery_posts,
    dispatches,
    generations,
    leases,
    quarantine,
)
from distributor.storage.database import Connection

BATCH = 100
_EARLIER_BOOT = "the machine was started again since, so its last records may be missing"

log = structlog.get_logger(__name__)


def recover_journals(app: AppContext) -> int:
    """Commit the content of the journals of dead workers on this machine; returns how many journals there were.

    A damaged journal goes to the quarantine with its bytes. What its worker held and may have started is then unknown,
    also if the journal does not mention it; so it is if the machine has been started again since. Journals of living
    workers settle deliveries whose lease has run out.
    """
    paths = journal_files(app.journal_dir)
    if not paths:
        return 0
    guard, recovered = ItemGuard(app, QuarantineLoop.JOURNAL), 0
    living: list[Path] = []
    for path in paths:
        if guard.rests(path.name):
            continue
        with guard.item(path.name), held_orphan(path) as data:
            if data is not None:
                _recover_journal(app, path, data)
                recovered += 1
            else:
                living.append(path)
    _recover_expired(app, guard, living)
    return recovered


def retry_journal(app: AppContext, item: QuarantinedItem) -> None:
    """Settle what can be read now of a journal in quarantine. Raises SourceError if it is damaged still."""
    content = parse_journal(worker_of(Path(item.key)), item.content or b"")
    now = app.clock()
    with app.database.begin() as connection:
        dispatches.lock_of_deliveries(connection, [outcome.delivery_id for outcome in content.outcomes])
        settled = _settle_outcomes(app, connection, content, now=now)
        for dispatch_id in {delivery.dispatch_id for delivery in settled}:
            dispatches.reopen(connection, dispatch_id)
    if content.damage:
        raise SourceError(content.damage, path=item.key)


def _recover_journal(app: AppContext, path: Path, data: bytes) -> None:
    content = parse_journal(worker_of(path), data)
    gap = content.damage or ("" if is_of_this_boot(path) else _EARLIER_BOOT)
    now = app.clock()
    with app.database.begin() as connection:
        mentioned = [outcome.delivery_id for outcome in content.outcomes]
        dispatches.lock_of_deliveries(connection, mentioned, worker=content.worker)
        for dispatch_id in {one.dispatch_id for one in _settle_outcomes(app, connection, content, now=now)}:
            # Its lease may have run out, and the dispatch may have finished since.
            dispatches.reopen(connection, dispatch_id)
        _settle_held(connection, content, now=now)
        leases.release_worker(connection, content.worker, in_flight=content.in_doubt, is_complete=not gap, now=now)
        if content.damage:
            quarantine.hold(connection, QuarantineLoop.JOURNAL, path.name, reason=content.damage, content=data, now=now)
    app.failpoint(Failpoint.AFTER_RECOVERY)
    path.unlink()
    write = log.warning if gap else log.info
    write(
        "journal.recovered",
        worker=content.worker,
        outcomes=len(content.outcomes),
        in_doubt=len(content.in_doubt),
        damage=gap,
    )


def _recover_expired(app: AppContext, guard: ItemGuard, journals: Sequence[Path]) -> None:
    """Commit what the journals of living workers say about deliveries whose lease ran out: sent, or not begun.

    These workers are stopped, or cut off from PostgreSQL. They cannot begin those deliveries any more, so the journals
    are complete about them; and they empty a journal only after they have reported, so what is locked here is in it.
    """
    paths = {worker_of(path): path for path in journals}
    if not paths:
        return
    with app.database.begin() as connection:
        unreported = leases.unreported_workers(connection, list(paths))
    for worker in unreported:
        # One that is gone by now was emptied before: its worker has reported.
        with guard.item(paths[worker].name), suppress(FileNotFoundError):
            _recover_living(app, worker, paths[worker])


def _recover_living(app: AppContext, worker: str, path: Path) -> None:
    now = app.clock()
    with app.database.begin() as connection:
        dispatches.lock_of_deliveries(connection, (), worker=worker)
        held = leases.lock_unreported(connection, worker)
        content = parse_journal(worker, path.read_bytes())
        outcomes = {outcome.delivery_id: outcome for outcome in content.outcomes}
        known = [one for one in held if one.id in outcomes and outcomes[one.id].epoch == one.epoch]
        begun = [one for one in held if content.in_doubt.get(one.id) == one.epoch]
        unsent = [] if content.damage else [one for one in held if one not in known and one not in begun]
        for dispatch_id in {delivery.dispatch_id for delivery in (*known, *unsent)}:
            dispatches.reopen(connection, dispatch_id)
        settlements = [settle_outcome(outcomes[delivery.id], delivery, now=now) for delivery in known]
        commit_settlements(app, connection, settlements, now=now)
        deliveries.release(connection, unsent, now=now)
    if known or unsent:
        log.info("journal.expired", worker=worker, outcomes=len(known), unsent=len(unsent))


def _settle_held(connection: Connection, content: JournalContent, *, now: datetime) -> None:
    """What a journal of before a restore says of deliveries that wait since then: they were sent, or may have been.

    Their epochs are of the new generation, so it settles nothing else: what it says they were not, they may have been
    after it.
    """
    source = f"the journal of {content.worker} from before the restore"
    sent = {one.delivery_id: source for one in content.outcomes if one.verdict is Verdict.SENT}
    begun = {one.delivery_id for one in content.outcomes if one.verdict is Verdict.UNKNOWN} | content.in_doubt.keys()
    generations.mark_found(connection, sent, state=DeliveryState.SENT, now=now)
    generations.mark_found(connection, dict.fromkeys(begun - sent.keys(), source), state=DeliveryState.UNKNOWN, now=now)


def _settle_outcomes(
    app: AppContext, connection: Connection, content: JournalContent, *, now: datetime
) -> list[Delivery]:
    """The deliveries that the journal has outcomes of, settled unless others have done so."""
    known = {outcome.delivery_id: outcome for outcome in content.outcomes}
    found = deliveries.find_for_sending(connection, list(known))
    settlements = [settle_outcome(known[delivery.id], delivery, now=now) for delivery in found]
    commit_settlements(app, connection, settlements, now=now)
    return found


def resolve_unknown(app: AppContext, dispatch_id: int) -> int:
    """Settle the deliveries of a dispatch whose outcome is unknown, a batch at a time; returns how many there were.

    A channel that can reconcile looks each of them up; a channel with exact deduplication sends again; otherwise, and
    if all that was found is the result of another delivery, the campaign's policy decides. Before anything is sent
    again by it, a worker whose lease ran out has time to report. On a channel that was removed they stay unknown.
    """
    with app.database.begin() as connection:
        if not generations.sends(connection):
            return 0
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        lost = lost_period(connection, dispatch)
        record = channels.find_by_id(connection, dispatch.channel_id)
        rendition = dispatches.rendition_of(connection, dispatch_id)
        unknown = leases.lock_unknown(connection, dispatch_id, limit=BATCH, now=app.clock())
    channel = app.open_channel(record)
    if record.removed_at is not None:
        # Without its secrets it can neither look anything up nor send it again.
        with app.database.begin() as connection:
            ids = [delivery.id for delivery in unknown]
            leases.resolve_by_policy(connection, ids, state=DeliveryState.UNKNOWN, now=app.clock())
        method = "removed"
    elif isinstance(channel, ReconcilingChannel):
        not_found = asyncio.run(_reconcile(app, channel, record, rendition, unknown, lost))
        _resolve_by_policy(app, dispatch_id, not_found, channel, campaign.unknown_policy)
        method = "reconcile"
    else:
        method = _resolve_by_policy(
            app, dispatch_id, [delivery.id for delivery in unknown], channel, campaign.unknown_policy
        )
    log.info("delivery.unknown_resolved", dispatch_id=dispatch_id, deliveries=len(unknown), method=method)
    return len(unknown)


def _resolve_by_policy(
    app: AppContext, dispatch_id: int, ids: Sequence[int], channel: Channel, policy: UnknownPolicy
) -> str:
    """Send these deliveries again, or leave them unknown; returns which, for the log."""
    is_exact = channel.capabilities.dedupe is Dedupe.EXACT
    resends = is_exact or policy is UnknownPolicy.RESEND
    with app.database.begin() as connection:
        if resends:
            dispatches.lock_of_deliveries(connection, ids)
        if resends and not is_exact:
            waiting = leases.find_unreported(connection, ids, since=app.clock() - REPORT_WITHIN)
            ids = [delivery_id for delivery_id in ids if delivery_id not in waiting]
            # A channel that finds an intent without a result, and cannot look it up, does not post again.
            delivery_posts.delete_intents(connection, ids)
        state = DeliveryState.PENDING if resends else DeliveryState.UNKNOWN
        leases.resolve_by_policy(connection, ids, state=state, now=app.clock())
        if resends and ids:
            dispatches.reopen(connection, dispatch_id)
    return "resend" if resends else "assume_sent"


async def _reconcile(
    app: AppContext,
    channel: ReconcilingChannel,
    record: channels.ChannelRecord,
    rendition: Rendition,
    unknown: list[Delivery],
    lost: LostPeriod | None,
) -> list[int]:
    """Look each delivery up and settle it; returns the ids of those for which only the result of others was found."""
    is_broadcast = kind_of(record.kind).capabilities.audience is Audience.BROADCAST
    not_found: list[int] = []
    guard = ItemGuard(app, QuarantineLoop.JOB)
    with open_journal(app.journal_dir) as journal:
        context = send_context(app, record, journal, lost=lost)
        for delivery in unknown:
            with guard.item(f"reconcile delivery {delivery.id}", dispatch_id=delivery.dispatch_id):
                outcome = await channel.reconcile(rendition, delivery, context)
                now = app.clock()
                with app.database.begin() as connection:
                    dispatches.lock_of_deliveries(connection, [delivery.id])
                    if is_broadcast and _is_result_of_another(connection, delivery, outcome):
                        not_found.append(delivery.id)
                        continue
                    commit_settlements(app, connection, [settle_outcome(outcome, delivery, now=now)], now=now)
                    dispatches.reopen(connection, delivery.dispatch_id)
    return not_found


def _is_result_of_another(connection: Connection, delivery: Delivery, outcome: Outcome) -> bool:
    """Whether a channel has found what the ledger already has as another delivery to the account."""
    is_sent = outcome.verdict is Verdict.SENT and outcome.remote_id is not None
    return is_sent and delivery_posts.is_attributed(connection, delivery.id, outcome.remote_id or "")
