"""Whatever a server does, the outcome of each delivery agrees with what the server has."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Outcome
from distributor.mail.smtp.url import SmtpUrl
from distributor.testing.fakes import InMemoryJournal
from tests.channels.email.mailing import PATIENCE, TOKENS, a_context, a_rendition, deliveries, send_all
from tests.mail.smtp.smtp_servers import Answer, Behaviour, HalfAndHangUp, HangUp, Raw, Server, TakeAndHangUp

from .test_batch import Fleet

COUNT = 12
PAUSES = (0, 0, 0)

faults = st.lists(
    st.tuples(
        st.sampled_from(["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", ".", "RSET"]),
        st.integers(0, 8),
        st.sampled_from(
            [
                HangUp(),
                TakeAndHangUp(),
                HalfAndHangUp(b"250 o"),
                Raw(b"garbage\r\n"),
                "421 4.3.2 going down",
                "451 4.3.0 later",
                "550 5.1.1 nobody",
                "550 5.7.1 blocked for spam",
                "354 go ahead",
            ]
        ),
    ),
    max_size=12,
)


def run(
    plan: list[tuple[str, int, Answer]], connections: int, extensions: tuple[str, ...]
) -> tuple[Server, list[Outcome]]:
    """Send with the n-th of each step answered as planned."""
    planned = {(verb, number): answer for verb, number, answer in plan}
    seen: Counter[str] = Counter()

    def behave(session: int, verb: str, line: str) -> Answer:
        seen[verb] += 1
        return planned.get((verb, seen[verb] - 1))

    server = Server(behave, extensions=extensions)
    journal = InMemoryJournal()

    async def send() -> list[Outcome]:
        async with server:
            return await send_all(
                server.url, deliveries(COUNT), connections=connections, journal=journal, pauses=PAUSES
            )

    outcomes = asyncio.run(send())
    assert journal.most_in_doubt <= connections
    assert not journal.in_doubt
    assert all(outcome in outcomes for outcome in journal.outcomes)
    return server, outcomes


@given(faults, st.integers(1, 3), st.sampled_from([("PIPELINING",), ()]))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_every_outcome_agrees_with_what_the_server_has(
    plan: list[tuple[str, int, Answer]], connections: int, extensions: tuple[str, ...]
) -> None:
    server, outcomes = run(plan, connections, extensions)
    reported = {outcome.delivery_id: outcome.verdict.value for outcome in outcomes}
    assert len(reported) == len(outcomes)
    prepared = prepare_mail(a_rendition())
    taken = Counter(one.message_id for one in server.taken)
    for delivery in deliveries(COUNT):
        times = taken[prepared.message_id(delivery, TOKENS)]
        match reported.get(delivery.id):
            case "sent":
                assert times == 1
            case "unknown":
                assert times <= 1
            case _:
                assert times == 0
    if "sender_rejected" not in reported.values():
        assert len(reported) == COUNT


@given(faults, faults, st.integers(1, 3), st.sampled_from([("PIPELINING",), ()]))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_no_mail_goes_over_two_relays_whatever_they_do(
    first: list[tuple[str, int, Answer]],
    second: list[tuple[str, int, Answer]],
    connections: int,
    extensions: tuple[str, ...],
) -> None:
    journal = InMemoryJournal()
    servers = [Server(_planned(plan), extensions=extensions) for plan in (first, second)]

    async def send() -> list[Outcome]:
        async with servers[0], servers[1]:
            fleet = [
                Relay(name=name, url=SmtpUrl.parse(server.url), connections=connections, rank=rank)
                for rank, (name, server) in enumerate(zip(("main", "spare"), servers, strict=True))
            ]
            stream = send_deliveries(
                Fleet(fleet),
                prepare_mail(a_rendition()),
                deliveries(COUNT),
                a_context(journal),
                timeouts=PATIENCE,
                pauses=PAUSES,
            )
            return [outcome async for outcome in stream]

    outcomes = asyncio.run(send())
    reported = {outcome.delivery_id: outcome.verdict.value for outcome in outcomes}
    assert len(reported) == len(outcomes) == COUNT
    assert not journal.in_doubt
    prepared = prepare_mail(a_rendition())
    taken = Counter(one.message_id for server in servers for one in server.taken)
    for delivery in deliveries(COUNT):
        times = taken[prepared.message_id(delivery, TOKENS)]
        assert times == 1 if reported[delivery.id] == "sent" else times <= (reported[delivery.id] == "unknown")


def _planned(plan: list[tuple[str, int, Answer]]) -> Behaviour:
    planned = {(verb, number): answer for verb, number, answer in plan}
    seen: Counter[str] = Counter()

    def behave(session: int, verb: str, line: str) -> Answer:
        seen[verb] += 1
        return planned.get((verb, seen[verb] - 1))

    return behave
