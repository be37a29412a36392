"""Lanes in the ledger: paused once, probed by one, resumed with all that waited; and a campaign that is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from distributor.channels.api import Route
from distributor.domain.campaign import CampaignState
from distributor.domain.errors import NotFoundError
from distributor.domain.suppression import SuppressionReason
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.paused_routes import StoredRoutes, resume_routes
from distributor.flow.operations.channel_settings import configure
from distributor.storage import channels, delivery_queries, paused_routes, suppressions
from tests.flow.campaign_harness import CampaignHarness
from tests.mail.smtp.smtp_servers import Answer, Server

MAIN = Route("relay", "example.org")


class Provider:
    """A mail server in a thread of its own; unless given, one that rejects mail as long as the test says so."""

    def __init__(self, server: Server | None = None) -> None:
        self.refusal = ""
        self.server = server or Server(self._behave)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def _behave(self, session: int, verb: str, line: str) -> Answer:
        return self.refusal if verb == "RCPT" and self.refusal else None

    def __enter__(self) -> Provider:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self._loop).result()
        return self

    def __exit__(self, *exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.__aexit__(None, None, None), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def add_channel(app: AppContext, **settings: str) -> int:
    with app.database.begin() as connection:
        return channels.save(connection, name="mail", kind="email", settings=settings, sealed=None).id


def later(app: AppContext, **delta: float) -> AppContext:
    later = app.clock() + timedelta(**delta)
    return replace(app, clock=lambda: later)


def test_a_lane_that_many_meet_refused_at_once_keeps_its_first_times(app: AppContext) -> None:
    channel_id = add_channel(app)
    first = StoredRoutes(app, channel_id).pause(MAIN, "550 one")
    second = StoredRoutes(later(app, minutes=5), channel_id).pause(MAIN, "550 two\x00")
    assert (second.probe_at, second.reason) == (first.probe_at, "550 two")
    assert StoredRoutes(app, channel_id).paused() == [second]


def at(app: AppContext, now: datetime) -> AppContext:
    return replace(app, clock=lambda: now)


def test_one_worker_may_probe_when_it_is_time_and_each_next_time_is_further_away(app: AppContext) -> None:
    channel_id = add_channel(app)
    pause = StoredRoutes(app, channel_id).pause(MAIN, "550 no")
    assert StoredRoutes(app, channel_id).begin_probe(MAIN) is None
    waits = []
    now = pause.probe_at
    for _ in range(7):
        then = at(app, now)
        begun = StoredRoutes(then, channel_id).begin_probe(MAIN)
        assert begun is not None
        assert StoredRoutes(then, channel_id).begin_probe(MAIN) is None
        waits.append((begun.probe_at - now) / timedelta(minutes=1))
        now = begun.probe_at
    assert waits == [30, 60, 120, 240, 240, 240, 240]


def test_channels_do_not_share_lanes(app: AppContext) -> None:
    channel_id = add_channel(app)
    StoredRoutes(app, channel_id).pause(MAIN, "550 no")
    assert StoredRoutes(app, channel_id + 1).paused() == []


def test_a_destination_that_refuses_us_holds_its_mails_without_counting_attempts(
    harness: CampaignHarness, provider: Provider
) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.7.1 your domain is blocked here"
    campaign_id = harness.plan("mail")
    harness.run()
    report = harness.report(campaign_id)
    assert report.state is CampaignState.RUNNING
    assert harness.counts(campaign_id) == {"audience": 3, "deferred": 3}
    with harness.app.database.begin() as connection:
        rows = delivery_queries.listed(connection, report.dispatches[0].dispatch.id, state=None, limit=9)
        (route,) = paused_routes.paused(connection, channel_id)
    assert {row.attempt for row in rows} == {0}
    assert all("relay/example.org is paused: rejected: 550 5.7.1" in row.reply for row in rows)
    assert all(row.next_at is not None and row.next_at >= route.next_probe_at for row in rows)


def test_a_campaign_says_which_lanes_hold_it_back_and_when_it_goes_on(
    harness: CampaignHarness, provider: Provider
) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    StoredRoutes(harness.app, channel_id).pause(Route("relay", "example.com"), "550 elsewhere")
    provider.refusal = "550 5.7.1 your domain is blocked here"
    campaign_id = harness.plan("mail")
    harness.run()
    (dispatch_report,) = harness.report(campaign_id).dispatches
    (wait,) = dispatch_report.waits
    assert (wait.route.name, wait.deliveries) == ("relay/example.org", 3)
    assert "your domain is blocked here" in wait.route.reason
    assert dispatch_report.next_attempt_at is not None
    assert dispatch_report.next_attempt_at >= wait.route.next_probe_at
    with harness.app.database.begin() as connection:
        assert [one.deliveries for one in paused_routes.waits(connection, channel_id)] == [0, 3]
        # One that was tried since, and put off by its mailbox, waits for the mailbox.
        connection.execute(
            text("""UPDATE deliveries SET detail = detail || '{"reason": "undefined"}' WHERE recipient LIKE 'bo@%'""")
        )
        assert [one.deliveries for one in paused_routes.waits(connection, channel_id)] == [0, 2]
    resume_routes(harness.app, "mail", "relay/example.org")
    assert harness.report(campaign_id).dispatches[0].waits == ()


def test_a_lane_resumed_by_hand_sends_what_waited_at_once(harness: CampaignHarness, provider: Provider) -> None:
    add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.7.1 your domain is blocked here"
    campaign_id = harness.plan("mail")
    harness.run()
    provider.refusal = ""
    assert resume_routes(harness.app, "mail") == 1
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert harness.report(campaign_id).state is CampaignState.FINISHED


def test_a_probe_that_passes_opens_the_lane_for_all_that_waited(harness: CampaignHarness, provider: Provider) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.7.1 your domain is blocked here"
    campaign_id = harness.plan("mail")
    harness.run()
    provider.refusal = ""
    then = CampaignHarness(later(harness.app, minutes=35), harness.folder)
    then.run()
    assert then.counts(campaign_id) == {"audience": 3, "sent": 3}
    with harness.app.database.begin() as connection:
        assert paused_routes.paused(connection, channel_id) == []


def test_a_probe_that_is_refused_lets_the_others_wait_on(harness: CampaignHarness, provider: Provider) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.7.1 your domain is blocked here"
    campaign_id = harness.plan("mail")
    harness.run()
    asked = sum(command.startswith("RCPT") for command in provider.server.commands)
    then = CampaignHarness(later(harness.app, minutes=35), harness.folder)
    then.run()
    assert then.counts(campaign_id) == {"audience": 3, "deferred": 3}
    assert sum(command.startswith("RCPT") for command in provider.server.commands) == asked + 1
    with harness.app.database.begin() as connection:
        (route,) = paused_routes.paused(connection, channel_id)
    assert route.probes == 1
    assert route.next_probe_at > then.app.clock()


def test_resuming_what_is_not_paused_names_the_command_that_lists(app: AppContext) -> None:
    add_channel(app)
    with pytest.raises(NotFoundError, match="channel routes list mail"):
        resume_routes(app, "mail", "relay/google")
    assert resume_routes(app, "mail") == 0


def test_a_probe_of_a_route_with_one_waiting_message_comes_when_it_was_announced(
    harness: CampaignHarness, provider: Provider
) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.7.1 your domain is blocked here"
    harness.plan("mail")
    harness.run()
    harness.plan("mail")
    harness.run()
    with harness.app.database.begin() as connection:
        (route,) = paused_routes.paused(connection, channel_id)
        connection.execute(text("DELETE FROM deliveries WHERE id <> (SELECT min(id) FROM deliveries)"))
    provider.refusal = ""
    commands = len(provider.server.commands)
    harness.app = at(harness.app, route.next_probe_at - timedelta(seconds=1))
    harness.run()
    assert len(provider.server.commands) == commands
    harness.app = at(harness.app, route.next_probe_at)
    harness.run()
    assert provider.server.taken
    assert StoredRoutes(harness.app, channel_id).paused() == []


def test_a_temporary_refusal_of_the_sender_pauses_the_route_instead_of_each_message_being_retried(
    harness: CampaignHarness, provider: Provider
) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "450 4.1.8 <news@gazette.example>: Sender address rejected: Domain not found"
    campaign_id = harness.plan("mail")
    harness.run()
    with harness.app.database.begin() as connection:
        (route,) = paused_routes.paused(connection, channel_id)
        dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
        rows = delivery_queries.listed(connection, dispatch_id, state=None, limit=9)
    assert "4.1.8" in route.reason
    assert {(row.state.value, row.attempt) for row in rows} == {("deferred", 0)}
    tried = sum(command.startswith("RCPT") for command in provider.server.commands)
    harness.app = later(harness.app, minutes=10)
    harness.run()
    assert sum(command.startswith("RCPT") for command in provider.server.commands) == tried
    provider.refusal = ""
    harness.app = at(harness.app, route.next_probe_at)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_an_address_that_the_relay_refuses_is_tried_once_and_suppressed(
    harness: CampaignHarness, provider: Provider
) -> None:
    add_channel(harness.app, smtp_url=provider.server.url)
    provider.refusal = "550 5.1.1 <somebody@example.org>: Recipient address rejected: User unknown"
    campaign_id = harness.plan("mail")
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "failed": 3}
    with harness.app.database.begin() as connection:
        held_back = suppressions.listed(connection, limit=9)
    assert {one.reason for one in held_back} == {SuppressionReason.HARD_BOUNCE}
    assert len(held_back) == 3


def test_every_batch_that_waits_has_a_message_that_is_due_for_the_probe(
    harness: CampaignHarness, provider: Provider
) -> None:
    channel_id = add_channel(harness.app, smtp_url=provider.server.url)
    pause = StoredRoutes(harness.app, channel_id).pause(Route("relay", "example.org"), "550 blocked")
    campaign_id = harness.plan("mail")
    harness.run()
    dispatch_id = harness.report(campaign_id).dispatches[0].dispatch.id
    with harness.app.database.begin() as connection:
        due = [row.next_at for row in delivery_queries.listed(connection, dispatch_id, state=None, limit=9)]
    assert due.count(pause.probe_at) == 1
    assert all(one is not None and one >= pause.probe_at for one in due)


def test_corrected_settings_resume_the_routes_of_the_channel_at_once(
    harness: CampaignHarness, provider: Provider
) -> None:
    wrong = {"smtp_url": provider.server.url.replace("://", "://news:wrong@")}
    configure(harness.app, "mail", "email", wrong)
    with harness.app.database.begin() as connection:
        channel_id = channels.find(connection, "mail").id
    StoredRoutes(harness.app, channel_id).pause(Route("relay"), "535 5.7.8 authentication failed")
    configure(harness.app, "mail", "email", wrong)
    assert len(StoredRoutes(harness.app, channel_id).paused()) == 1
    configure(harness.app, "mail", "email", {"smtp_url": provider.server.url})
    assert StoredRoutes(harness.app, channel_id).paused() == []
