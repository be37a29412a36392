"""Every kind tries its settings: it connects, signs in and says who it is, and a failure says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.api import IdentifyingChannel
from distributor.channels.registry import kinds, make_channel
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.sandbox.registry import emulators
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.testing.conformance import identifying_violations
from distributor.testing.fakes import SAMPLE_SITE, make_send_context
from distributor.testing.scripted_server import RecordedRequest, Reply, ScriptedServer, scripted_server

OK, WARN, FAIL = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.FAIL
NETWORKS = sorted(set(emulators()) & set(kinds()))
PROVIDERS = {
    "mailgun": "mailgun://KEY@api.mailgun.net/example.org?endpoint={}",
    "postmark": "postmark://KEY@api.postmarkapp.com?endpoint={}",
    "resend": "resend://KEY@api.resend.com?endpoint={}",
    "sendgrid": "sendgrid://KEY@api.sendgrid.com?endpoint={}",
    "ses": "ses://ID:KEY@eu-central-1?endpoint={}",
}


def identify(kind: str, settings: Mapping[str, Any], *, public_url: str = "http://127.0.0.1:1") -> Sequence[Finding]:
    channel = make_channel(kind, settings)
    assert isinstance(channel, IdentifyingChannel)
    return asyncio.run(channel.identify(make_send_context(site=replace(SAMPLE_SITE, public_url=public_url))))


def states(found: Sequence[Finding]) -> dict[str, DiagnosticStatus]:
    return {one.check: one.state for one in found}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


def settings_for(kind: str, url: str) -> dict[str, Any]:
    return dict(emulators()[kind].channel_settings(url))


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_account_of_the_sandbox_says_who_it_is(kind: str, sandbox: Sandbox) -> None:
    found = identify(kind, settings_for(kind, sandbox.url(kind)))
    assert {one.state for one in found} == {OK}, found
    assert any("distributor" in one.sentence.lower() for one in found)


@pytest.mark.parametrize("kind", NETWORKS)
def test_whatever_is_wrong_with_a_network_is_a_finding(kind: str) -> None:
    assert identifying_violations(kinds()[kind], lambda url: settings_for(kind, url)) == []


@pytest.mark.parametrize("template", PROVIDERS.values(), ids=PROVIDERS)
def test_whatever_is_wrong_with_a_provider_is_a_finding(template: str) -> None:
    assert identifying_violations(kinds()["email"], lambda url: {"smtp_url": template.format(url)}) == []


def test_whatever_is_wrong_with_the_web_server_of_the_feeds_is_a_finding() -> None:
    assert identifying_violations(kinds()["feed"], lambda url: {}) == []


@pytest.mark.parametrize("kind", NETWORKS)
def test_settings_that_are_missing_are_findings(kind: str) -> None:
    assert set(states(identify(kind, {})).values()) == {FAIL}


def answering(answers: Mapping[str, Any]) -> Callable[[RecordedRequest], Reply]:
    """A server that answers by the end of the path; the rest is not found."""

    def route(request: RecordedRequest) -> Reply:
        found = next((body for path, body in answers.items() if request.path.endswith(path)), None)
        if found is None:
            return Reply(404, {})
        return found if isinstance(found, Reply) else Reply(200, found)

    return route


@pytest.mark.parametrize(
    ("provider", "path", "body", "expected", "words"),
    [
        ("postmark", "/server", {"Name": "News", "DeliveryType": "Live"}, {OK}, "server 'News'"),
        ("postmark", "/server", {"Name": "News", "DeliveryType": "Sandbox"}, {OK, FAIL}, "live server"),
        ("postmark", "/server", Reply(401, {"ErrorCode": 10, "Message": "No token"}), {FAIL}, "correct the key"),
        ("sendgrid", "/v3/scopes", {"scopes": ["mail.send"]}, {OK}, "mail.send"),
        ("sendgrid", "/v3/scopes", {"scopes": ["stats.read"]}, {FAIL}, "no permission mail.send"),
        (
            "mailgun",
            "/v3/domains/example.org",
            {"domain": {"name": "example.org", "state": "active"}},
            {OK},
            "verified",
        ),
        ("mailgun", "/v3/domains/example.org", {"domain": {"state": "unverified"}}, {FAIL}, "is unverified at Mailgun"),
        ("resend", "/domains", {"data": [{"name": "example.org", "status": "verified"}]}, {OK}, "for example.org"),
        ("resend", "/domains", {"data": [{"name": "example.org", "status": "pending"}]}, {FAIL}, "no verified domain"),
        ("resend", "/domains", Reply(401, {"name": "restricted_api_key", "message": "-"}), {OK}, "may only send"),
        ("resend", "/domains", Reply(401, {"name": "invalid_api_key", "message": "-"}), {FAIL}, "correct the key"),
        (
            "ses",
            "/v2/email/account",
            {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": {"Max24HourSend": 50000.0}},
            {OK},
            "50,000 mails a day",
        ),
        (
            "ses",
            "/v2/email/account",
            {"SendingEnabled": True, "ProductionAccessEnabled": False},
            {OK, FAIL},
            "verified addresses only",
        ),
        ("ses", "/v2/email/account", {"SendingEnabled": False, "ProductionAccessEnabled": True}, {OK, FAIL}, "paused"),
    ],
)
def test_a_provider_is_asked_whose_key_it_is(
    provider: str, path: str, body: Any, expected: set[DiagnosticStatus], words: str
) -> None:
    with scripted_server(route=answering({path: body})) as server:
        found = identify("email", {"smtp_url": PROVIDERS[provider].format(server.url)})
        (request,) = server.requests
    assert {one.state for one in found} == expected, found
    assert any(words in one.sentence for one in found), found
    assert (request.method, request.raw_body) == ("GET", b"")
    credentials = request.headers.get("authorization", "") + request.headers.get("x-postmark-server-token", "")
    assert credentials


def test_an_account_of_another_name_is_noticed() -> None:
    answers = {
        "/verify_credentials": {"id": "1", "username": "gazette"},
        "/api/v2/instance": {"configuration": {"statuses": {"max_characters": 700}}},
    }
    with scripted_server(route=answering(answers)) as server:
        settings = {"instance_url": server.url, "access_token": "t", "handle": "@letter"}
        found = identify("mastodon", settings)
        same = identify("mastodon", {**settings, "handle": "@Gazette@social.example"})
    assert states(found) == {"account": WARN, "limits": OK}
    assert "@gazette" in found[0].sentence
    assert "@letter" in found[0].sentence
    assert "700 characters" in found[1].sentence
    assert states(same)["account"] is OK


def test_the_number_of_another_account_is_noticed() -> None:
    with scripted_server(route=answering({"/2/users/me": {"data": {"id": "7", "username": "gazette"}}})) as server:
        keys = dict.fromkeys(("consumer_key", "consumer_secret", "access_token", "access_token_secret"), "k")
        found = identify("x", {**keys, "api_url": server.url, "user_id": "8"})
    assert states(found) == {"account": OK, "account number": FAIL}


def test_an_account_that_was_taken_down_is_noticed() -> None:
    answers = {
        "createSession": {"did": "did:plc:a", "accessJwt": "j"},
        "getSession": {"handle": "gazette.example", "active": False, "status": "takendown"},
    }
    with scripted_server(route=answering(answers)) as server:
        settings = {"service_url": server.url, "handle": "gazette.example", "app_password": "p"}
        found = identify("bluesky", settings)
    assert states(found) == {"account": OK, "state": FAIL}


@pytest.mark.parametrize(
    ("member", "chat_type", "expected"),
    [
        ({"status": "administrator", "can_post_messages": True}, "channel", OK),
        ({"status": "administrator"}, "channel", FAIL),
        ({"status": "member"}, "channel", FAIL),
        ({"status": "member"}, "supergroup", OK),
        ({"status": "left"}, "supergroup", FAIL),
    ],
)
def test_a_bot_that_may_not_post_in_its_chat_is_noticed(
    member: dict[str, Any], chat_type: str, expected: DiagnosticStatus
) -> None:
    answers = {
        "/getMe": {"ok": True, "result": {"id": 42, "username": "news_bot"}},
        "/getChat": {"ok": True, "result": {"id": -1, "type": chat_type, "title": "News"}},
        "/getChatMember": {"ok": True, "result": member},
    }
    with scripted_server(route=answering(answers)) as server:
        found = identify("telegram", {"api_url": server.url, "bot_token": "42:t", "handle": "@news"})
        params = [dict(request.query) for request in server.requests]
    assert states(found) == {"bot": OK, "chat": OK, "rights": expected}
    assert params == [{}, {"chat_id": "@news"}, {"chat_id": "@news", "user_id": "42"}]


def test_a_chat_that_the_bot_does_not_know_is_a_finding() -> None:
    answers = {
        "/getMe": {"ok": True, "result": {"id": 42, "username": "news_bot"}},
        "/getChat": Reply(400, {"ok": False, "description": "Bad Request: chat not found"}),
    }
    with scripted_server(route=answering(answers)) as server:
        found = identify("telegram", {"api_url": server.url, "bot_token": "42:t", "handle": "@news"})
    assert states(found) == {"bot": OK, "chat": FAIL}
    assert "add bot @news_bot to the chat" in found[1].sentence


def serving_feeds(server: ScriptedServer, **other: Reply) -> None:
    types = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
    server.route = answering(
        {f"/feeds/all.{name}": Reply(200, b"", {"Content-Type": media_type}) for name, media_type in types.items()}
        | {f"/feeds/all.{name}": reply for name, reply in other.items()}
    )


def test_feeds_are_fetched_from_where_readers_fetch_them() -> None:
    with scripted_server() as server:
        serving_feeds(server, atom=Reply(404, {}))
        found = identify("feed", {}, public_url=server.url)
        paths = [request.path for request in server.requests]
    assert states(found) == {"rss": OK, "atom": WARN, "json": OK, "public address": WARN}
    assert paths == ["/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json"]
    assert f"{server.url}/feeds/all.rss" in found[0].sentence


def test_a_relay_of_the_sandbox_works_and_reaches_no_reader(sandbox: Sandbox, tmp_path: Path) -> None:
    found = identify("email", {"smtp_url": f"smtp://127.0.0.1:{sandbox.smtp_port}"})
    assert states(found) == {"relay relay": OK, "sender": OK, "destination": WARN}
    assert "not encrypted, without a user" in found[0].sentence
