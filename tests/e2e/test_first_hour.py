"""The first hour of an operator, from the lines of the README: the sandbox, a real relay, a backup, another machine.

The relay, the mailbox for bounces and the nameserver are of this test, where the README has names of an example.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.chaos.service import free_port
from tests.conftest import thorough
from tests.inbound.dovecot import Dovecot, running_dovecot
from tests.mail.dns.dns_server import DnsServer, running_dns
from tests.mail.smtp.test_connect import make_certificate, tls_server

from .running_up import Running, running_up, wait_for
from .visitor import TOUR, Visitor, blocks, enter, prepare_folder, section

COMMANDS_OF_TOUR = blocks(TOUR)[0]
SITE, RELAY, KEY, DNS, BOUNCES, TEST = blocks(section("From sandbox to real mail"))
BACKUP, RESTORE = blocks(section("Backup, and another machine"))


@dataclass
class Relay:
    """An SMTP server that takes mail only over TLS and after a login."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it
        self.taken.append(message_from_bytes(envelope.original_content or b"", policy=default))
        return "250 2.0.0 queued"

    @staticmethod
    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"user", b"password"), handled=False)


@contextmanager
def running_relay(tls: ssl.SSLContext) -> Iterator[Relay]:
    relay = Relay(port=free_port())
    controller = Controller(
        relay,
        hostname="127.0.0.1",
        port=relay.port,
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=Relay.authenticate,
    )
    controller.start()
    try:
        yield relay
    finally:
        controller.stop()


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    # The owner of the mailbox may not enter the temporary folders of pytest.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder, running_dovecot(Path(folder)) as running:
        yield running


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with running_dns() as server:
        yield server


@thorough
def test_the_first_hour_leads_from_an_empty_folder_to_real_mail_and_to_another_machine(
    tmp_path: Path, dns: DnsServer, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    prepare_folder(folder)
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with running_relay(tls_server(certificate)) as relay:
        with up(folder) as (service, visitor):
            visitor.enter(COMMANDS_OF_TOUR)
            first_mail = visitor.mail()
            write_env(folder, SITE, {"https://news.example.org": service.url})
            service.stop()
        with up(folder) as (service, visitor):
            assert "<title>The Gazette" in httpx.get(service.url).text
            visitor.enter(RELAY, typed=f"smtp://user:password@127.0.0.1:{relay.port}\n")
            dns.zones.put("example.org", "MX", "10 mx.example.org.")
            dns.zones.put("mx.example.org", "A", "192.0.2.1")
            for key in visitor.enter_json(KEY.strip()):
                dns.zones.put_text(key["record"]["name"], key["record"]["value"])
            doctor, activate = DNS.splitlines()
            for finding in json.loads(visitor.enter(f"{doctor} --nameserver {dns.address} --json", expected=5)):
                if record := finding["record"]:
                    dns.zones.put_text(record["name"], record["value"])
            visitor.enter(f"{activate} --nameserver {dns.address}")
            visitor.enter(f"{doctor} --nameserver {dns.address}")
            given = re.search(r"imaps://\S+", BOUNCES)
            assert given
            write_env(folder, BOUNCES, {given[0]: dovecot.url("imaps")})
            service.stop()
        with up(folder, inbound_poll_seconds="1") as (service, visitor):
            visitor.enter(TEST)
            [test_mail] = relay.taken
            assert test_mail["To"] == "me@example.org"
            assert test_mail["From"] == "The Gazette <news@example.org>"
            assert "d=example.org" in test_mail["DKIM-Signature"]
            dovecot.deliver(bounce_of(first_mail), "bounce")
            wait_for(lambda: visitor.enter_json("distributor suppression list") != [], "the bounce")
            visitor.enter(BACKUP)
            campaign = visitor.enter_json("distributor campaign show 1")
            service.stop()
        elsewhere = tmp_path / "elsewhere"
        prepare_folder(elsewhere)
        (elsewhere / "var").mkdir()
        for file in (".env", "var/secret_key", "gazette.backup"):
            shutil.copy(folder / file, elsewhere / file)
        restore, start = RESTORE.splitlines()
        assert start == "make up"
        enter(elsewhere, environment_without_settings(), restore)
        with up(elsewhere) as (service, visitor):
            assert visitor.enter_json("distributor campaign show 1") == campaign
            assert len(relay.taken) == 1
            link = first_mail["List-Unsubscribe"].strip("<>").partition(">")[0]
            path = httpx.URL(link).path
            assert httpx.post(service.url + path, data={"List-Unsubscribe": "One-Click"}).is_success
            audience = "distributor campaign audience --list weekly-letter --again"
            assert visitor.enter_json(audience)["count"] == 0


@contextmanager
def up(folder: Path, **settings: str) -> Iterator[tuple[Running, Visitor]]:
    """`make up` in a folder, and someone who enters commands there."""
    with running_up(folder, undo_seconds="2", **settings) as service:
        yield service, Visitor(service, folder)


def write_env(folder: Path, lines: str, replacements: Mapping[str, str]) -> None:
    """Add lines to `.env`, with what is real here in place of the names of the example."""
    for example, real in replacements.items():
        assert example in lines
        lines = lines.replace(example, real)
    with (folder / ".env").open("a") as file:
        file.write(lines)


def environment_without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DISTRIBUTOR_")}


def bounce_of(mail: EmailMessage) -> bytes:
    """A delivery status notification (RFC 3464): the server of the recipient does not know the user."""
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"], report["To"] = "MAILER-DAEMON@mx.example.org", "news@example.org"
    report["Subject"], report["Message-ID"] = "Undelivered Mail Returned to Sender", "<bounce@mx.example.org>"
    report.attach(MIMEText("It could not be delivered."))
    recipient = mail["To"].addresses[0].addr_spec
    status = Message()
    status["Reporting-MTA"] = "dns; mx.example.org"
    result = Message()
    result["Final-Recipient"], result["Action"] = f"rfc822; {recipient}", "failed"
    result["Status"], result["Diagnostic-Code"] = "5.1.1", "smtp; 550 5.1.1 no such user here"
    part = MIMENonMultipart("message", "delivery-status")
    part.set_payload([status, result])
    report.attach(part)
    headers = Message()
    headers["Message-ID"], headers["To"] = mail["Message-ID"], str(mail["To"])
    report.attach(MIMEMessage(headers))
    return report.as_bytes()
