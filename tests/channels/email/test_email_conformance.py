"""The email channel conforms to the contract of sending, over a scripted SMTP server on a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from distributor.channels.api import Article, Delivery, Journal, Outcome, Rendition, SendContext, Verdict
from distributor.channels.email import EmailChannel
from distributor.testing.conformance import SAMPLE_ARTICLE, Case, RemoteService, sending_violations
from distributor.testing.fakes import InMemoryJournal
from distributor.testing.scripted_server import closed_port
from tests.mail.smtp.smtp_servers import Answer, Behaviour, HangUp, Server, TakeAndHangUp, always


class SmtpScenario:
    """An SMTP server that accepts, rejects and loses messages at every stage of the transaction."""

    articles: Sequence[Article] = (SAMPLE_ARTICLE,)

    def cases(self) -> Iterator[Case]:
        yield self._case("success", always("NOOP", None), Verdict.SENT)
        yield self._reply("RCPT", "550 5.1.1 user unknown", Verdict.FAILED)
        yield self._reply(".", "550 5.1.1 user unknown", Verdict.FAILED)
        yield self._reply("RCPT", "451 4.7.1 greylisted, try again later", Verdict.DEFERRED)
        yield self._reply(".", "452 4.2.2 mailbox full", Verdict.DEFERRED)
        yield self._reply("MAIL", "550 5.7.1 sender blocked", Verdict.THROTTLED, Verdict.SENDER_REJECTED)
        yield self._case("when the client is blocked", always("CONNECT", "554 5.7.1 blocked"), Verdict.THROTTLED)
        yield self._case("when the connection is lost before the content", always("RCPT", HangUp()), Verdict.DEFERRED)
        yield Case(name="when the connection is refused", start=_start_unreachable, verdicts={Verdict.DEFERRED})
        yield self._case("after a lost reply to an accepted message", always(".", TakeAndHangUp()), Verdict.UNKNOWN)

    def _reply(self, stage: str, reply: str, *verdicts: Verdict) -> Case:
        case = self._case(f"after {reply[:3]} to {stage}", always(stage, reply), *verdicts)
        is_about_recipient = not {Verdict.FAILED, Verdict.DEFERRED}.isdisjoint(verdicts)
        return replace(case, reply_code=int(reply[:3])) if is_about_recipient else case

    def _case(self, name: str, behaviour: Behaviour, *verdicts: Verdict) -> Case:
        return Case(name=name, start=lambda: _start(behaviour), verdicts=verdicts)


@contextmanager
def _start(behaviour: Behaviour) -> Iterator[RemoteService]:
    recovered = threading.Event()

    def behave(session: int, verb: str, line: str) -> Answer:
        return None if recovered.is_set() else behaviour(session, verb, line)

    with running(Server(behave)) as server:
        yield RemoteService(
            settings={"smtp_url": server.url},
            received=lambda: [message.message_id for message in server.taken],
            recover=recovered.set,
        )


@contextmanager
def _start_unreachable() -> Iterator[RemoteService]:
    with closed_port() as url:
        yield RemoteService(settings={"smtp_url": url.replace("http:", "smtp:")}, received=tuple, recover=None)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server in an event loop of its own, so that a channel can be called from this thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_email_conforms_when_it_sends() -> None:
    assert sending_violations(EmailChannel, SmtpScenario()) == []


class HastyChannel(EmailChannel):
    """Reports a lost reply as a temporary failure, so that the mail would be sent twice."""

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        async for outcome in super().send(rendition, deliveries, context):
            is_unknown = outcome.verdict is Verdict.UNKNOWN
            yield replace(outcome, verdict=Verdict.DEFERRED) if is_unknown else outcome


def test_a_channel_that_takes_a_lost_reply_for_a_temporary_failure_is_found() -> None:
    (violation,) = sending_violations(HastyChannel, SmtpScenario())
    assert violation.startswith("after a lost reply to an accepted message: the outcome is deferred")


class ForgetfulChannel(EmailChannel):
    """Sends without the journal, so that a killed worker leaves no trace of what it sent."""

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        async for outcome in super().send(rendition, deliveries, replace(context, journal=InMemoryJournal())):
            yield outcome


def test_a_channel_that_does_not_use_the_journal_is_found() -> None:
    missing = "the journal has no entry: a delivery has to be begun there before it is sent"
    assert sending_violations(ForgetfulChannel, SmtpScenario()) == [
        f"success: {missing}",
        f"after a lost reply to an accepted message: {missing}",
    ]


class LateJournal(InMemoryJournal):
    """Writes both entries of a delivery once its outcome is known."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self._waiting: dict[int, Delivery] = {}

    def begin(self, delivery: Delivery) -> None:
        self._waiting[delivery.id] = delivery

    def settle(self, outcome: Outcome) -> None:
        self._journal.begin(self._waiting.pop(outcome.delivery_id))
        self._journal.settle(outcome)


class LateChannel(EmailChannel):
    """Begins deliveries in the journal after they were sent, so that a killed worker leaves no trace."""

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        late = replace(context, journal=LateJournal(context.journal))
        async for outcome in super().send(rendition, deliveries, late):
            yield outcome


def test_a_channel_that_begins_deliveries_after_sending_them_is_found() -> None:
    late = "the delivery is begun in the journal after it was sent, not before"
    assert sending_violations(LateChannel, SmtpScenario()) == [
        f"success: {late}",
        f"after a lost reply to an accepted message: {late}",
    ]
