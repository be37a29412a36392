"""Diagnosing a channel with several relays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from pydantic import SecretStr

from distributor.channels.api import DiagnosticContext
from distributor.channels.email.channel import examine_channel
from distributor.channels.email.settings import EmailSettings
from distributor.domain.diagnostics import DiagnosticStatus, Finding, Nameserver
from tests.mail.dns.dns_server import DnsServer, running_dns

from .mailing import NOW, SITE

RELAYS = [
    {"name": "main", "url": "smtp://one.example.net"},
    {"name": "second", "url": "smtps://us:hush@two.example.net"},
    {"name": "again", "url": "smtp://one.example.net:587"},
    {"name": "shop", "url": "smtp://shop.example.net", "senders": ["shop.example.org"]},
    {"name": "api", "url": "postmark://hush@api.postmarkapp.com"},
]


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with running_dns() as server:
        yield server


def examined(dns: DnsServer) -> list[Finding]:
    settings = EmailSettings(relays=json.dumps(RELAYS))
    nameserver = Nameserver(ip_address("127.0.0.1"), dns.port)
    return list(examine_channel(settings, DiagnosticContext(site=SITE, now=NOW, nameserver=nameserver)))


def test_every_server_that_takes_mails_of_the_sender_is_examined_once(dns: DnsServer) -> None:
    dns.zones.put("one.example.net", "A", "8.8.4.4")
    dns.zones.put("two.example.net", "A", "8.8.8.8")
    about_names = [one.sentence.split(" ")[0] for one in examined(dns) if one.check == "PTR"]
    assert about_names == ["8.8.4.4", "8.8.8.8"]


def test_the_suggested_record_permits_all_servers_and_no_api(dns: DnsServer) -> None:
    (record,) = [one.record for one in examined(dns) if one.check == "SPF" and one.record]
    assert record.value == "v=spf1 a:one.example.net a:two.example.net ~all"


@pytest.mark.parametrize(
    ("url", "risk"),
    [
        (
            "smtp://us:hush@mx.example.net?tls=encrypt",
            "so whoever poses as the server can read the mails and the password;",
        ),
        ("smtps://mx.example.net?tls=encrypt", "so whoever poses as the server can read the mails;"),
        ("smtp://127.0.0.1?tls=encrypt", "tls=encrypt accepts any certificate"),
        ("smtp://mx.example.net", "tls=auto accepts any certificate, or none"),
        ("smtp://us:hush@mx.example.net?tls=off", "tls=off sends the mails and the password unencrypted"),
        ("smtp://localhost?tls=off", None),
        ("smtp://[::1]:2525", None),
        ("smtp://us:hush@mx.example.net", None),
        ("smtps://mx.example.net", None),
        ("smtp://mx.example.net?tls=verify", None),
    ],
)
def test_a_relay_that_anyone_may_pose_as_is_warned_of_with_the_setting_that_helps(url: str, risk: str | None) -> None:
    settings = EmailSettings(smtp_url=SecretStr(url))
    found = [one for one in examine_channel(settings, DiagnosticContext(site=SITE, now=NOW)) if one.check == "TLS"]
    assert [one.state for one in found] == ([DiagnosticStatus.WARN] if risk else [])
    for one in found:
        assert risk is not None
        assert risk in one.sentence
        assert "tls=verify requires a valid certificate" in one.sentence
        assert "hush" not in one.sentence
