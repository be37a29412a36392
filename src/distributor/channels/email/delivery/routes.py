"""The channel's routes as one batch sees and changes them: which are paused, and which this batch probes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from distributor.channels.api import Route, RoutePause, Routes
from distributor.channels.email.delivery.messages import PendingMessage
from distributor.channels.email.relays import Relay

# If so many destinations of a relay reject the sender at the same time, the relay as a whole pauses.
_MAX_REJECTING_DESTINATIONS = 3
_MAX_REASON = 500


class RouteView:
    """A pause that another worker starts or ends meanwhile is seen by the next batch."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._pauses = {pause.route: pause for pause in routes.paused()}
        self._probing: set[Route] = set()
        # Probes of whole relays that start with the connection, before a message takes them over.
        self._granted: set[Route] = set()
        # Routes that another worker probes.
        self._probed_elsewhere: set[Route] = set()

    def is_relay_paused(self, relay: Relay) -> bool:
        """Whether the relay as a whole is paused, probed or not."""
        return Route(relay.name) in self._pauses

    def begin_relay_probe(self, relay: Relay) -> bool:
        """Let this batch probe the relay, from connecting to it on; False if another worker does."""
        route = Route(relay.name)
        if route not in self._granted and self._begin_probe(route):
            self._granted.add(route)
        return route in self._granted

    def pause_of(self, pending: PendingMessage, relay: Relay, *, now: datetime) -> RoutePause | None:
        """The pause that keeps the message off the relay; None if there is none or the message may probe it."""
        pauses = self._pauses_on(pending, relay)
        return next((one for one in pauses if one.route not in pending.probes and not self._is_due(one, now)), None)

    def relay_pause(self, relay: Relay, *, now: datetime) -> RoutePause | None:
        """The pause that keeps every message off the relay; None if there is none or it may be probed."""
        pause = self._pauses.get(Route(relay.name))
        return None if pause is None or self._is_due(pause, now) else pause

    def is_being_probed(self, pending: PendingMessage, relay: Relay) -> bool:
        """Whether another message of this batch probes the message's route."""
        routes = {pause.route for pause in self._pauses_on(pending, relay)}
        return bool(routes & self._probing) and not pending.probes

    def begin_probes(self, pending: PendingMessage, relay: Relay) -> bool:
        """Let the message probe what is paused on its route; False if another worker does."""
        if pending.probes:
            return True
        for route in [pause.route for pause in self._pauses_on(pending, relay)]:
            if route not in self._granted and not self._begin_probe(route):
                self.end_probes(pending)
                return False
            self._granted.discard(route)
            self._probing.add(route)
            pending.probes = (*pending.probes, route)
        return True

    def end_probes(self, pending: PendingMessage) -> None:
        """End the message's probes without a result."""
        self._probing.difference_update(pending.probes)
        pending.probes = ()

    def resume(self, pending: PendingMessage) -> None:
        """Resume the routes that the message has probed: the sender was not rejected."""
        for route in pending.probes:
            self._routes.resume(route)
            self._pauses.pop(route, None)
        self.end_probes(pending)

    def pause(self, route: Route, reason: str) -> RoutePause:
        """Pause the route, or its relay if many destinations reject the sender. Returns the pause that was made."""
        if route.destination:
            rejecting = {one.destination for one in self._pauses if one.relay == route.relay and one.destination}
            if len(rejecting | {route.destination}) >= _MAX_REJECTING_DESTINATIONS:
                return self.pause(Route(route.relay), f"several destinations refuse it: {reason}")
        self._pauses[route] = self._routes.pause(route, reason[:_MAX_REASON])
        return self._pauses[route]

    def _begin_probe(self, route: Route) -> bool:
        begun = self._routes.begin_probe(route)
        if begun is None:
            self._probed_elsewhere.add(route)
        pause = begun or next((one for one in self._routes.paused() if one.route == route), None)
        if pause is None:
            # Another worker has resumed it meanwhile, so there is nothing to probe.
            del self._pauses[route]
        else:
            self._pauses[route] = pause
        return begun is not None

    def _pauses_on(self, pending: PendingMessage, relay: Relay) -> Sequence[RoutePause]:
        if not self._pauses:
            return ()
        routes = (Route(relay.name), pending.route_over(relay))
        return [self._pauses[route] for route in routes if route in self._pauses]

    def _is_due(self, pause: RoutePause, now: datetime) -> bool:
        if pause.route in self._probed_elsewhere:
            return False
        return pause.probe_at <= now or pause.route in self._probing | self._granted
