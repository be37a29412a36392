"""Sending over several relays: weights, failover, and never over a second relay after a lost reply."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from distributor.channels.api import InMemoryRoutes, RateLimit, Route, RoutePause
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.connection_pool import ConnectionPool
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.mail.smtp.url import SmtpUrl
from distributor.testing.fakes import InMemoryJournal
from tests.channels.email.mailing import NOW, PATIENCE, a_context, a_delivery, a_rendition, deliveries
from tests.mail.smtp.smtp_servers import Answer, HangUp, Server, TakeAndHangUp, always, at


@dataclass(frozen=True)
class Fleet:
    """Settings with several relays."""

    configured_relays: Sequence[Relay]
    bounce_domain: str = ""
    events_from: str = ""


@dataclass
class Probing(InMemoryRoutes):
    """Routes whose first probe is due at once; records the probes and resumptions."""

    def __init__(self, *pauses: Route) -> None:
        super().__init__()
        self.due = set(pauses)
        self.resumed: list[Route] = []
        for route in pauses:
            self._pauses[route] = RoutePause(route=route, reason="550 before", probe_at=NOW)

    def begin_probe(self, route: Route) -> RoutePause | None:
        if route not in self.due:
            return None
        self.due.remove(route)
        self._pauses[route] = RoutePause(route=route, reason="550 before", probe_at=NOW + timedelta(hours=1))
        return self._pauses[route]

    def resume(self, route: Route) -> None:
        super().resume(route)
        self.resumed.append(route)


class Buckets:
    """Rates that give so many tokens for each name, and then none for an hour."""

    def __init__(self, **tokens: int) -> None:
        self.tokens = tokens
        self.turns = 0

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        if not all(self.tokens.get(limit.name, 1000) for limit in limits):
            return timedelta(hours=1)
        for limit in limits:
            self.tokens[limit.name] = self.tokens.get(limit.name, 1000) - 1
        return timedelta()

    def reserve(self, limit: RateLimit) -> timedelta:
        self.turns += 1
        return timedelta(hours=self.turns)


def send(
    servers: dict[str, Server],
    batch: Sequence[Delivery],
    *,
    relays: dict[str, dict[str, Any]] | None = None,
    journal: InMemoryJournal | None = None,
    **ports: Any,
) -> dict[int, Outcome]:
    """The outcome of each delivery; `relays` changes the settings of those that it names."""

    async def run() -> list[Outcome]:
        async with AsyncExitStack() as stack:
            fleet = []
            for name, server in servers.items():
                await stack.enter_async_context(server)
                plain: dict[str, Any] = {"connections": 2} | (relays or {}).get(name, {})
                fleet.append(Relay(name=name, url=SmtpUrl.parse(server.url), **plain))
            context = replace(a_context(journal), **ports)
            stream = send_deliveries(
                Fleet(fleet), prepare_mail(a_rendition()), batch, context, timeouts=PATIENCE, pauses=(0, 0, 0)
            )
            return [outcome async for outcome in stream]

    outcomes = asyncio.run(run())
    reported = {outcome.delivery_id: outcome for outcome in outcomes}
    assert len(reported) == len(outcomes)
    return reported


def verdicts(outcomes: dict[int, Outcome]) -> set[Verdict]:
    return {outcome.verdict for outcome in outcomes.values()}


def test_the_mails_of_a_batch_go_over_all_relays_by_their_weights() -> None:
    servers = {"one": Server(), "three": Server()}
    assert verdicts(send(servers, deliveries(200), relays={"three": {"weight": 3}})) == {Verdict.SENT}
    assert 25 <= len(servers["one"].taken) <= 75
    assert len(servers["one"].taken) + len(servers["three"].taken) == 200


def test_a_relay_that_cannot_be_reached_leaves_its_share_to_the_next() -> None:
    servers = {"main": Server(always("CONNECT", HangUp())), "backup": Server()}
    outcomes = send(servers, deliveries(40), relays={"backup": {"rank": 1}})
    assert verdicts(outcomes) == {Verdict.SENT}
    assert len(servers["backup"].taken) == 40


def test_a_relay_that_dies_in_the_middle_leaves_only_what_is_in_doubt() -> None:
    """What was given to the first relay without an answer goes over no other."""
    journal = InMemoryJournal()

    def behave(session: int, verb: str, line: str) -> Answer:
        if verb == "." and len(main.taken) >= 10:
            return TakeAndHangUp()
        return HangUp() if verb == "CONNECT" and len(main.taken) >= 10 else None

    main, backup = Server(behave), Server()
    outcomes = send({"main": main, "backup": backup}, deliveries(40), relays={"backup": {"rank": 1}}, journal=journal)
    doubtful = {number for number, outcome in outcomes.items() if outcome.verdict is Verdict.UNKNOWN}
    assert 1 <= len(doubtful) <= 2
    assert len(outcomes) == 40
    taken = [one.message_id for one in (*main.taken, *backup.taken)]
    assert len(taken) == len(set(taken)) == 40
    assert not journal.in_doubt


def test_a_relay_that_refuses_the_login_leaves_its_share_to_the_next_and_pauses() -> None:
    routes = InMemoryRoutes()
    servers = {"main": Server(always("CONNECT", "554 5.7.1 you are blocked")), "backup": Server()}
    outcomes = send(servers, deliveries(30), relays={"backup": {"rank": 1}}, routes=routes)
    assert verdicts(outcomes) == {Verdict.SENT}
    assert [str(pause.route) for pause in routes.paused()] == ["main"]


def test_a_relay_whose_quota_is_used_up_leaves_the_rest_to_the_next() -> None:
    def behave(session: int, verb: str, line: str) -> Answer:
        return "550 5.4.5 Daily sending quota exceeded" if verb == "RCPT" and len(main.taken) >= 10 else None

    main, backup = Server(behave), Server()
    outcomes = send({"main": main, "backup": backup}, deliveries(30), relays={"backup": {"rank": 1}})
    assert verdicts(outcomes) == {Verdict.SENT}
    assert len(main.taken) + len(backup.taken) == 30


def test_what_a_relay_refuses_after_the_content_comes_back_at_once_for_the_next() -> None:
    servers = {"main": Server(always(".", "550 5.7.1 relaying denied")), "backup": Server()}
    outcomes = send(servers, deliveries(30), relays={"main": {"connections": 1}, "backup": {"rank": 1}})
    held = [outcome for outcome in outcomes.values() if outcome.verdict is Verdict.THROTTLED]
    assert [outcome.retry_at for outcome in held] == [NOW]
    assert len(servers["backup"].taken) == 29


def test_no_relay_that_can_be_reached_defers_everything() -> None:
    servers = {name: Server(always("CONNECT", HangUp())) for name in ("a", "b")}
    assert verdicts(send(servers, deliveries(10))) == {Verdict.DEFERRED}


def test_a_destination_that_refuses_us_over_one_relay_is_not_tried_over_another() -> None:
    servers = {"main": Server(always("RCPT", "550 5.7.1 blocked for spam")), "backup": Server()}
    outcomes = send(servers, deliveries(30), relays={"backup": {"rank": 1}})
    assert verdicts(outcomes) == {Verdict.THROTTLED}
    assert servers["backup"].taken == []


def test_mail_that_no_relay_is_for_is_a_matter_for_the_sender() -> None:
    outcomes = send({"main": Server()}, deliveries(3), relays={"main": {"recipients": frozenset({"google"})}})
    assert verdicts(outcomes) == {Verdict.SENDER_REJECTED}
    assert "no relay takes mail from example.org to example.net" in outcomes[1].reply


def test_a_paused_lane_holds_its_own_and_lets_the_others_pass() -> None:
    routes = InMemoryRoutes()
    routes.pause(Route("main", "google"), "550 5.7.1 blocked")
    batch = [a_delivery(1, recipient="a@gmail.com"), a_delivery(2, recipient="b@example.net")]
    outcomes = send({"main": Server()}, batch, routes=routes)
    assert (outcomes[1].verdict, outcomes[2].verdict) == (Verdict.THROTTLED, Verdict.SENT)
    assert outcomes[1].reply == "main/google is paused: 550 5.7.1 blocked"
    assert outcomes[1].detail["route"] == "main/google"


def test_a_probe_is_one_mail_and_when_it_passes_the_rest_follows() -> None:
    route = Route("main", "example.net")
    routes = Probing(route)
    most_at_once: list[int] = []

    def behave(session: int, verb: str, line: str) -> Answer:
        if verb == "." and not routes.resumed:
            most_at_once.append(1)
        return None

    outcomes = send({"main": Server(behave)}, deliveries(20), routes=routes)
    assert verdicts(outcomes) == {Verdict.SENT}
    assert routes.resumed == [route]
    assert len(most_at_once) == 1


def test_a_probe_that_is_refused_again_holds_all_the_others() -> None:
    routes = Probing(Route("main", "example.net"))
    server = Server(always("RCPT", "550 5.7.1 still blocked"))
    outcomes = send({"main": server}, deliveries(20), routes=routes)
    assert verdicts(outcomes) == {Verdict.THROTTLED}
    assert sum(command.startswith("RCPT") for command in server.commands) == 1
    assert routes.resumed == []


def test_a_paused_relay_is_tried_out_over_one_connection() -> None:
    routes = Probing(Route("main"))
    server = Server(always("CONNECT", "554 5.7.1 still blocked"))
    assert verdicts(send({"main": server}, deliveries(20), routes=routes)) == {Verdict.THROTTLED}
    assert len(server.sessions) == 1


def test_a_paused_relay_that_takes_a_mail_again_takes_the_rest() -> None:
    routes = Probing(Route("main"))
    assert verdicts(send({"main": Server()}, deliveries(20), routes=routes)) == {Verdict.SENT}
    assert routes.resumed == [Route("main")]


def test_a_paused_relay_that_another_worker_tries_out_is_left_alone() -> None:
    routes = Probing(Route("main"))
    routes.due.clear()
    server = Server()
    assert verdicts(send({"main": server}, deliveries(5), routes=routes)) == {Verdict.THROTTLED}
    assert server.sessions == []


def test_what_a_probe_learns_about_the_recipient_alone_still_opens_the_lane() -> None:
    routes = Probing(Route("main", "example.net"))
    outcomes = send({"main": Server(at("RCPT", "550 5.1.1 nobody here"))}, deliveries(5), routes=routes)
    assert sorted(outcome.verdict for outcome in outcomes.values()) == ["failed", *["sent"] * 4]


def test_what_has_no_token_for_long_gets_a_turn_of_its_own_while_others_pass() -> None:
    rates = Buckets(**{"main/google": 3})
    batch = [a_delivery(number, recipient=f"r{number}@gmail.com") for number in range(1, 11)] + [
        a_delivery(number, recipient=f"r{number}@example.net") for number in range(11, 16)
    ]
    relays = {"main": {"per_destination": {"google": 1.0}}}
    outcomes = send({"main": Server()}, batch, relays=relays, rate_limiter=rates)
    sent = [number for number, outcome in outcomes.items() if outcome.verdict is Verdict.SENT]
    held = [outcome for outcome in outcomes.values() if outcome.verdict is Verdict.THROTTLED]
    assert (len(sent), len(held)) == (8, 7)
    assert sorted(outcome.retry_at for outcome in held if outcome.retry_at) == [
        NOW + timedelta(hours=turn) for turn in range(1, 8)
    ]


def test_a_short_wait_for_a_token_is_waited_out_on_the_open_connection() -> None:
    class Slow(Buckets):
        """Every second call has to wait a little."""

        asked = 0

        def take(self, limits: Sequence[RateLimit]) -> timedelta:
            self.asked += 1
            return timedelta(milliseconds=1) if self.asked % 2 else timedelta()

    server = Server()
    outcomes = send(
        {"main": server}, deliveries(6), relays={"main": {"per_second": 9.0, "connections": 1}}, rate_limiter=Slow()
    )
    assert verdicts(outcomes) == {Verdict.SENT}
    assert len(server.sessions) == 1


def test_who_gets_a_turn_is_due_after_now() -> None:
    rates = Buckets(main=0)
    (outcome,) = send(
        {"main": Server()}, deliveries(1), relays={"main": {"per_second": 1.0}}, rate_limiter=rates
    ).values()
    assert isinstance(outcome.retry_at, datetime)
    assert outcome.retry_at > NOW


def test_a_connection_in_order_serves_the_next_batch_too() -> None:
    async def run() -> None:
        async with Server() as server:
            fleet = Fleet([Relay(name="main", url=SmtpUrl.parse(server.url), connections=1)])
            pool = ConnectionPool()
            for first in (1, 4, 7):
                batch = [a_delivery(number) for number in range(first, first + 3)]
                stream = send_deliveries(
                    fleet, prepare_mail(a_rendition()), batch, a_context(), timeouts=PATIENCE, pool=pool
                )
                assert [outcome.verdict async for outcome in stream] == [Verdict.SENT] * 3
            await pool.close()
        (session,) = server.sessions
        assert [command.split(" ")[0] for command in session.commands] == [
            "EHLO",
            *["MAIL", "RCPT", "DATA"] * 9,
            "QUIT",
        ]

    asyncio.run(run())


def test_a_kept_connection_that_the_server_has_closed_meanwhile_costs_nothing() -> None:
    async def run() -> None:
        async with Server() as server:
            fleet = Fleet([Relay(name="main", url=SmtpUrl.parse(server.url), connections=1)])
            pool = ConnectionPool()
            for first in (1, 4):
                batch = [a_delivery(number) for number in range(first, first + 3)]
                stream = send_deliveries(
                    fleet, prepare_mail(a_rendition()), batch, a_context(), timeouts=PATIENCE, pool=pool
                )
                assert [outcome.verdict async for outcome in stream] == [Verdict.SENT] * 3
                for task in server._tasks:
                    task.cancel()
            await pool.close()
        assert len(server.taken) == 6
        assert len(server.sessions) == 2

    asyncio.run(run())


def test_a_relay_that_could_not_be_reached_is_the_last_choice_of_the_next_batch() -> None:
    async def run() -> None:
        async with Server(always("CONNECT", HangUp())) as main, Server() as spare:
            fleet = [
                Relay(name="main", url=SmtpUrl.parse(main.url), connections=1),
                Relay(name="spare", url=SmtpUrl.parse(spare.url), rank=1),
            ]
            pool = ConnectionPool()
            for first in (1, 4):
                batch = [a_delivery(number) for number in range(first, first + 3)]
                stream = send_deliveries(
                    Fleet(fleet),
                    prepare_mail(a_rendition()),
                    batch,
                    a_context(),
                    timeouts=PATIENCE,
                    pauses=(0, 0),
                    pool=pool,
                )
                assert [outcome.verdict async for outcome in stream] == [Verdict.SENT] * 3
            await pool.close()
        assert len(main.sessions) == 2

    asyncio.run(run())


def test_a_connection_of_another_event_loop_is_not_used() -> None:
    pool = ConnectionPool()

    async def run() -> None:
        async with Server() as server:
            fleet = Fleet([Relay(name="main", url=SmtpUrl.parse(server.url), connections=1)])
            stream = send_deliveries(
                fleet, prepare_mail(a_rendition()), deliveries(2), a_context(), timeouts=PATIENCE, pool=pool
            )
            assert [outcome.verdict async for outcome in stream] == [Verdict.SENT] * 2

    asyncio.run(run())
    asyncio.run(run())
