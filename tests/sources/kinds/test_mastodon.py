"""How accounts on Mastodon are written, and what of their posts is text."""

from __future__ import annotations

import pytest

from distributor.described_settings import InvalidSettingsError
from distributor.sources.kinds.mastodon import MastodonSource
from distributor.sources.kinds.registry import make_source


@pytest.mark.parametrize(
    ("account", "address"),
    [
        ("@ada@social.example", "https://social.example/@ada"),
        (" @ada@Social.Example ", "https://social.example/@ada"),
        ("https://social.example/@ada", "https://social.example/@ada"),
        ("https://social.example/@ada/", "https://social.example/@ada"),
        ("https://social.example/users/ada", "https://social.example/@ada"),
        # As another server shows it.
        ("https://other.example/@ada@social.example", "https://social.example/@ada"),
    ],
)
def test_an_account_is_written_as_its_name_or_the_address_of_its_profile(account: str, address: str) -> None:
    assert MastodonSource.recognize(account) == {"account": account.strip()}
    assert make_source("mastodon", {"account": account}).address == address


@pytest.mark.parametrize(
    "address",
    [
        "ada@social.example",
        "@ada",
        "@ada@",
        "@ada@social.example/..",
        "https://social.example/@ada/1",
        "https://social.example/blog",
        "https://medium.com/@ada",
        "https://www.youtube.com/@ada",
        "https://ada@social.example/@ada",
    ],
)
def test_what_is_no_account_or_one_of_another_network_is_not_recognized(address: str) -> None:
    assert MastodonSource.recognize(address) is None


def test_settings_say_how_an_account_is_written() -> None:
    with pytest.raises(InvalidSettingsError, match="write @user@host, or the address of the profile"):
        make_source("mastodon", {"account": "ada"})
