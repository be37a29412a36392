"""The lanes of the channel as one batch sees and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from distributor.channels.api import Route, RoutePause, Routes
from distributor.channels.email.delivery.messages import PendingMessage
from distributor.channels.email.relays import Relay

# Refusals by so many destinations at a time are held to be about everything that leaves the relay.
_MOST_REFUSING = 3
_LONGEST_REASON = 500


class LaneView:
    """Which lanes bear. A pause that another worker makes or ends meanwhile is seen by the next batch."""

    def __init__(self, lanes: Routes) -> None:
        self._lanes = lanes
        self._pauses = {pause.lane: pause for pause in lanes.paused()}
        self._probing: set[Route] = set()
        # Probes of whole relays that may begin with the connection, before there is an order to take them up.
        self._granted: set[Route] = set()
        # What another worker is trying out.
        self._taken: set[Route] = set()

    def is_paused(self, relay: Relay) -> bool:
        """Whether the relay as a whole is, probed or not."""
        return Route(relay.name) in self._pauses

    def begin_relay_probe(self, relay: Relay) -> bool:
        """Let this batch try out the relay, from connecting to it on; False if another worker was faster."""
        lane = Route(relay.name)
        if lane not in self._granted and self._begin(lane):
            self._granted.add(lane)
        return lane in self._granted

    def pause_of(self, order: PendingMessage, relay: Relay, *, now: datetime) -> RoutePause | None:
        """What keeps the order off the relay; None if nothing does, or if the order may probe it."""
        pauses = self._pauses_on(order, relay)
        return next((one for one in pauses if one.lane not in order.probes and not self._is_due(one, now)), None)

    def relay_pause(self, relay: Relay, *, now: datetime) -> RoutePause | None:
        """What keeps everything off the relay; None if nothing does, or if it may be probed."""
        pause = self._pauses.get(Route(relay.name))
        return None if pause is None or self._is_due(pause, now) else pause

    def is_being_probed(self, order: PendingMessage, relay: Relay) -> bool:
        """Whether another order of this batch is trying out its lane."""
        lanes = {pause.lane for pause in self._pauses_on(order, relay)}
        return bool(lanes & self._probing) and not order.probes

    def begin_probes(self, order: PendingMessage, relay: Relay) -> bool:
        """Let the order try out what is paused on its way; False if another worker was faster."""
        if order.probes:
            return True
        for lane in [pause.lane for pause in self._pauses_on(order, relay)]:
            if lane not in self._granted and not self._begin(lane):
                self.end_probes(order)
                return False
            self._granted.discard(lane)
            self._probing.add(lane)
            order.probes = (*order.probes, lane)
        return True

    def end_probes(self, order: PendingMessage) -> None:
        """The order found nothing out."""
        self._probing.difference_update(order.probes)
        order.probes = ()

    def resume(self, order: PendingMessage) -> None:
        """The order came through as far as its lanes are concerned."""
        for lane in order.probes:
            self._lanes.resume(lane)
            self._pauses.pop(lane, None)
        self.end_probes(order)

    def pause(self, lane: Route, reason: str) -> RoutePause:
        """The lane was refused; if that happens to many destinations, the relay is. What is paused now."""
        if lane.destination:
            refusing = {one.destination for one in self._pauses if one.relay == lane.relay and one.destination}
            if len(refusing | {lane.destination}) >= _MOST_REFUSING:
                return self.pause(Route(lane.relay), f"several destinations refuse it: {reason}")
        self._pauses[lane] = self._lanes.pause(lane, reason[:_LONGEST_REASON])
        return self._pauses[lane]

    def _begin(self, lane: Route) -> bool:
        begun = self._lanes.begin_probe(lane)
        if begun is None:
            self._taken.add(lane)
        now_paused = begun or next((one for one in self._lanes.paused() if one.lane == lane), None)
        if now_paused is None:
            # Somebody else found it open meanwhile, and then there is nothing left to try out here either.
            del self._pauses[lane]
        else:
            self._pauses[lane] = now_paused
        return begun is not None

    def _pauses_on(self, order: PendingMessage, relay: Relay) -> Sequence[RoutePause]:
        if not self._pauses:
            return ()
        on_the_way = (Route(relay.name), order.lane_over(relay))
        return [self._pauses[lane] for lane in on_the_way if lane in self._pauses]

    def _is_due(self, pause: RoutePause, now: datetime) -> bool:
        if pause.lane in self._taken:
            return False
        return pause.probe_at <= now or pause.lane in self._probing | self._granted
