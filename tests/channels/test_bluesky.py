"""The Bluesky channel against scripted servers that respond as a PDS does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.bluesky import BlueskyChannel
from distributor.channels.bluesky.record import facets_of, measure, tid
from distributor.channels.registry import make_channel
from distributor.domain.article import Article
from distributor.domain.delivery import Verdict
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Severity
from distributor.rendering.measuring import graphemes, utf8_bytes
from distributor.sources import read_manuscript
from distributor.testing.conformance import HttpScenario, sending_violations
from distributor.testing.fakes import RELEASED_AT, ChannelHarness, make_delivery
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
DID = "did:plc:abcdefghijklmnopqrstuvwx"
SIGNED_IN = Reply(200, {"did": DID, "handle": "gazette.example.org", "accessJwt": "one", "refreshJwt": "r"})
SIGNED_IN_AGAIN = Reply(200, {"did": DID, "handle": "gazette.example.org", "accessJwt": "two", "refreshJwt": "r"})
KEY = tid(make_delivery(), 0)
WRITTEN = Reply(200, {"uri": f"at://{DID}/app.bsky.feed.post/{KEY}", "cid": "bafyone", "validationStatus": "valid"})
EXPIRED = Reply(400, {"error": "ExpiredToken", "message": "Token has expired"})
TAKEN = Reply(400, {"error": "InvalidSwap", "message": "Record was at bafyother"})
MISSING = Reply(400, {"error": "RecordNotFound", "message": "Could not locate record: at://…"})


def harness(
    server: ScriptedServer | str, *articles: Article, words: MessageOptions | None = None, **more: Any
) -> ChannelHarness:
    url = server if isinstance(server, str) else server.url
    values = {"service_url": url, "handle": "@gazette.example.org", "app_password": "a-b-c-d", **more}
    return make_harness(make_channel("bluesky", values), *articles, context=render_context(words=words))


def record(text: str) -> Reply:
    value = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-22T09:00:10.000Z"}
    return Reply(200, {"uri": f"at://{DID}/app.bsky.feed.post/{KEY}", "cid": "bafyone", "value": value})


def put_bodies(server: ScriptedServer) -> list[Any]:
    return [asked.body for asked in server.requests_to("POST", "com.atproto.repo.putRecord")]


# What it says


def test_the_post_leaves_the_link_to_its_card() -> None:
    rendered = harness("http://unused")
    assert rendered.texts == [
        "Why Sourdough Bread Keeps So Long\n\n"
        "A loaf of sourdough bread stays fresh for days, while a quick white loaf is stale by the evening. "
        "The difference is not a secret flour but time and acid.\n\n"
        "#SourdoughBread #LacticAcidBacteria #WildYeast"
    ]
    (post,) = rendered.rendition.payload["posts"]
    assert post["card"]["url"] == post["link"] == LINK


def test_the_file_is_what_it_was_before() -> None:
    rendered = harness("http://unused")
    assert_golden("bluesky.json", rendered.channel.files(rendered.rendition)["bluesky.json"])


def test_the_link_may_stand_in_the_text_too() -> None:
    (text,) = harness("http://unused", link_in_text=True).texts
    assert f"\n\n{LINK}\n\n#SourdoughBread" in text
    assert graphemes(text) <= 300


@pytest.mark.parametrize(
    "told_about",
    [
        article(title="👩‍👩‍👧‍👦 " * 90, summary="🥖" * 400),
        article(title="👩‍👩‍👧‍👦" * 150),
        article(title="なぜ", summary="乳酸菌と酵母の働きです。" * 90, language="ja"),
        article(title="لماذا", summary="حمض اللاكتيك والوقت. " * 90, language="ar"),
        article(title="See https://example.org/" + "a" * 600, summary="@you.example.org " * 90),
        article(title="z" + "\u0301" * 2000),
    ],
    ids=["emoji", "bytes", "japanese", "arabic", "addresses", "marks"],
)
def test_no_article_makes_a_post_over_either_limit(told_about: Article) -> None:
    rendered = harness("http://unused", told_about)
    (text,) = rendered.texts
    assert (graphemes(text) <= 300, utf8_bytes(text) <= 3000) == (True, True)
    assert [one for one in rendered.channel.check(rendered.rendition) if one.severity is Severity.BLOCK] == []


@settings(deadline=None, derandomize=True)
@given(text=st.text(max_size=400))
def test_one_number_stands_for_both_limits(text: str) -> None:
    assert (measure(text) <= 300) == (graphemes(text) <= 300 and utf8_bytes(text) <= 3000)


def test_a_post_over_the_limit_of_bytes_alone_is_blocked() -> None:
    rendered = harness("http://unused")
    (post,) = rendered.rendition.payload["posts"]
    payload = {**rendered.rendition.payload, "posts": [{**post, "text": "👩‍👩‍👧‍👦" * 150}]}
    problems = rendered.channel.check(replace(rendered.rendition, payload=payload))
    assert [problem.code for problem in problems] == ["too-long"]


def test_the_preview_shows_the_post_escaped_and_needs_nothing_from_elsewhere() -> None:
    rendered = harness("http://unused", article(title="Bread & <b>butter</b>"))
    page = rendered.channel.preview(rendered.rendition)
    assert "Bread &amp; &lt;b&gt;butter&lt;/b&gt;" in page
    assert "@gazette.example.org" in page
    assert not regex.search(r"<(script|img|link|iframe)|url\(|src=", page)


def test_the_acceptance_article_makes_a_post_an_editor_would_send(acceptance_article: Path) -> None:
    manuscript = read_manuscript(acceptance_article)
    tags = [tag.label for tag in manuscript.tags]
    accepted = article(title=manuscript.title, summary=manuscript.summary, body=manuscript.body, tags=tags)
    title, teaser, hashtags = harness("http://unused", accepted).texts[0].split("\n\n")
    assert title == manuscript.title
    assert teaser.endswith("quality of life.")
    assert hashtags == "#StemCellTherapy #AutoimmuneDisease #RegenerativeMedicine"


# Facets and keys


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("🥖 Brød på https://example.org/brød, ja", {b"https://example.org/br\xc3\xb8d": "https://example.org/brød"}),
        ("見て www.example.org", {b"www.example.org": "https://www.example.org"}),
        ("👩‍👩‍👧‍👦 #SourdoughBread!", {b"#SourdoughBread": "SourdoughBread"}),
        ("خبز #خبز_الشعير", {"#خبز_الشعير".encode(): "خبز_الشعير"}),
        ("https://example.org/#fragment", {b"https://example.org/#fragment": "https://example.org/#fragment"}),
        ("#1 and C# and a#b and #", {}),
        ("#" + "a" * 70, {}),
    ],
)
def test_facets_cover_just_the_bytes_of_links_and_hashtags(text: str, marked: dict[bytes, str]) -> None:
    raw = text.encode()
    found = {
        raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]]: feature.get("uri") or feature.get("tag")
        for facet in facets_of(text)
        for feature in facet["features"]
    }
    assert found == marked


@settings(deadline=None, derandomize=True)
@given(
    text=st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(["#tag", "🥖", "é", " ", "https://example.org", ".", "日本"]), max_size=9).map(
            "".join
        ),
    )
)
def test_facets_begin_and_end_between_signs_and_do_not_overlap(text: str) -> None:
    raw = text.encode()
    place = 0
    for facet in facets_of(text):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        assert place <= start < end
        raw[start:end].decode()
        place = end


def test_a_key_is_a_tid_of_the_release() -> None:
    key = tid(make_delivery(id=7), 0)
    assert regex.fullmatch("[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", key)
    bits = 0
    for sign in key:
        bits = bits << 5 | "234567abcdefghijklmnopqrstuvwxyz".index(sign)
    assert datetime.fromtimestamp((bits >> 10) / 1e6, UTC) == RELEASED_AT
    assert bits & 1023 == 7


def test_keys_are_the_same_on_every_attempt_and_in_the_order_of_the_parts() -> None:
    assert tid(make_delivery(attempt=1), 2) == tid(make_delivery(attempt=5), 2)
    keys = [tid(make_delivery(), number) for number in range(20)]
    assert keys == sorted(set(keys))
    assert tid(make_delivery(id=7), 0) != tid(make_delivery(id=8), 0)


# Sending


def test_bluesky_conforms_when_it_sends() -> None:
    scenario = HttpScenario(
        settings=lambda url: {"service_url": url, "handle": "gazette.example.org", "app_password": "a-b-c-d"},
        is_post=lambda request: request.path.endswith("putRecord"),
        created=WRITTEN,
        rate_limited=lambda at: Reply(429, {}, {"ratelimit-reset": str(int(at.timestamp()))}),
        other=lambda request: SIGNED_IN if request.path.endswith("createSession") else MISSING,
    )
    assert sending_violations(BlueskyChannel, scenario) == []


def test_a_post_is_written_under_its_own_key_if_there_is_none_yet() -> None:
    with scripted_server(SIGNED_IN, WRITTEN) as server:
        sent = harness(server, article(language="nb-NO"))
        outcome = sent.send()
    signing_in, putting = server.requests
    assert signing_in.body == {"identifier": "gazette.example.org", "password": "a-b-c-d"}
    assert putting.headers["authorization"] == "Bearer one"
    assert putting.body == {
        "repo": DID,
        "collection": "app.bsky.feed.post",
        "rkey": KEY,
        "swapRecord": None,
        "record": {
            "$type": "app.bsky.feed.post",
            "text": sent.texts[0],
            "createdAt": "2026-11-22T09:00:10.123Z",
            "langs": ["nb-NO"],
            "facets": facets_of(sent.texts[0]),
            "embed": {
                "$type": "app.bsky.embed.external",
                "external": {
                    "uri": LINK,
                    "title": "Why Sourdough Bread Keeps So Long",
                    "description": "A loaf of sourdough bread stays fresh for days, while a quick white loaf is stale "
                    "by the evening. The difference is not a secret flour but time and acid.",
                },
            },
        },
    }
    assert (outcome.verdict, outcome.remote_id) == (Verdict.SENT, f"at://{DID}/app.bsky.feed.post/{KEY}")
    assert outcome.permalink == f"https://bsky.app/profile/gazette.example.org/post/{KEY}"
    assert sent.committed[0].detail == {"cid": "bafyone"}


def test_who_signs_in_by_email_is_linked_to_by_identity() -> None:
    with scripted_server(SIGNED_IN, WRITTEN) as server:
        outcome = harness(server, handle="editor@gazette.example.org", web_url="http://127.0.0.1:1/bsky/").send()
    assert outcome.permalink == f"http://127.0.0.1:1/bsky/profile/{DID}/post/{KEY}"


def test_several_articles_are_several_records() -> None:
    with scripted_server(SIGNED_IN, WRITTEN, WRITTEN) as server:
        outcome = harness(server, BREAD, RYE).send()
    assert [body["rkey"] for body in put_bodies(server)] == [tid(make_delivery(), 0), tid(make_delivery(), 1)]
    assert outcome.detail == {"posted_parts": 2, "of": 2}


@pytest.mark.parametrize("missing", ["handle", "app_password"])
def test_without_credentials_nothing_is_sent_and_the_setting_is_named(missing: str) -> None:
    settings: dict[str, Any] = {missing: ""}
    outcome = harness("http://unused", **settings).send()
    assert outcome.verdict is Verdict.SENDER_REJECTED
    assert f"setting {missing} is empty" in outcome.reply


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (
            Reply(401, {"error": "AuthenticationRequired", "message": "Invalid identifier or password"}),
            Verdict.SENDER_REJECTED,
        ),
        (Reply(401, {"error": "AuthFactorTokenRequired", "message": "A code was sent"}), Verdict.SENDER_REJECTED),
        (Reply(400, {"error": "InvalidRequest", "message": "Bad"}), Verdict.SENDER_REJECTED),
        (Reply(500, {}), Verdict.DEFERRED),
        (Reply(200, b"<html>"), Verdict.DEFERRED),
        (LoseResponse(), Verdict.DEFERRED),
    ],
)
def test_without_a_session_nothing_was_sent(answer: Any, verdict: Verdict) -> None:
    with scripted_server(answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert outcome.verdict is verdict
    assert "signing in failed" in outcome.reply
    assert sent.states == []


@pytest.mark.parametrize("script", [(SIGNED_IN,), ()], ids=["writing", "signing in"])
def test_a_rate_limit_defers_until_the_server_lifts_it(script: tuple[Reply, ...]) -> None:
    reset = (RELEASED_AT + timedelta(minutes=4)).replace(microsecond=0)
    limited = Reply(429, {"error": "RateLimitExceeded"}, {"ratelimit-reset": str(int(reset.timestamp()))})
    with scripted_server(*script, limited) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, outcome.retry_at) == (Verdict.DEFERRED, reset)
    assert sent.states == []


@pytest.mark.parametrize("expired", [EXPIRED, Reply(401, {"error": "AuthMissing"})])
def test_an_expired_session_is_renewed_once(expired: Reply) -> None:
    with scripted_server(SIGNED_IN, expired, SIGNED_IN_AGAIN, WRITTEN) as server:
        assert harness(server).send().verdict is Verdict.SENT
    assert server.requests[-1].headers["authorization"] == "Bearer two"
    with scripted_server(SIGNED_IN, expired, SIGNED_IN_AGAIN, expired) as server:
        sent = harness(server)
        assert sent.send().verdict is Verdict.SENDER_REJECTED
    assert (server.is_finished, sent.states) == (True, [])


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Reply(400, {"error": "AccountTakedown", "message": "Account has been taken down"}), Verdict.SENDER_REJECTED),
        (Reply(400, {"error": "RepoDeactivated"}), Verdict.SENDER_REJECTED),
        (Reply(404, b"<html>"), Verdict.SENDER_REJECTED),
        (Reply(400, {"error": "InvalidRequest", "message": "Record/text must not be longer"}), Verdict.FAILED),
        (Reply(413, {"error": "PayloadTooLarge"}), Verdict.FAILED),
    ],
)
def test_a_refusal_says_whom_it_concerns_and_leaves_no_intent(answer: Reply, verdict: Verdict) -> None:
    with scripted_server(SIGNED_IN, answer) as server:
        sent = harness(server)
        outcome = sent.send()
    assert (outcome.verdict, outcome.reply_code) == (verdict, answer.status)
    assert sent.states == []


def test_a_refused_connection_defers() -> None:
    with closed_port() as url:
        assert harness(url).send().verdict is Verdict.DEFERRED


@pytest.mark.parametrize(
    "answer", [LoseResponse(), Reply(500, {"error": "InternalServerError"}), Reply(200, b"cut"), NeverRespond()]
)
def test_an_answer_that_does_not_tell_leaves_the_outcome_unknown_and_the_intent(answer: Any) -> None:
    with scripted_server(SIGNED_IN, answer) as server:
        sent = harness(server, timeout_seconds=0.3)
        outcome = sent.send()
    assert outcome.verdict is Verdict.UNKNOWN
    assert sent.states == ["intended"]


# Again


def test_a_second_attempt_is_the_very_same_call() -> None:
    with scripted_server(SIGNED_IN, LoseResponse(), SIGNED_IN, WRITTEN) as server:
        sent = harness(server)
        sent.send()
        sent.clock.advance(300)
        assert sent.send().verdict is Verdict.SENT
    first, second = put_bodies(server)
    assert first == second
    assert "swapRecord" in second


def test_a_refusal_of_a_second_attempt_says_nothing_about_the_first() -> None:
    with scripted_server(SIGNED_IN, LoseResponse(), SIGNED_IN, Reply(429, {})) as server:
        sent = harness(server)
        sent.send()
        assert sent.send().verdict is Verdict.DEFERRED
    assert sent.states == ["intended"]


def test_a_record_that_is_there_is_found_by_its_key() -> None:
    with scripted_server(SIGNED_IN, LoseResponse()) as server:
        sent = harness(server)
        sent.send()
        server.then(record(sent.texts[0]))
        outcome = sent.reconcile()
    assert (outcome.verdict, outcome.detail) == (Verdict.SENT, {"posted_parts": 1, "of": 1})
    assert server.requests[-1].query == {"repo": DID, "collection": "app.bsky.feed.post", "rkey": KEY}


@pytest.mark.parametrize("answer", [MISSING, Reply(500), LoseResponse(), Reply(400, {"error": "InvalidRequest"})])
def test_what_is_not_there_may_be_sent_again_as_it_was_frozen(answer: Any) -> None:
    with scripted_server(SIGNED_IN, LoseResponse(), answer) as server:
        sent = harness(server)
        sent.send()
        assert sent.reconcile().verdict is Verdict.RETRY_REMAINING
    assert sent.states == ["intended"]


def test_a_taken_key_with_our_own_words_is_our_own_post() -> None:
    with scripted_server(SIGNED_IN, TAKEN) as server:
        sent = harness(server)
        server.then(record(sent.texts[0]))
        assert sent.send().verdict is Verdict.SENT


def test_a_taken_key_with_other_words_is_left_alone() -> None:
    with scripted_server(SIGNED_IN, TAKEN, record("Somebody else's words")) as server:
        outcome = harness(server).send()
    assert outcome.verdict is Verdict.FAILED
    assert KEY in outcome.reply


# Threads


def written(number: int) -> Reply:
    key = tid(make_delivery(), number)
    return Reply(200, {"uri": f"at://{DID}/app.bsky.feed.post/{key}", "cid": f"bafy{number}"})


def test_each_part_of_a_thread_names_its_parent_and_the_root() -> None:
    with scripted_server(SIGNED_IN, written(0), written(1), written(2)) as server:
        sent = harness(server, words=MessageOptions(text="One", thread=("Two", "Three")))
        outcome = sent.send()
    records = [body["record"] for body in put_bodies(server)]
    assert [one["text"] for one in records] == sent.texts
    refs = [
        {"uri": f"at://{DID}/app.bsky.feed.post/{tid(make_delivery(), number)}", "cid": f"bafy{number}"}
        for number in (0, 1)
    ]
    assert [one.get("reply") for one in records] == [
        None,
        {"root": refs[0], "parent": refs[0]},
        {"root": refs[0], "parent": refs[1]},
    ]
    assert outcome.detail == {"posted_parts": 3, "of": 3}


def test_a_thread_goes_on_after_a_lost_answer_with_the_very_same_calls() -> None:
    with scripted_server(SIGNED_IN, written(0), LoseResponse(), SIGNED_IN, written(1), written(2)) as server:
        sent = harness(server, words=MessageOptions(text="One", thread=("Two", "Three")))
        assert sent.send().verdict is Verdict.UNKNOWN
        assert sent.send().detail == {"posted_parts": 3, "of": 3}
    first, second, repeated, third = put_bodies(server)
    assert repeated == second
    assert third["record"]["reply"]["root"]["uri"].endswith(first["rkey"])
