"""What the first start of `up` creates, and what later starts say of settings that contradict it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributor.cli.first_start import is_first_start, set_up, unused_settings
from distributor.cli.sandbox import move_sandbox_channels, read_ports
from distributor.domain.errors import DistributorError
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import change, configure, remove
from distributor.flow.operations.signing_keys import key_ring, make_keys
from distributor.flow.operations.site import MADE_UP_ADDRESS, use_site_address
from distributor.mail.dkim.keys import Algorithm
from distributor.settings import Settings
from distributor.storage import channels
from distributor.storage.channels import SecretBox

PORTS = SandboxPorts(http=8025, smtp=2525)
RELAY = "smtp://user:relay-password@relay.example:587"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path / "no content"


def settings(content: Path, **values: Any) -> Settings:
    return Settings(_env_file=None, data_dir=content.parent / "data", content_dir=content, **values)


def stored(app: AppContext, name: str) -> Mapping[str, object]:
    with app.database.begin() as connection:
        record = channels.find(connection, name)
    return {**record.settings, **(app.vault.open(record.sealed) if record.sealed else {})}


def said(app: AppContext, configured: Settings) -> str:
    return "\n".join(unused_settings(app, configured))


def test_the_first_start_creates_a_channel_of_each_kind_and_the_email_channel_for_the_smtp_url(
    app: AppContext, content: Path
) -> None:
    configured = settings(content, smtp_url=RELAY)
    assert is_first_start(app)
    set_up(app, configured, PORTS)
    assert not is_first_start(app)
    assert stored(app, "email")["smtp_url"] == RELAY
    assert stored(app, "mastodon")["instance_url"] == "http://127.0.0.1:8025/mastodon"
    assert said(app, configured) == ""


def test_with_an_invalid_smtp_url_nothing_is_created_so_that_the_next_start_is_the_first(
    app: AppContext, content: Path
) -> None:
    with pytest.raises(DistributorError):
        set_up(app, settings(content, smtp_url="relay.example"), PORTS)
    assert is_first_start(app)


def test_an_smtp_url_that_came_later_is_contradicted_in_words_and_shows_no_password(
    app: AppContext, content: Path
) -> None:
    set_up(app, settings(content), PORTS)
    sentence = said(app, settings(content, smtp_url=RELAY))
    assert "DISTRIBUTOR_SMTP_URL is smtp://relay.example:587, but channel 'email' sends to" in sentence
    assert "smtp://127.0.0.1:2525" in sentence
    assert "`distributor channel change email --set smtp_url=…`" in sentence
    assert "password" not in sentence
    assert stored(app, "email")["smtp_url"] == "smtp://127.0.0.1:2525"
    change(app, "email", {"smtp_url": RELAY})
    assert said(app, settings(content, smtp_url=RELAY)) == ""


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("smtp://user:new-password@relay.example:587", "relay.example:587 with another login or other options"),
        ("smtps://user:new-password@[2001:db8::1]:465?tls=verify", "is smtps://[2001:db8::1]:465, but"),
        ("postmark://server-password@api.postmarkapp.com", "is postmark://api.postmarkapp.com, but"),
        ("smtp://user:pass/word@relay.example", "DISTRIBUTOR_SMTP_URL is "),
    ],
)
def test_what_differs_is_named_without_a_secret(app: AppContext, content: Path, wanted: str, words: str) -> None:
    set_up(app, settings(content, smtp_url=RELAY), PORTS)
    sentence = said(app, settings(content, smtp_url=wanted))
    assert words in sentence
    assert "password" not in sentence
    assert "word@" not in sentence


def test_relays_of_its_own_a_missing_channel_and_one_of_another_kind(app: AppContext, content: Path) -> None:
    configured = settings(content, smtp_url=RELAY)
    set_up(app, configured, PORTS)
    change(app, "email", {"relays": '[{"name": "a", "url": "smtp://a.example"}]'})
    assert "sends to relays of its own" in said(app, configured)
    assert "change email --unset relays --set smtp_url=…" in said(app, configured)
    remove(app, "email")
    assert "there is no channel 'email'" in said(app, configured)
    configure(app, "email", "feed", {})
    assert said(app, configured) == ""


def test_the_made_up_postal_address_gives_way_to_the_site_s_and_no_other_does(app: AppContext, content: Path) -> None:
    without = replace(app, configured_site=replace(app.site, postal_address=" "))
    set_up(without, settings(content), PORTS)
    assert stored(app, "email")["postal_address"] == MADE_UP_ADDRESS
    assert not use_site_address(without)
    assert use_site_address(app)
    assert stored(app, "email") == {"smtp_url": "smtp://127.0.0.1:2525"}
    change(app, "email", {"postal_address": "2 Own Street"})
    assert not use_site_address(app)
    assert stored(app, "email")["postal_address"] == "2 Own Street"


def test_channels_follow_the_sandbox_to_its_new_ports_and_keep_everything_else(app: AppContext, content: Path) -> None:
    set_up(app, settings(content), PORTS)
    make_keys(app, "email", selectors=[("s1", Algorithm.ED25519)], domain="gazette.example")
    change(app, "email", {"per_second": "3"})
    before = stored(app, "mastodon")
    now = SandboxPorts(http=9025, smtp=9525)
    assert "feed" not in move_sandbox_channels(app, PORTS, now)
    assert stored(app, "email")["smtp_url"] == "smtp://127.0.0.1:9525"
    assert stored(app, "email")["per_second"] in (3, "3", 3.0)
    assert [entry.selector for entry in key_ring(app, "email").entries] == ["s1"]
    assert stored(app, "mastodon") == {**before, "instance_url": "http://127.0.0.1:9025/mastodon"}
    assert move_sandbox_channels(app, now, now) == []


def test_a_channel_that_leads_elsewhere_by_now_stays_there(app: AppContext, content: Path) -> None:
    set_up(app, settings(content), PORTS)
    change(app, "email", {"smtp_url": RELAY})
    configure(app, "bluesky", "bluesky", {"handle": "me.example", "app_password": "abcd"})
    moved = move_sandbox_channels(app, PORTS, SandboxPorts(http=9025, smtp=9525))
    assert "mastodon" in moved
    assert not {"email", "bluesky"} & set(moved)
    assert stored(app, "email")["smtp_url"] == RELAY


def test_secrets_under_a_lost_key_stop_no_start(app: AppContext, content: Path) -> None:
    set_up(app, settings(content), PORTS)
    other = replace(app, vault=SecretBox(b"another key"))
    assert move_sandbox_channels(other, PORTS, SandboxPorts(http=9025, smtp=9525)) == []
    assert said(other, settings(content, smtp_url=RELAY)) == ""
    assert not use_site_address(other)


def test_a_secret_key_beside_a_generated_one_is_named(app: AppContext, content: Path) -> None:
    configured = settings(content, secret_key="s" * 32)
    assert said(app, configured) == ""
    configured.data_dir.mkdir()
    (configured.data_dir / "secret_key").write_text("g" * 64)
    sentence = said(app, configured)
    assert "DISTRIBUTOR_SECRET_KEY is not the key in " in sentence
    assert "ggg" not in sentence
    assert "sss" not in sentence
    assert said(app, settings(content, secret_key="g" * 64)) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"http_port": 1}', "null"])
def test_a_damaged_file_of_ports_is_none(tmp_path: Path, text: str) -> None:
    assert read_ports(tmp_path / "missing.json") is None
    (tmp_path / "ports.json").write_text(text)
    assert read_ports(tmp_path / "ports.json") is None
