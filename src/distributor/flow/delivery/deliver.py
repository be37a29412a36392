"""Deliver: claim what is due of a dispatch, send it, and write down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from distributor.channels.api import Audience, Channel, ClosableChannel, ScheduledChannel, SendContext
from distributor.domain.campaign import Dispatch, DispatchState
from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Settlement, Verdict
from distributor.domain.errors import ServiceError
from distributor.domain.rendition import Rendition
from distributor.domain.retry_policy import settle_outcome
from distributor.domain.send_schedule import SendSchedule
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.delivery.send_window import defer_outside_window, return_unused_quota
from distributor.flow.failpoints import Failpoint
from distributor.flow.jobs import Job, delivery_jobs
from distributor.flow.journal import WorkerJournal, open_journal
from distributor.storage import channels, deliveries, dispatches, leases
from distributor.storage.database import Connection

LEASE = timedelta(seconds=90)
RENEW_EVERY = timedelta(seconds=20)
# What is claimed at a time: as much as may become unknown if a whole machine is lost with its journal.
BATCH = 100
# Outcomes are committed in groups of this many, or after this long.
COMMIT_GROUP = 50
COMMIT_WITHIN_SECONDS = 0.5
# How long outcomes are kept waiting for a PostgreSQL that is restarting, before they are left to the journal.
PATIENCE_SECONDS = 60

_PROGRESS = frozenset({Verdict.SENT, Verdict.DEFERRED, Verdict.FAILED, Verdict.UNKNOWN, Verdict.THROTTLED})

# What the other side has seen, as far as anybody can know.
_OUT_OF_HAND = frozenset({Verdict.SENT, Verdict.UNKNOWN})


def deliver(app: AppContext, dispatch_id: int, *, until: datetime) -> list[Job]:
    """Send what is due of a dispatch, beginning no batch after `until`; a ring if there is more to send right now.

    Raises ServiceError if PostgreSQL goes away; the journal then holds what it could not be told.
    """
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        if dispatch.state is not DispatchState.RUNNING:
            return []
        record = channels.find_by_id(connection, dispatch.channel_id)
        rendition = dispatches.rendition_of(connection, dispatch_id)
    with open_journal(app.journal_dir, failpoint=app.failpoint) as journal:
        run = _Run(
            app=app,
            dispatch=dispatch,
            rendition=rendition,
            channel=app.open_channel(record),
            journal=journal,
            context=send_context(app, record, journal),
        )
        has_more = asyncio.run(run.send_until(until))
    return delivery_jobs(dispatch)[:1] if has_more else []


class _Run:
    """One worker at work on one dispatch."""

    def __init__(
        self,
        *,
        app: AppContext,
        dispatch: Dispatch,
        rendition: Rendition,
        channel: Channel,
        journal: WorkerJournal,
        context: SendContext,
    ) -> None:
        self._app = app
        self._dispatch = dispatch
        self._rendition = rendition
        self._channel = channel
        self._journal = journal
        self._context = context
        self._timing = channel.timing if isinstance(channel, ScheduledChannel) else SendSchedule()
        self._day = app.clock().date()

    async def send_until(self, until: datetime) -> bool:
        renewal = asyncio.create_task(self._renew_leases())
        try:
            while self._app.clock() < until:
                self._app.failpoint(Failpoint.BEFORE_CLAIM)
                due, passed_over = await asyncio.to_thread(self._claim)
                self._app.failpoint(Failpoint.AFTER_CLAIM)
                if not due and not passed_over:
                    return False
                if due and not await self._send_batch(due):
                    # Nothing moved: leave it to the next ring instead of knocking in a loop.
                    return False
            return True
        finally:
            if isinstance(self._channel, ClosableChannel):
                await self._channel.close()
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal

    async def _send_batch(self, batch: Sequence[Delivery]) -> bool:
        """Send a batch and settle all of it. True if that brought anything further."""
        held = await asyncio.to_thread(self._put_in_flight, batch) if self._waits_its_turn else batch
        if self._channel.capabilities.audience is Audience.BROADCAST:
            # Few and each its own call: any of them may be on its way from here on.
            for delivery in held:
                self._journal.begin(delivery)
        self._app.failpoint(Failpoint.AFTER_INTENT)
        settled: set[int] = set()
        has_moved = False
        try:
            async for group in _grouped(self._channel.send(self._rendition, held, self._context)):
                await _patiently(self._record, group, held)
                settled.update(outcome.delivery_id for outcome in group)
                has_moved = has_moved or any(outcome.verdict in _PROGRESS for outcome in group)
        except ServiceError:
            raise
        except Exception as error:
            # A channel may be anybody's code. Its bug must neither lose mail nor be tried again every second.
            await asyncio.to_thread(self._pause, f"the channel broke: {type(error).__name__}: {error}")
            raise
        left = [delivery for delivery in held if delivery.id not in settled]
        await _patiently(self._put_back, left)
        self._journal.forget()
        return has_moved

    def _claim(self) -> tuple[list[Delivery], int]:
        """What to send, and how many were suppressed or put off instead."""
        now = self._app.clock()
        self._day = now.date()
        with self._app.database.begin() as connection:
            claimed = deliveries.claim(
                connection,
                self._dispatch.id,
                worker=self._journal.worker,
                limit=BATCH,
                now=now,
                lease_until=now + LEASE,
                state=DeliveryState.CLAIMED if self._waits_its_turn else DeliveryState.IN_FLIGHT,
            )
            if not self._waits_its_turn:
                return claimed.deliveries, claimed.suppressed
            due = defer_outside_window(connection, self._dispatch.channel_id, claimed.deliveries, self._timing, now=now)
        return due, claimed.suppressed + len(claimed.deliveries) - len(due)

    @property
    def _waits_its_turn(self) -> bool:
        """Whether what is claimed may have to wait; else it is on its way as soon as it is claimed."""
        return self._timing.quiet is not None or self._timing.warm_up is not None

    def _put_in_flight(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Commit the intent; what was paused or lost meanwhile is given back."""
        now = self._app.clock()
        with self._app.database.begin() as connection:
            still_held = deliveries.put_in_flight(connection, batch, now=now, lease_until=now + LEASE)
            deliveries.give_back(connection, [one for one in batch if one.id not in still_held], now=now)
            self._return_share(connection, len(batch) - len(still_held))
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
            deliveries.settle(connection, settlements, now=now)
            self._return_share(connection, sum(outcome.verdict not in _OUT_OF_HAND for outcome in group))
        self._app.failpoint(Failpoint.AFTER_COMMIT)
        refused = next((outcome for outcome in group if outcome.verdict is Verdict.SENDER_REJECTED), None)
        if refused is not None:
            self._pause(f"the sender was refused: {refused.reply_code or ''} {refused.reply}".strip())

    def _put_back(self, left: Sequence[Delivery]) -> None:
        """What the channel said nothing about: begun means unknown, not begun means not sent."""
        now = self._app.clock()
        unsaid = [
            Settlement(
                outcome=Outcome.of(delivery, Verdict.UNKNOWN, reply="no outcome was told"),
                state=DeliveryState.UNKNOWN,
                next_at=now,
            )
            for delivery in left
            if delivery.id in self._journal.in_doubt
        ]
        untouched = [delivery for delivery in left if delivery.id not in self._journal.in_doubt]
        with self._app.database.begin() as connection:
            deliveries.settle(connection, unsaid, now=now)
            deliveries.give_back(connection, untouched, now=now)
            self._return_share(connection, len(untouched))
        # Only now: if that fails it is done again, and what was begun must not be taken for untouched then.
        self._journal.in_doubt.clear()

    def _return_share(self, connection: Connection, count: int) -> None:
        return_unused_quota(connection, self._dispatch.channel_id, self._timing, self._day, count=count)

    def _pause(self, reason: str) -> None:
        with self._app.database.begin() as connection:
            dispatches.change_state(
                connection,
                self._dispatch.id,
                before={DispatchState.RUNNING},
                after=DispatchState.PAUSED,
                reason=reason[:500],
            )

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            # A PostgreSQL that is away is asked again the next time; a lease lasts for some of them.
            with suppress(ServiceError):
                await asyncio.to_thread(self._extend_leases)

    def _extend_leases(self) -> None:
        with self._app.database.begin() as connection:
            leases.extend(connection, self._journal.worker, lease_until=self._app.clock() + LEASE)


async def _patiently(write: Callable[..., None], *arguments: object) -> None:
    """Call `write` in a thread, again every second while PostgreSQL does not answer. Raises ServiceError in the end."""
    for _ in range(PATIENCE_SECONDS):
        try:
            return await asyncio.to_thread(write, *arguments)
        except ServiceError:
            await asyncio.sleep(1)
    return await asyncio.to_thread(write, *arguments)


async def _grouped(outcomes: AsyncIterator[Outcome]) -> AsyncIterator[list[Outcome]]:
    """Outcomes in groups of at most COMMIT_GROUP, none kept back for longer than COMMIT_WITHIN_SECONDS.

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
    """What the queue holds within the time allowed, and whether more may come."""
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
