"""The X channel against scripted servers that respond as X does."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from oauthlib.oauth1.rfc5849 import signature

from distributor.channels.api import Cost, CostEstimatingChannel, RenderContext
from distributor.channels.registry import make_channel
from distributor.channels.x import XChannel
from distributor.domain.article import Article
from distributor.domain.blocks import Heading, Run
from distributor.domain.delivery import Verdict
from distributor.domain.problems import Severity
from distributor.rendering.environment import Templates
from distributor.rendering.measuring import weighted_length
from distributor.sources import read_manuscript
from distributor.testing.conformance import HttpScenario, sending_violations
from distributor.testing.fakes import RELEASED_AT, ChannelHarness
from distributor.testing.scripted_server import (
    LoseResponse,
    NeverRespond,
    RecordedRequest,
    Reply,
    ScriptedServer,
    closed_port,
    scripted_server,
)

from .social.golden import assert_golden
from .social.samples import BREAD, RYE, SITE, TEMPLATES, article, make_harness, paragraph, render_context

KEYS = {
    "consumer_key": "ck",
    "consumer_secret": "consumer secret",
    "access_token": "42-at",
    "access_token_secret": "token secret",
    "handle": "@gazette",
    "timeout_seconds": 5,
}
LINK = "https://www.gazette.org/articles/why-sourdough-bread-keeps-so-long"
WHO_AM_I = Reply(200, {"data": {"id": "42", "name": "Gazette", "username": "gazette"}})
DUPLICATE = Reply(
    403,
    {
        "detail": "You are not allowed to create a Tweet with duplicate content.",
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
    },
)
NOT_SUMMONED = Reply(
    403,
    {
        "detail": "You can only reply to or quote posts where you are mentioned or are the author.",
        "title": "Forbidden",
        "status": 403,
    },
)


def harness(
    server: ScriptedServer | str, *articles: Article, context: RenderContext | None = None, **more: Any
) -> ChannelHarness:
    url = server if isinstance(server, str) else server.url
    return make_harness(make_channel("x", {**KEYS, "api_url": url, **more}), *articles, context=context)


def created(number: int) -> Reply:
    return Reply(201, {"data": {"id": str(number), "text": "…"}})


def tweet(text: str, number: int, *, in_reply_to: int | None = None) -> dict[str, Any]:
    """A post as the timeline shows it: addresses shortened, three signs escaped."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace(LINK, "https://t.co/abc123")
    return {
        "id": str(number),
        "text": shown,
        "edit_history_tweet_ids": [str(number)],
        "entities": {"urls": [{"start": 0, "end": 1, "url": "https://t.co/abc123", "expanded_url": LINK}]},
        **({"referenced_tweets": [{"type": "replied_to", "id": str(in_reply_to)}]} if in_reply_to else {}),
    }


def timeline(*tweets: dict[str, Any], next_token: str | None = None) -> Reply:
    meta = {"result_count": len(tweets), **({"next_token": next_token} if next_token else {})}
    return Reply(200, {"data": list(tweets), "meta": meta} if tweets else {"meta": meta})


def posted_bodies(server: ScriptedServer) -> list[Any]:
    return [asked.body for asked in server.requests_to("POST", "/2/tweets")]


# What it says


def test_the_post_has_the_title_whole_sentences_the_link_and_hashtags() -> None:
    assert harness("http://unused").texts == [
        "Why Sourdough Bread Keeps So Long\n\n"
        "A loaf of sourdough bread stays fresh for days, while a quick white loaf is stale by the evening. "
        "The difference is not a secret flour but time and acid.\n\n"
        f"{LINK}\n\n"
        "#SourdoughBread #LacticAcidBacteria #WildYeast"
    ]


@pytest.mark.parametrize(("mode", "golden"), [("post", "x.json"), ("thread", "x_thread.json")])
def test_the_file_is_what_it_was_before(mode: str, golden: str) -> None:
    rendered = harness("http://unused", mode=mode)
    assert_golden(golden, rendered.channel.files(rendered.rendition)["x.json"])


def test_hashtags_go_before_a_sentence_is_cut() -> None:
    sentence = "A sentence of the summary " + "that is long " * 13 + "ends."
    (text,) = harness("http://unused", article(summary=sentence)).texts
    assert sentence in text
    assert LINK in text
    assert text.endswith("\n\n#SourdoughBread")


def test_a_sentence_too_long_for_a_post_is_begun_and_keeps_the_hashtags() -> None:
    sentence = "A sentence of the summary " + "that is long " * 30 + "ends."
    (text,) = harness("http://unused", article(summary=sentence)).texts
    assert "…\n\nhttps://" in text
    assert text.endswith("#SourdoughBread #LacticAcidBacteria #WildYeast")


def test_a_title_too_long_for_a_post_is_cut_at_a_word_and_the_link_stays() -> None:
    rendered = harness("http://unused", article(title="A very long title " * 30))
    (text,) = rendered.texts
    assert text.endswith(f"…\n\n{LINK}")
    assert weighted_length(text) <= 280
    assert [problem.code for problem in rendered.channel.check(rendered.rendition)] == ["title-cut"]


def test_an_address_that_x_does_not_link_is_weighed_sign_by_sign() -> None:
    site = RenderContext(site=replace(SITE, public_url="http://127.0.0.1:8000"), templates=TEMPLATES)
    rendered = harness("http://unused", article(summary="S" * 150 + " goes on."), context=site)
    assert weighted_length(rendered.texts[0]) <= 280
    assert "http://127.0.0.1:8000/articles/why-sourdough-bread-keeps-so-long" in rendered.texts[0]
    assert [problem.code for problem in rendered.channel.check(rendered.rendition)] == ["link-is-local"]


def test_without_a_link_there_is_more_room_and_no_card() -> None:
    rendered = harness("http://unused", include_link=False)
    (post,) = rendered.rendition.payload["posts"]
    assert "http" not in post["text"]
    assert (post["link"], post["card"]) == ("", None)


@pytest.mark.parametrize(
    "told_about",
    [
        article(title="👩‍👩‍👧‍👦 " * 60, summary="🥖" * 200),
        article(title="なぜサワードウのパンは長持ちするのか", summary="乳酸菌と酵母の働きです。" * 30, language="ja"),
        article(title="لماذا يدوم خبز العجين المخمر", summary="حمض اللاكتيك والوقت. " * 40, language="ar"),
        article(title="See https://example.org/" + "a" * 300, summary="https://example.org/b?c=d " * 40),
        article(title="", summary="", body=(), tags=()),
        article(title="One\ntwo\r\nthree", summary="a\u0000b\ufeff\uffff"),
    ],
    ids=["emoji", "japanese", "arabic", "addresses", "nothing", "line breaks"],
)
@pytest.mark.parametrize("mode", ["post", "thread"])
def test_no_article_makes_a_post_that_is_too_long_or_loses_its_link(told_about: Article, mode: str) -> None:
    rendered = harness("http://unused", told_about, mode=mode)
    assert LINK in rendered.texts[0]
    assert all(weighted_length(text) <= 280 for text in rendered.texts)
    assert not regex.search(r"[\x00\r\ufeff\uffff]", rendered.rendition.canonical())
    assert [one for one in rendered.channel.check(rendered.rendition) if one.severity is Severity.BLOCK] == []
    assert rendered.channel.preview(rendered.rendition)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(title=st.text(max_size=300), summary=st.text(max_size=300), tags=st.lists(st.text(max_size=30), max_size=5))
def test_whatever_the_article_the_post_fits_and_keeps_its_link(title: str, summary: str, tags: list[str]) -> None:
    (text,) = harness("http://unused", article(title=title, summary=summary, tags=tags)).texts
    assert weighted_length(text) <= 280
    assert LINK in text


def test_several_articles_are_several_posts_of_their_own() -> None:
    posts = harness("http://unused", BREAD, RYE).rendition.payload["posts"]
    assert [(post["text"].splitlines()[0], post["continues"]) for post in posts] == [
        ("Why Sourdough Bread Keeps So Long", False),
        ("Rye for Beginners", False),
    ]


def test_a_thread_leaves_out_lesser_sections_first() -> None:
    body = tuple(
        block
        for level, name in ((2, "Flour"), (3, "Rye"), (3, "Wheat"), (2, "Water"))
        for block in (Heading(level, (Run(name),)), paragraph(f"About {name}."))
    )
    rendered = harness("http://unused", article(summary="In short.", body=body), mode="thread", max_parts=3)
    assert rendered.texts[1:] == ["Flour\n\nAbout Flour.", "Water\n\nAbout Water."]


def test_a_part_does_not_end_by_announcing_what_is_cut_off() -> None:
    body = (
        Heading(2, (Run("Findings"),)),
        paragraph("Much was found " + "in many places " * 12 + "by many. The findings include:"),
        paragraph("word " * 80),
    )
    rendered = harness("http://unused", article(summary="In short.", body=body), mode="thread")
    assert rendered.texts[1].endswith(" by many.")


def test_a_template_that_says_more_than_a_post_holds_is_split_in_a_thread_and_blocked_in_a_post(tmp_path: Path) -> None:
    (tmp_path / "social").mkdir()
    (tmp_path / "social" / "x.txt.j2").write_text("{{ title }}\n\n" + "A sentence of the house. " * 20)
    context = RenderContext(site=SITE, templates=Templates([tmp_path]))
    thread = harness("http://unused", RYE, context=context, mode="thread")
    assert len(thread.texts) == 2
    assert all(text.endswith("house.") and weighted_length(text) <= 280 for text in thread.texts)
    post = harness("http://unused", RYE, context=context)
    assert [problem.code for problem in post.channel.check(post.rendition)] == ["too-long"]


def test_more_than_one_cashtag_is_blocked() -> None:
    rendered = harness("http://unused", article(title="What $WHEAT and $RYE cost"))
    assert [problem.code for problem in rendered.channel.check(rendered.rendition)] == ["cashtags"]
    priced = harness("http://unused", article(title="Bread for $3 and $RYE"))
    assert priced.channel.check(priced.rendition) == []


def test_a_thread_is_warned_about_and_an_empty_rendition_blocked() -> None:
    thread = harness("http://unused", mode="thread")
    assert [problem.code for problem in thread.channel.check(thread.rendition)] == ["thread-may-stop"]
    nothing = thread.channel.render([], render_context())
    assert [problem.code for problem in thread.channel.check(nothing)] == ["empty"]


def test_the_preview_shows_the_post_escaped_and_needs_nothing_from_elsewhere() -> None:
    rendered = harness("http://unused", article(title="Bread & <b>butter</b>"))
    page = rendered.channel.preview(rendered.rendition)
    assert "Bread &amp; &lt;b&gt;butter&lt;/b&gt;" in page
    assert "@gazette" in page
    assert "X charges about USD 0.20" in page
    assert not regex.search(r"<(script|img|link|iframe)|url\(|src=", page)


@pytest.mark.parametrize(
    ("title", "options", "price"),
    [
        ("Bread", {}, "0.200"),
        ("Bread", {"include_link": False}, "0.015"),
        ("Bread from https://example.org/rye", {"include_link": False}, "0.200"),
    ],
)
def test_a_post_costs_more_with_a_url_wherever_it_comes_from(title: str, options: dict[str, Any], price: str) -> None:
    rendered = harness("http://unused", article(title=title), **options)
    cost = cast(CostEstimatingChannel, rendered.channel).estimate_cost(rendered.rendition, 1)
    assert cost == Cost(amount=Decimal(price), currency="USD")


def test_each_post_of_a_thread_costs_its_own_price() -> None:
    thread = harness("http://unused", mode="thread")
    cost = cast(CostEstimatingChannel, thread.channel).estimate_cost(thread.rendition, 1)
    assert cost is not None
    assert len(thread.texts) > 1
    assert cost.amount == Decimal("0.200") + (len(thread.texts) - 1) * Decimal("0.015")


def test_the_acceptance_article_makes_a_post_an_editor_would_send(acceptance_article: Path) -> None:
    manuscript = read_manuscript(acceptance_article)
    accepted = article(
        title=manuscript.title,
        summary=manuscript.summary,
        body=manuscript.body,
        tags=[tag.label for tag in manuscript.tags],
        slug="stem-cell-therapy-for-autoimmune-diseases-a-new-hope-for-healing",
    )
    title, teaser, link, hashtags = harness("http://unused", accepted).texts[0].split("\n\n")
    assert title == manuscript.title
    assert teaser.endswith("quality of life.")
    assert link.endswith("/articles/stem-cell-therapy-for-autoimmune-diseases-a-new-hope-for-healing")
    assert hashtags == "#StemCellTherapy #AutoimmuneDisease #RegenerativeMedicine"


# Sending


def test_x_conforms_when_it_sends() -> None:
    scenario = HttpScenario(
        settings=lambda url: {**KEYS, "timeout_seconds": 2, "api_url": url},
        is_post=lambda request: request.method == "POST",
        created=created(1001),
        rate_limited=lambda at: Reply(429, {}, {"x-rate-limit-reset": str(int(at.timestamp()))}),
        other=lambda request: WHO_AM_I if request.path.endswith("/me") else timeline(),
    )
    assert sending_violations(XChannel, scenario) == []


def test_a_post_is_sent_once_signed_for_x_and_its_identity_kept() -> None:
    with scripted_server(created(1001)) as server:
        sent = harness(server)
        outcome = sent.send()
    (asked,) = server.requests
    assert (asked.method, asked.path, asked.body) == ("POST", "/2/tweets", {"text": sent.texts[0]})
    assert is_signed_for_x(asked)
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "1001")
    assert outcome.permalink == "https://x.com/gazette/status/1001"
    assert outcome.detail == {"posted_parts": 1, "of": 1}
    assert sent.states == ["sent"]


def test_the_api_may_stand_under_a_path_of_another_host() -> None:
    with scripted_server(created(1)) as server:
        assert harness(f"{server.url}/sandbox/x").send().verdict is Verdict.SENT
    assert server.requests[0].path == "/sandbox/x/2/tweets"
    assert is_signed_for_x(server.requests[0])


def test_what_was_sent_is_not_sent_again() -> None:
    with scripted_server(created(1001)) as server:
        sent = harness(server)
        first = sent.send()
        assert sent.send() == replace(first, epoch=2)
    assert server.is_finished


@pytest.mark.parametrize("missing", ["consumer_key", "consumer_secret", "access_token", "access_token_secret"])
def test_without_a_key_nothing_is_sent_and_the_setting_is_named(missing: str) -> None:
    without: dict[str, Any] = {missing: ""}
    outcome = harness("http://unused", **without).send()
    assert outcome.verdict is Verdict.SENDER_REJECTED
    assert f"setting {missing} is empty" in outcome.reply


def test_a_rate_limit_defers_until_x_lifts_it() -> None:
    reset = RELEASED_AT + timedelta(minutes=9)
    headers = {"x-rate-limit-reset": str(int(reset.timestamp())), "x-rate-limit-remaining": "0"}
    with scripted_server(Reply(429, {"title": "Too Many Requests"}, headers)) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, outcome.reply_code) == (Verdict.DEFERRED, 429)
    assert outcome.retry_at == reset.replace(microsecond=0)
    assert sent.states == []


def test_the_limit_of_a_day_is_obeyed_if_that_is_the_one_used_up() -> None:
    tomorrow = (RELEASED_AT + timedelta(hours=20)).replace(microsecond=0)
    headers = {
        "x-rate-limit-reset": str(int(RELEASED_AT.timestamp()) + 60),
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": str(int(tomorrow.timestamp())),
    }
    with scripted_server(Reply(429, {"title": "Too Many Requests"}, headers)) as server:
        assert harness(server).send().retry_at == tomorrow


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Reply(401, {"title": "Unauthorized", "detail": "Unauthorized"}), Verdict.SENDER_REJECTED),
        (Reply(402, {"title": "CreditsDepleted", "detail": "No credits."}), Verdict.SENDER_REJECTED),
        (Reply(403, {"detail": "Your client app is not configured for this."}), Verdict.SENDER_REJECTED),
        (Reply(403, {"errors": [{"code": 326, "message": "This account is locked."}]}), Verdict.SENDER_REJECTED),
        (Reply(404, b"<html>no such page</html>"), Verdict.SENDER_REJECTED),
        (Reply(302, None, {"Location": "https://elsewhere.example/"}), Verdict.SENDER_REJECTED),
        (
            Reply(429, {"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"}),
            Verdict.SENDER_REJECTED,
        ),
        (Reply(400, {"title": "Invalid Request", "detail": "One or more parameters are invalid."}), Verdict.FAILED),
        (DUPLICATE, Verdict.FAILED),
    ],
)
def test_a_refusal_says_whom_it_concerns_and_leaves_no_intent(answer: Reply, verdict: Verdict) -> None:
    with scripted_server(answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, server.is_finished) == (verdict, True)
    assert outcome.reply
    assert sent.states == []


def test_a_refused_connection_defers() -> None:
    with closed_port() as url:
        sent = harness(url)
        outcome = sent.send()
    assert outcome.verdict is Verdict.DEFERRED
    assert sent.states == []


@pytest.mark.parametrize(
    "answer",
    [
        LoseResponse(),
        Reply(500, {"title": "Internal Server Error"}),
        Reply(503, b"<html>over capacity</html>"),
        Reply(502, ["not", "an", "object"]),
        Reply(201, b"cut off in the mid"),
        Reply(201, {"data": {}}),
    ],
    ids=["hangup", "500", "503 HTML", "502 list", "no JSON", "no id"],
)
def test_an_answer_that_does_not_tell_leaves_the_outcome_unknown_and_the_intent(answer: Any) -> None:
    with scripted_server(answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.retry_at == sent.clock.now + timedelta(seconds=5)
    assert sent.states == ["intended"]


def test_silence_leaves_the_outcome_unknown() -> None:
    with scripted_server(NeverRespond()) as server:
        outcome = harness(server, timeout_seconds=0.3).send()
    assert outcome.verdict is Verdict.UNKNOWN
    assert "timeout=0.3" in outcome.reply


def test_a_limit_that_a_failing_server_also_names_does_not_delay_looking() -> None:
    headers = {"x-rate-limit-reset": str(int(RELEASED_AT.timestamp()) + 900)}
    with scripted_server(Reply(500, {}, headers)) as server:
        sent = harness(server)
        assert sent.send().retry_at == sent.clock.now + timedelta(seconds=5)


# Finding out


def test_a_post_whose_answer_was_lost_is_found_on_the_timeline() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(timeline(tweet("Something else", 1003), tweet(sent.texts[0], 1002)))
        outcome = sent.reconcile()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "1002")
    assert sent.states == ["sent"]
    (asked,) = server.requests_to("GET", "/2/users/42/tweets")
    assert asked.query["start_time"] == "2026-11-22T08:59:00Z"


def test_the_account_number_from_the_settings_saves_a_call() -> None:
    with scripted_server(LoseResponse()) as server:
        sent = harness(server, user_id="77")
        sent.send()
        server.then(timeline(tweet(sent.texts[0], 1002)))
        assert sent.reconcile().verdict is Verdict.SENT
    assert server.requests_to("GET", "/2/users/77/tweets")


def test_a_post_with_escaped_signs_and_other_addresses_is_recognised() -> None:
    spoken = article(title="Bread & butter > <cake>", summary="Read www.example.org/cake now.")
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server, spoken)
        sent.send()
        shown = tweet(sent.texts[0], 1002)
        shown["text"] = shown["text"].replace("www.example.org/cake", "https://t.co/zz")
        shown["entities"]["urls"].append({"url": "https://t.co/zz", "expanded_url": "http://www.example.org/cake"})
        server.then(timeline(shown))
        assert sent.reconcile().verdict is Verdict.SENT


def test_the_timeline_is_read_to_its_end() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(timeline(tweet("Newer", 9), next_token="older"), timeline(tweet(sent.texts[0], 8)))
        assert sent.reconcile().remote_id == "8"
    assert [asked.query.get("pagination_token") for asked in server.requests_to("GET", "/tweets")] == [None, "older"]


def test_a_post_that_is_not_there_yet_stays_unknown_until_it_must_be_there() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I, timeline()) as server:
        sent = harness(server)
        intended_at = sent.clock.now
        sent.send()
        sent.clock.advance(19)
        outcome = sent.reconcile()
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.retry_at == intended_at + timedelta(seconds=5 + 15)
    assert sent.states == ["intended"]


def test_a_post_that_was_surely_not_made_is_sent_again() -> None:
    with scripted_server(LoseResponse(), WHO_AM_I, timeline()) as server:
        sent = harness(server)
        sent.send()
        sent.clock.advance(20)
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
        assert sent.states == []
        server.then(created(1005))
        assert sent.send().remote_id == "1005"
    assert len(posted_bodies(server)) == 2


@pytest.mark.parametrize(
    ("answer", "retry_in"),
    [
        (Reply(401, {"title": "Unauthorized"}), 60),
        (
            Reply(429, {"title": "Too Many Requests"}, {"x-rate-limit-reset": str(int(RELEASED_AT.timestamp()) + 300)}),
            None,
        ),
        (Reply(500, {}), 60),
        (LoseResponse(), 60),
        (Reply(200, b"no json"), 60),
    ],
)
def test_a_timeline_that_cannot_be_read_leaves_the_outcome_unknown(answer: Any, retry_in: int | None) -> None:
    with scripted_server(LoseResponse(), WHO_AM_I, answer) as server:
        sent = harness(server)
        sent.send()
        sent.clock.advance(100)
        outcome = sent.reconcile()
    assert outcome.verdict is Verdict.UNKNOWN
    due = sent.clock.now + timedelta(seconds=retry_in) if retry_in else datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    assert outcome.retry_at == due
    assert sent.states == ["intended"]


def test_a_delivery_that_was_never_begun_may_be_sent() -> None:
    assert harness("http://unused").reconcile().verdict is Verdict.RETRY_REMAINING


def test_after_a_lost_answer_the_timeline_is_read_before_anything_is_posted_again() -> None:
    with scripted_server(WHO_AM_I) as server:
        sent = harness(server)
        sent.crash_after_intent(number=0, request={"text": sent.texts[0], "in_reply_to": None})
        server.then(timeline(tweet(sent.texts[0], 1002)))
        outcome = sent.send()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "1002")
    assert posted_bodies(server) == []


def test_a_second_attempt_says_what_was_frozen_at_the_first() -> None:
    with scripted_server(WHO_AM_I, timeline(), created(1006)) as server:
        sent = harness(server)
        sent.crash_after_intent(number=0, request={"text": "As it was frozen", "in_reply_to": None})
        sent.clock.advance(60)
        assert sent.send().verdict is Verdict.SENT
    assert posted_bodies(server) == [{"text": "As it was frozen"}]


def test_a_second_attempt_waits_while_the_first_may_still_arrive() -> None:
    with scripted_server(WHO_AM_I, timeline()) as server:
        sent = harness(server)
        sent.crash_after_intent(number=0, request={"text": sent.texts[0], "in_reply_to": None})
        assert sent.send().verdict is Verdict.UNKNOWN
    assert posted_bodies(server) == []


def test_a_duplicate_after_an_earlier_attempt_is_that_attempt() -> None:
    with scripted_server(Reply(429, {}), DUPLICATE, WHO_AM_I) as server:
        sent = harness(server)
        sent.send()
        server.then(timeline(tweet(sent.texts[0], 1002)))
        outcome = sent.send()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "1002")


def test_a_duplicate_of_what_the_timeline_does_not_show_stays_unknown() -> None:
    with scripted_server(WHO_AM_I, timeline(), DUPLICATE, WHO_AM_I, timeline()) as server:
        sent = harness(server)
        sent.crash_after_intent(number=0, request={"text": sent.texts[0], "in_reply_to": None})
        sent.clock.advance(60)
        outcome = sent.send()
    assert (outcome.verdict, server.is_finished) == (Verdict.UNKNOWN, True)
    assert sent.states == ["intended"]


# Threads


def test_each_part_of_a_thread_answers_the_one_before() -> None:
    with scripted_server(created(1), created(2), created(3), created(4)) as server:
        sent = harness(server, mode="thread")
        outcome = sent.send()
    assert [body.get("reply") for body in posted_bodies(server)] == [
        None,
        {"in_reply_to_tweet_id": "1"},
        {"in_reply_to_tweet_id": "2"},
        {"in_reply_to_tweet_id": "3"},
    ]
    assert [body["text"] for body in posted_bodies(server)] == sent.texts
    assert (outcome.remote_id, outcome.detail) == ("1", {"posted_parts": 4, "of": 4})


def test_a_thread_that_x_does_not_let_continue_is_sent_in_part_and_never_begun_again() -> None:
    with scripted_server(created(1), NOT_SUMMONED) as server:
        sent = harness(server, mode="thread")
        outcome = sent.send()
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, "1")
    assert outcome.detail == {"posted_parts": 1, "of": 4}
    assert "only 1 of 4 parts were posted" in outcome.reply
    assert "mentioned or are the author" in outcome.reply
    assert sent.states == ["sent"]


def test_a_thread_goes_on_where_a_rate_limit_stopped_it() -> None:
    with scripted_server(created(1), created(2), Reply(429, {}), created(3), created(4)) as server:
        sent = harness(server, mode="thread")
        deferred = sent.send()
        assert (deferred.verdict, deferred.detail) == (Verdict.DEFERRED, {"posted_parts": 2, "of": 4})
        assert sent.send().verdict is Verdict.SENT
    texts = [body["text"] for body in posted_bodies(server)]
    assert texts == [*sent.texts[:3], *sent.texts[2:]]


def test_a_reply_that_comes_too_quickly_is_tried_again_later() -> None:
    unseen = Reply(403, {"detail": "You attempted to reply to a Tweet that is deleted or not visible to you."})
    with scripted_server(created(1), unseen, created(2), created(3), created(4)) as server:
        sent = harness(server, mode="thread")
        assert sent.send().verdict is Verdict.DEFERRED
        assert sent.send().verdict is Verdict.SENT


def test_a_thread_that_is_deferred_again_and_again_is_left_as_it_is() -> None:
    with scripted_server(created(1), *[Reply(429, {})] * 6) as server:
        sent = harness(server, mode="thread")
        outcomes = [sent.send() for _ in range(6)]
    assert [outcome.verdict for outcome in outcomes] == [Verdict.DEFERRED] * 5 + [Verdict.SENT]
    assert outcomes[-1].detail == {"posted_parts": 1, "of": 4}


def test_a_lost_answer_in_a_thread_is_found_by_what_it_replies_to_and_the_rest_is_sent() -> None:
    with scripted_server(created(1), LoseResponse(), WHO_AM_I) as server:
        sent = harness(server, mode="thread")
        assert sent.send().verdict is Verdict.UNKNOWN
        second = sent.texts[1]
        server.then(timeline(tweet(second, 5), tweet(second, 4, in_reply_to=1), tweet(second, 3, in_reply_to=2)))
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
        assert sent.committed[1].remote_id == "4"
        server.then(created(6), created(7))
        assert sent.send().detail == {"posted_parts": 4, "of": 4}
    assert posted_bodies(server)[2]["reply"] == {"in_reply_to_tweet_id": "4"}


def is_signed_for_x(asked: RecordedRequest) -> bool:
    """Whether the OAuth 1.0a signature (RFC 5849 section 3.4) is right for X's own host."""
    header = {"Authorization": asked.headers["authorization"]}
    given = dict(signature.collect_parameters(headers=header, exclude_oauth_signature=False))
    signed = signature.collect_parameters(uri_query="", headers=header)
    base = signature.signature_base_string(
        asked.method,
        signature.base_string_uri("https://api.twitter.com/2/tweets"),
        signature.normalize_parameters(signed),
    )
    key = "consumer%20secret&token%20secret"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    return bool(given["oauth_signature"] == base64.b64encode(digest).decode())
