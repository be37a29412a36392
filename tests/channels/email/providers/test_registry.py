"""The URLs of providers' APIs: keys are decoded unchanged, and errors do not contain them."""

from __future__ import annotations

import pytest

from distributor.channels.email.providers.provider import ApiUrl
from distributor.channels.email.providers.registry import parse_api_url, providers
from distributor.channels.email.relays import parse_relay_url
from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.url import SmtpUrl


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("ses://ID:SECRET@eu-central-1", "https://email.eu-central-1.amazonaws.com"),
        ("postmark://TOKEN@api.postmarkapp.com?stream=broadcast", "https://api.postmarkapp.com"),
        ("mailgun://KEY@api.eu.mailgun.net/example.org", "https://api.eu.mailgun.net"),
        ("sendgrid://KEY@api.eu.sendgrid.com", "https://api.eu.sendgrid.com"),
        ("resend://KEY@api.resend.com", "https://api.resend.com"),
        ("resend://KEY@api.resend.com?endpoint=https://proxy.example/resend/", "https://proxy.example/resend"),
        ("resend://KEY@api.resend.com?endpoint=http://[::1]:8025", "http://[::1]:8025"),
    ],
)
def test_the_calls_go_to_the_providers_host_or_to_another_endpoint(url: str, root: str) -> None:
    assert parse_api_url(url).root == root


@pytest.mark.parametrize("provider", providers().values(), ids=list(providers()))
def test_the_example_of_each_provider_is_an_address(provider: object) -> None:
    assert isinstance(parse_relay_url(getattr(provider, "example")), ApiUrl)  # noqa: B009 - the fixture has no type


def test_signs_of_all_kinds_come_through_in_a_key() -> None:
    url = parse_api_url("ses://AKIA%2F:a%2Fb%2Bc%3A%40%3F%23@eu-central-1")
    assert (url.key, url.secret, url.host) == ("AKIA/", "a/b+c:@?#", "eu-central-1")


def test_a_relay_may_still_be_a_server() -> None:
    assert isinstance(parse_relay_url("smtps://ann:secret@mail.example.org"), SmtpUrl)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postmark://api.postmarkapp.com", "it names no key"),
        ("postmark://hush@", "it has no host"),
        ("postmark://hush@api.postmarkapp.com:8443", "or a port"),
        ("postmark://hush:hush@api.postmarkapp.com", "before the @"),
        ("ses://hush@eu-central-1", "before the @"),
        ("mailgun://hush@api.mailgun.net", "after the host"),
        ("mailgun://hush@api.mailgun.net/a/b", "its host or path is not a valid name"),
        ("mailgun://hush@api.mailgun.net/a%2Fb", "its host or path is not a valid name"),
        ("ses://hush:hush@eu central", "its host or path is not a valid name"),
        ("resend://hush%0d%0a@api.resend.com", "a character that is not allowed"),
        ("resend://hüsh-hush@api.resend.com", "a character that is not allowed"),
        ("resend://hush@api.resend.com?endpoint=https://a b.example", "this machine itself"),
        ("resend://hush@api.resend.com?endpoint=https://a.example:99999", "this machine itself"),
        ("resend://hush@api.resend.com/emails", "after the host"),
        ("resend://hush@api.resend.com?hush=1", "there are endpoint=…"),
        ("postmark://hush@api.postmarkapp.com?hush=1", "there are endpoint=…, stream=…"),
        ("resend://hush@api.resend.com#hush", "unknown option"),
        ("resend://hush/hush:x@api.resend.com", "percent-encoded"),
        ("resend://hush@api.resend.com?endpoint=http://api.resend.com", "this machine itself"),
        ("resend://hush@api.resend.com?endpoint=ftp://127.0.0.1", "this machine itself"),
        ("resend://hush@api.resend.com?endpoint=https://ann:hush@proxy.example", "this machine itself"),
        ("hush://hush@api.resend.com", "smtp://, smtps://, mailgun://, postmark://"),
        ("hush", "smtp://, smtps://, mailgun://, postmark://"),
    ],
)
def test_what_is_wrong_with_an_address_is_shown_without_the_key(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_relay_url(url)
    assert reason in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
