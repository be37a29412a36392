"""The paused routes of a channel in the database: a channel pauses and probes them, an operator may resume them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from distributor.channels.api import Route, RoutePause
from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.storage import channels, paused_routes

log = structlog.get_logger(__name__)


class StoredRoutes:
    """The routes of one channel; each change is committed before the method returns."""

    def __init__(self, app: AppContext, channel_id: int) -> None:
        self._app = app
        self._channel_id = channel_id

    def paused(self) -> Sequence[RoutePause]:
        """All current pauses."""
        with self._app.database.begin() as connection:
            return [_pause(record) for record in paused_routes.paused(connection, self._channel_id)]

    def pause(self, route: Route, reason: str) -> RoutePause:
        """Pause a route whose server rejected the sender."""
        with self._app.database.begin() as connection:
            record = paused_routes.pause(
                connection,
                self._channel_id,
                route.relay,
                route.destination,
                reason=reason,
                now=self._app.clock(),
            )
        log.warning(
            "route.paused",
            channel_id=self._channel_id,
            route=str(route),
            next_probe_at=record.next_probe_at.isoformat(),
        )
        return _pause(record)

    def begin_probe(self, route: Route) -> RoutePause | None:
        """The right to send one delivery over a paused route, if its probe is due; else None."""
        with self._app.database.begin() as connection:
            record = paused_routes.begin_probe(
                connection, self._channel_id, route.relay, route.destination, now=self._app.clock()
            )
        return _pause(record) if record else None

    def resume(self, route: Route) -> None:
        """End the pause of a route that works again: deliveries that waited for it are due at once."""
        with self._app.database.begin() as connection:
            paused_routes.resume(connection, self._channel_id, route.relay, route.destination, now=self._app.clock())
        log.info("route.resumed", channel_id=self._channel_id, route=str(route))


def resume_routes(app: AppContext, channel_name: str, route: str = "") -> int:
    """End the pause of a route, written RELAY or RELAY/DESTINATION, or of all routes; returns how many were paused.

    Raises NotFoundError for a channel that does not exist, and for a route that is not paused.
    """
    with app.database.begin() as connection:
        channel = channels.find(connection, channel_name)
        paused = paused_routes.paused(connection, channel.id)
        chosen = [one for one in paused if not route or one.name == route]
        if route and not chosen:
            raise NotFoundError(
                "paused route", route, hint=f"`distributor channel routes list {channel_name}` shows them"
            )
        return paused_routes.resume_all(connection, channel.id, chosen, now=app.clock())


def _pause(record: paused_routes.PausedRouteRecord) -> RoutePause:
    return RoutePause(
        route=Route(record.relay, record.destination), reason=record.reason, probe_at=record.next_probe_at
    )
