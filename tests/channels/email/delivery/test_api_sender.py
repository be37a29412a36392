"""Sending over providers' APIs: every recipient has an outcome, and what may have arrived is never sent again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.api import InMemoryRoutes, Route
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.providers.registry import providers
from distributor.channels.email.relays import Relay, parse_relay_url
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import LeaseLostError
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import Purpose
from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dkim.keys import Algorithm
from distributor.mail.dkim.signer import UNSIGNED, DkimSigner
from distributor.testing.fakes import FakeLease, InMemoryJournal
from tests.channels.email.mailing import (
    NOW,
    PATIENCE,
    TOKENS,
    a_context,
    a_delivery,
    a_rendition,
    deliveries,
)
from tests.channels.email.providers.api_servers import KEY, SECRET, Api, TakeAndHangUp, recorded
from tests.mail.smtp.http_server import HangUp, HttpAnswer, HttpCall
from tests.mail.smtp.smtp_servers import Server
from tests.mail.smtp.test_connect import make_certificate, tls_server

from .test_batch import Buckets, Probing

# All but one know no repetition.
INEXACT = [name for name, provider in providers().items() if not provider.is_idempotent]


@dataclass(frozen=True)
class Fleet:
    """Settings with these relays."""

    configured_relays: Sequence[Relay]
    bounce_domain: str = ""
    events_from: str = ""


def send(
    servers: dict[str, Api | Server],
    batch: Sequence[Delivery],
    *,
    rendition: Rendition | None = None,
    relays: dict[str, dict[str, Any]] | None = None,
    events_from: str = "",
    journal: InMemoryJournal | None = None,
    options: dict[str, Any] | None = None,
    **ports: Any,
) -> dict[int, Outcome]:
    """The outcome of each delivery over relays that are these servers."""

    async def run() -> list[Outcome]:
        async with AsyncExitStack() as stack:
            fleet = []
            for name, server in servers.items():
                await stack.enter_async_context(server)
                url = parse_relay_url(server.relay_url if isinstance(server, Api) else server.url)
                plain: dict[str, Any] = {"connections": 2} | (relays or {}).get(name, {})
                fleet.append(Relay(name=name, url=url, **plain))
            context = replace(a_context(journal), **ports)
            settings = Fleet(fleet, events_from=events_from)
            how: dict[str, Any] = {"timeouts": PATIENCE, "pauses": (0, 0, 0)} | (options or {})
            stream = send_deliveries(settings, prepare_mail(rendition or a_rendition()), batch, context, **how)
            return [outcome async for outcome in stream]

    outcomes = asyncio.run(run())
    reported = {outcome.delivery_id: outcome for outcome in outcomes}
    assert len(reported) == len(outcomes)
    return reported


def verdicts(outcomes: dict[int, Outcome]) -> set[Verdict]:
    return {outcome.verdict for outcome in outcomes.values()}


@pytest.mark.parametrize("provider", providers())
def test_a_provider_takes_every_mail_of_a_batch_once(provider: str) -> None:
    api, journal = Api(provider), InMemoryJournal()
    outcomes = send({"main": api}, deliveries(20), journal=journal)
    assert api.complaints == []
    assert verdicts(outcomes) == {Verdict.SENT}
    assert outcomes[1].reply.startswith("accepted as ")
    assert len(api.taken) == len({one.recipient for one in api.taken}) == 20
    assert sorted(journal.begun) == list(range(1, 21))
    assert journal.most_in_doubt == 2
    assert not journal.in_doubt


@pytest.mark.parametrize("provider", providers())
def test_a_mail_is_in_the_journal_before_its_call_is_read(provider: str) -> None:
    journal, in_doubt = InMemoryJournal(), []

    def behave(number: int, call: HttpCall) -> None:
        in_doubt.append(set(journal.in_doubt))

    send({"main": Api(provider, behave)}, deliveries(3), relays={"main": {"connections": 1}}, journal=journal)
    assert in_doubt == [{number} for number in journal.begun]


@pytest.mark.parametrize("provider", providers())
def test_a_provider_gets_what_was_composed(provider: str) -> None:
    api = Api(provider)
    rendition = a_rendition(
        **{"from": "Jürgen “the Pen” <news@example.org>", "subject": "Zehn Fragen – für @@name@@"},
        list_name="Fragen – und Antworten, die länger sind, als eine Zeile sein darf, auch in Klammern",
        reply_to="Zoë <answers@example.org>",
    )
    send({"main": api}, [a_delivery(1, fields={"name": "Zoë"})], rendition=rendition)
    assert api.complaints == []
    (mail,) = api.taken
    assert mail.recipient == "reader1@example.net"
    assert mail.sender in ('"Jürgen “the Pen”" <news@example.org>', "Jürgen “the Pen” <news@example.org>")
    assert mail.subject == "Zehn Fragen – für Zoë"
    assert mail.text.startswith("Dear Zoë,\n\nread https://news.example.org/c/")
    assert "<p>Dear Zoë, <a href=" in mail.html
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["List-Unsubscribe"].startswith("<https://news.example.org/unsubscribe/")
    assert mail.headers["Feedback-ID"].startswith("3:")
    assert mail.headers["List-Id"].endswith("<newsletter.example.org>")


@pytest.mark.parametrize("provider", providers())
def test_the_mark_a_provider_keeps_finds_the_delivery(provider: str) -> None:
    api = Api(provider)
    send({"main": api}, [a_delivery(41)])
    claim = TOKENS.read(Purpose.MESSAGE, api.taken[0].mark)
    assert claim is not None
    assert claim.delivery_id == 41


@pytest.mark.parametrize("provider", providers())
def test_a_mark_for_mails_by_smtp_does_not_go_to_an_api(provider: str) -> None:
    api = Api(provider)
    send({"main": api}, deliveries(1), events_from="mailgun")
    assert api.complaints == []
    assert not {name for name in api.taken[0].headers if name.lower().startswith(("x-mailgun", "x-ses", "x-smtpapi"))}


@pytest.mark.parametrize("provider", providers())
def test_a_refusal_of_the_account_pauses_the_relay_and_fails_no_recipient(provider: str) -> None:
    name = {"ses": "a signature that is wrong"}.get(provider, "a key that is wrong")
    refusal = recorded(provider, "a token that is wrong" if provider == "postmark" else name)
    api, routes = Api(provider, lambda number, call: refusal), InMemoryRoutes()
    outcomes = send({"main": api}, deliveries(20), routes=routes)
    assert verdicts(outcomes) == {Verdict.THROTTLED}
    (pause,) = routes.paused()
    assert pause.route == Route("main")
    assert pause.reason.startswith("authfailure: 4")
    assert len(api.calls) <= 2


@pytest.mark.parametrize(("provider", "answer"), [("ses", "the quota of a day"), ("resend", "the quota of a day")])
def test_a_quota_that_is_used_up_leaves_the_rest_to_the_next_relay(provider: str, answer: str) -> None:
    api = Api(provider, lambda number, call: recorded(provider, answer) if number > 5 else None)
    server, routes = Server(), InMemoryRoutes()
    outcomes = send({"main": api, "spare": server}, deliveries(20), relays={"spare": {"rank": 1}}, routes=routes)
    assert sum(outcome.verdict is Verdict.SENT for outcome in outcomes.values()) >= 18
    assert len(api.taken) == 5
    # What was refused while it was under way is due at once, and then goes over the other.
    held = [outcome for outcome in outcomes.values() if outcome.verdict is Verdict.THROTTLED]
    assert all(outcome.retry_at == NOW for outcome in held)
    assert len(server.taken) + len(held) == 15
    assert [str(pause.route) for pause in routes.paused()] == ["main"]


@pytest.mark.parametrize("provider", providers())
def test_a_recipient_that_is_refused_fails_alone(provider: str) -> None:
    def behave(number: int, call: HttpCall) -> HttpAnswer | None:
        return recorded(provider, "a recipient that is none") if number == 3 else None

    outcomes = send({"main": Api(provider, behave)}, deliveries(6))
    assert sorted(outcome.verdict for outcome in outcomes.values()) == ["failed", *["sent"] * 5]


@pytest.mark.parametrize("provider", INEXACT)
def test_a_lost_answer_is_unknown_and_the_mail_goes_nowhere_else(provider: str) -> None:
    api = Api(provider, lambda number, call: TakeAndHangUp() if number == 4 else None)
    server, journal = Server(), InMemoryJournal()
    outcomes = send({"main": api, "spare": server}, deliveries(8), relays={"spare": {"rank": 1}}, journal=journal)
    (unknown,) = (outcome for outcome in outcomes.values() if outcome.verdict is Verdict.UNKNOWN)
    assert "the connection was lost before the response" in unknown.reply
    assert verdicts(outcomes) == {Verdict.SENT, Verdict.UNKNOWN}
    assert len({one.recipient for one in api.taken}) == len(api.taken) == 8
    assert server.taken == []
    assert not journal.in_doubt


def test_a_lost_answer_is_asked_for_again_where_repetitions_are_known() -> None:
    api = Api("resend", lambda number, call: TakeAndHangUp() if number % 3 == 1 else None)
    outcomes = send({"main": api}, deliveries(8))
    assert verdicts(outcomes) == {Verdict.SENT}
    assert len({one.recipient for one in api.taken}) == len(api.taken) == 8
    assert len(api.calls) > 8


@pytest.mark.parametrize(
    "after", ["too many calls", "the quota of a day", "a recipient that is none", "the same key, another mail"]
)
def test_after_a_lost_answer_nothing_but_a_success_counts(after: str) -> None:
    """Deferred, it might go over the other relay, and arrive twice."""
    api = Api("resend", lambda number, call: TakeAndHangUp() if number == 1 else recorded("resend", after))
    server = Server()
    outcomes = send({"main": api, "spare": server}, deliveries(1), relays={"spare": {"rank": 1}})
    assert verdicts(outcomes) == {Verdict.UNKNOWN}
    assert server.taken == []


def test_even_there_an_answer_that_never_comes_is_unknown() -> None:
    api = Api("resend", lambda number, call: TakeAndHangUp())
    outcomes = send({"main": api}, deliveries(1))
    assert verdicts(outcomes) == {Verdict.UNKNOWN}
    assert len(api.calls) == 3


@pytest.mark.parametrize("provider", INEXACT)
def test_an_api_that_swallows_every_mail_is_not_given_all_of_them(provider: str) -> None:
    api = Api(provider, lambda number, call: TakeAndHangUp())
    outcomes = send({"main": api}, deliveries(20))
    assert sum(outcome.verdict is Verdict.UNKNOWN for outcome in outcomes.values()) == len(api.taken) <= 6
    assert verdicts(outcomes) == {Verdict.UNKNOWN, Verdict.DEFERRED}


def test_an_error_of_the_servers_own_is_no_answer_either() -> None:
    api = Api("postmark", lambda number, call: recorded("postmark", "an error of its own") if number == 2 else None)
    assert sorted(one.verdict for one in send({"main": api}, deliveries(3)).values()) == ["sent", "sent", "unknown"]


def test_a_short_break_that_an_api_asks_for_is_waited_out() -> None:
    busy = HttpAnswer(429, {"message": "too many requests"}, {"Retry-After": "0.01"})
    api = Api("mailgun", lambda number, call: busy if number in (2, 3) else None)
    outcomes = send({"main": api}, deliveries(6), relays={"main": {"connections": 1}})
    assert verdicts(outcomes) == {Verdict.SENT}
    assert len(api.calls) == 8


def test_a_long_break_that_an_api_asks_for_holds_for_all_that_would_go_over_it() -> None:
    api = Api("postmark", lambda number, call: recorded("postmark", "too many calls") if number > 2 else None)
    outcomes = send({"main": api}, deliveries(10), relays={"main": {"connections": 1}})
    deferred = [outcome for outcome in outcomes.values() if outcome.verdict is Verdict.DEFERRED]
    assert len(deferred) == 8
    assert {outcome.retry_at for outcome in deferred} == {NOW + timedelta(seconds=30)}
    assert len(api.calls) == 3


def test_an_api_that_asks_for_a_long_break_leaves_the_rest_to_the_next_relay() -> None:
    api = Api("postmark", lambda number, call: recorded("postmark", "too many calls"))
    server = Server()
    relays = {"main": {"connections": 1}, "spare": {"rank": 1}}
    outcomes = send({"main": api, "spare": server}, deliveries(10), relays=relays)
    assert sum(outcome.verdict is Verdict.SENT for outcome in outcomes.values()) == len(server.taken) == 9


def test_an_api_that_cannot_be_reached_leaves_the_rest_to_the_next_relay() -> None:
    relay = Relay(name="main", url=parse_relay_url("resend://KEY@api.resend.com?endpoint=http://127.0.0.1:9"))

    async def run() -> list[Outcome]:
        async with Server() as server:
            fleet = [replace(relay, connections=1), Relay(name="spare", url=parse_relay_url(server.url), rank=1)]
            stream = send_deliveries(
                Fleet(fleet), prepare_mail(a_rendition()), deliveries(10), a_context(), pauses=(0, 0)
            )
            return [outcome async for outcome in stream]

    outcomes = asyncio.run(run())
    assert sorted(outcome.verdict for outcome in outcomes) == ["deferred", *["sent"] * 9]
    assert "no connection to http://127.0.0.1:9" in next(one.reply for one in outcomes if one.verdict == "deferred")


def test_a_paused_relay_that_takes_a_mail_again_takes_the_rest() -> None:
    routes, most_at_once = Probing(Route("main")), set()

    def behave(number: int, call: HttpCall) -> None:
        most_at_once.add((number, bool(routes.resumed)))

    assert verdicts(send({"main": Api("resend", behave)}, deliveries(8), routes=routes)) == {Verdict.SENT}
    assert routes.resumed == [Route("main")]
    assert [number for number, is_open in most_at_once if not is_open] == [1]


def test_rates_hold_for_an_api_as_for_a_server() -> None:
    api, rates = Api("ses"), Buckets(main=3)
    outcomes = send({"main": api}, deliveries(8), relays={"main": {"per_second": 1.0}}, rate_limiter=rates)
    assert sorted(outcome.verdict for outcome in outcomes.values()) == [*["sent"] * 3, *["throttled"] * 5]
    assert len(api.taken) == 3


def test_an_answer_without_end_is_read_as_far_as_it_is_needed() -> None:
    api = Api("postmark", lambda number, call: HttpAnswer(422, {"ErrorCode": 0, "Message": "x" * 10**6}))
    (outcome,) = send({"main": api}, deliveries(1)).values()
    assert outcome.verdict is Verdict.SENDER_REJECTED
    assert len(outcome.reply) <= 500


def test_a_key_goes_only_to_an_api_whose_certificate_convinces(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    trusted = Api("sendgrid", tls=tls_server(certificate))
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    assert verdicts(send({"main": trusted}, deliveries(2), options={"tls": trusting})) == {Verdict.SENT}
    unknown = Api("sendgrid", tls=tls_server(certificate))
    (outcome,) = send({"main": unknown}, deliveries(1)).values()
    assert outcome.verdict is Verdict.DEFERRED
    assert "certificate verify failed" in outcome.reply.lower()
    assert unknown.calls == []


def test_an_address_beyond_ascii_is_not_given_to_an_api() -> None:
    api = Api("sendgrid")
    outcomes = send({"main": api}, [a_delivery(1, recipient="jürgen@example.net"), a_delivery(2)])
    assert (outcomes[1].verdict, outcomes[2].verdict) == (Verdict.FAILED, Verdict.SENT)
    assert len(api.calls) == 1


def test_nothing_that_is_reported_contains_the_key() -> None:
    hang_up = Api("ses", lambda number, call: HangUp())
    refuse = Api("ses", lambda number, call: recorded("ses", "a signature that is wrong"))
    routes = InMemoryRoutes()
    outcomes = [
        *send({"main": hang_up}, deliveries(4)).values(),
        *send({"b": refuse}, deliveries(4), routes=routes).values(),
    ]
    reported = repr([outcomes, routes.paused(), parse_relay_url("ses://AKIA:hush-hush@eu-central-1")])
    assert not any(secret in reported for secret in (KEY, SECRET, "AKIA", "hush-hush"))


def test_a_connection_is_kept_from_one_call_to_the_next() -> None:
    api = Api("resend")
    send({"main": api}, deliveries(10), relays={"main": {"connections": 1}})
    assert (len(api.calls), api.connections) == (10, 1)


@cache
def signer() -> DkimSigner:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    ring = KeyRing().with_new("r1", domain="example.org", algorithm=Algorithm.RSA, now=at)
    return ring.with_active("r1", now=at).signer()


def composed(signer: DkimSigner) -> bytes:
    """The mail of the first delivery."""
    return signer.sign(prepare_mail(a_rendition()).message_for(a_delivery(1), TOKENS), at=NOW)


def test_a_signature_of_ours_goes_to_the_provider_that_leaves_the_mail_as_it_is() -> None:
    api = Api("mailgun")
    send({"main": api}, deliveries(1), options={"signer": signer()})
    assert api.complaints == []
    assert api.taken[0].raw == composed(signer())


def test_a_signature_of_ours_does_not_go_to_the_provider_that_would_break_it() -> None:
    api = Api("ses")
    send({"main": api}, deliveries(1), options={"signer": signer()})
    assert api.complaints == []
    assert api.taken[0].raw == composed(UNSIGNED)
    assert composed(signer()).endswith(api.taken[0].raw)


def test_an_api_gets_no_request_once_the_lease_has_run_out() -> None:
    lease = FakeLease()

    def behave(number: int, call: HttpCall) -> None:
        lease.has_run_out = number == 2

    api, journal = Api("postmark", behave), InMemoryJournal()
    with pytest.raises(LeaseLostError):
        send({"main": api}, deliveries(6), relays={"main": {"connections": 1}}, journal=journal, lease=lease)
    assert len(api.calls) == 2
    # The third was begun, and its request never written.
    assert [outcome.verdict for outcome in journal.outcomes] == [Verdict.SENT, Verdict.SENT, Verdict.RETRY_REMAINING]
