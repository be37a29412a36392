"""The metrics endpoint: request metrics of this process, and deliveries and routes from the database."""

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

from distributor.domain.campaign import CampaignPurpose, Dispatch
from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.tracking import STREAM
from distributor.flow.operations.attention import Concern
from distributor.storage import (
    campaigns,
    channels,
    delivery_totals,
    dispatches,
    heartbeats,
    notices,
    paused_routes,
    quarantine,
)
from distributor.storage.database import Connection

# Older dispatches are not in the gauges.
_RECENT = timedelta(days=1)
_MAX_CAMPAIGNS = 100
_MAX_RUNNING = 1000
_COUNTED = frozenset(CampaignPurpose) - {CampaignPurpose.TEST}

_log = structlog.get_logger(__name__)


class MetricsEndpoint:
    """The Prometheus endpoint. It shows how much was sent: the reverse proxy should restrict access to it."""

    def __init__(self, app: AppContext, registry: CollectorRegistry) -> None:
        self._registry = registry
        registry.register(_DatabaseCollector(app))

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.send)]

    def send(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_LATEST}
        return Response(generate_latest(self._registry), headers=headers)


class _DatabaseCollector(Collector):
    """Queries the database and Redis at every scrape. Metrics of a server that is down are left out, not zero."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        try:
            with self._app.database.begin() as connection:
                yield from self._states(connection)
                yield from self._beat_age(connection)
                yield self._routes(connection)
                yield self._held(connection)
                yield self._attention(connection)
        except ServiceError as error:
            _log.error("service unavailable", reason=str(error))
        try:
            waiting = self._app.redis.xlen(STREAM)
        except RedisError as error:
            _log.error("service unavailable", reason=f"Redis: {type(error).__name__}")
        else:
            yield GaugeMetricFamily(
                "distributor_events_waiting", "Opens and clicks not stored in the database yet.", waiting
            )

    def _states(self, connection: Connection) -> Iterator[Metric]:
        by_dispatch = GaugeMetricFamily(
            "distributor_dispatches",
            "Dispatches but tests: those being sent, and of the newest campaigns those open or finished within a day.",
            labels=["kind", "state"],
        )
        by_delivery = GaugeMetricFamily(
            "distributor_deliveries", "Deliveries of those dispatches.", labels=["kind", "state"]
        )
        counts: Counter[tuple[str, str]] = Counter()
        sums: Counter[tuple[str, str]] = Counter()
        recent = self._recent(connection)
        totals = delivery_totals.of_dispatches(connection, [dispatch.id for dispatch in recent])
        for dispatch in recent:
            counts[dispatch.kind, dispatch.state.value] += 1
            for state, count in totals[dispatch.id].by_state.items():
                sums[dispatch.kind, state.value] += count
        for labels, count in counts.items():
            by_dispatch.add_metric(labels, count)
        for labels, count in sums.items():
            by_delivery.add_metric(labels, count)
        yield by_dispatch
        yield by_delivery

    def _recent(self, connection: Connection) -> list[Dispatch]:
        since = self._app.clock() - _RECENT
        newest = campaigns.latest(connection, limit=_MAX_CAMPAIGNS, purposes=_COUNTED)
        planned = dispatches.of_campaigns(connection, [campaign.id for campaign in newest])
        recent = [
            dispatch
            for found in planned.values()
            for dispatch in found
            if dispatch.finished_at is None or dispatch.finished_at > since
        ]
        # Of an older campaign that is being sent too, however many drafts are newer.
        running = dispatches.running(connection, purposes=_COUNTED, limit=_MAX_RUNNING)
        return list({dispatch.id: dispatch for dispatch in (*recent, *running)}.values())

    def _routes(self, connection: Connection) -> Metric:
        paused = GaugeMetricFamily("distributor_paused_routes", "Routes in backoff.", labels=["channel"])
        for channel in channels.all_channels(connection):
            paused.add_metric([channel.name], len(paused_routes.paused(connection, channel.id)))
        return paused

    def _held(self, connection: Connection) -> Metric:
        held = GaugeMetricFamily(
            "distributor_quarantined_items", "Items that a loop could not process.", labels=["loop"]
        )
        for loop, count in quarantine.count_by_loop(connection).items():
            held.add_metric([loop.value], count)
        return held

    def _attention(self, connection: Connection) -> Metric:
        matters = GaugeMetricFamily("distributor_attention", "Matters that need a person.", labels=["topic"])
        counts = notices.count_lasting(connection)
        for concern in Concern:
            matters.add_metric([concern.value], counts.get(concern.value, 0))
        return matters

    def _beat_age(self, connection: Connection) -> Iterator[Metric]:
        last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
        if last is not None:
            seconds = (self._app.clock() - last).total_seconds()
            yield GaugeMetricFamily("distributor_beat_age_seconds", "Seconds since the beat last ticked.", seconds)
