"""Opening a session: greetings, EHLO, TLS, login; against our own server and against aiosmtpd."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.mail.smtp.connect import SenderRejectedError, connect
from distributor.mail.smtp.connection import SmtpConnection, SmtpTimeouts
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.stream import SmtpStream
from distributor.mail.smtp.url import SmtpUrl
from tests.channels.email.mailing import PATIENCE

from .smtp_servers import EXTENSIONS, HangUp, Raw, Server, at, either

TLS_EXTENSIONS = (*EXTENSIONS, "STARTTLS", "AUTH PLAIN LOGIN")


def make_certificate(folder: Path, *, address: str = "127.0.0.1", days: int = 1) -> tuple[Path, Path]:
    """A certificate that signs itself and is good from two days ago until so many days from now, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def tls_server(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return tls_server(certificate)


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """A client's context that trusts only the server of the tests."""
    return ssl.create_default_context(cafile=str(certificate[0]))


def open_session(
    server: Server, url: Callable[[Server], str] = lambda server: server.url, **options: Any
) -> SmtpConnection:
    async def run() -> SmtpConnection:
        async with server:
            connection = await connect(SmtpUrl.parse(url(server)), **{"timeouts": PATIENCE} | options)
            await connection.quit()
            return connection

    return asyncio.run(run())


def with_user(query: str = "", scheme: str = "smtp") -> Callable[[Server], str]:
    return lambda server: f"{scheme}://ann:s%40cret@127.0.0.1:{server.port}{query}"


@pytest.mark.parametrize("greeting", ["220", "220-Welcome\r\n220-to our\r\n220 server", "220 *** ESMTP 250-PIPELINING"])
def test_odd_greetings_are_taken(greeting: str) -> None:
    open_session(Server(at("CONNECT", greeting)))


@pytest.mark.parametrize(
    "greeting", ["421 4.3.2 busy", "451 4.7.1 later", HangUp(), Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Raw(b"\r\n")]
)
def test_a_greeting_that_may_be_better_next_time(greeting: str | HangUp | Raw) -> None:
    with pytest.raises(SmtpSessionError):
        open_session(Server(at("CONNECT", greeting)))


def test_a_greeting_that_sends_us_away() -> None:
    with pytest.raises(SenderRejectedError, match="you are blocked"):
        open_session(Server(at("CONNECT", "554 5.7.1 you are blocked")))


def test_a_server_that_says_nothing_is_left() -> None:
    with pytest.raises(SmtpSessionError, match="timed out"):
        open_session(Server(at("CONNECT", Raw(b""))), timeouts=SmtpTimeouts(command=0.05))


def test_a_server_that_never_stops_talking_is_left() -> None:
    with pytest.raises(SmtpSessionError):
        open_session(Server(at("CONNECT", Raw(b"220-x\r\n" * 300_000))))


def test_a_server_that_talks_while_nobody_listens_is_cut_off() -> None:
    async def run() -> None:
        cut = asyncio.Event()

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    writer.write(b"250 ok\r\n" * 10_000)
                    await writer.drain()
            except ConnectionError:
                cut.set()

        async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
            wire = await SmtpStream.open("127.0.0.1", server.sockets[0].getsockname()[1], tls=None, seconds=20)
            await asyncio.wait_for(cut.wait(), 20)
            assert not wire.is_quiet

    asyncio.run(run())


def test_nobody_listening_may_pass() -> None:
    async def run() -> None:
        async with Server() as server:
            url = SmtpUrl.parse(server.url)
        with pytest.raises(SmtpSessionError, match="no connection to"):
            await connect(url, timeouts=PATIENCE)

    asyncio.run(run())


def test_a_server_without_ehlo_is_greeted_with_helo() -> None:
    server = Server(at("EHLO", "502 5.5.1 what?"))
    open_session(server)
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "HELO", "QUIT"]


def test_a_server_that_takes_no_greeting_at_all_refuses_us() -> None:
    with pytest.raises(SenderRejectedError, match="go away"):
        open_session(Server(either(at("EHLO", "550 5.7.1 go away"), at("HELO", "550 5.7.1 go away"))))


def test_starttls_is_used_where_it_is_offered(server_tls: ssl.SSLContext) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls)
    open_session(server)
    assert server.sessions[0].is_encrypted
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "STARTTLS", "EHLO", "QUIT"]


def test_starttls_can_be_turned_off(server_tls: ssl.SSLContext) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls)
    open_session(server, lambda server: server.url + "?tls=off")
    assert not server.sessions[0].is_encrypted


def test_required_tls_takes_a_certificate_that_convinces(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls)
    open_session(server, lambda server: server.url + "?tls=verify", tls=trusting)
    assert server.sessions[0].is_encrypted


@pytest.mark.parametrize("url", [with_user(), lambda server: server.url + "?tls=verify"])
def test_a_certificate_that_does_not_convince_is_refused(
    server_tls: ssl.SSLContext, url: Callable[[Server], str]
) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls)
    with pytest.raises(SenderRejectedError, match="certificate"):
        open_session(server, url)
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize("url", [with_user(), lambda server: server.url + "?tls=verify"])
def test_neither_password_nor_protected_mail_goes_in_the_clear(url: Callable[[Server], str]) -> None:
    server = Server(extensions=(*EXTENSIONS, "AUTH PLAIN"))
    with pytest.raises(SenderRejectedError, match="STARTTLS"):
        open_session(server, url)
    assert server.commands[-1].startswith("EHLO")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_file_of_authorities_says_whose_certificates_convince(scheme: str, certificate: tuple[Path, Path]) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=tls_server(certificate), implicit_tls=scheme == "smtps")
    open_session(server, lambda server: f"{scheme}://127.0.0.1:{server.port}?tls=verify&ca={certificate[0]}")
    assert server.sessions[0].is_encrypted


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("flaw", "reason"), [({"address": "127.0.0.2"}, "IP address mismatch"), ({"days": -1}, "expired")]
)
def test_a_bad_certificate_of_a_known_authority_is_refused(
    scheme: str, flaw: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    bad = make_certificate(tmp_path, **flaw)
    server = Server(extensions=TLS_EXTENSIONS, tls=tls_server(bad), implicit_tls=scheme == "smtps")
    with pytest.raises(SenderRejectedError, match=reason):
        open_session(server, lambda server: f"{scheme}://127.0.0.1:{server.port}?tls=verify&ca={bad[0]}")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_encryption_alone_takes_any_certificate(scheme: str, server_tls: ssl.SSLContext) -> None:
    behaviour = at("AUTH", "235 2.7.0 welcome")
    server = Server(behaviour, extensions=TLS_EXTENSIONS, tls=server_tls, implicit_tls=scheme == "smtps")
    open_session(server, with_user("?tls=encrypt", scheme=scheme))
    assert server.sessions[0].is_encrypted
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)


def test_encryption_alone_is_still_no_mail_in_the_clear() -> None:
    server = Server()
    with pytest.raises(SenderRejectedError, match="STARTTLS"):
        open_session(server, lambda server: server.url + "?tls=encrypt")


def test_a_file_of_authorities_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.pem"):
        open_session(Server(), lambda server: f"{server.url}?tls=verify&ca={tmp_path / 'nothing.pem'}")


def test_what_was_said_before_tls_does_not_count_after_it(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Replies injected by an attacker in the network (such as CVE-2011-0411)."""
    behaviour = either(at("STARTTLS", "220 go ahead\r\n250-forged\r\n250 AUTH LOGIN"), at("AUTH", "235 2.7.0 welcome"))
    server = Server(behaviour, extensions=(*EXTENSIONS, "STARTTLS", "AUTH PLAIN"), tls=server_tls)
    open_session(server, with_user(), tls=trusting)
    assert "AUTH PLAIN AGFubgBzQGNyZXQ=" in server.commands


def test_implicit_tls_is_there_from_the_first_byte(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls, implicit_tls=True)
    open_session(server, lambda server: f"smtps://127.0.0.1:{server.port}", tls=trusting)
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "QUIT"]


def test_implicit_tls_wants_a_certificate_that_convinces(server_tls: ssl.SSLContext) -> None:
    server = Server(extensions=TLS_EXTENSIONS, tls=server_tls, implicit_tls=True)
    with pytest.raises(SenderRejectedError, match="certificate"):
        open_session(server, lambda server: f"smtps://127.0.0.1:{server.port}")


def test_a_server_that_speaks_no_tls_where_it_should_may_pass() -> None:
    with pytest.raises(SmtpSessionError):
        open_session(Server(), lambda server: f"smtps://127.0.0.1:{server.port}")


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH=LOGIN PLAIN", "auth cram-md5 plain"])
def test_plain_login_is_one_command(offer: str) -> None:
    server = Server(at("AUTH", "235 2.7.0 welcome"), extensions=(offer,))
    open_session(server, with_user("?tls=off"))
    (command,) = [command for command in server.commands if command.startswith("AUTH")]
    assert b64decode(command.removeprefix("AUTH PLAIN ")) == b"\0ann\0s@cret"


def test_login_by_questions_answers_both() -> None:
    answers = {"AUTH LOGIN": "334 VXNlcm5hbWU6", "YW5u": "334 UGFzc3dvcmQ6", "c0BjcmV0": "235 2.7.0 welcome"}
    server = Server(lambda session, verb, line: answers.get(line), extensions=("AUTH LOGIN",))
    open_session(server, with_user("?tls=off"))
    assert server.commands[1:4] == ["AUTH LOGIN", "YW5u", "c0BjcmV0"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [("535 5.7.8 wrong password", SenderRejectedError), ("454 4.7.0 try later", SmtpSessionError)],
)
def test_a_login_that_fails(reply: str, error: type[ServiceError]) -> None:
    with pytest.raises(error, match=reply) as caught:
        open_session(Server(at("AUTH", reply), extensions=("AUTH PLAIN",)), with_user("?tls=off"))
    assert "s@cret" not in str(caught.value)


def test_a_server_without_a_login_we_know_is_not_used() -> None:
    with pytest.raises(SenderRejectedError, match="neither AUTH PLAIN nor AUTH LOGIN"):
        open_session(Server(extensions=("AUTH GSSAPI",)), with_user("?tls=off"))


def test_a_token_is_one_command() -> None:
    server = Server(at("AUTH", "235 2.7.0 welcome"), extensions=("AUTH PLAIN XOAUTH2",))
    open_session(server, with_user("?tls=off&auth=xoauth2"))
    (command,) = [command for command in server.commands if command.startswith("AUTH")]
    assert b64decode(command.removeprefix("AUTH XOAUTH2 ")) == b"user=ann\x01auth=Bearer s@cret\x01\x01"


def test_a_token_that_is_not_accepted_is_told_with_the_reason() -> None:
    """The challenge has to be answered with an empty line before the server says no."""
    challenge = b64encode(b'{"status":"401","schemes":"bearer","scope":"https://mail.example/"}').decode()
    behaviour = either(at("AUTH", f"334 {challenge}"), at("", "535 5.7.8 Username and Password not accepted"))
    server = Server(behaviour, extensions=("AUTH XOAUTH2",))
    with pytest.raises(SenderRejectedError, match=r"535 5\.7\.8 .*not accepted .*the token: 401") as caught:
        open_session(server, with_user("?tls=off&auth=xoauth2"))
    assert server.commands[-1] == ""
    assert "s@cret" not in str(caught.value)


@pytest.mark.parametrize("challenge", ["", "no base64!", "bm8ganNvbg==", "W10=", "eyJzdGF0dXMiOiAiXHUwMDAwIn0="])
def test_a_challenge_that_says_nothing_sensible_changes_nothing(challenge: str) -> None:
    behaviour = either(at("AUTH", f"334 {challenge}"), at("", "535 5.7.8 no"))
    with pytest.raises(SenderRejectedError, match=r"535 5\.7\.8 no \(the token: no reason was given\)"):
        open_session(Server(behaviour, extensions=("AUTH XOAUTH2",)), with_user("?tls=off&auth=xoauth2"))


@pytest.mark.parametrize(
    ("auth", "offer"), [("xoauth2", "AUTH PLAIN LOGIN"), ("plain", "AUTH LOGIN XOAUTH2"), ("login", "AUTH PLAIN")]
)
def test_the_way_of_logging_in_that_was_asked_for_is_not_replaced_by_another(auth: str, offer: str) -> None:
    with pytest.raises(SenderRejectedError, match=f"no AUTH {auth.upper()}"):
        open_session(Server(extensions=(offer,)), with_user(f"?tls=off&auth={auth}"))


@pytest.mark.parametrize("verb", ["EHLO", "STARTTLS", "AUTH"])
@pytest.mark.parametrize("answer", [HangUp(), "421 4.3.2 going down", Raw(b"what?\r\n")])
def test_a_session_that_breaks_while_it_is_opened_may_do_better_next_time(
    verb: str, answer: str | HangUp | Raw, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with pytest.raises(SmtpSessionError):
        open_session(Server(at(verb, answer), extensions=TLS_EXTENSIONS, tls=server_tls), with_user(), tls=trusting)


@pytest.mark.parametrize("mechanisms_off", [(), ("PLAIN",)])
def test_aiosmtpd_lets_us_in_and_takes_a_mail(
    mechanisms_off: tuple[str, ...], server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: SMTP(
                object(),
                hostname="test",
                tls_context=server_tls,
                require_starttls=True,
                authenticator=authenticate,
                auth_required=True,
                auth_exclude_mechanism=mechanisms_off,
            ),
            "127.0.0.1",
            0,
        )
        port = listening.sockets[0].getsockname()[1]
        url = SmtpUrl.parse(f"smtp://ann:s%40cret@127.0.0.1:{port}")
        connection = await connect(url, timeouts=PATIENCE, tls=trusting)
        await connection.quit()
        listening.close()

    asyncio.run(run())
    assert seen == [(b"ann", b"s@cret")]
