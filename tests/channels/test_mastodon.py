"""The Mastodon channel against scripted servers that respond as Mastodon and compatible servers do."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.api import DiscoveringChannel
from distributor.channels.mastodon import MastodonChannel
from distributor.channels.registry import make_channel
from distributor.domain.article import Article
from distributor.domain.delivery import Verdict
from distributor.domain.errors import InputError, ServiceError
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Severity
from distributor.rendering.measuring import mastodon_length
from distributor.sources import read_manuscript
from distributor.testing.conformance import HttpScenario, sending_violations
from distributor.testing.fakes import RELEASED_AT, ChannelHarness
from distributor.testing.scripted_server import (
    LoseResponse,
    NeverRespond,
    Reply,
    ScriptedServer,
    closed_port,
    scripted_server,
)

from .social.golden import assert_golden
from .social.samples import BREAD, RYE, article, make_harness, render_context

LINK = "https://www.gazette.org/articles/why-sourdough-bread-keeps-so-long"
WHO_AM_I = Reply(200, {"id": "99", "username": "gazette", "acct": "gazette"})


def harness(
    server: ScriptedServer | str,
    *articles: Article,
    discovered_limits: dict[str, Any] | None = None,
    words: MessageOptions | None = None,
    **more: Any,
) -> ChannelHarness:
    url = server if isinstance(server, str) else server.url
    values = {"instance_url": url, "access_token": "a token", "handle": "gazette@social.example.org", **more}
    return make_harness(
        make_channel("mastodon", values),
        *articles,
        context=render_context(discovered_limits=discovered_limits, words=words),
    )


def status(text: str, number: int, *, seconds_after_release: float = 12) -> dict[str, Any]:
    """A post as the server gives it back: as HTML, with the address of a link in visible and hidden pieces."""
    made_at = RELEASED_AT + timedelta(seconds=seconds_after_release)
    anchor = (
        f'<a href="{LINK}" target="_blank" rel="nofollow noopener"><span class="invisible">https://www.</span>'
        f'<span class="ellipsis">{LINK[12:42]}</span><span class="invisible">{LINK[42:]}</span></a>'
    )
    escaped = regex.sub(r"#(\w+)", r'<a href="/tags/\1">#<span>\1</span></a>', html.escape(text, quote=False))
    content = "".join(f"<p>{part}</p>" for part in escaped.replace(LINK, anchor).split("\n\n"))
    return {
        "id": str(number),
        "uri": f"https://social.example.org/users/gazette/statuses/{number}",
        "url": f"https://social.example.org/@gazette/{number}",
        "created_at": made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "content": content.replace("\n", "<br />"),
    }


def first_request(sent: ChannelHarness) -> Mapping[str, Any]:
    """What was sent for the first part."""
    return sent.committed[0].request


# What it says


def test_the_post_has_more_sentences_where_there_is_more_room() -> None:
    assert harness("http://unused").texts == [
        "Why Sourdough Bread Keeps So Long\n\n"
        "A loaf of sourdough bread stays fresh for days, while a quick white loaf is stale by the evening. "
        "The difference is not a secret flour but time and acid. "
        "Lactic acid bacteria share the dough with wild yeast, and both leave their traces in the crumb.\n\n"
        f"{LINK}\n\n"
        "#SourdoughBread #LacticAcidBacteria #WildYeast #HomeEconomics #FoodScience"
    ]


def test_the_file_is_what_it_was_before() -> None:
    rendered = harness("http://unused")
    assert_golden("mastodon.json", rendered.channel.files(rendered.rendition)["mastodon.json"])


def test_the_limits_an_instance_reports_are_kept() -> None:
    discovered_limits = {"max_characters": 200, "characters_reserved_per_url": 60}
    rendered = harness("http://unused", discovered_limits=discovered_limits)
    (text,) = rendered.texts
    assert mastodon_length(text, characters_reserved_per_url=60) <= 200
    assert LINK in text
    assert rendered.rendition.payload["limits"] == discovered_limits
    assert rendered.channel.check(rendered.rendition) == []


@pytest.mark.parametrize(
    "discovered_limits", [{}, {"max_characters": "many"}, {"max_characters": -1}, {"max_characters": None}]
)
def test_without_sensible_discovered_limits_the_limits_are_those_of_mastodon(discovered_limits: dict[str, Any]) -> None:
    payload = harness("http://unused", discovered_limits=discovered_limits).rendition.payload
    assert payload["limits"] == {"max_characters": 500, "characters_reserved_per_url": 23}


def test_the_check_counts_as_the_instance_of_the_rendition_does() -> None:
    rendered = harness("http://unused")
    payload = {**rendered.rendition.payload, "limits": {"max_characters": 300, "characters_reserved_per_url": 23}}
    problems = rendered.channel.check(replace(rendered.rendition, payload=payload))
    assert [(problem.severity, problem.code) for problem in problems] == [(Severity.BLOCK, "too-long")]


@pytest.mark.parametrize(
    "told_about",
    [
        article(title="👩‍👩‍👧‍👦 " * 300, summary="🥖" * 600),
        article(title="なぜ", summary="乳酸菌と酵母の働きです。" * 90, language="ja"),
        article(title="لماذا", summary="حمض اللاكتيك والوقت. " * 90, language="ar"),
        article(title="See https://example.org/" + "a" * 600, summary="@you@example.org " * 90),
    ],
    ids=["emoji", "japanese", "arabic", "addresses"],
)
def test_no_article_makes_a_post_that_is_too_long_or_loses_its_link(told_about: Article) -> None:
    (text,) = harness("http://unused", told_about).texts
    assert mastodon_length(text) <= 500
    assert LINK in text


@settings(deadline=None, derandomize=True, max_examples=40)
@given(title=st.text(max_size=600), summary=st.text(max_size=600), limit=st.integers(120, 600))
def test_whatever_the_article_the_post_fits_and_keeps_its_link(title: str, summary: str, limit: int) -> None:
    discovered_limits = {"max_characters": limit, "characters_reserved_per_url": 23}
    (text,) = harness("http://unused", article(title=title, summary=summary), discovered_limits=discovered_limits).texts
    assert mastodon_length(text) <= limit
    assert LINK in text


def test_the_preview_shows_the_post_escaped_and_needs_nothing_from_elsewhere() -> None:
    rendered = harness("http://unused", article(title="Bread & <b>butter</b>"))
    page = rendered.channel.preview(rendered.rendition)
    assert "Bread &amp; &lt;b&gt;butter&lt;/b&gt;" in page
    assert "@gazette@social.example.org" in page
    assert not regex.search(r"<(script|img|link|iframe)|url\(|src=", page)


def test_the_acceptance_article_makes_a_post_an_editor_would_send(acceptance_article: Path) -> None:
    manuscript = read_manuscript(acceptance_article)
    tags = [tag.label for tag in manuscript.tags]
    accepted = article(title=manuscript.title, summary=manuscript.summary, body=manuscript.body, tags=tags)
    title, teaser, link, hashtags = harness("http://unused", accepted).texts[0].split("\n\n")
    assert (title, link) == (manuscript.title, LINK)
    assert teaser.endswith("healthy tissues and organs.")
    assert hashtags == "#StemCellTherapy #AutoimmuneDisease #RegenerativeMedicine #HSCT #Lupus"


# Settings and limits


def test_the_limits_are_asked_of_the_instance() -> None:
    statuses = {"max_characters": 5000, "characters_reserved_per_url": 25, "max_media_attachments": 6}
    with scripted_server(Reply(200, {"domain": "x", "configuration": {"statuses": statuses}})) as server:
        assert discover(server.url) == {"max_characters": 5000, "characters_reserved_per_url": 25}
    assert server.requests[0].path == "/api/v2/instance"


def test_a_server_without_the_second_version_is_asked_in_the_first() -> None:
    answer = Reply(200, {"configuration": {"statuses": {"max_characters": 100000, "characters_reserved_per_url": 32}}})
    with scripted_server(Reply(404, {"error": "not found"}), answer) as server:
        assert discover(server.url) == {"max_characters": 100000, "characters_reserved_per_url": 32}
    assert [asked.path for asked in server.requests] == ["/api/v2/instance", "/api/v1/instance"]


@pytest.mark.parametrize("answers", [(LoseResponse(), Reply(500)), (Reply(200, b"<html>"), Reply(200, {"uri": "old"}))])
def test_a_server_that_does_not_tell_its_limits_is_an_error_with_its_address(answers: tuple[Any, Any]) -> None:
    with (
        scripted_server(*answers) as server,
        pytest.raises(ServiceError, match=r"127\.0\.0\.1.*is it a Mastodon server"),
    ):
        discover(server.url)


@pytest.mark.parametrize(
    "wrong", [{"instance_url": "mastodon.social"}, {"visibility": "direct"}, {"language": "EN-gb"}]
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        make_channel("mastodon", wrong)


# Sending


def test_mastodon_conforms_when_it_sends() -> None:
    scenario = HttpScenario(
        settings=lambda url: {"instance_url": url, "access_token": "a token"},
        is_post=lambda request: request.method == "POST",
        created=Reply(200, status("…", 5)),
        rate_limited=lambda at: Reply(429, {}, {"X-RateLimit-Reset": at.isoformat()}),
        other=lambda request: WHO_AM_I if request.path.endswith("/verify_credentials") else Reply(200, []),
    )
    assert sending_violations(MastodonChannel, scenario) == []


def test_a_post_is_sent_once_with_its_language_and_key() -> None:
    with scripted_server(Reply(200, status("…", 5))) as server:
        sent = harness(server, article(language="nb-NO"), visibility="unlisted")
        outcome = sent.send()
    (asked,) = server.requests
    assert (asked.method, asked.path) == ("POST", "/api/v1/statuses")
    assert asked.body == {"status": sent.texts[0], "visibility": "unlisted", "language": "nb"}
    assert asked.headers["authorization"] == "Bearer a token"
    assert asked.headers["idempotency-key"] == sent.committed[0].request["idempotency_key"]
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "5")
    assert outcome.permalink == "https://social.example.org/@gazette/5"


def test_several_articles_are_several_posts_with_keys_of_their_own() -> None:
    with scripted_server(Reply(200, status("…", 5)), Reply(200, status("…", 6))) as server:
        outcome = harness(server, BREAD, RYE).send()
    keys = {asked.headers["idempotency-key"] for asked in server.requests}
    assert (outcome.remote_id, outcome.detail, len(keys)) == ("5", {"posted_parts": 2, "of": 2}, 2)


def test_without_a_token_nothing_is_sent_and_the_setting_is_named() -> None:
    outcome = harness("http://unused", access_token="").send()
    assert outcome.verdict is Verdict.SENDER_REJECTED
    assert "setting access_token is empty" in outcome.reply


def test_a_rate_limit_defers_until_the_server_lifts_it() -> None:
    headers = {"X-RateLimit-Reset": "2026-11-22T09:05:00.000000Z"}
    with scripted_server(Reply(429, {"error": "Too many requests"}, headers)) as server:
        sent = harness(server)
        outcome = sent.send()
    assert outcome.verdict is Verdict.DEFERRED
    assert outcome.retry_at == RELEASED_AT.replace(minute=5, microsecond=0)
    assert sent.states == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Reply(401, {"error": "The access token is invalid"}), Verdict.SENDER_REJECTED),
        (Reply(403, {"error": "This action is outside the authorized scopes"}), Verdict.SENDER_REJECTED),
        (Reply(404, b"<html>"), Verdict.SENDER_REJECTED),
        (Reply(301, b"", {"Location": "https://elsewhere.example/"}), Verdict.SENDER_REJECTED),
        (Reply(422, {"error": "Validation failed: Text character limit of 500 exceeded"}), Verdict.FAILED),
    ],
)
def test_a_refusal_says_whom_it_concerns_and_leaves_no_intent(answer: Reply, verdict: Verdict) -> None:
    with scripted_server(answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, outcome.reply_code) == (verdict, answer.status)
    assert outcome.reply
    assert sent.states == []


def test_a_refused_connection_defers() -> None:
    with closed_port() as url:
        sent = harness(url)
        assert sent.send().verdict is Verdict.DEFERRED
    assert sent.states == []


@pytest.mark.parametrize(
    "answer", [LoseResponse(), Reply(500, {"error": "oops"}), Reply(503, b"<html>"), Reply(200, b"cut"), Reply(200, [])]
)
def test_an_answer_that_does_not_tell_leaves_the_outcome_unknown_and_the_intent(answer: Any) -> None:
    with scripted_server(answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, outcome.retry_at) == (Verdict.UNKNOWN, sent.clock.now + timedelta(seconds=5))
    assert sent.states == ["intended"]


def test_silence_leaves_the_outcome_unknown() -> None:
    with scripted_server(NeverRespond()) as server:
        outcome = harness(server, timeout_seconds=0.3).send()
    assert outcome.verdict is Verdict.UNKNOWN
    assert "no response within 0.3 s" in outcome.reply


# Finding out


def test_a_post_whose_answer_was_lost_is_found_on_the_account() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server, article(title="Bread & <butter>"))
        sent.send()
        server.then(Reply(200, [status("Something else", 7), status(sent.texts[0], 6)]))
        outcome = sent.reconcile()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "6")
    assert server.requests[-1].path == "/api/v1/accounts/99/statuses"


def test_a_post_whose_text_the_server_changed_is_known_by_its_link() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(Reply(200, [status(f"The server says: {LINK}", 6)]))
        assert sent.reconcile().remote_id == "6"


def test_an_equal_post_from_before_the_release_is_another_one() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(Reply(200, [status(sent.texts[0], 6, seconds_after_release=-3600)]))
        sent.clock.advance(600)
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING


def test_an_equal_post_of_the_same_delivery_is_not_taken_for_the_one_that_was_lost() -> None:
    with scripted_server() as server:
        sent = harness(server, BREAD, BREAD)
        first = status(sent.texts[0], 6)
        server.then(Reply(200, first), LoseResponse(), WHO_AM_I, Reply(200, [first]))
        sent.send()
        sent.clock.advance(600)
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
        server.then(WHO_AM_I, Reply(200, [status(sent.texts[0], 7), first]))
        sent.crash_after_intent(number=1, request=first_request(sent))
        outcome = sent.reconcile()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "6")
    assert [part.remote_id for part in sent.committed] == ["6", "7"]


def test_the_account_is_read_back_to_the_release() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        others = [status(f"Number {number}", number) for number in range(60, 20, -1)]
        server.then(Reply(200, others), Reply(200, [status(sent.texts[0], 3)]))
        assert sent.reconcile().remote_id == "3"
    assert [asked.query.get("max_id") for asked in server.requests[2:]] == [None, "21"]


def test_a_post_that_is_not_there_yet_stays_unknown_until_it_must_be_there() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I, Reply(200, []), WHO_AM_I, Reply(200, [])) as server:
        sent = harness(server, timeout_seconds=5)
        sent.send()
        sent.clock.advance(19)
        assert sent.reconcile().verdict is Verdict.UNKNOWN
        sent.clock.advance(1)
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
    assert (sent.states, server.is_finished) == ([], True)


@pytest.mark.parametrize("answer", [Reply(403, {"error": "outside the authorized scopes"}), Reply(500), LoseResponse()])
def test_an_account_that_cannot_be_read_leaves_the_outcome_unknown(answer: Any) -> None:
    with scripted_server(LoseResponse(), answer) as server:
        sent = harness(server)
        sent.send()
        sent.clock.advance(600)
        outcome = sent.reconcile()
    assert outcome.verdict is Verdict.UNKNOWN
    assert "the account's posts cannot be read" in outcome.reply
    assert sent.states == ["intended"]


def test_a_second_attempt_looks_first_and_then_says_what_was_frozen_with_the_same_key() -> None:
    frozen = {
        "status": "As it was frozen",
        "visibility": "public",
        "language": "en",
        "idempotency_key": "frozen key",
        "link": "",
    }
    with scripted_server(WHO_AM_I, Reply(200, []), Reply(200, status("As it was frozen", 8))) as server:
        sent = harness(server)
        sent.crash_after_intent(number=0, request=frozen)
        sent.clock.advance(60)
        assert sent.send().remote_id == "8"
    assert server.requests[-1].body == {"status": "As it was frozen", "visibility": "public", "language": "en"}
    assert server.requests[-1].headers["idempotency-key"] == "frozen key"


def test_a_second_attempt_does_not_say_again_what_is_there() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(Reply(200, [status(sent.texts[0], 6)]))
        assert sent.send().remote_id == "6"
    assert len(server.requests_to("POST", "/statuses")) == 1


def discover(url: str) -> Any:
    return asyncio.run(cast(DiscoveringChannel, make_channel("mastodon", {"instance_url": url})).discover())


# Threads


def test_each_part_of_a_thread_replies_to_the_one_before() -> None:
    answers = [Reply(200, status("…", number)) for number in (5, 6, 7)]
    with scripted_server(*answers) as server:
        sent = harness(server, article(language="de"), words=MessageOptions(text="One", thread=("Two", "Three")))
        outcome = sent.send()
    assert [asked.body["status"] for asked in server.requests] == sent.texts
    assert [asked.body.get("in_reply_to_id") for asked in server.requests] == [None, "5", "6"]
    assert {asked.body["language"] for asked in server.requests} == {"de"}
    assert (outcome.remote_id, outcome.detail) == ("5", {"posted_parts": 3, "of": 3})


def test_a_lost_answer_in_a_thread_is_found_by_what_it_replies_to_and_the_rest_is_sent() -> None:
    with scripted_server(Reply(200, status("…", 5)), LoseResponse(), WHO_AM_I) as server:
        sent = harness(server, words=MessageOptions(text="One", thread=("Two", "Three")))
        assert sent.send().verdict is Verdict.UNKNOWN
        elsewhere = status("Two", 9) | {"in_reply_to_id": "1"}
        server.then(Reply(200, [elsewhere, status("Two", 8), status("Two", 7) | {"in_reply_to_id": "5"}]))
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
        assert sent.committed[1].remote_id == "7"
        server.then(Reply(200, status("…", 10)))
        assert sent.send().detail == {"posted_parts": 3, "of": 3}
    assert server.requests[-1].body["in_reply_to_id"] == "7"
