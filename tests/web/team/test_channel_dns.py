"""The page about the DNS of a channel's mails: records to copy, what is found, keys that sign."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from distributor.domain.diagnostics import Nameserver
from distributor.domain.user import Role
from distributor.flow.operations.channel_settings import configure
from distributor.flow.operations.signing_keys import key_ring
from tests.mail.dns.dns_server import DnsServer, running_dns

from .conftest import Browser, MakeTeam, Team

PATH = "/app/channels/letter/dns"


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with running_dns() as server:
        yield server


@pytest.fixture
def team(make_team: MakeTeam, dns: DnsServer) -> Team:
    made = make_team(nameserver=Nameserver(ip_address("127.0.0.1"), dns.port))
    values = {"smtp_url": "smtp://relay.harbour.org:587", "sender": "The Letter <news@harbour.org>"}
    configure(made.app, "letter", "email", values)
    return made


@pytest.fixture
def owner(team: Team) -> Browser:
    return team.signed_in(team.user(Role.OWNER))


def key_name(browser: Browser) -> str:
    return str(browser.page(PATH).xpath("string(//code[@id='key-1-name'])"))


def test_what_is_missing_is_shown_with_the_records_to_publish(owner: Browser):
    page = owner.page(f"{PATH}?check=now")
    text = page.text_content()
    assert "SPF" in text
    assert "DMARC" in text
    assert "`distributor" not in text
    assert any("v=spf1" in value for value in page.xpath("//dl[@class='dns-record']//code/text()"))


def test_a_key_is_made_once_published_and_signs_only_then(team: Team, owner: Browser, dns: DnsServer):
    assert [owner.post(f"{PATH}/keys").status_code for _ in range(2)] == [303, 303]
    (entry,) = key_ring(team.app, "letter").entries
    assert key_name(owner) == entry.record_name
    response = owner.post(f"{PATH}/keys/{entry.selector}/activate")
    assert response.status_code == 409
    assert "has no TXT record" in response.text
    assert "skip-dns-check" not in response.text
    dns.zones.put_text(entry.record_name, entry.record)
    assert owner.post(f"{PATH}/keys/{entry.selector}/activate").status_code == 303
    assert key_ring(team.app, "letter").active
    assert "Signs every mail" in owner.get(PATH).text
    assert owner.post(f"{PATH}/keys/{entry.selector}/remove").status_code == 409
    assert owner.post(f"{PATH}/keys/{entry.selector}/retire").status_code == 303
    assert owner.post(f"{PATH}/keys/{entry.selector}/remove").status_code == 303
    assert key_ring(team.app, "letter").entries == ()
    assert [subject for _a, action, subject in team.log() if action == "signing key changed"] == ["letter"] * 4


def test_the_private_key_never_leaves_the_server(team: Team, owner: Browser):
    owner.post(f"{PATH}/keys")
    (entry,) = key_ring(team.app, "letter").entries
    secret = entry.pem.splitlines()[1]
    for path in (PATH, f"{PATH}?check=now", "/app/channels/letter", "/app/channels/letter/remove"):
        assert secret not in owner.get(path).text


def test_everyone_sees_the_records_and_owners_and_admins_change_keys(team: Team, owner: Browser):
    owner.post(f"{PATH}/keys")
    viewer = team.signed_in(team.user(Role.VIEWER))
    page = viewer.page(PATH)
    assert page.xpath("//dl[@class='dns-record']")
    assert page.xpath("//main//form[@method='post']") == []
    assert viewer.post(f"{PATH}/keys").status_code == 403


def test_a_channel_without_mails_has_no_such_keys(team: Team, owner: Browser):
    configure(team.app, "feed", "feed", {})
    assert owner.get("/app/channels/feed/dns").status_code == 200
    assert owner.get("/app/channels/nothing/dns").status_code == 404
