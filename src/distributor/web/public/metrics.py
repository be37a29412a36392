"""Metrics: requests as they are counted here, and the ledger as it is at the moment of asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.campaign import Dispatch
from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.tracking import STREAM
from distributor.storage import campaigns, channels, delivery_queries, dispatches, heartbeats, paused_routes
from distributor.storage.database import Connection

# What is older than this is history: it is in the ledger, not in a gauge.
_NEWS = timedelta(days=1)
_CAMPAIGNS = 100

_log = structlog.get_logger(__name__)


class MetricsEndpoint:
    """Says how much was sent, so the proxy in front should keep strangers out."""

    def __init__(self, app: AppContext, registry: CollectorRegistry) -> None:
        self._registry = registry
        registry.register(_Ledger(app))

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.send)]

    def send(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_LATEST}
        return Response(generate_latest(self._registry), headers=headers)


class _Ledger(Collector):
    """Looks at the ledger at every scrape. What does not answer is left out: a missing number is no zero."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        try:
            with self._app.database.begin() as connection:
                yield from self._states(connection)
                yield from self._silence(connection)
                yield self._lanes(connection)
        except ServiceError as error:
            _log.error("a service does not answer", reason=str(error))
        try:
            waiting = self._app.redis.xlen(STREAM)
        except RedisError as error:
            _log.error("a service does not answer", reason=f"Redis: {type(error).__name__}")
        else:
            yield GaugeMetricFamily("distributor_events_waiting", "Opens and clicks not in the ledger yet.", waiting)

    def _states(self, connection: Connection) -> Iterator[Metric]:
        by_dispatch = GaugeMetricFamily(
            "distributor_dispatches",
            f"Dispatches of the {_CAMPAIGNS} newest campaigns, open or finished within a day.",
            labels=["kind", "state"],
        )
        by_delivery = GaugeMetricFamily(
            "distributor_deliveries", "Deliveries of those dispatches.", labels=["kind", "state"]
        )
        counts: Counter[tuple[str, str]] = Counter()
        sums: Counter[tuple[str, str]] = Counter()
        for dispatch in self._recent(connection):
            counts[dispatch.kind, dispatch.state.value] += 1
            for state, count in delivery_queries.totals(connection, dispatch.id).by_state.items():
                sums[dispatch.kind, state.value] += count
        for labels, count in counts.items():
            by_dispatch.add_metric(labels, count)
        for labels, count in sums.items():
            by_delivery.add_metric(labels, count)
        yield by_dispatch
        yield by_delivery

    def _recent(self, connection: Connection) -> Iterator[Dispatch]:
        since = self._app.clock() - _NEWS
        for campaign in campaigns.latest(connection, limit=_CAMPAIGNS):
            for dispatch in dispatches.of_campaign(connection, campaign.id):
                if dispatch.finished_at is None or dispatch.finished_at > since:
                    yield dispatch

    def _lanes(self, connection: Connection) -> Metric:
        paused = GaugeMetricFamily(
            "distributor_paused_lanes", "Lanes that wait for a refusal to end.", labels=["channel"]
        )
        for channel in channels.all_channels(connection):
            paused.add_metric([channel.name], len(paused_routes.paused(connection, channel.id)))
        return paused

    def _silence(self, connection: Connection) -> Iterator[Metric]:
        last = heartbeats.last_heartbeat(connection, "beat")
        if last is not None:
            seconds = (self._app.clock() - last).total_seconds()
            yield GaugeMetricFamily("distributor_beat_age_seconds", "Seconds since the beat last ticked.", seconds)
