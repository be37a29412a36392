"""The batch that is being sent: the queue of each relay, and the outcomes so far."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from distributor.channels.api import Lease, RateLimit, RateLimiter, Route, RoutePause, SendContext
from distributor.channels.email.delivery.messages import Composer, Message, PendingMessage
from distributor.channels.email.delivery.outcomes import OutcomeFactory
from distributor.channels.email.delivery.replies import classify_reply
from distributor.channels.email.delivery.routes import RouteView
from distributor.channels.email.relays import Relay, Routing
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import AddressError, InputError, LeaseLostError
from distributor.domain.retry_policy import spread
from distributor.mail.address import Address
from distributor.mail.bounces.policy import PauseScope
from distributor.mail.smtp.connect import SenderRejectedError
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError

# How many seconds a batch may wait for the rate limiter; after that the rest of its deliveries is throttled.
RATE_PATIENCE_SECONDS = 5.0
# One message of a batch is due when the route it waits for is to be probed; the others within this time after that,
# and not all at once.
_DUE_WITHIN = timedelta(minutes=15)
# How often to look whether another message's probe has ended.
_POLL_SECONDS = 0.1


class RateView:
    """The channel's rate limiter as one batch uses it: an empty bucket is not asked again before it has a token."""

    def __init__(self, limiter: RateLimiter, *, patience: float = RATE_PATIENCE_SECONDS) -> None:
        self._limiter = limiter
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + patience
        self._empty_until: dict[RateLimit, float] = {}

    def take(self, limits: Sequence[RateLimit]) -> float:
        """Take a token from each bucket and return 0; or take none and return the seconds to wait."""
        now = self._loop.time()
        wait = max((self._empty_until.get(limit, 0) - now for limit in limits), default=0)
        if wait > 0 or not limits:
            return max(wait, 0)
        wait = self._limiter.take(limits) / timedelta(seconds=1)
        if wait > 0:
            # The limiter does not say which is empty: most likely the slowest, and asking again costs little.
            self._empty_until[min(limits, key=lambda limit: limit.per_second)] = now + wait
        return wait

    def is_too_long(self, wait: float) -> bool:
        """Whether the batch must not wait so long any more."""
        return self._loop.time() + wait > self._deadline

    def reserve(self, limits: Sequence[RateLimit]) -> timedelta:
        """When a message that cannot wait here may be sent, by the slowest of these limits."""
        return self._limiter.reserve(min(limits, key=lambda limit: limit.per_second))


class Batch:
    """What is left to send, and the outcomes. Shared by the senders of one event loop."""

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        relays: Sequence[Relay],
        composer: Composer,
        context: SendContext,
        *,
        unreachable: set[str],
    ) -> None:
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.is_stopped = False
        self._relays = relays
        self._unreachable = unreachable
        self._composer = composer
        self._context = context
        self._factory = OutcomeFactory(composer, context.now)
        self._routes = RouteView(context.routes)
        self._rates = RateView(context.rate_limiter)
        self._queues: dict[str, deque[PendingMessage]] = {relay.name: deque() for relay in relays}
        self._next_in: dict[str, float] = {}
        # The probes that a message of this batch is due for.
        self._awaited_probes: set[tuple[Route, datetime]] = set()
        # Relays that cannot be used any more in this batch, and why.
        self._unusable: dict[str, SmtpSessionError | RoutePause] = {}
        routing = Routing(relays, composer.sender_domain)
        for delivery in deliveries:
            self._add(delivery, routing)

    # Queues

    def relays_with_work(self) -> list[Relay]:
        return [relay for relay in self._relays if self.has_work(relay)]

    def has_work(self, relay: Relay) -> bool:
        return not self.is_stopped and bool(self._queues[relay.name])

    def connections_for(self, relay: Relay) -> int:
        """How many connections to open for the relay's queue: one if the relay is paused and has to be probed first.

        0 if another worker probes it; then its queue is moved to other relays.
        """
        if not self._routes.is_relay_paused(relay):
            # Two messages go over one: it has sent the first before another could be opened.
            return min(relay.connections, max(1, len(self._queues[relay.name]) - 1))
        if self._routes.begin_relay_probe(relay):
            return 1
        self._reroute(relay)
        return 0

    def take(self, relay: Relay) -> Message | None:
        """The next message for this relay, composed; None if none may be sent now."""
        queue = self._queues[relay.name]
        waits: list[float] = []
        for _ in range(len(queue)):
            if not self.has_work(relay):
                break
            pending = queue.popleft()
            wait = self._seconds_until(pending, relay)
            if wait is None:
                continue
            if wait > 0:
                waits.append(wait)
                queue.append(pending)
            elif (message := self._compose(pending)) is not None:
                return message
        self._next_in[relay.name] = min(waits, default=0)
        return None

    def seconds_until_next(self, relay: Relay) -> float:
        """How long to wait after `take` returned None although the relay has work."""
        return self._next_in[relay.name]

    def requeue(self, message: Message | None, relay: Relay) -> None:
        """Put back a message that was definitely not sent."""
        if message is not None:
            self._queues[relay.name].appendleft(message.pending)

    def is_blocked(self, message: Message, relay: Relay) -> bool:
        """Whether the message must not be sent any more, because of replies that came after it was taken."""
        pause = self._routes.pause_of(message.pending, relay, now=self._context.now())
        return self.is_stopped or relay.name in self._unusable or pause is not None

    # Results of messages

    def begin(self, message: Message) -> None:
        """Note in the journal that the message is about to be sent. Raises LeaseLostError."""
        self._context.journal.begin(message.delivery)
        message.pending.is_journaled = True

    @property
    def lease(self) -> Lease:
        """To be checked right before the server gets the end of a message."""
        return self._context.lease

    def apply_reply(self, message: Message, relay: Relay, stage: SmtpStage, reply: SmtpReply) -> None:
        """The server's final reply to the message."""
        recipient = message.delivery.recipient
        classification = classify_reply(reply, stage=stage, now=self._context.now(), recipient=recipient)
        if classification.pause in (PauseScope.RELAY, PauseScope.DESTINATION):
            is_relay = classification.pause is PauseScope.RELAY
            route = Route(relay.name) if is_relay else message.pending.route_over(relay)
            self._back_off(message, relay, self._routes.pause(route, f"{classification.reason}: {reply}"))
            return
        if classification.pause is PauseScope.NONE:
            self._routes.resume(message.pending)
        self._finish(message, self._factory.from_reply(message, classification, reply))

    def defer(self, message: Message, error: SmtpSessionError) -> None:
        """The message was definitely not sent, and a later attempt may succeed."""
        self._finish(message, self._factory.deferred(message.delivery, error))

    def mark_unsent(self, message: Message, error: LeaseLostError) -> None:
        """The end of the message was not written because the lease had run out: whoever holds it now may send it."""
        self._finish(message, Outcome.of(message.delivery, Verdict.RETRY_REMAINING, reply=str(error)))

    def mark_unknown(self, message: Message, error: SmtpSessionError) -> None:
        """The reply to the message was lost, so this batch does not send it over another relay either."""
        self._finish(message, self._factory.unknown(message.delivery, error))

    def reject_unsent(self, message: Message, outcome: Outcome) -> None:
        """The server's limits exclude the message, so it is not offered at all."""
        self._finish(message, outcome)

    # Relays that cannot be used

    def pause_relay(self, relay: Relay, error: SenderRejectedError) -> None:
        """The server rejects the client itself: the relay pauses."""
        self._unusable[relay.name] = self._routes.pause(Route(relay.name), str(error))

    def give_up(self, relay: Relay, error: SmtpSessionError) -> None:
        """A sender could not reach the relay or got no replies; that counts if the others left work."""
        if self.has_work(relay):
            self._unusable.setdefault(relay.name, error)
            self._unreachable.add(relay.name)

    def release(self, relay: Relay) -> None:
        """All senders of the relay have ended: what it left goes over another relay, or gets an outcome."""
        if relay.name in self._unusable and not self.is_stopped:
            self._reroute(relay)

    def _reroute(self, relay: Relay) -> None:
        queue, self._queues[relay.name] = self._queues[relay.name], deque()
        for pending in queue:
            self._routes.end_probes(pending)
            self._enqueue(pending)

    def _add(self, delivery: Delivery, routing: Routing) -> None:
        try:
            recipient = Address.parse(delivery.recipient)
        except AddressError as error:
            self._report(Outcome.of(delivery, Verdict.FAILED, reply_code=553, reply=f"5.1.3 {error}"))
            return
        relays = routing.relays_for(delivery.id, recipient.domain)
        if not relays:
            reason = f"no relay takes mail from {routing.sender} to {recipient.domain}: see `relays` of the channel"
            self._report(Outcome.of(delivery, Verdict.SENDER_REJECTED, reply=reason))
            return
        self._enqueue(PendingMessage(delivery, recipient, relays))

    def _enqueue(self, pending: PendingMessage) -> None:
        """Queue the message for the best relay that can be used, or report its outcome if there is none."""
        relay = self._usable_relay(pending)
        if relay is not None:
            self._queues[relay.name].append(pending)
            return
        now = self._context.now()
        obstacles = [self._unusable.get(one.name) or self._routes.relay_pause(one, now=now) for one in pending.relays]
        error = next((one for one in obstacles if isinstance(one, SmtpSessionError)), None)
        pauses = [one for one in obstacles if isinstance(one, RoutePause)]
        if error is not None or not pauses:
            self._report(self._factory.deferred(pending.delivery, error or SmtpSessionError("no relay was tried")))
        else:
            self._report(self._wait_for_route(pending.delivery, min(pauses, key=lambda pause: pause.probe_at)))

    def _usable_relay(self, pending: PendingMessage) -> Relay | None:
        now = self._context.now()
        left = (relay for relay in pending.relays if relay.name not in self._unusable)
        relays = sorted(left, key=lambda relay: relay.name in self._unreachable)
        return next((relay for relay in relays if self._routes.relay_pause(relay, now=now) is None), None)

    def _seconds_until(self, pending: PendingMessage, relay: Relay) -> float | None:
        """Seconds until the message may go over this relay: 0 for now, None if it has been queued or reported."""
        now = self._context.now()
        if self._routes.is_being_probed(pending, relay):
            return _POLL_SECONDS
        if relay.name in self._unusable:
            self._enqueue(pending)
            return None
        pause = self._routes.pause_of(pending, relay, now=now)
        if pause is not None:
            if pause.route.destination:
                self._report(self._wait_for_route(pending.delivery, pause))
            else:
                self._enqueue(pending)
            return None
        limits = () if pending.has_rate_tokens else relay.limits_to(pending.destination)
        wait = self._rates.take(limits)
        if wait > 0 and self._rates.is_too_long(wait):
            self._routes.end_probes(pending)
            until = now + self._rates.reserve(limits)
            why = f"the rate to {pending.destination} is used up"
            self._report(self._factory.throttled(pending.delivery, until, why))
            return None
        if wait > 0:
            return wait
        pending.has_rate_tokens = True
        return 0 if self._routes.begin_probes(pending, relay) else _POLL_SECONDS

    def _compose(self, pending: PendingMessage) -> Message | None:
        try:
            return self._composer.compose(pending)
        except InputError as error:
            self._routes.end_probes(pending)
            self._report(Outcome.of(pending.delivery, Verdict.SENDER_REJECTED, reply=str(error)))
            return None

    def _wait_for_route(self, delivery: Delivery, pause: RoutePause) -> Outcome:
        probe = (pause.route, pause.probe_at)
        is_first = probe not in self._awaited_probes
        self._awaited_probes.add(probe)
        due_at = pause.probe_at if is_first else pause.probe_at + _DUE_WITHIN * spread(delivery.id)
        return self._factory.wait_for_route(delivery, pause, due_at)

    def _back_off(self, message: Message, relay: Relay, pause: RoutePause) -> None:
        """The sender was rejected. Another relay may accept the message, unless its destination has rejected it."""
        pending = message.pending
        self._routes.end_probes(pending)
        if pause.route.destination:
            self._finish(message, self._wait_for_route(message.delivery, pause))
            return
        self._unusable[relay.name] = pause
        if not pending.is_journaled:
            self._enqueue(pending)
        elif self._usable_relay(pending) is not None:
            self._finish(message, self._factory.throttled(message.delivery, self._context.now(), str(pause)))
        else:
            self._finish(message, self._wait_for_route(message.delivery, pause))

    def _finish(self, message: Message, outcome: Outcome) -> None:
        self._routes.end_probes(message.pending)
        if message.pending.is_journaled:
            self._context.journal.settle(outcome)
        self._report(outcome)

    def _report(self, outcome: Outcome) -> None:
        """A rejection of the mail itself stops the batch: the next delivery would only be rejected as well."""
        self.is_stopped = self.is_stopped or outcome.verdict is Verdict.SENDER_REJECTED
        self.outcomes.put_nowait(outcome)
