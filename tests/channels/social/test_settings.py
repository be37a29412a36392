"""The recipient of a post names one account: the same in every channel that posts to it, another for any other."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.channels.registry import make_channel
from distributor.domain.rendition import Rendition


def recipient(kind: str, **settings: Any) -> str:
    (account,) = make_channel(kind, settings).recipients(Rendition(kind, {}))
    return account


@pytest.mark.parametrize("kind", ["x", "bluesky", "telegram"])
def test_an_account_is_known_by_its_name_however_it_is_spelled(kind: str) -> None:
    assert recipient(kind, handle="@Gazette.Example") == recipient(kind, handle="gazette.example") == "@gazette.example"


@pytest.mark.parametrize(("kind", "setting"), [("x", "api_url"), ("bluesky", "service_url"), ("telegram", "api_url")])
def test_the_name_on_a_test_server_is_another_account(kind: str, setting: str) -> None:
    on_network = recipient(kind, handle="gazette", **{setting: "https://api.network.org"})
    in_sandbox = recipient(kind, handle="gazette", **{setting: "http://127.0.0.1:8081/x"})
    assert (on_network, in_sandbox) == ("@gazette", "@gazette@127.0.0.1:8081")


def test_an_account_on_mastodon_is_one_of_its_instance() -> None:
    short = recipient("mastodon", handle="gazette", instance_url="https://social.network.org")
    full = recipient("mastodon", handle="gazette@social.network.org", instance_url="https://social.network.org")
    elsewhere = recipient("mastodon", handle="gazette", instance_url="https://other.network.org")
    assert short == full == "@gazette@social.network.org"
    assert elsewhere == "@gazette@other.network.org"
    assert recipient("mastodon", handle="a@b.org", instance_url="http://localhost:1") == "@a@b.org@localhost:1"


def test_accounts_without_a_name_are_told_apart_by_their_credentials() -> None:
    one = recipient("mastodon", access_token="one")
    assert one == recipient("mastodon", access_token="one", visibility="unlisted")
    assert one != recipient("mastodon", access_token="two")
    assert "one" not in one
    assert recipient("x") == "account"
