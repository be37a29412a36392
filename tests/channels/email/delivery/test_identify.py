"""A relay is tried up to the sender of a mail, and no further; what is wrong is said with what to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from distributor.channels.email.delivery.identify import identify_relays
from distributor.channels.email.relays import Relay, parse_relay_url
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.mail.address import Address
from distributor.testing.fakes import make_send_context
from distributor.testing.scripted_server import closed_port
from tests.mail.smtp.smtp_servers import EXTENSIONS, Answer, HangUp, Server
from tests.mail.smtp.test_connect import make_certificate, tls_server

SENDER = Address.parse("news@example.org")
TLS_EXTENSIONS = (*EXTENSIONS, "STARTTLS", "AUTH PLAIN LOGIN")
OK, WARN, FAIL = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.FAIL


def found_at(
    server: Server, url: Callable[[Server], str], tls: ssl.SSLContext | None = None, **options: frozenset[str]
) -> Sequence[Finding]:
    async def run() -> Sequence[Finding]:
        async with server:
            relay = Relay(name="main", url=parse_relay_url(url(server)), **options)  # type: ignore[arg-type]
            return await identify_relays([relay], SENDER.domain, SENDER, make_send_context(), tls=tls)

    return asyncio.run(run())


def answering(**answers: Answer) -> Callable[[int, str, str], Answer]:
    return lambda session, verb, line: answers.get(verb)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def with_login(server: Server) -> str:
    return f"smtp://ann:secret@127.0.0.1:{server.port}"


def test_a_relay_that_works_says_how_it_is_encrypted_and_who_is_signed_in(certificate: tuple[Path, Path]) -> None:
    server = Server(answering(AUTH="235 welcome"), extensions=TLS_EXTENSIONS, tls=tls_server(certificate))
    found = found_at(server, lambda one: f"{with_login(one)}?ca={certificate[0]}")
    assert [(one.check, one.state) for one in found] == [("relay main", OK), ("sender", OK), ("destination", WARN)]
    assert "encrypted with TLSv1.3, certificate verified, signed in as ann" in found[0].sentence
    assert "accepts news@example.org as the sender" in found[1].sentence
    verbs = [command.split(" ")[0].split(":")[0] for command in server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RSET", "QUIT"]


def test_a_wrong_password_is_named_as_one(certificate: tuple[Path, Path]) -> None:
    server = Server(answering(AUTH="535 5.7.8 bad credentials"), extensions=TLS_EXTENSIONS, tls=tls_server(certificate))
    (one,) = found_at(server, lambda server: f"{with_login(server)}?ca={certificate[0]}")
    assert one.state is FAIL
    assert "rejects user and password: 535" in one.sentence
    assert "channel change CHANNEL --set-stdin smtp_url" in one.sentence
    assert "secret" not in one.sentence


def test_a_certificate_that_cannot_be_verified_is_named_before_the_password_is_sent(
    certificate: tuple[Path, Path],
) -> None:
    server = Server(answering(AUTH="235 welcome"), extensions=TLS_EXTENSIONS, tls=tls_server(certificate))
    (one,) = found_at(server, with_login)
    assert (one.state, "the certificate of 127.0.0.1" in one.sentence, "ca=FILE" in one.sentence) == (FAIL, True, True)
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_a_sender_that_is_not_accepted_is_a_finding() -> None:
    server = Server(answering(MAIL="553 5.7.1 sender not verified"))
    found = found_at(server, lambda server: server.url)
    assert [one.state for one in found] == [OK, FAIL]
    assert "does not accept news@example.org as the sender: 553 5.7.1 sender not verified" in found[1].sentence


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL"])
def test_a_relay_that_hangs_up_is_a_finding(verb: str) -> None:
    found = found_at(Server(answering(**{verb: HangUp()})), lambda server: server.url)
    assert found[-1].state is FAIL


def test_a_relay_that_cannot_be_reached_is_a_finding() -> None:
    with closed_port() as url:
        relay = Relay(name="main", url=parse_relay_url(url.replace("http://", "smtp://")))
        (one,) = asyncio.run(identify_relays([relay], SENDER.domain, SENDER, make_send_context()))
    assert (one.state, "check host and port" in one.sentence) == (FAIL, True)


def test_a_relay_of_other_senders_is_not_tried_and_without_any_nothing_works() -> None:
    server = Server()
    (one,) = found_at(server, lambda server: server.url, senders=frozenset({"shop.example"}))
    assert (one.state, "no relay is for mails from example.org" in one.sentence) == (FAIL, True)
    assert server.sessions == []
