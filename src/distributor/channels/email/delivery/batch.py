"""The batch that is being sent: what is left of it, over which relay, and what has been told about it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from distributor.channels.api import Route, RoutePause, SendContext
from distributor.channels.email.delivery.messages import Composer, Message, PendingMessage
from distributor.channels.email.delivery.outcomes import Outcomes
from distributor.channels.email.delivery.rates import RateView
from distributor.channels.email.delivery.refusal_scope import RefusalScope, scope_of
from distributor.channels.email.delivery.replies import judge
from distributor.channels.email.delivery.routes import LaneView
from distributor.channels.email.relays import Relay, Routing
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import AddressError, InputError
from distributor.domain.retry_policy import spread
from distributor.mail.address import Address
from distributor.mail.smtp.connect import SenderRejectedError
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply, SmtpSessionError

# What waits for a paused lane comes back within so long after the next probe, and not all of it at once.
_BACK_WITHIN = timedelta(minutes=15)
# How often to look whether somebody else's probe has been answered, in seconds.
_LOOK_EVERY = 0.1


class Batch:
    """What is left to send, and what has been told. Shared by the couriers of one event loop."""

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        relays: Sequence[Relay],
        composer: Composer,
        context: SendContext,
        *,
        unreached: set[str],
    ) -> None:
        self.told: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.is_stopped = False
        self._relays = relays
        self._unreached = unreached
        self._composer = composer
        self._context = context
        self._outcomes = Outcomes(composer, context.now)
        self._lanes = LaneView(context.lanes)
        self._rates = RateView(context.rates)
        self._queues: dict[str, deque[PendingMessage]] = {relay.name: deque() for relay in relays}
        self._look_in: dict[str, float] = {}
        # Relays that cannot be used any more in this batch, and what went wrong there.
        self._out: dict[str, SmtpSessionError | RoutePause] = {}
        routing = Routing(relays, composer.sender_domain)
        for delivery in deliveries:
            self._add(delivery, routing)

    # Work

    def relays_with_work(self) -> list[Relay]:
        return [relay for relay in self._relays if self.has_work(relay)]

    def has_work(self, relay: Relay) -> bool:
        return not self.is_stopped and bool(self._queues[relay.name])

    def connections_for(self, relay: Relay) -> int:
        """How many connections what waits for the relay is worth: one for a relay that has to be tried out first.

        None, and nothing waits for it any more, where another worker is trying it out.
        """
        if not self._lanes.is_paused(relay):
            return min(relay.connections, len(self._queues[relay.name]))
        if self._lanes.begin_relay_probe(relay):
            return 1
        self._move(relay)
        return 0

    def take(self, relay: Relay) -> Message | None:
        """The next letter over this relay, composed; None if there is none that may be sent at this moment."""
        queue = self._queues[relay.name]
        waits: list[float] = []
        for _ in range(len(queue)):
            if not self.has_work(relay):
                break
            order = queue.popleft()
            wait = self._wait_for(order, relay)
            if wait is None:
                continue
            if wait > 0:
                waits.append(wait)
                queue.append(order)
            elif (letter := self._compose(order)) is not None:
                return letter
        self._look_in[relay.name] = min(waits, default=0)
        return None

    def seconds_to_look_again(self, relay: Relay) -> float:
        """When `take` gave nothing though there is work: how long until it may."""
        return self._look_in[relay.name]

    def give_back(self, letter: Message | None, relay: Relay) -> None:
        """The letter was surely not sent: somebody may take it again."""
        if letter is not None:
            self._queues[relay.name].appendleft(letter.order)

    def is_barred(self, letter: Message, relay: Relay) -> bool:
        """Whether the letter must not be sent any more, because of what was answered since it was taken."""
        pause = self._lanes.pause_of(letter.order, relay, now=self._context.now())
        return self.is_stopped or relay.name in self._out or pause is not None

    # Answers

    def begin(self, letter: Message) -> None:
        """The next thing to happen may reach the recipient."""
        self._context.journal.begin(letter.delivery)
        letter.order.is_begun = True

    def answer(self, letter: Message, relay: Relay, stage: SmtpStage, reply: SmtpReply) -> None:
        """The server's last word on the letter."""
        judgement = judge(reply, stage=stage, now=self._context.now())
        scope = scope_of(judgement.reason, stage=stage, reply=reply)
        if judgement.verdict is Verdict.SENDER_REJECTED and scope is not RefusalScope.MAIL:
            lane = Route(relay.name) if scope is RefusalScope.RELAY else letter.order.lane_over(relay)
            self._stand_back(letter, relay, self._lanes.pause(lane, f"{judgement.reason}: {reply}"))
            return
        if judgement.verdict is not Verdict.SENDER_REJECTED:
            self._lanes.resume(letter.order)
        self._conclude(letter, self._outcomes.of_reply(letter, judgement, reply))

    def defer(self, letter: Message, trouble: SmtpSessionError) -> None:
        """The letter was surely not sent, for a trouble that may pass."""
        self._conclude(letter, self._outcomes.deferral(letter.delivery, trouble))

    def doubt(self, letter: Message, trouble: SmtpSessionError) -> None:
        """Nobody knows what became of the letter, so this batch sends it over no other relay either."""
        self._conclude(letter, self._outcomes.doubt(letter.delivery, trouble))

    def spare(self, letter: Message, outcome: Outcome) -> None:
        """The server cannot even be asked to take the letter."""
        self._conclude(letter, outcome)

    def tell(self, outcome: Outcome) -> None:
        """A refusal of the mail itself stops the batch: the next delivery would only meet the same."""
        self.is_stopped = self.is_stopped or outcome.verdict is Verdict.SENDER_REJECTED
        self.told.put_nowait(outcome)

    # Relays that cannot be used

    def refuse_relay(self, relay: Relay, error: SenderRejectedError) -> None:
        """The server will not deal with us: the relay pauses."""
        self._out[relay.name] = self._lanes.pause(Route(relay.name), str(error))

    def give_up(self, relay: Relay, trouble: SmtpSessionError) -> None:
        """A courier could not reach the relay, or got no answers; that counts if nobody else did its work."""
        if self.has_work(relay):
            self._out.setdefault(relay.name, trouble)
            self._unreached.add(relay.name)

    def leave(self, relay: Relay) -> None:
        """Nobody works at the relay any more: what it left behind goes over another, or is told why not."""
        if relay.name in self._out and not self.is_stopped:
            self._move(relay)

    # What becomes of an order

    def _move(self, relay: Relay) -> None:
        orders, self._queues[relay.name] = self._queues[relay.name], deque()
        for order in orders:
            self._lanes.end_probes(order)
            self._enqueue(order)

    def _add(self, delivery: Delivery, routing: Routing) -> None:
        try:
            recipient = Address.parse(delivery.recipient)
        except AddressError as error:
            self.tell(Outcome.of(delivery, Verdict.FAILED, reply_code=553, reply=f"5.1.3 {error}"))
            return
        ways = routing.ways(delivery.id, recipient.domain)
        if not ways:
            reason = f"no relay takes mail from {routing.sender} to {recipient.domain}: see `relays` of the channel"
            self.tell(Outcome.of(delivery, Verdict.SENDER_REJECTED, reply=reason))
            return
        self._enqueue(PendingMessage(delivery, recipient, ways))

    def _enqueue(self, order: PendingMessage) -> None:
        """Let the order wait for the best relay that there still is."""
        relay = self._open_way(order)
        if relay is not None:
            self._queues[relay.name].append(order)
            return
        now = self._context.now()
        obstacles = [self._out.get(one.name) or self._lanes.relay_pause(one, now=now) for one in order.ways]
        trouble = next((one for one in obstacles if isinstance(one, SmtpSessionError)), None)
        pauses = [one for one in obstacles if isinstance(one, RoutePause)]
        if trouble is not None or not pauses:
            self.tell(self._outcomes.deferral(order.delivery, trouble or SmtpSessionError("no relay was tried")))
        else:
            self.tell(self._wait(order.delivery, min(pauses, key=lambda pause: pause.probe_at)))

    def _open_way(self, order: PendingMessage) -> Relay | None:
        now = self._context.now()
        left = (relay for relay in order.ways if relay.name not in self._out)
        ways = sorted(left, key=lambda relay: relay.name in self._unreached)
        return next((relay for relay in ways if self._lanes.relay_pause(relay, now=now) is None), None)

    def _wait_for(self, order: PendingMessage, relay: Relay) -> float | None:
        """Seconds that the order has to wait for this relay: 0 if it may go now, None if it was sent back for later."""
        now = self._context.now()
        if self._lanes.is_being_probed(order, relay):
            return _LOOK_EVERY
        if relay.name in self._out:
            self._enqueue(order)
            return None
        pause = self._lanes.pause_of(order, relay, now=now)
        if pause is not None:
            if pause.lane.destination:
                self.tell(self._wait(order.delivery, pause))
            else:
                self._enqueue(order)
            return None
        limits = () if order.has_paid else relay.limits_to(order.destination)
        wait = self._rates.take(limits)
        if wait > 0 and self._rates.is_too_long(wait):
            self._lanes.end_probes(order)
            turn = now + self._rates.turn(limits)
            self.tell(self._outcomes.hold(order.delivery, turn, f"the rate to {order.destination} is used up"))
            return None
        if wait > 0:
            return wait
        order.has_paid = True
        return 0 if self._lanes.begin_probes(order, relay) else _LOOK_EVERY

    def _compose(self, order: PendingMessage) -> Message | None:
        try:
            return self._composer.compose(order)
        except InputError as error:
            self._lanes.end_probes(order)
            self.tell(Outcome.of(order.delivery, Verdict.SENDER_REJECTED, reply=str(error)))
            return None

    def _wait(self, delivery: Delivery, pause: RoutePause) -> Outcome:
        back_at = pause.probe_at + _BACK_WITHIN * spread(delivery.id)
        return self._outcomes.wait_for_lane(delivery, pause, back_at)

    def _stand_back(self, letter: Message, relay: Relay, pause: RoutePause) -> None:
        """The letter was refused for what we are. Another relay may take it, unless it was for its destination."""
        order = letter.order
        self._lanes.end_probes(order)
        if pause.lane.destination:
            self._conclude(letter, self._wait(letter.delivery, pause))
            return
        self._out[relay.name] = pause
        if not order.is_begun:
            self._enqueue(order)
        elif self._open_way(order) is not None:
            self._conclude(letter, self._outcomes.hold(letter.delivery, self._context.now(), str(pause)))
        else:
            self._conclude(letter, self._wait(letter.delivery, pause))

    def _conclude(self, letter: Message, outcome: Outcome) -> None:
        self._lanes.end_probes(letter.order)
        if letter.order.is_begun:
            self._context.journal.settle(outcome)
        self.tell(outcome)
