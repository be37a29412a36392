"""A Ghost site as a source: all posts once, then what changes; web hooks have it read at once."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from distributor.domain.errors import InputError, SignatureError, SourceError
from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing, SourceResult
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.testing.scripted_server import RecordedRequest, Reply, ScriptedServer, Step, scripted_server
from tests.flow.articles.ghost_site import KEY, GhostSite, post, refused, uuid_of
from tests.flow.articles.test_source_runs import NOON, Time, found, run, source_of

SECRET = "of the web hooks"


@pytest.fixture
def time() -> Time:
    return Time(NOON)


@pytest.fixture
def app(app: AppContext, time: Time) -> AppContext:
    return replace(app, fetch_networks=parse_networks("127.0.0.1"), clock=time)


@pytest.fixture
def site() -> GhostSite:
    return GhostSite([post(1, "One"), post(2, "Two"), post(3, "Three")])


@pytest.fixture
def server(site: GhostSite) -> Iterator[ScriptedServer]:
    with scripted_server(route=site.route) as running:
        yield running


def add(app: AppContext, server: ScriptedServer, *, publishing: Publishing = Publishing.NOTHING, **values: Any) -> int:
    """Add the site as the source `site`; its id."""
    settings = {"site": server.url, "key": KEY, **values}
    return sources.add(app, "site", "ghost", settings, publishing=publishing).source.id


def test_the_first_run_brings_in_every_post_with_what_it_says(
    app: AppContext, site: GhostSite, server: ScriptedServer
) -> None:
    site.posts[0] |= {
        "title": "Salt & <Pepper>",
        "custom_excerpt": "What nobody tells you.",
        "canonical_url": "https://elsewhere.example/salt/",
        "authors": [{"name": "Ada"}, {"name": "Bo"}, None],
        "tags": [
            {"name": "Food", "visibility": "public"},
            {"name": "#import 2024", "visibility": "internal"},
            {"name": "#wide"},
            {"name": "R&D"},
        ],
    }
    assert run(app, add(app, server)) == SourceResult(added=3)
    article = found(app, uuid_of(1))
    assert (article.article.title, article.article.slug) == ("Salt & <Pepper>", "post-1")
    manuscript = article.manuscript
    assert (manuscript.summary, manuscript.author, manuscript.language) == (
        "What nobody tells you.",
        "Ada, Bo",
        "en-GB",
    )
    assert [tag.label for tag in manuscript.tags] == ["Food", "R&D"]
    assert manuscript.published_at == datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    assert manuscript.canonical_url == "https://elsewhere.example/salt/"
    assert {request.headers["accept-version"] for request in server.requests} == {"v5.0"}


def test_an_unchanged_site_costs_two_requests(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    before = len(server.requests)
    time.passes(minutes=15)
    assert run(app, number) == SourceResult()
    assert len(server.requests) - before == 2


def test_edits_are_revisions_new_posts_are_published_and_what_is_unpublished_is_gone(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    number = add(app, server, publishing=Publishing.NEW)
    run(app, number)
    time.passes(minutes=30)
    site.posts[0] = post(1, "One, corrected", updated_at="2026-06-01T12:20:00.000Z")
    site.posts[2] = post(4, "Four", published_at="2026-06-01T12:25:00.000Z")
    result = run(app, number)
    assert (result.added, result.revised, result.gone) == (1, 1, 1)
    assert found(app, uuid_of(1)).article.title == "One, corrected"
    assert found(app, uuid_of(4)).status.is_public(time.now)
    assert found(app, uuid_of(3)).missing_since == time.now
    site.posts.append(post(3, "Three"))
    time.passes(minutes=15)
    run(app, number)
    assert found(app, uuid_of(3)).missing_since is None


@pytest.mark.parametrize("largest", [100, 15])
def test_many_posts_come_page_by_page_also_if_a_page_has_fewer_than_asked_for(
    app: AppContext, site: GhostSite, server: ScriptedServer, largest: int
) -> None:
    site.largest_page = largest
    site.posts = [post(number, f"Post {number}") for number in range(1, 121)]
    assert run(app, add(app, server)).added == 120


def test_a_post_that_vanishes_between_two_pages_takes_no_other_with_it(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 121)]

    def vanish(request: RecordedRequest) -> Step | None:
        if request.query.get("page") == "2" and len(site.posts) == 120:
            del site.posts[3]
        return None

    site.instead = vanish
    number = add(app, server)
    assert run(app, number).added == 120
    time.passes(minutes=15)
    assert run(app, number).gone == 1
    assert found(app, uuid_of(101)).missing_since is None


def test_posts_for_members_are_left_out_with_a_note_or_taken_as_far_as_they_are_public(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    site.posts[0] |= {"visibility": "members", "access": False, "html": "<p>The beginning.</p>"}
    site.posts[1] |= {"visibility": "paid", "access": False, "html": ""}
    number = add(app, server)
    result = run(app, number)
    assert (result.added, result.broken) == (1, 0)
    assert result.notes == ("posts that are left out, because they are for members: 2",)

    sources.change(app, "site", {"include_members_only": True})
    result = run(app, number, is_asked=True)
    assert (result.added, result.notes) == (1, ("posts that are left out, because they are for members: 1",))


def test_a_server_that_asks_for_time_in_the_middle_gets_it(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 104)]
    busy = refused(429, "", "Too many requests", **{"Retry-After": "3600"})
    site.instead = lambda request: busy if request.query.get("page") == "2" else None
    number = add(app, server)
    assert source_runs.run_source(app, number) is None
    assert source_of(app).next_run_at == NOON + timedelta(hours=1)
    assert KEY not in source_of(app).error
    site.instead = lambda _: None
    time.passes(hours=1)
    assert run(app, number) == SourceResult(added=3, unchanged=100)


def test_one_bad_post_stops_no_other(app: AppContext, site: GhostSite, server: ScriptedServer) -> None:
    site.posts += [
        dict.fromkeys(post(4)) | {"uuid": uuid_of(4)},
        post(5, "Large", f"<p>{'word ' * 600_000}</p>"),
        post(6) | {"tags": None, "authors": "Ada", "title": None, "url": "/post-6/", "published_at": "soon"},
    ]
    strange = [*site.posts, None, 5, {"uuid": "'] or 1"}, post(1, "Again")]
    site.instead = lambda request: (
        Reply(200, {"posts": strange, "meta": {"pagination": {"total": "many"}}})
        if request.query.get("order") == "updated_at asc"
        else None
    )
    result = run(app, add(app, server))
    assert (result.added, result.broken) == (5, 4)
    assert found(app, uuid_of(1)).article.title == "One"
    assert found(app, uuid_of(6)).article.title == "Text."


PAGE = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401, "UNKNOWN_CONTENT_API_KEY", f"Unknown Content API Key {KEY}"), "refuses the Content API key"),
        (refused(400, "INVALID_REQUEST", "Error parsing filter"), "its API refuses: Error parsing filter"),
        (refused(500, "", "Broken"), "fails with 500 Internal Server Error (Broken)"),
        (Reply(404, b"<title>404</title>", PAGE), "there is no Content API of Ghost"),
        (Reply(403, b"<title>Wait</title>", PAGE), "403 Forbidden with the page “Wait”"),
        (Reply(200, b"<html><title>Private</title>", PAGE), "with the page “Private” in place of JSON"),
        (Reply(200, [1]), "no list of posts of Ghost"),
        (Reply(200, {"posts": {"a": 1}}), "no list of posts of Ghost"),
        (Reply(200, b"x" * (5 * 2**20 + 1)), "larger than 5 MB"),
        (Reply(429, b"", {"Retry-After": "60"}), "429 Too Many Requests"),
        (Reply(302, b"", {"Location": "http://10.1.2.3/?key=" + KEY}), "not a public address"),
    ],
)
def test_a_site_that_gives_nothing_says_why_and_never_shows_the_key(
    app: AppContext, site: GhostSite, server: ScriptedServer, reply: Reply, reason: str
) -> None:
    site.instead = lambda _: reply
    number = add(app, server)
    with structlog.testing.capture_logs() as logs, pytest.raises(SourceError) as error:
        source_runs.run_source(app, number, is_asked=True)
    assert reason in str(error.value)
    shown = [str(error.value), repr(error.value.__dict__), repr(logs), source_of(app).error, repr(source_of(app))]
    assert not [one for one in shown if KEY in one]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"key": "64d1:2f3a"}, "this is an Admin API key"),
        ({"key": "abc"}, "26 digits and letters"),
        ({"site": "https://site.example/?key=1"}, "site"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(
    app: AppContext, server: ScriptedServer, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as error:
        add(app, server, **settings)
    assert "2f3a" not in str(error.value)


def test_a_ghost_site_is_recognized_and_read_by_its_feed_until_there_is_a_key(
    app: AppContext, server: ScriptedServer
) -> None:
    recognized = sources.recognize(app, server.url)
    assert (recognized.kind, recognized.settings) == ("feed", {"url": f"{server.url}/rss/"})
    assert recognized.notes == ("it is a site of kind ghost, which has more than its feed, but needs key",)
    assert sources.name_for(app, sources.RecognizedSource(kind="ghost", settings={"site": server.url})) == "127-0-0-1"
    with_key = sources.recognize(app, f"https://site.example/blog/ghost/api/content/posts/?key={KEY}")
    assert (with_key.kind, with_key.settings) == ("ghost", {"site": "https://site.example/blog", "key": KEY})


def signed(body: bytes, time: datetime, *, secret: str = SECRET) -> dict[str, str]:
    """The header that Ghost adds."""
    at = str(int(time.timestamp() * 1000))
    digest = hmac.new(secret.encode(), body + at.encode(), hashlib.sha256).hexdigest()
    return {"x-ghost-signature": f"sha256={digest}, t={at}"}


BODY = b'{"post":{"current":{"title":"Invented","html":"<p>By anybody</p>"},"previous":{}}}'


def test_a_signed_web_hook_has_the_site_read_at_once_and_nothing_in_it_is_believed(
    app: AppContext, time: Time, site: GhostSite, server: ScriptedServer
) -> None:
    number = add(app, server, webhook_secret=SECRET)
    run(app, number)
    time.passes(minutes=5)
    assert source_runs.run_source(app, number) is None
    site.posts.append(post(4, "Four", published_at="2026-06-01T12:04:00.000Z"))
    asked = len(server.requests)
    assert source_runs.receive_web_hook(app, "site", signed(BODY, time.now), BODY) is None
    assert len(server.requests) == asked
    assert run(app, number).added == 1
    assert found(app, uuid_of(4)).article.title == "Four"


def test_the_signature_of_older_versions_is_over_the_body_alone(
    app: AppContext, time: Time, server: ScriptedServer
) -> None:
    add(app, server, webhook_secret=SECRET)
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    milliseconds = int(time.now.timestamp() * 1000)
    for header in (f"sha256={digest}", f"sha256={digest}, t={milliseconds}"):
        assert source_runs.receive_web_hook(app, "site", {"x-ghost-signature": header}, BODY) is None


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no signature of Ghost"),
        ({"x-ghost-signature": "sha256=, t="}, "no signature of Ghost"),
        ({"x-ghost-signature": "sha256=" + "é" * 64}, "no signature of Ghost"),
        ({"x-ghost-signature": f"sha256={'0' * 64}, t=1"}, "the signature is wrong"),
        (signed(BODY, NOON, secret="another"), "the signature is wrong"),
        (signed(BODY + b" ", NOON), "the signature is wrong"),
        (signed(BODY, NOON - timedelta(minutes=5, seconds=1)), "too old"),
        (signed(BODY, NOON + timedelta(minutes=6)), "from the future"),
    ],
)
def test_a_web_hook_that_ghost_did_not_sign_is_refused(
    app: AppContext, server: ScriptedServer, headers: dict[str, str], reason: str
) -> None:
    add(app, server, webhook_secret=SECRET)
    with pytest.raises(SignatureError, match=reason):
        source_runs.receive_web_hook(app, "site", headers, BODY)


def test_without_a_secret_no_web_hook_is_taken(app: AppContext, server: ScriptedServer) -> None:
    add(app, server)
    with pytest.raises(SignatureError, match="needs webhook_secret"):
        source_runs.receive_web_hook(app, "site", signed(BODY, NOON, secret=""), BODY)
