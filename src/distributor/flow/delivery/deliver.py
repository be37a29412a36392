"""Deliver: claim the due deliveries of a dispatch, send them on its channel, and store the outcomes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import structlog

from distributor.channels.api import Audience, ClosableChannel, LostPeriod, ScheduledChannel
from distributor.domain.campaign import CampaignAction, Dispatch, DispatchState
from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import DiskFullError, LeaseLostError, ServiceError
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.domain.send_schedule import SendSchedule
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.lease import RENEW_EVERY, WorkerLease
from distributor.flow.delivery.send_context import lost_period, send_context
from distributor.flow.delivery.send_window import defer_outside_window, return_unused_quota
from distributor.flow.delivery.settlements import commit_settlements
from distributor.flow.failpoints import Failpoint
from distributor.flow.jobs import (
    DISPATCHES_AT_ONCE,
    SMALL_AUDIENCE,
    Job,
    JobKind,
    delivery_jobs,
    small_delivery_job,
)
from distributor.flow.journal import open_journal
from distributor.flow.ledger_marks import require_newest
from distributor.flow.quarantine import ItemGuard, key_of_job
from distributor.storage import articles, campaigns, channels, deliveries, dispatches, generations, heartbeats, leases
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

# Who pauses what cannot be sent, in the history of its campaign.
WORKER = "worker"
# Deliveries claimed at a time, as many as a small audience has at most, which is claimed whole: as many may become
# unknown if a whole machine is lost with its journal.
BATCH = SMALL_AUDIENCE
# Outcomes are committed in groups of this many, or after this long.
COMMIT_GROUP = 50
COMMIT_WITHIN_SECONDS = 0.5
# A dispatch that paused because a disk is full looks again after this time.
FULL_DISK_PAUSE = timedelta(seconds=30)
# How often a run asks whether its dispatch still runs: a pause is obeyed within its batch, which may take long.
PAUSE_CHECK_SECONDS = 1.0
# Runs may be many a second, and each would write to the disk.
HEARTBEAT_EVERY = timedelta(seconds=1)
# How long outcomes wait for a PostgreSQL that is restarting, before they are left to the journal.
COMMIT_RETRY_SECONDS = 60

_PROGRESS = frozenset({Verdict.SENT, Verdict.DEFERRED, Verdict.FAILED, Verdict.UNKNOWN, Verdict.THROTTLED})

# The remote server has, or may have, the message: the day's warm-up quota is used up.
_QUOTA_USED = frozenset({Verdict.SENT, Verdict.UNKNOWN})

log = structlog.get_logger(__name__)


class RunProgress:
    """What another thread sees of a delivery run, and may ask of it: to end with its batch."""

    def __init__(self) -> None:
        self.ends_with_batch = False
        self._waiting_since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the run does nothing but wait for outcomes of its channel: it has begun to send."""
        return self._waiting_since is not None

    @property
    def silent_for(self) -> timedelta:
        """For how long the run has done nothing but wait for outcomes of its channel."""
        since = self._waiting_since
        return timedelta() if since is None else timedelta(seconds=time.monotonic() - since)

    def note(self, *, is_waiting: bool) -> None:
        """From now on the run waits for its channel, or does something else."""
        self._waiting_since = time.monotonic() if is_waiting else None


def deliver(app: AppContext, dispatch_id: int, *, until: datetime, progress: RunProgress | None = None) -> list[Job]:
    """Send the due deliveries of a dispatch, starting no batch after `until`; returns a job if more are due now.

    On a full disk the dispatch pauses until there may be room again. Raises ServiceError if PostgreSQL goes away; the
    journal then holds the outcomes that could not be committed.
    """
    require_newest(app)
    _record_heartbeat(app)
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        sending = _sending(app, connection, [dispatch])
    run = _DeliveryRun(app, sending, progress) if sending else None
    return delivery_jobs([dispatch])[:1] if run and run.send_until(until) else []


def deliver_small(
    app: AppContext, channel_id: int, *, until: datetime, part: int = 0, progress: RunProgress | None = None
) -> list[Job]:
    """Send the due deliveries of small dispatches of a channel in one run, those first that are due the longest.

    Each is sent, settled and, if it fails, held in quarantine as if it were alone. Returns the job for those that are
    due as well. `part` tells workers that do this at the same time apart. Raises ServiceError, as `deliver`.
    """
    require_newest(app)
    _record_heartbeat(app)
    guard = ItemGuard(app, QuarantineLoop.JOB)
    with app.database.begin() as connection:
        due = dispatches.stalled_on(
            connection,
            channel_id,
            most=SMALL_AUDIENCE,
            now=app.clock(),
            limit=DISPATCHES_AT_ONCE + 1,
            offset=part * DISPATCHES_AT_ONCE,
            resting=key_of_job(JobKind.DELIVER, ""),
        )
        found = _of_one_batch(sorted(dispatches.find_many(connection, due), key=lambda one: due.index(one.id)))
    try:
        with app.database.begin() as connection:
            sending = _sending(app, connection, found)
        run = _DeliveryRun(app, sending, progress) if sending else None
    except ServiceError:
        raise
    except Exception as error:
        log.info("delivery.each_for_itself", dispatches=len(found), reason=type(error).__name__)
        return [job for dispatch in found for job in delivery_jobs([dispatch])]
    if run is None:
        return []
    try:
        has_more = run.send_until(until)
    except Exception as error:
        guard.hold(key_of_job(JobKind.DELIVER, run.at_work.id), error, dispatch_id=run.at_work.id)
        has_more = True
    else:
        guard.note_success(key_of_job(JobKind.DELIVER, one.id) for one in found)
    return [small_delivery_job(found[0].kind, channel_id, part)] if has_more or len(due) > len(found) else []


def _of_one_batch(due: Sequence[Dispatch]) -> list[Dispatch]:
    """As many of them as may be claimed at a time."""
    sizes = accumulate(one.audience_size or 0 for one in due)
    return [one for one, size in zip(due, sizes, strict=True) if size <= BATCH][:DISPATCHES_AT_ONCE]


def _record_heartbeat(app: AppContext) -> None:
    """Say that this machine has a worker that sends."""
    # Without room for it there may be none for outcomes, which is found out later.
    with suppress(DiskFullError), app.database.begin() as connection:
        role = heartbeats.workers_of(socket.gethostname())
        heartbeats.record_heartbeat(connection, role, now=app.clock(), at_most_every=HEARTBEAT_EVERY)


@dataclass(frozen=True, slots=True)
class _Sending:
    """Dispatches of one channel that run, by id, each with its rendition and what a restore has lost of it."""

    channel: ChannelRecord
    dispatches: Mapping[int, Dispatch]
    renditions: Mapping[int, Rendition]
    lost: Mapping[int, LostPeriod | None]


def _sending(app: AppContext, connection: Connection, found: Sequence[Dispatch]) -> _Sending | None:
    """Those of these dispatches of one channel that may be sent now; the others are paused if they run.

    None if there is none. Raises NotFoundError or RemovedError if one has no rendition.
    """
    running = [one for one in found if one.state is DispatchState.RUNNING]
    if not running or not generations.sends(connection):
        return None
    now = app.clock()
    hidden = articles.hidden_of_campaigns(connection, {one.campaign_id for one in running}, now=now)
    record = channels.find_by_id(connection, running[0].channel_id)
    left = {}
    for dispatch in running:
        if slugs := hidden.get(dispatch.campaign_id):
            _pause_for_article(connection, dispatch, slugs[0], now=now)
        elif record.removed_at is not None:
            reason = (
                f"channel {record.name} was removed: cancel the campaign, or configure the channel again and resume"
            )
            _pause(connection, dispatch, reason, detail="it was removed", now=now)
            log.warning("dispatch.paused", dispatch_id=dispatch.id, reason=reason)
        else:
            left[dispatch.id] = dispatch
    if not left:
        return None
    return _Sending(
        channel=record,
        dispatches=left,
        renditions=dispatches.renditions_of(connection, left),
        lost={number: lost_period(connection, one) for number, one in left.items()},
    )


def _pause_until_there_is_room(app: AppContext, sending: _Sending, error: DiskFullError) -> None:
    reason = f"{error}; sending resumes by itself when there is room"[:500]
    # A PostgreSQL without room may refuse this as well; then the scheduler tries again in a second.
    with suppress(ServiceError), app.database.begin() as connection:
        for number in sorted(sending.dispatches):
            dispatches.pause_until(connection, number, app.clock() + FULL_DISK_PAUSE, reason=reason)
    for dispatch in sending.dispatches.values():
        log.warning("delivery.disk_full", dispatch_id=dispatch.id, channel=dispatch.channel_name, reason=str(error))


def _pause_for_article(connection: Connection, dispatch: Dispatch, slug: str, *, now: datetime) -> None:
    """Pause a dispatch whose release published its articles, and one of them is no longer public.

    A withdrawal pauses what is running; this is for a dispatch that had finished then, and got work again.
    """
    reason = (
        f"article {slug} is not public any more: publish it again with `distributor article publish "
        f"{slug}` and resume the campaign, or cancel it"
    )
    _pause(connection, dispatch, reason, detail=reason, now=now)
    log.warning("dispatch.paused", dispatch_id=dispatch.id, reason=reason)


def _pause(connection: Connection, dispatch: Dispatch, reason: str, *, detail: str, now: datetime) -> bool:
    """Pause a running dispatch; `detail` is what the history says about it. False if it is not running."""
    before = {DispatchState.RUNNING}
    if not dispatches.change_state(connection, dispatch.id, before=before, after=DispatchState.PAUSED, reason=reason):
        return False
    about = f"{dispatch.channel_name}: {detail}"
    campaigns.record(connection, dispatch.campaign_id, CampaignAction.PAUSED, actor=WORKER, detail=about, now=now)
    return True


class _DeliveryRun:
    """One worker sending one dispatch, or several small ones of the same channel, one after another."""

    def __init__(self, app: AppContext, sending: _Sending, progress: RunProgress | None) -> None:
        self._app = app
        self._sending = sending
        self._progress = progress or RunProgress()
        self._lease = WorkerLease(app.clock)
        self._channel = app.open_channel(sending.channel)
        self._timing = self._channel.send_schedule if isinstance(self._channel, ScheduledChannel) else SendSchedule()
        self._day = app.clock().date()
        self._verdicts: Counter[Verdict] = Counter()
        self._stopped_by: LeaseLostError | DiskFullError | None = None
        # What of the batch is not handed to the channel yet.
        self._waiting: deque[list[Delivery]] = deque()
        self._given_back: set[int] = set()
        # Of a dispatch that gets more recipients while it runs, it is not known.
        self._audience = sum(one.audience_size or BATCH for one in sending.dispatches.values())
        # The dispatch that the channel is sending, or has sent last.
        self.at_work = next(iter(sending.dispatches.values()))

    def send_until(self, until: datetime) -> bool:
        """Send batches until nothing is due or `until` is past; whether more is due.

        On a full disk what runs pauses until there may be room again. Raises ServiceError.
        """
        try:
            with open_journal(self._app.journal_dir, failpoint=self._app.failpoint, lease=self._lease) as journal:
                self._journal = journal
                self._contexts = {
                    number: send_context(self._app, self._sending.channel, journal, self._lease, lost=lost)
                    for number, lost in self._sending.lost.items()
                }
                self._log = self._bound_log()
                return asyncio.run(self._send_until(until))
        except DiskFullError as error:
            _pause_until_there_is_room(self._app, self._sending, error)
            return False

    def _bound_log(self) -> Any:
        found = list(self._sending.dispatches.values())
        about: dict[str, object] = {"dispatch_ids": [one.id for one in found]}
        if len(found) == 1:
            about = {"dispatch_id": self.at_work.id, "campaign_id": self.at_work.campaign_id}
        return log.bind(**about, channel=self._sending.channel.name, worker=self._journal.worker)

    async def _send_until(self, until: datetime) -> bool:
        self._log.info("delivery.started")
        began, has_more = time.monotonic(), False
        beside = [asyncio.create_task(self._renew_leases()), asyncio.create_task(self._obey_pauses())]
        try:
            has_more = await self._send_batches(until)
        finally:
            if isinstance(self._channel, ClosableChannel):
                await self._channel.close()
            for task in beside:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            counts = {verdict.value: count for verdict, count in self._verdicts.items()}
            self._log.info("delivery.finished", **counts, has_more=has_more, seconds=round(time.monotonic() - began, 3))
        return has_more

    async def _send_batches(self, until: datetime) -> bool:
        while self._app.clock() < until and not (self._progress.ends_with_batch or self._journal.is_stopped):
            self._app.failpoint(Failpoint.BEFORE_CLAIM)
            due, skipped = await asyncio.to_thread(self._claim)
            self._app.failpoint(Failpoint.AFTER_CLAIM)
            self._log.debug("delivery.claimed", due=len(due), skipped=skipped)
            if not due and not skipped:
                return False
            if due and not await self._send_batch(due):
                # No progress: leave the rest to the next job instead of retrying in a loop.
                return False
            if self._audience <= len(due) + skipped < BATCH:
                # The whole of a small audience was in this batch: no need to ask for more.
                return False
        return True

    async def _send_batch(self, batch: Sequence[Delivery]) -> bool:
        """Send a batch and settle all of it. True if at least one delivery made progress."""
        held = await asyncio.to_thread(self._put_in_flight, batch) if self._may_wait else batch
        self._app.failpoint(Failpoint.AFTER_INTENT)
        settled: set[int] = set()
        has_progress = False
        self._stopped_by = None
        self._progress.note(is_waiting=True)
        try:
            async for group in _grouped(self._outcomes(held)):
                self._progress.note(is_waiting=False)
                await _retry_commit(self._record, group, held)
                self._progress.note(is_waiting=True)
                settled.update(outcome.delivery_id for outcome in group)
                has_progress = has_progress or any(outcome.verdict in _PROGRESS for outcome in group)
        except ServiceError:
            raise
        except Exception as error:
            # A channel may be third-party code. Its bug must neither lose mail nor be retried every second.
            name = type(error).__name__
            reason, cause = f"the channel failed: {name}: {error}", f"channel error: {name}"
            await asyncio.to_thread(self._pause, self.at_work, reason, cause=cause)
            raise
        self._progress.note(is_waiting=False)
        left = [delivery for delivery in held if delivery.id not in settled | self._given_back]
        await _retry_commit(self._release_rest, left)
        self._journal.forget()
        if isinstance(self._stopped_by, DiskFullError):
            raise self._stopped_by
        if self._journal.is_stopped:
            self._log.info("delivery.stopped", unsent=len(left))
        elif self._stopped_by is not None:
            self._log.warning("delivery.lease_lost", unsent=len(left))
        return has_progress

    async def _outcomes(self, held: Sequence[Delivery]) -> AsyncIterator[Outcome]:
        """What the channel says of each delivery, until the journal lets none begin any more."""
        is_broadcast = self._channel.capabilities.audience is Audience.BROADCAST
        self._waiting.extend(self._turns(held))
        try:
            while self._waiting:
                turn = self._waiting.popleft()
                dispatch_id = turn[0].dispatch_id
                self.at_work = self._sending.dispatches[dispatch_id]
                if is_broadcast:
                    self._journal.begin(turn[0])
                rendition, context = self._sending.renditions[dispatch_id], self._contexts[dispatch_id]
                async for outcome in self._channel.send(rendition, turn, context):
                    yield outcome
        except (LeaseLostError, DiskFullError) as error:
            # Messages in transit have their outcomes by now; the others were not begun.
            self._stopped_by = error
        finally:
            self._waiting.clear()

    def _turns(self, held: Sequence[Delivery]) -> Iterator[list[Delivery]]:
        """The deliveries of each dispatch, in the order of the dispatches, for one call of the channel each."""
        for number in self._sending.dispatches:
            own = [delivery for delivery in held if delivery.dispatch_id == number]
            if self._channel.capabilities.audience is Audience.BROADCAST:
                # Few deliveries, each its own call: it may reach the network from when its turn comes.
                yield from ([delivery] for delivery in own)
            elif own:
                yield own

    def _claim(self) -> tuple[list[Delivery], int]:
        """The deliveries to send, and how many were suppressed or deferred instead."""
        now = self._app.clock()
        self._day = now.date()
        with self._lease.claim() as lease_until, self._app.database.begin() as connection:
            claimed = deliveries.claim(
                connection,
                list(self._sending.dispatches),
                worker=self._journal.worker,
                limit=BATCH,
                now=now,
                lease_until=lease_until,
                state=DeliveryState.CLAIMED if self._may_wait else DeliveryState.IN_FLIGHT,
            )
            if not self._may_wait:
                return claimed.deliveries, claimed.suppressed
            due = defer_outside_window(connection, self._sending.channel.id, claimed.deliveries, self._timing, now=now)
        return due, claimed.suppressed + len(claimed.deliveries) - len(due)

    @property
    def _may_wait(self) -> bool:
        """Whether a send window or a quota may defer claimed deliveries; else they are in flight once claimed."""
        return self._timing.quiet is not None or self._timing.warm_up is not None

    def _put_in_flight(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Commit the intent to send; deliveries that were paused or lost meanwhile are given back."""
        now = self._app.clock()
        with self._lease.claim() as lease_until, self._app.database.begin() as connection:
            still_held = deliveries.mark_in_flight(connection, batch, now=now, lease_until=lease_until)
            deliveries.release(connection, [one for one in batch if one.id not in still_held], now=now)
            self._return_quota(connection, len(batch) - len(still_held))
        return [delivery for delivery in batch if delivery.id in still_held]

    def _record(self, group: Sequence[Outcome], held: Sequence[Delivery]) -> None:
        by_id = {delivery.id: delivery for delivery in held}
        now = self._app.clock()
        settlements = [
            settle_outcome(outcome, by_id[outcome.delivery_id], now=now, schedule=self._timing.retries)
            for outcome in group
        ]
        for outcome in group:
            if outcome.delivery_id in self._journal.in_doubt:
                self._journal.settle(outcome)
        self._app.failpoint(Failpoint.BEFORE_COMMIT)
        with self._app.database.begin() as connection:
            self._reopen(connection)
            commit_settlements(self._app, connection, settlements, now=now)
            self._return_quota(connection, sum(outcome.verdict not in _QUOTA_USED for outcome in group))
        self._app.failpoint(Failpoint.AFTER_COMMIT)
        self._verdicts.update(outcome.verdict for outcome in group)
        rejected = {
            by_id[outcome.delivery_id].dispatch_id: outcome
            for outcome in group
            if outcome.verdict is Verdict.SENDER_REJECTED
        }
        for number, outcome in rejected.items():
            reason = f"the sender was rejected: {outcome.reply_code or ''} {outcome.reply}".strip()
            self._pause(self._sending.dispatches[number], reason, cause="sender rejected")

    def _release_rest(self, left: Sequence[Delivery]) -> None:
        """Settle deliveries without an outcome: those that were started are unknown, the others were not sent."""
        now = self._app.clock()
        unknown = [
            Settlement(
                outcome=Outcome.of(delivery, Verdict.UNKNOWN, reply="the channel returned no outcome"),
                state=DeliveryState.UNKNOWN,
                next_at=now,
            )
            for delivery in left
            if delivery.id in self._journal.in_doubt
        ]
        unsent = [delivery for delivery in left if delivery.id not in self._journal.in_doubt]
        with self._app.database.begin() as connection:
            self._reopen(connection)
            deliveries.settle(connection, unknown, now=now)
            self._release(connection, unsent)
        self._verdicts[Verdict.UNKNOWN] += len(unknown)
        # Only now: if the commit fails it is retried, and what was started must still count as started then.
        self._journal.in_doubt.clear()

    def _release_unsent(self, unsent: Sequence[Delivery]) -> None:
        with self._app.database.begin() as connection:
            self._reopen(connection)
            self._release(connection, unsent)

    def _release(self, connection: Connection, unsent: Sequence[Delivery]) -> None:
        deliveries.release(connection, unsent, now=self._app.clock())
        self._return_quota(connection, len(unsent))

    def _reopen(self, connection: Connection) -> None:
        """If the lease has run out, its deliveries may count as settled and the dispatch as finished by now."""
        if self._lease.has_run_out:
            for number in sorted(self._sending.dispatches):
                dispatches.reopen(connection, number)

    def _return_quota(self, connection: Connection, count: int) -> None:
        return_unused_quota(connection, self._sending.channel.id, self._timing, self._day, count=count)

    def _pause(self, dispatch: Dispatch, reason: str, *, cause: str) -> None:
        """Pause a dispatch; log and history have its `cause`: `reason` may quote a reply with an address in it."""
        with self._app.database.begin() as connection:
            is_paused = _pause(connection, dispatch, reason[:500], detail=cause, now=self._app.clock())
        if is_paused:
            self._log.warning("delivery.paused", dispatch_id=dispatch.id, reason=cause)

    async def _obey_pauses(self) -> None:
        """Once a dispatch is paused or cancelled, nothing of the batch begins that has not begun.

        Nor does it for the other dispatches, once the run waits in the background for the servers of one.
        """
        while not self._journal.is_stopped:
            await asyncio.sleep(PAUSE_CHECK_SECONDS)
            if self._progress.ends_with_batch and self._waiting:
                await self._give_back()
            # If PostgreSQL is away, nothing is known of a pause.
            with suppress(ServiceError):
                if not await asyncio.to_thread(self._is_running):
                    self._journal.stop()

    def _is_running(self) -> bool:
        with self._app.database.begin() as connection:
            return dispatches.are_running(connection, self._sending.dispatches)

    async def _give_back(self) -> None:
        """Leave to others what the channel has not got yet."""
        unsent = [delivery for turn in self._waiting for delivery in turn]
        self._waiting.clear()
        self._given_back.update(delivery.id for delivery in unsent)
        await _retry_commit(self._release_unsent, unsent)

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            # If PostgreSQL is away, the next renewal tries again; a lease outlasts several renewals.
            with suppress(ServiceError):
                await asyncio.to_thread(self._extend_leases)

    def _extend_leases(self) -> None:
        with self._lease.renew() as lease_until, self._app.database.begin() as connection:
            leases.extend(connection, self._journal.worker, lease_until=lease_until)


async def _retry_commit(write: Callable[..., None], *arguments: object) -> None:
    """Call `write` in a thread, and again every second while PostgreSQL is away. Raises ServiceError at the end."""
    for _ in range(COMMIT_RETRY_SECONDS):
        try:
            return await asyncio.to_thread(write, *arguments)
        except ServiceError:
            await asyncio.sleep(1)
    return await asyncio.to_thread(write, *arguments)


async def _grouped(outcomes: AsyncIterator[Outcome]) -> AsyncIterator[list[Outcome]]:
    """Outcomes in groups of at most COMMIT_GROUP, each committed within COMMIT_WITHIN_SECONDS.

    The channel goes on sending while a group is being committed.
    """
    queue: asyncio.Queue[Outcome | None] = asyncio.Queue()

    async def fill() -> None:
        try:
            async for outcome in outcomes:
                queue.put_nowait(outcome)
        finally:
            queue.put_nowait(None)

    filling = asyncio.create_task(fill())
    try:
        is_open = True
        while is_open:
            group, is_open = await _next_group(queue)
            if group:
                yield group
        await filling
    finally:
        filling.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await filling


async def _next_group(queue: asyncio.Queue[Outcome | None]) -> tuple[list[Outcome], bool]:
    """The outcomes that arrive within the time allowed, and whether more may come."""
    group: list[Outcome] = []
    loop = asyncio.get_running_loop()
    deadline: float | None = None
    while len(group) < COMMIT_GROUP:
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await queue.get()
        except TimeoutError:
            return group, True
        if outcome is None:
            return group, False
        group.append(outcome)
        deadline = deadline or loop.time() + COMMIT_WITHIN_SECONDS
    return group, True
