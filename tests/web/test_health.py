"""Health checks and metrics, for operators and monitoring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from redis import Redis
from starlette.testclient import TestClient

from distributor.domain.notice import Matter
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.feedback import tracking
from distributor.storage import channels, heartbeats, notices, paused_routes, quarantine
from distributor.storage.database import Database
from distributor.web.app import create_app
from distributor.web.public import metrics

from .samples import SentMail

Beat = Callable[[timedelta], None]


@pytest.fixture
def beat(app: AppContext) -> Beat:
    """Makes the beat have ticked so long ago."""

    def tick(ago: timedelta) -> None:
        with app.database.begin() as connection:
            heartbeats.record_heartbeat(connection, "beat", now=app.clock() - ago)

    return tick


def readiness(app: AppContext) -> tuple[int, dict[str, bool], dict[str, str]]:
    with TestClient(create_app(app)) as client:
        response = client.get("/readyz")
    checks = response.json()["checks"]
    assert response.json()["ready"] == (response.status_code == 200)
    return (
        response.status_code,
        {check["name"]: check["ok"] for check in checks},
        {check["name"]: check["message"] for check in checks},
    )


def test_a_service_with_all_its_parts_is_ready(app: AppContext, beat: Beat):
    beat(timedelta(0))
    status, checks, _ = readiness(app)
    assert status == 200
    assert checks == {"postgresql": True, "schema": True, "beat": True, "redis": True}


def test_items_in_quarantine_make_the_service_degraded_and_it_stays_ready(app: AppContext, beat: Beat):
    beat(timedelta(0))
    with TestClient(create_app(app)) as client:
        healthy = client.get("/readyz").json()
        assert (healthy["ready"], healthy["degraded"], healthy["quarantine"]) == (True, False, {})
        with app.database.begin() as connection:
            for number in range(2):
                now = app.clock()
                quarantine.hold(connection, QuarantineLoop.EVENT, f"{number}-0", reason="no", content=b"{}", now=now)
        response = client.get("/readyz")
        lines = client.get("/metrics").text.splitlines()
    assert response.status_code == 200
    held = response.json()
    assert (held["ready"], held["degraded"], held["quarantine"]) == (True, True, {"event": 2})
    assert 'distributor_quarantined_items{loop="event"} 2.0' in lines
    assert 'distributor_quarantined_items{loop="mail"} 0.0' in lines


def test_what_needs_a_person_is_counted_by_what_it_is_about(app: AppContext, beat: Beat):
    with app.database.begin() as connection:
        matter = Matter(key="paused 1", topic="paused", about="Spring", sentence="It is paused on mail.")
        notices.record(connection, [matter], ways=(), now=app.clock())
    beat(timedelta(0))
    with TestClient(create_app(app)) as client:
        assert client.get("/readyz").json()["attention"] == {"paused": 1}
        lines = client.get("/metrics").text.splitlines()
    assert 'distributor_attention{topic="paused"} 1.0' in lines
    assert 'distributor_attention{topic="failed"} 0.0' in lines


def test_without_postgresql_the_quarantine_is_not_known(app: AppContext):
    with TestClient(create_app(replace(app, database=Database("postgresql://127.0.0.1:1/nothing")))) as client:
        body = client.get("/readyz").json()
    assert (body["ready"], body["degraded"], body["quarantine"]) == (False, True, None)


def test_without_a_beat_nothing_goes_out_so_it_is_not_ready(app: AppContext):
    status, checks, messages = readiness(app)
    assert (status, checks["beat"]) == (503, False)
    assert messages["beat"] == "The beat has never run, so nothing is sent: start `distributor beat`."


def test_a_beat_that_fell_silent_is_reported_with_its_age(app: AppContext, beat: Beat):
    beat(timedelta(seconds=61))
    status, checks, messages = readiness(app)
    assert (status, checks["beat"]) == (503, False)
    assert "61 seconds ago" in messages["beat"]


def test_a_beat_may_miss_a_few_ticks(app: AppContext, beat: Beat):
    beat(timedelta(seconds=30))
    assert readiness(app)[0] == 200


def test_without_redis_it_is_not_ready(app: AppContext, beat: Beat):
    beat(timedelta(0))
    status, checks, messages = readiness(replace(app, connect_redis=lambda: Redis.from_url("redis://127.0.0.1:1")))
    assert status == 503
    assert checks == {"postgresql": True, "schema": True, "beat": True, "redis": False}
    assert messages["redis"].startswith("Redis does not respond")


def test_without_postgresql_it_is_not_ready_and_names_no_server(app: AppContext):
    status, checks, messages = readiness(
        replace(app, database=Database("postgresql://admin:secret@127.0.0.1:1/internal"))
    )
    assert status == 503
    assert checks == {"postgresql": False, "schema": False, "beat": False, "redis": True}
    for word in ("127.0.0.1", "admin", "secret", "internal"):
        assert word not in str(messages)


def test_a_database_of_another_version_is_reported_with_what_to_do(app: AppContext):
    address = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    status, checks, messages = readiness(app)
    assert status == 503
    assert (checks["postgresql"], checks["schema"], checks["beat"]) == (True, False, False)
    assert "from_the_future" in messages["schema"]


def test_a_process_lives_whatever_else_is_away(app: AppContext):
    cut_off = replace(
        app,
        connect_redis=lambda: Redis.from_url("redis://127.0.0.1:1"),
        database=Database("postgresql://nobody@127.0.0.1:1/nothing"),
    )
    with TestClient(create_app(cut_off)) as client:
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"alive": True})


def test_metrics_tell_the_ledger_as_it_is(client: TestClient, sent_mail: SentMail, beat: Beat):
    beat(timedelta(seconds=5))
    tracking.note_open(sent_mail.app, "not ours", {})
    client.get(f"/o/{sent_mail.app.tokens.mint(Purpose.OPEN, sent_mail.delivery_id)}.gif")
    lines = client.get("/metrics").text.splitlines()
    assert 'distributor_deliveries{kind="email",state="pending"} 2.0' in lines
    assert 'distributor_dispatches{kind="email",state="running"} 1.0' in lines
    assert "distributor_events_waiting 1.0" in lines
    assert any(line.startswith("distributor_beat_age_seconds 5") for line in lines)


def test_what_is_being_sent_is_counted_however_many_campaigns_are_newer(
    client: TestClient, sent_mail: SentMail, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metrics, "_MAX_CAMPAIGNS", 0)
    lines = client.get("/metrics").text.splitlines()
    assert 'distributor_dispatches{kind="email",state="running"} 1.0' in lines


def test_metrics_count_paused_routes_by_channel(client: TestClient, sent_mail: SentMail):
    app = sent_mail.app
    with app.database.begin() as connection:
        (channel,) = channels.all_channels(connection)
        for destination in ("", "google"):
            paused_routes.pause(connection, channel.id, "relay", destination, reason="550 no", now=app.clock())
    assert f'distributor_paused_routes{{channel="{channel.name}"}} 2.0' in client.get("/metrics").text.splitlines()


def test_metrics_count_requests_by_route_and_not_by_path(client: TestClient):
    client.get("/unsubscribe/a-token-of-somebody")
    client.get("/nowhere/at/all")
    client.request("BREW", "/healthz")
    text = client.get("/metrics").text
    assert 'distributor_http_requests_total{method="GET",route="/unsubscribe/{token}",status="404"} 1.0' in text
    assert 'distributor_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'distributor_http_requests_total{method="other",route="/healthz",status="405"} 1.0' in text
    for secret in ("a-token", "nowhere", "BREW"):
        assert secret not in text


def test_metrics_leave_out_what_cannot_be_known(app: AppContext):
    cut_off = replace(
        app,
        connect_redis=lambda: Redis.from_url("redis://127.0.0.1:1"),
        database=Database("postgresql://nobody@127.0.0.1:1/nothing"),
    )
    with TestClient(create_app(cut_off)) as client:
        client.get("/healthz")
        response = client.get("/metrics")
    assert response.status_code == 200
    assert "distributor_http_requests_total" in response.text
    assert "distributor_deliveries" not in response.text
    assert "distributor_events_waiting" not in response.text
