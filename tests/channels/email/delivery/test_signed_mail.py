"""A channel with DKIM keys: what the relay receives, and the problems if the keys do not match the sender."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from distributor.channels.api import Channel
from distributor.channels.registry import make_channel
from distributor.domain.delivery import Delivery, Verdict
from distributor.domain.errors import InputError
from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dkim.keys import Algorithm
from tests.channels.email.mailing import a_context, a_delivery, a_rendition, deliveries
from tests.mail.dkim.verifiers import dkimpy_verdicts
from tests.mail.smtp.smtp_servers import Server

DAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """An active key of each kind, and one that only waits."""
    made = KeyRing()
    for selector, algorithm in (("r1", Algorithm.RSA), ("e1", Algorithm.ED25519), ("e2", Algorithm.ED25519)):
        made = made.with_new(selector, domain="example.org", algorithm=algorithm, now=DAY)
    return made.with_active("r1", now=DAY).with_active("e1", now=DAY)


def channel(ring: KeyRing, url: str = "smtp://127.0.0.1:1") -> Channel:
    return make_channel("email", {"smtp_url": url, "connections": 1, "dkim_keys": ring.dump()})


def send(ring: KeyRing, batch: list[Delivery], *, now: datetime = DAY) -> list[bytes]:
    """What the relay got."""
    context = replace(a_context(), now=lambda: now)

    async def run() -> list[bytes]:
        async with Server() as server:
            outcomes = [outcome async for outcome in channel(ring, server.url).send(a_rendition(), batch, context)]
            assert {outcome.verdict for outcome in outcomes} == {Verdict.SENT}
            return [taken.content for taken in server.taken]

    return asyncio.run(run())


def test_every_mail_goes_out_signed_with_the_active_keys(ring: KeyRing) -> None:
    keys = {entry.record_name: entry.record for entry in ring.entries}
    mails = send(ring, deliveries(3))
    assert [dkimpy_verdicts(mail, keys) for mail in mails] == [{"r1": True, "e1": True}] * 3


def test_another_attempt_sends_the_same_bytes(ring: KeyRing) -> None:
    first, second = a_delivery(), replace(a_delivery(), attempt=2, epoch=9)
    assert send(ring, [first]) == send(ring, [second], now=DAY + timedelta(hours=4))


def test_without_active_keys_nothing_is_signed(ring: KeyRing) -> None:
    (mail,) = send(KeyRing(ring.entries[2:]), [a_delivery()])
    assert b"DKIM-Signature" not in mail


def test_the_preview_of_a_mail_is_not_signed(ring: KeyRing) -> None:
    assert b"DKIM-Signature" not in channel(ring).files(a_rendition())["email.eml"]


@pytest.mark.parametrize("sender", ["news@example.org", "N <n@mail.example.org>"])
def test_keys_of_the_senders_domain_are_no_problem(ring: KeyRing, sender: str) -> None:
    problems = channel(ring).check(a_rendition(**{"from": sender}))
    assert "dkim-unaligned" not in {problem.code for problem in problems}


@pytest.mark.parametrize("sender", ["news@example.net", "news@notexample.org", "news@ample.org"])
def test_keys_of_another_domain_are_warned_of(ring: KeyRing, sender: str) -> None:
    problems = {problem.code: problem for problem in channel(ring).check(a_rendition(**{"from": sender}))}
    assert "signed for example.org, which DMARC does not count" in problems["dkim-unaligned"].message


def test_a_sender_that_cannot_be_read_is_a_finding_of_its_own(ring: KeyRing) -> None:
    codes = {problem.code for problem in channel(ring).check(a_rendition(**{"from": "nobody"}))}
    assert "composition" in codes
    assert "dkim-unaligned" not in codes


def test_keys_that_cannot_be_read_are_refused_by_name_and_not_shown() -> None:
    with pytest.raises(InputError, match="kind email: dkim_keys: ") as caught:
        make_channel("email", {"dkim_keys": '[{"pem": "PRIVATE"}]'})
    assert "PRIVATE" not in str(caught.value)
