"""Sending a batch: the outcome of each delivery, and what is left in doubt in the journal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.domain.delivery import Outcome, Verdict
from distributor.domain.errors import ConfigurationError, InputError
from distributor.mail.return_path import return_path
from distributor.testing.fakes import InMemoryJournal
from tests.channels.email.mailing import (
    NOW,
    PATIENCE,
    TOKENS,
    OneRelay,
    a_context,
    a_delivery,
    a_rendition,
    deliveries,
    send,
    send_all,
)
from tests.mail.smtp.smtp_servers import Answer, HangUp, Raw, Server, TakeAndHangUp, always, at

MARKED = "reader2@"


def send_to(server: Server, count: int = 5, **options: Any) -> list[Outcome]:
    """The outcomes of as many deliveries, in the order of the deliveries."""

    async def run() -> list[Outcome]:
        async with server:
            return await send_all(server.url, deliveries(count), **options)

    return sorted(asyncio.run(run()), key=lambda outcome: outcome.delivery_id)


def verdicts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.verdict.value for outcome in outcomes]


@pytest.mark.parametrize("connections", [1, 3, 50])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_every_delivery_arrives_once_as_it_was_composed(connections: int, extensions: tuple[str, ...]) -> None:
    server = Server(extensions=extensions)
    outcomes = send_to(server, 20, connections=connections)
    assert verdicts(outcomes) == ["sent"] * 20
    prepared = prepare_mail(a_rendition())
    assert {taken.content for taken in server.taken} == {prepared.message_for(one, TOKENS) for one in deliveries(20)}
    assert len(server.taken) == 20
    # One for each mail at most, of which two go over the same.
    assert len(server.sessions) == min(connections, 19)


def test_a_mail_costs_one_round_trip_where_pipelining_is_offered() -> None:
    """This server answers a mail only when it has seen the envelope of the next."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.readline()
        writer.write(b"250-test\r\n250 PIPELINING\r\n")
        await reader.readuntil(b"DATA\r\n")
        for _ in range(4):
            writer.write(b"250 ok\r\n250 ok\r\n354 go ahead\r\n")
            await reader.readuntil(b"\r\n.\r\nMAIL")
            await reader.readuntil(b"DATA\r\n")
            writer.write(b"250 taken\r\n")
        writer.write(b"250 ok\r\n250 ok\r\n354 go ahead\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.readline()
        writer.close()

    async def run() -> list[Outcome]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            return await send_all(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", deliveries(5))

    assert verdicts(asyncio.run(run())) == ["sent"] * 5


def test_a_sent_delivery_tells_its_message_id_and_the_servers_words() -> None:
    server = Server(at(".", "250 2.0.0 queued as A1B2"))
    (outcome,) = send_to(server, 1)
    assert (outcome.epoch, outcome.reply_code, outcome.reply) == (7, 250, "2.0.0 queued as A1B2")
    assert outcome.remote_id == server.taken[0].message_id


def test_the_journal_is_begun_before_the_content_and_settled_before_the_outcome_is_reported() -> None:
    journal = InMemoryJournal()

    def behave(session: int, verb: str, line: str) -> Answer:
        if verb == "DATA":
            assert not journal.in_doubt
        if verb == ".":
            assert len(journal.in_doubt) == 1
        return None

    async def run() -> None:
        async with Server(behave) as server:
            relay = OneRelay(server.url)
            async for outcome in send_deliveries(relay, prepare_mail(a_rendition()), deliveries(3), a_context(journal)):
                assert outcome in journal.outcomes

    asyncio.run(run())
    assert journal.begun == [1, 2, 3]


def test_bounces_go_to_the_sender_or_to_the_domain_for_them() -> None:
    to_sender, to_domain = Server(), Server()
    send_to(to_sender, 1)
    send_to(to_domain, 1, bounce_domain="bounces.example.org")
    assert to_sender.taken[0].mail_from.startswith("MAIL FROM:<news@example.org>")
    expected = return_path(a_delivery(1), "bounces.example.org", TOKENS)
    assert to_domain.taken[0].mail_from.startswith(f"MAIL FROM:<{expected.spec}>")


@pytest.mark.parametrize("verb", ["RCPT", "."])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 nobody here", Verdict.FAILED),
        ("450 4.2.0 not now", Verdict.DEFERRED),
        ("421 4.3.2 going down", Verdict.DEFERRED),
    ],
)
def test_a_reply_about_one_recipient_does_not_affect_the_others(verb: str, reply: str, expected: Verdict) -> None:
    server = Server(always(verb, reply, marked=MARKED))
    outcomes = send_to(server)
    assert verdicts(outcomes) == ["sent", expected.value, "sent", "sent", "sent"]
    assert (outcomes[1].reply_code, outcomes[1].remote_id) == (int(reply[:3]), None)
    assert reply[4:] in outcomes[1].reply


@pytest.mark.parametrize(
    ("reply", "is_hard", "counts"),
    [
        ("550 5.1.1 User unknown", True, False),
        ("552 5.2.2 Mailbox full", False, True),
        ("450 4.1.1 User unknown", False, True),
    ],
)
def test_an_outcome_says_whether_it_is_a_hard_bounce_of_its_recipient(reply: str, is_hard: bool, counts: bool) -> None:
    rejected, accepted = send_to(Server(always("RCPT", reply, marked="reader1@")), 2)
    assert (rejected.is_hard_bounce, rejected.counts_against_address) == (is_hard, counts)
    assert (accepted.is_hard_bounce, accepted.counts_against_address) == (False, False)


def test_a_time_the_server_names_is_passed_on() -> None:
    outcomes = send_to(Server(at("RCPT", "451 4.7.1 Greylisted, try again in 5 minutes")), 1)
    assert outcomes[0].retry_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("verb", ["RCPT", "."])
def test_a_destination_that_refuses_the_sender_is_asked_no_more_while_others_go_on(verb: str) -> None:
    server = Server(always(verb, "550 5.7.1 your domain is on our blocklist", marked="@blocking.example"))
    batch = [
        a_delivery(number, recipient=f"r{number}@{'blocking' if number % 2 else 'fair'}.example")
        for number in range(1, 21)
    ]

    async def run() -> list[Outcome]:
        async with server:
            return await send_all(server.url, batch)

    outcomes = {outcome.delivery_id: outcome for outcome in asyncio.run(run())}
    assert {number for number, outcome in outcomes.items() if outcome.verdict is Verdict.SENT} == set(range(2, 21, 2))
    held = [outcomes[number] for number in range(1, 21, 2)]
    assert {outcome.verdict for outcome in held} == {Verdict.THROTTLED}
    assert {outcome.detail["route"] for outcome in held} == {"main/blocking.example"}
    assert all("on our blocklist" in outcome.reply for outcome in held)
    assert len([command for command in server.commands if "@blocking" in command]) <= 2


def test_a_relay_that_refuses_the_sender_is_asked_no_more() -> None:
    server = Server(always("MAIL", "550 5.7.1 your domain is on our blocklist"))
    outcomes = send_to(server, 50)
    assert set(verdicts(outcomes)) == {"throttled"}
    assert {outcome.detail["route"] for outcome in outcomes} == {"main"}
    assert server.taken == []
    assert sum(command.startswith("MAIL") for command in server.commands) == 1


def test_a_relay_that_refuses_us_for_many_destinations_is_held_to_refuse_us_for_all() -> None:
    server = Server(always(".", "554 5.7.1 spam"))
    batch = [a_delivery(number, recipient=f"r@domain{number}.example") for number in range(1, 51)]

    async def run() -> list[Outcome]:
        async with server:
            return await send_all(server.url, batch)

    outcomes = asyncio.run(run())
    assert [outcome.verdict for outcome in outcomes] == [Verdict.THROTTLED] * 50
    assert sum(command.startswith("MAIL") for command in server.commands) <= 4


def test_a_refusal_on_one_connection_stops_the_others_before_their_next_mail() -> None:
    journal = InMemoryJournal()
    server = Server(always(".", "550 5.7.1 spam"))
    outcomes = send_to(server, 50, connections=5, journal=journal)
    assert verdicts(outcomes) == ["throttled"] * 50
    assert len(journal.begun) <= 5
    assert not journal.in_doubt


def test_a_session_closed_between_mails_is_opened_again_with_the_rest() -> None:
    def behave(session: int, verb: str, line: str) -> Answer:
        return "421 4.7.0 enough for one session" if verb == "MAIL" and mails(session) % 3 == 0 else None

    def mails(session: int) -> int:
        return sum(command.startswith("MAIL") for command in server.sessions[session].commands)

    server = Server(behave, extensions=())
    assert verdicts(send_to(server, 7)) == ["sent"] * 7
    assert len(server.taken) == 7
    assert len(server.sessions) == 4


def test_a_server_that_says_421_is_left_even_if_it_stays() -> None:
    server = Server(at(".", Raw(b"421 4.3.2 going down\r\n")))
    assert verdicts(send_to(server)) == ["deferred", "sent", "sent", "sent", "sent"]
    assert [len(session.commands) for session in server.sessions] == [1 + 2 * 3, 1 + 4 * 3 + 1]


@pytest.mark.parametrize("answer", [HangUp(), Raw(b"garbage\r\n"), "421 4.3.2 going down"])
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_one_broken_session_before_the_content_costs_nothing(
    verb: str, answer: Answer, extensions: tuple[str, ...]
) -> None:
    server = Server(at(verb, answer), extensions=extensions)
    assert verdicts(send_to(server)) == ["sent"] * 5
    assert len(server.taken) == 5


@pytest.mark.parametrize("answer", [HangUp(), "421 4.3.2 not for this one"])
def test_a_delivery_that_breaks_every_session_is_deferred_alone(answer: Answer) -> None:
    outcomes = send_to(Server(always("RCPT", answer, marked=MARKED)))
    assert verdicts(outcomes) == ["sent", "deferred", "sent", "sent", "sent"]


def test_a_lost_answer_leaves_one_delivery_in_doubt_and_the_rest_is_sent() -> None:
    journal = InMemoryJournal()
    server = Server(at(".", None, TakeAndHangUp()))
    outcomes = send_to(server, journal=journal)
    assert verdicts(outcomes) == ["sent", "unknown", "sent", "sent", "sent"]
    assert len(server.taken) == 5
    assert not journal.in_doubt


def test_a_server_that_never_answers_mails_is_not_given_all_of_them() -> None:
    journal = InMemoryJournal()
    outcomes = send_to(Server(always(".", TakeAndHangUp())), 100, connections=2, journal=journal)
    assert verdicts(outcomes).count("unknown") <= 2 * 3
    assert verdicts(outcomes).count("deferred") == 100 - verdicts(outcomes).count("unknown")
    assert journal.most_in_doubt <= 2


def test_no_more_is_in_doubt_than_there_are_connections() -> None:
    journal = InMemoryJournal()
    send_to(Server(), 60, connections=4, journal=journal)
    assert 1 <= journal.most_in_doubt <= 4


@pytest.mark.parametrize("answer", [HangUp(), "421 4.3.2 too many connections", "451 4.7.1 later"])
def test_a_server_that_is_away_defers_everything(answer: Answer) -> None:
    outcomes = send_to(Server(always("CONNECT", answer)), 4, connections=2)
    assert verdicts(outcomes) == ["deferred"] * 4
    assert all(outcome.reply for outcome in outcomes)


def test_a_refused_connection_defers_everything() -> None:
    async def run() -> list[Outcome]:
        async with Server() as server:
            url = server.url
        return await send_all(url, deliveries(3))

    outcomes = asyncio.run(run())
    assert verdicts(outcomes) == ["deferred"] * 3
    assert "no connection to 127.0.0.1" in outcomes[0].reply


def test_a_server_that_takes_one_connection_only_gets_everything_over_that() -> None:
    server = Server(lambda session, verb, line: "421 4.7.0 one is enough" if session and verb == "CONNECT" else None)
    assert verdicts(send_to(server, 20, connections=4)) == ["sent"] * 20


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (always("CONNECT", "554 5.7.1 you are blocked"), "blocked"),
        (always("AUTH", "535 5.7.8 wrong password"), "wrong password"),
    ],
)
def test_a_server_that_will_not_deal_with_us_pauses(behaviour: object, reason: str) -> None:
    server = Server(behaviour, extensions=("AUTH PLAIN",))  # type: ignore[arg-type]

    async def run() -> list[Outcome]:
        async with server:
            url = f"smtp://ann:secret@127.0.0.1:{server.port}?tls=off"
            return await send_all(url, deliveries(9), connections=3)

    outcomes = asyncio.run(run())
    assert verdicts(outcomes) == ["throttled"] * 9
    assert all(reason in outcome.reply and "secret" not in outcome.reply for outcome in outcomes)
    assert {outcome.detail["route"] for outcome in outcomes} == {"main"}
    assert len(server.sessions) <= 3


def test_an_address_beyond_ascii_fails_where_it_cannot_be_taken() -> None:
    batch = [a_delivery(1), a_delivery(2, recipient="jörg@example.net"), a_delivery(3)]

    async def run(server: Server) -> list[Outcome]:
        async with server:
            return await send_all(server.url, batch)

    outcomes = {outcome.delivery_id: outcome for outcome in asyncio.run(run(Server()))}
    assert [outcomes[number].verdict.value for number in (1, 2, 3)] == ["sent", "failed", "sent"]
    assert "5.6.7" in outcomes[2].reply
    able = Server(extensions=("SMTPUTF8", "8BITMIME", "PIPELINING"))
    assert verdicts(asyncio.run(run(able))) == ["sent"] * 3
    assert "To: jörg@example.net\r\n".encode() in able.taken[1].content


def test_a_sender_beyond_ascii_is_a_matter_for_the_sender() -> None:
    outcomes = send_to(Server(), rendition=a_rendition(**{"from": "jörg@example.org"}))
    assert verdicts(outcomes) == ["sender_rejected"]


def test_what_is_no_address_fails_alone() -> None:
    batch = [a_delivery(1), a_delivery(2, recipient="ann@example.org>\r\nDATA"), a_delivery(3)]

    async def run() -> list[Outcome]:
        async with Server() as server:
            return await send_all(server.url, batch)

    assert sorted(verdicts(asyncio.run(run()))) == ["failed", "sent", "sent"]


def test_a_missing_personal_field_stops_the_batch() -> None:
    async def run() -> list[Outcome]:
        async with Server() as server:
            return await send_all(server.url, [a_delivery(1, fields={}), a_delivery(2)])

    (outcome,) = asyncio.run(run())
    assert (outcome.verdict, outcome.delivery_id) == (Verdict.SENDER_REJECTED, 1)
    assert "'name'" in outcome.reply


def test_a_mail_larger_than_the_server_takes_stops_the_batch() -> None:
    (outcome,) = send_to(Server(extensions=("SIZE 500",)))
    assert (outcome.verdict, outcome.reply_code) == (Verdict.SENDER_REJECTED, 552)


def test_nothing_to_send_needs_no_server() -> None:
    assert send("smtp://127.0.0.1:1", []) == []


def test_a_wrong_url_is_found_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError):
        send("http://127.0.0.1", deliveries(1))


def test_a_rendition_that_cannot_be_composed_is_found_before_anything_is_sent() -> None:
    server = Server()
    with pytest.raises(InputError):
        send_to(server, rendition=a_rendition(text="@@click:9@@"))
    assert server.sessions == []


def test_a_journal_that_cannot_be_written_stops_before_the_mail() -> None:
    class FullDisk(InMemoryJournal):
        def begin(self, delivery: object) -> None:
            raise OSError(28, "No space left on device")

    server = Server()
    with pytest.raises(OSError, match="No space"):
        send_to(server, journal=FullDisk())
    assert server.taken == []


def test_who_stops_listening_stops_the_sending() -> None:
    journal = InMemoryJournal()

    async def run(server: Server) -> None:
        async with server:
            relay = OneRelay(server.url, 2)
            stream = send_deliveries(
                relay, prepare_mail(a_rendition()), deliveries(500), a_context(journal), timeouts=PATIENCE
            )
            async for _ in stream:
                break
            await stream.aclose()  # type: ignore[attr-defined]

    server = Server()
    asyncio.run(run(server))
    assert len(server.taken) < 500
    assert len(journal.in_doubt) <= 2


def test_pauses_are_kept_between_fruitless_connections() -> None:
    started: list[float] = []

    def behave(session: int, verb: str, line: str) -> Answer:
        if verb == "CONNECT":
            started.append(asyncio.get_running_loop().time())
        return HangUp()

    send_to(Server(behave), 1, pauses=(0, 0.05, 0.1))
    assert len(started) == 3
    assert all(later - earlier >= 0.04 for earlier, later in pairwise(started))


def test_aiosmtpd_takes_every_mail_once() -> None:
    class Inbox:
        def __init__(self) -> None:
            self.contents: list[bytes] = []

        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
            self.contents.append(envelope.original_content)  # type: ignore[attr-defined]
            return "250 2.0.0 taken"

    inbox = Inbox()

    async def run() -> list[Outcome]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: SMTP(inbox, hostname="test", enable_SMTPUTF8=True), "127.0.0.1", 0)
        async with listening:
            port = listening.sockets[0].getsockname()[1]
            return await send_all(f"smtp://127.0.0.1:{port}", deliveries(30), connections=3)

    assert verdicts(asyncio.run(run())) == ["sent"] * 30
    prepared = prepare_mail(a_rendition())
    assert sorted(inbox.contents) == sorted(prepared.message_for(one, TOKENS) for one in deliveries(30))
