"""A WordPress site as a source: all posts once, then what changes, and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from distributor.domain.errors import SourceError
from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing, SourceResult
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.sources.kinds import content_api
from distributor.testing.scripted_server import RecordedRequest, Reply, ScriptedServer, Step, scripted_server
from tests.flow.articles.test_source_runs import NOON, Time, found, run, source_of
from tests.flow.articles.wordpress_site import WordPressSite, post, refused


@pytest.fixture
def time() -> Time:
    return Time(NOON)


@pytest.fixture
def app(app: AppContext, time: Time) -> AppContext:
    return replace(app, fetch_networks=parse_networks("127.0.0.1"), clock=time)


@pytest.fixture
def site() -> WordPressSite:
    return WordPressSite([post(1, "One"), post(2, "Two"), post(3, "Three")])


@pytest.fixture
def server(site: WordPressSite) -> Iterator[ScriptedServer]:
    with scripted_server(route=site.route) as running:
        yield running


def add(app: AppContext, server: ScriptedServer, *, publishing: Publishing = Publishing.NOTHING, **values: Any) -> int:
    """Add the site as the source `site`; its id."""
    settings = {"site": server.url, **values}
    return sources.add(app, "site", "wordpress", settings, publishing=publishing).source.id


def test_the_first_run_brings_in_every_post_with_what_it_says(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts[0] |= {
        "title": {"rendered": "Salt &#038; Pepper&#8217;s"},
        "excerpt": {"rendered": "<p>What nobody tells you.</p>"},
        "_embedded": {
            "author": [{"name": "Ada &amp; Bo"}],
            "wp:term": [
                [{"taxonomy": "category", "name": "Food", "slug": "food"}],
                [{"taxonomy": "post_tag", "name": "R&amp;D", "slug": "rd"}],
            ],
        },
    }
    assert run(app, add(app, server)) == SourceResult(added=3)
    article = found(app, "1")
    assert article.article.title == "Salt & Pepper’s"
    assert article.article.slug == "post-1"
    manuscript = article.manuscript
    assert (manuscript.summary, manuscript.author, manuscript.language) == (
        "What nobody tells you.",
        "Ada & Bo",
        "en-US",
    )
    assert [tag.label for tag in manuscript.tags] == ["R&D", "Food"]
    assert manuscript.published_at == datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    assert manuscript.canonical_url == "https://site.example/post-1/"


def test_an_unchanged_site_costs_two_small_requests(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    before = len(server.requests)
    time.passes(minutes=15)
    assert run(app, number) == SourceResult()
    assert len(server.requests) - before == 2


def test_many_posts_that_were_changed_at_once_are_asked_for_again_for_some_hours_only(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}", modified="2026-06-01T11:59:00") for number in range(1, 6)]
    number = add(app, server)
    run(app, number)
    unchanged = []
    for _ in range(4):
        time.passes(hours=3)
        unchanged.append(run(app, number).unchanged)
    assert unchanged == [5, 5, 0, 0]


def test_edits_are_revisions_and_new_posts_are_published_if_asked_for(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    number = add(app, server, publishing=Publishing.NEW)
    run(app, number)
    time.passes(minutes=30)
    site.posts[0] = post(1, "One, corrected", modified="2026-06-01T12:20:00")
    site.posts.append(post(4, "Four", date="2026-06-01T12:25:00"))
    result = run(app, number)
    assert (result.added, result.revised) == (1, 1)
    assert found(app, "1").article.title == "One, corrected"
    assert found(app, "4").status.is_public(time.now)
    assert not found(app, "1").status.is_public(time.now)


def test_a_scheduled_post_comes_in_when_it_is_published_although_it_was_written_before(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts[2] = post(3, modified="2026-06-01T11:00:00")
    number = add(app, server)
    run(app, number)
    time.passes(minutes=30)
    site.posts.append(post(4, "Scheduled", date="2026-06-01T12:15:00", modified="2026-05-01T10:00:00"))
    assert run(app, number).added == 1


def test_a_site_older_than_version_5_7_selects_nothing_and_only_what_is_new_is_taken(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.knows_modified_after = False
    number = add(app, server)
    run(app, number)
    time.passes(minutes=30)
    site.posts[0] = post(1, "One, corrected", modified="2026-06-01T12:20:00")
    assert run(app, number).revised == 1


def test_a_post_that_is_gone_is_noticed_at_the_next_run_and_one_that_is_back_is_known_again(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    taken = site.posts.pop(1)
    time.passes(minutes=15)
    assert run(app, number).gone == 1
    assert found(app, "2").missing_since == time.now
    site.posts.append(taken)
    time.passes(minutes=15)
    run(app, number)
    assert found(app, "2").missing_since is None


def test_of_many_posts_one_that_is_gone_is_found_by_their_ids(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 131)]
    number = add(app, server)
    assert run(app, number).added == 130
    site.posts.pop(4)
    time.passes(minutes=15)
    assert run(app, number).gone == 1
    before = len(server.requests)
    time.passes(minutes=15)
    assert run(app, number).gone == 0
    assert len(server.requests) - before == 2


def test_a_post_that_slips_to_the_page_before_while_others_vanish_is_not_missed(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
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
    assert found(app, "4").missing_since == time.now
    assert found(app, "101").missing_since is None


def test_a_post_with_a_password_is_left_out_with_a_note(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts[1] = post(2, protected=True)
    number = add(app, server)
    result = run(app, number)
    assert (result.added, result.notes) == (2, ("posts that are left out, because they have a password: 1",))
    time.passes(minutes=15)
    before = len(server.requests)
    run(app, number)
    assert len(server.requests) - before == 2

    site.posts[0] = post(1, protected=True, modified="2026-06-01T12:20:00")
    time.passes(minutes=15)
    assert run(app, number).gone == 1


@pytest.mark.parametrize("root", ["/wp-json/", "/index.php?rest_route=/"])
def test_the_api_is_where_the_site_says_it_is(
    app: AppContext, site: WordPressSite, server: ScriptedServer, root: str
) -> None:
    site.root = root
    assert run(app, add(app, server)).added == 3


def test_the_api_is_found_at_its_usual_addresses(app: AppContext, site: WordPressSite, server: ScriptedServer) -> None:
    site.names_api = False
    number = add(app, server)
    assert run(app, number).added == 3
    site.root = "/?rest_route=/"
    assert run(app, number, is_asked=True).unchanged == 3


def test_an_api_that_has_moved_is_looked_for_again(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    site.root = "/blog/wp-json/"
    time.passes(minutes=15)
    site.instead = lambda request: Reply(404) if request.path.startswith("/wp-json") else None
    site.posts.append(post(4))
    assert run(app, number).added == 1


def test_paging_ends_whatever_the_site_says(
    app: AppContext, site: WordPressSite, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(app, server)
    site.says_total = lambda _: "9000"
    assert run(app, number).added == 3
    site.says_total = lambda _: "1"
    site.posts = [post(number, f"Post {number}") for number in range(1, 103)]
    assert run(app, number, is_asked=True).added == 99
    site.says_total = lambda _: "-1e9"
    # The same page again and again.
    site.instead = lambda request: site._posts({**request.query, "page": "1"}) if "page" in request.query else None
    assert run(app, number, is_asked=True) == SourceResult(unchanged=100)
    # Another page again and again.
    monkeypatch.setattr(content_api, "_MOST_POSTS", 300)
    numbers = iter(range(10_000, 20_000))

    def endless(request: RecordedRequest) -> Step | None:
        is_whole = request.query.get("orderby") == "id"
        return Reply(200, [{"id": next(numbers)} for _ in range(100)]) if is_whole else None

    site.instead = endless
    assert "only 300 posts are read" in run(app, number, is_asked=True).notes


def test_a_server_that_asks_for_time_in_the_middle_gets_it_and_what_came_before_is_kept(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 104)]
    busy = refused(429, "too_many", "Slow down", **{"Retry-After": "3600"})
    site.instead = lambda request: busy if request.query.get("page") == "2" else None
    number = add(app, server)
    assert source_runs.run_source(app, number) is None
    assert source_of(app).next_run_at == NOON + timedelta(hours=1)
    assert found(app, "100")
    site.instead = lambda _: None
    time.passes(hours=1)
    assert run(app, number) == SourceResult(added=3, unchanged=100)


def test_too_many_posts_at_once_are_asked_for_in_smaller_parts(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 31)]
    site.posts[6] = post(7, "Large", f"<p>{'word ' * 640_000}</p>")
    site.posts[8] = post(9, "As large", f"<p>{'word ' * 640_000}</p>")
    site.posts[11] = post(12, "Too large", "x" * (5 * 2**20))
    site.instead = lambda request: (
        refused(500, "internal_server_error", "There has been a critical error on this website.")
        if request.query.get("per_page") == "20" and request.query.get("page") == "2"
        else None
    )
    result = run(app, add(app, server))
    assert (result.added, result.broken) == (29, 0)
    assert any("larger than 5 MB" in note for note in result.notes)


def test_one_bad_post_stops_no_other(app: AppContext, site: WordPressSite, server: ScriptedServer) -> None:
    nothing = dict.fromkeys(post(4))
    site.posts += [
        {**post(4), "id": "44"},
        {**post(5), "title": None, "excerpt": None, "_embedded": {"author": [{"code": "rest_user_invalid_id"}]}},
        {**post(6), "date_gmt": None, "date": "soon", "slug": 6, "link": "javascript:1"},
        {**nothing, "id": 7, "modified_gmt": "", "date_gmt": ""},
    ]
    site.instead = lambda request: (
        Reply(200, [*site.posts, None, 5, {"id": True}, {"title": {}}])
        if request.query.get("orderby") == "id"
        else None
    )
    result = run(app, add(app, server))
    assert (result.added, result.broken) == (6, 5)
    assert found(app, "44").article.title == "A post"
    assert found(app, "5").article.title == "Text."
    assert found(app, "6").manuscript.published_at is None


def test_answers_with_warnings_before_them_or_compressed_are_read(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    site.before_json = (
        b"<br />\n<b>Warning</b>:  Undefined array key [0] in <b>/srv/wp/x.php</b> on line <b>5</b><br />\n"
    )
    number = add(app, server)
    result = run(app, number)
    assert result.added == 3
    assert result.notes == ("warnings of PHP stand before its answers: switch WP_DEBUG_DISPLAY off there",)
    site.before_json, site.is_compressed = b"\xef\xbb\xbf", True
    assert run(app, number, is_asked=True).unchanged == 3


PAGE = {"Content-Type": "text/html; charset=UTF-8"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refused(401, "rest_not_logged_in", "You are not currently logged in."), "closed to guests (You are not"),
        (refused(403, "rest_forbidden", "<b>Sorry</b>, no."), "closed to guests (Sorry, no.)"),
        (refused(404, "rest_no_route", "No route was found."), "its REST API gives no posts (No route was found.)"),
        (refused(400, "rest_invalid_param", "Invalid parameter(s): order"), "refuses: Invalid parameter(s): order"),
        (Reply(403, b"<title>Just a moment...</title>", PAGE), "403 Forbidden with the page “Just a moment...”"),
        (Reply(200, b"<html><title>Log In</title>", PAGE), "no REST API of WordPress was found"),
        (Reply(404, b"<html><title>Nothing</title>", PAGE), "no REST API of WordPress was found"),
        (Reply(200, {"code": "x"}), "no REST API of WordPress was found"),
        (Reply(302, b"", {"Location": "http://10.1.2.3/"}), "not a public address"),
    ],
)
def test_a_site_that_gives_nothing_says_why_and_what_to_do(
    app: AppContext, site: WordPressSite, server: ScriptedServer, reply: Reply, reason: str
) -> None:
    site.instead = lambda _: reply
    with pytest.raises(SourceError) as error:
        source_runs.run_source(app, add(app, server), is_asked=True)
    assert reason in str(error.value)


def test_a_page_in_place_of_json_is_named(app: AppContext, site: WordPressSite, server: ScriptedServer) -> None:
    page = Reply(200, b"<html><title>Back soon</title>", PAGE)
    site.instead = lambda request: page if request.path != "/" else None
    with pytest.raises(SourceError, match="answers with the page “Back soon” in place of JSON; a login page"):
        source_runs.run_source(app, add(app, server), is_asked=True)


def test_a_type_that_the_site_does_not_have_is_named(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    site.instead = lambda request: refused(404, "rest_no_route", "No route.") if "recipes" in request.path else None
    with pytest.raises(SourceError, match="has no type 'recipes'"):
        source_runs.run_source(app, add(app, server, post_type="recipes"), is_asked=True)


def test_the_address_of_a_page_of_the_site_is_recognized(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    recognized = sources.recognize(app, server.url)
    assert (recognized.kind, recognized.settings) == ("wordpress", {"site": server.url})
    tried, _ = source_runs.try_source(app, recognized.kind, recognized.settings, limit=2)
    assert [one.title for one in tried] == ["One", "Two"]


def test_a_site_whose_api_is_closed_is_read_by_its_feed_if_it_has_one(
    app: AppContext, site: WordPressSite, server: ScriptedServer
) -> None:
    closed = refused(401, "rest_not_logged_in", "You are not currently logged in.")
    site.instead = lambda request: closed if "wp-json" in request.path else None
    assert sources.recognize(app, server.url).kind == "wordpress"
    site.has_feed = True
    recognized = sources.recognize(app, server.url)
    assert (recognized.kind, recognized.settings) == ("feed", {"url": f"{server.url}/feed/"})
    assert "more than its feed, but" in recognized.notes[0]
    assert "closed to guests (You are not currently logged in.)" in recognized.notes[0]


def test_a_run_that_has_had_its_time_asks_for_no_more_pages_and_the_next_one_goes_on(
    app: AppContext, time: Time, site: WordPressSite, server: ScriptedServer
) -> None:
    site.posts = [post(number, f"Post {number}") for number in range(1, 251)]

    def take_long(request: RecordedRequest) -> Step | None:
        if request.query.get("page") == "2":
            site.instead = lambda _: None
            time.passes(minutes=3)
        return None

    site.instead = take_long
    number = add(app, server)
    result = run(app, number)
    assert (result.added, result.postponed) == (100, 1)
    assert not [query for query in site.asked if query["page"] == "3"]
    assert run(app, number) == SourceResult(added=150, unchanged=100)
