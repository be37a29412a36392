"""Which relay a mail is sent over, its rates, and how settings define relays."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from distributor.channels.email.relays import Relay, Routing, parse_rates, parse_relays
from distributor.channels.email.settings import EmailSettings
from distributor.domain.errors import InputError
from distributor.mail.mailbox_providers import destination_of
from distributor.mail.smtp.url import SmtpUrl

URL = SmtpUrl(host="mail.example.org", port=25)


def a_relay(name: str, **changes: Any) -> Relay:
    return Relay(name=name, url=URL, **changes)


def names(routing: Routing, recipient: str = "example.net", *, delivery_id: int = 1) -> list[str]:
    return [relay.name for relay in routing.relays_for(delivery_id, recipient)]


def test_relays_get_their_shares_by_weight() -> None:
    routing = Routing([a_relay("one"), a_relay("three", weight=3)], "example.org")
    first = Counter(names(routing, delivery_id=number)[0] for number in range(10_000))
    assert first["three"] == pytest.approx(7500, abs=200)


def test_a_delivery_has_the_same_order_on_every_attempt() -> None:
    fleet = [a_relay(name) for name in "abcd"]
    assert names(Routing(fleet, "example.org")) == names(Routing(fleet[::-1], "example.org"))


def test_a_relay_that_joins_takes_only_its_own_share_from_the_others() -> None:
    before = Routing([a_relay("a"), a_relay("b")], "example.org")
    after = Routing([a_relay("a"), a_relay("b"), a_relay("c")], "example.org")
    for number in range(500):
        assert names(after, delivery_id=number)[0] in ("c", names(before, delivery_id=number)[0])


def test_a_higher_rank_stands_behind_whatever_its_weight() -> None:
    routing = Routing([a_relay("backup", rank=1, weight=1000), a_relay("main")], "example.org")
    assert {tuple(names(routing, delivery_id=number)) for number in range(100)} == {("main", "backup")}


def test_a_relay_serves_only_the_senders_it_names() -> None:
    routing = [a_relay("theirs", senders=frozenset({"other.example"})), a_relay("any")]
    assert names(Routing(routing, "example.org")) == ["any"]
    assert set(names(Routing(routing, "other.example"))) == {"theirs", "any"}


@pytest.mark.parametrize(("recipient", "expected"), [("example.net", ["any"]), ("hotmail.co.uk", ["named", "any"])])
def test_a_relay_that_names_the_recipients_domain_or_provider_goes_first(recipient: str, expected: list[str]) -> None:
    fleet = [a_relay("any"), a_relay("named", recipients=frozenset({"microsoft"}), rank=1)]
    assert names(Routing(fleet, "example.org"), recipient) == expected


def test_without_a_relay_for_the_mail_there_is_none() -> None:
    assert names(Routing([a_relay("named", recipients=frozenset({"google"}))], "example.org")) == []


@pytest.mark.parametrize(
    ("domain", "destination"),
    [
        ("gmail.com", "google"),
        ("GoogleMail.com", "google"),
        ("hotmail.fr", "microsoft"),
        ("yahoo.co.jp", "yahoo"),
        ("aol.com", "yahoo"),
        ("notgmail.com", "notgmail.com"),
        ("gmail.com.example", "gmail.com.example"),
        ("Example.ORG", "example.org"),
    ],
)
def test_the_domains_of_a_provider_are_one_destination(domain: str, destination: str) -> None:
    assert destination_of(domain) == destination


def test_limits_are_those_of_the_relay_and_of_the_destination() -> None:
    relay = a_relay("main", per_second=50.0, per_destination={"google": 20.0, "*": 5.0})
    reported = {limit.name: limit.per_second for limit in (*relay.limits_to("google"), *relay.limits_to("example.net"))}
    assert reported == {"main": 50, "main/google": 20, "main/example.net": 5}
    assert a_relay("main").limits_to("google") == ()


def test_rates_are_read_from_one_line() -> None:
    assert parse_rates("gmail.com=20, example.org=0.5 *=5") == {"google": 20, "example.org": 0.5, "*": 5}


@pytest.mark.parametrize("text", ["google", "google=", "=5", "google=fast", "google=0", "google=-1", "google=inf"])
def test_rates_that_cannot_be_read_are_quoted(text: str) -> None:
    with pytest.raises(InputError, match="write DESTINATION=MAILS_PER_SECOND"):
        parse_rates(text)


def test_several_relays_are_a_json_list() -> None:
    (first, second) = parse_relays(
        json.dumps(
            [
                {"name": "main", "url": "smtps://ann:secret@mail.example.org", "weight": 3, "per_second": 50},
                {
                    "name": "backup",
                    "url": "smtp://b.example.org",
                    "rank": 1,
                    "recipients": ["google", "Bücher.example"],
                },
            ]
        )
    )
    assert isinstance(first.url, SmtpUrl)
    assert (first.weight, first.per_second, first.url.user) == (3, 50, "ann")
    assert second.recipients == {"google", "xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "JSON"),
        ("[]", "at least one"),
        ('[{"name": "a", "url": "smtp://a.example"}, {"name": "a", "url": "smtp://b.example"}]', "name of its own"),
        ('[{"name": "A b", "url": "smtp://a.example"}]', r"0\.name"),
        ('[{"name": "a", "url": "http://ann:secret@a.example"}]', r"0\.url: .*smtp://"),
        ('[{"name": "a", "url": "smtp://a.example", "wieght": 1}]', r"0\.wieght"),
        ('[{"name": "a", "url": "smtp://a.example", "weight": 0}]', r"0\.weight"),
        ('[{"name": "a", "url": "smtp://a.example", "senders": ["@"]}]', r"0\.senders"),
        ('[{"name": "a", "url": "smtp://a.example", "per_destination": {"google": 0}}]', r"0\.per_destination"),
    ],
)
def test_relays_that_cannot_be_used_are_named_without_their_secrets(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        parse_relays(text)
    assert "secret" not in str(caught.value)


def test_the_settings_have_one_relay_or_several() -> None:
    alone = EmailSettings.model_validate({"smtp_url": "smtp://mail.example.org", "connections": 7, "per_second": "9"})
    (relay,) = alone.configured_relays
    assert (relay.url.host, relay.connections, relay.per_second) == ("mail.example.org", 7, 9)
    several = EmailSettings.model_validate({"relays": '[{"name": "a", "url": "smtp://a.example"}]'})
    assert [relay.name for relay in several.configured_relays] == ["a"]
    with pytest.raises(ValidationError, match="at least one"):
        EmailSettings.model_validate({"relays": "[]"})
