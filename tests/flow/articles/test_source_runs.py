"""Sources that run: what is new comes in once, edits are revisions, and what goes wrong stays with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from distributor.domain.article import ArticleState
from distributor.domain.blocks import plain_text
from distributor.domain.errors import SourceError
from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing, Source, SourceResult, SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.flow.articles.ingest import take_held_update
from distributor.flow.articles.writing import revise_text
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.attention import Concern, all_attention
from distributor.flow.operations.scheduler import source_jobs
from distributor.storage import articles
from distributor.storage import sources as stored
from distributor.storage.articles import StoredArticle
from distributor.testing.scripted_server import Reply, ScriptedServer, scripted_server
from tests.flow.articles.content_site import ContentSite, Post

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OLD = "Mon, 04 May 2026 10:00:00 GMT"


class Time:
    """A clock that tests set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def time() -> Time:
    return Time(NOON)


@pytest.fixture
def app(app: AppContext, time: Time) -> AppContext:
    """An app that may fetch from servers on this machine, at noon."""
    return replace(app, fetch_networks=parse_networks("127.0.0.1"), clock=time)


@pytest.fixture
def site() -> ContentSite:
    return ContentSite([Post("b", "Second", "<p>The second post.</p>", OLD), Post("a", "First", "<p>One.</p>", OLD)])


@pytest.fixture
def server(site: ContentSite) -> Iterator[ScriptedServer]:
    with scripted_server(route=site.route) as running:
        yield running


def add(app: AppContext, server: ScriptedServer, *, publishing: Publishing = Publishing.NOTHING, **values: Any) -> int:
    """Add the site's feed as the source `site`; its id."""
    settings = {"url": f"{server.url}/feed.xml", **values}
    return sources.add(app, "site", "feed", settings, publishing=publishing).source.id


def run(app: AppContext, source_id: int, **options: bool) -> SourceResult:
    """Read the source, which is due."""
    result = source_runs.run_source(app, source_id, **options)
    assert result is not None
    return result


def source_of(app: AppContext) -> Source:
    return sources.show(app, "site").source


def found(app: AppContext, ref: str) -> StoredArticle:
    with app.database.begin() as connection:
        article = articles.find_by_ref(connection, "site", ref)
    assert article is not None
    return article


def test_the_first_run_brings_in_everything_and_publishes_nothing(app: AppContext, server: ScriptedServer) -> None:
    result = run(app, add(app, server, publishing=Publishing.NEW))
    assert (result.added, result.broken) == (2, 0)
    first = found(app, "a")
    assert first.status.state is ArticleState.DRAFT
    assert (first.article.title, plain_text(first.article.body).strip()) == ("First", "One.")
    assert first.manuscript.published_at == datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def test_an_unchanged_feed_costs_one_conditional_request(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    time.passes(minutes=15)
    assert run(app, number) == SourceResult()
    assert (site.served, site.not_modified, len(server.requests)) == (1, 1, 2)


def test_what_appears_later_is_published_if_asked_for_and_what_is_older_than_the_first_run_is_not(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    number = add(app, server, publishing=Publishing.NEW)
    run(app, number)
    time.passes(minutes=20)
    site.posts[:0] = [
        Post("new", "New", "<p>New.</p>", "Mon, 01 Jun 2026 12:10:00 GMT"),
        Post("undated", "Undated", "<p>Undated.</p>"),
        Post("old", "Old", "<p>From the archive.</p>", OLD),
    ]
    assert run(app, number).added == 3
    states = {ref: found(app, ref).status.state for ref in ("a", "new", "undated", "old")}
    public, draft = ArticleState.PUBLISHED, ArticleState.DRAFT
    assert states == {"a": draft, "new": public, "undated": public, "old": draft}


def test_all_of_a_source_is_published_only_if_it_is_asked_for(app: AppContext, server: ScriptedServer) -> None:
    run(app, add(app, server, publishing=Publishing.ALL))
    assert found(app, "a").status.is_public(NOON)
    assert found(app, "a").article.published_at == datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def test_an_edit_is_a_revision_and_a_repetition_is_nothing(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    site.posts[1].html = "<p>One, corrected.</p>"
    time.passes(minutes=15)
    assert run(app, number) == SourceResult(revised=1, unchanged=1)
    assert run(app, number, is_asked=True) == SourceResult(unchanged=2)
    article = found(app, "a").article
    assert (article.revision, plain_text(article.body).strip()) == (2, "One, corrected.")


def test_what_was_edited_here_stays_and_the_newer_version_of_the_source_waits(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    run(app, number)
    before = found(app, "a")
    title = "First, as we say it"
    revise_text(app, before.article.slug, lambda text: replace(text, title=title), revision=1, actor="Ada")
    site.posts[1].html = "<p>One, corrected.</p>"
    time.passes(minutes=15)
    assert run(app, number).held == 1
    held = found(app, "a")
    assert held.article.title == "First, as we say it"
    assert held.held_update is not None
    time.passes(minutes=15)
    assert run(app, number, is_asked=True).unchanged == 2

    taken = take_held_update(app, held.article.slug, actor="Ada")
    assert plain_text(taken.article.body).strip() == "One, corrected."
    assert (taken.article.revision, taken.held_update) == (3, None)


def test_an_item_that_a_feed_has_no_more_is_flagged_unless_it_only_left_the_end(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    site.posts.insert(1, Post("middle", "Middle", "<p>Middle.</p>"))
    number = add(app, server)
    run(app, number)
    site.posts = [Post("new", "New", "<p>New.</p>"), site.posts[0], site.posts[2]]
    time.passes(minutes=15)
    assert run(app, number).gone == 1
    assert found(app, "middle").missing_since == NOON + timedelta(minutes=15)
    site.posts.pop()
    time.passes(minutes=15)
    assert run(app, number).gone == 0
    assert found(app, "a").missing_since is None

    site.posts.append(Post("middle", "Middle", "<p>Middle.</p>"))
    time.passes(minutes=15)
    run(app, number)
    assert found(app, "middle").missing_since is None


def test_what_was_deleted_is_noticed_by_a_whole_run_and_after_one_that_left_something(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.posts.insert(1, Post("middle", "Middle", "<p>Middle.</p>"))
    number = add(app, server)
    run(app, number)
    del site.posts[1]
    assert run(app, number, is_asked=True).gone == 1

    site.posts[:1] = [Post("new", "New", "<p>New.</p>"), Post("newer", "Newer", "<p>Newer.</p>")]
    monkeypatch.setattr(source_runs, "RUN_FOR", timedelta(0))
    time.passes(minutes=15)
    assert run(app, number).postponed == 2
    monkeypatch.undo()
    site.posts.insert(2, Post("b", "Second", "<p>The second post.</p>", OLD))
    assert run(app, number).added == 2
    assert {ref: found(app, ref).missing_since is None for ref in ("b", "middle")} == {"b": True, "middle": False}


def test_a_broken_item_stops_no_other(app: AppContext, site: ContentSite, server: ScriptedServer) -> None:
    site.posts.insert(1, Post("empty", "Nothing in it", ""))
    result = run(app, add(app, server))
    assert (result.added, result.broken) == (2, 1)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(500), "500 Internal Server Error"),
        (Reply(200, b"<html><p>Hello</p></html>", {"Content-Type": "text/html"}), "is no feed but text/html"),
        (
            Reply(200, b'<html><link rel="alternate" type="application/rss+xml" href="/rss"></html>'),
            "is a page and no feed; its feeds are",
        ),
        (Reply(200, b'<!DOCTYPE r [<!ENTITY a "aa">]><rss version="2.0"><channel/></rss>'), "defines entities"),
        (Reply(200, b"x" * (5 * 2**20 + 1)), "larger than 5 MB"),
        (Reply(200, b'{"items": 3}', {"Content-Type": "application/json"}), "no JSON Feed"),
        (Reply(200, b'{"items": [', {"Content-Type": "application/json"}), "no JSON"),
        (Reply(302, b"", {"Location": "http://10.1.2.3/feed"}), "not a public address"),
    ],
)
def test_a_feed_that_cannot_be_read_says_why_and_is_asked_later_and_later(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer, reply: Reply, reason: str
) -> None:
    site.instead = reply
    number = add(app, server)
    for failures, minutes in ((1, 15), (2, 30), (3, 60)):
        assert source_runs.run_source(app, number) is None
        failing = source_of(app)
        assert reason in failing.error
        assert (failing.failures, failing.next_run_at - time.now) == (failures, timedelta(minutes=minutes))
        time.passes(minutes=minutes)
    assert source_of(app).failing_since == NOON
    site.instead = None
    assert run(app, number).added == 2
    assert (source_of(app).failures, source_of(app).error) == (0, "")


def test_a_person_who_asks_is_told_at_once(app: AppContext, site: ContentSite, server: ScriptedServer) -> None:
    site.instead = Reply(404)
    number = add(app, server)
    with pytest.raises(SourceError, match="404 Not Found"):
        source_runs.run_source(app, number, is_asked=True)
    assert source_of(app).failures == 1


def test_a_source_that_is_gone_for_good_is_paused(app: AppContext, site: ContentSite, server: ScriptedServer) -> None:
    site.instead = Reply(410)
    assert source_runs.run_source(app, add(app, server)) is None
    assert source_of(app).state is SourceState.PAUSED
    (told,) = [one for one in all_attention(app) if one.concern is Concern.SOURCE]
    assert told.sentence.startswith("It is paused.")
    sources.set_state(app, "site", SourceState.PAUSED)
    sources.set_state(app, "site", SourceState.ACTIVE)
    assert [one for one in all_attention(app) if one.concern is Concern.SOURCE] == []


def test_a_source_that_keeps_failing_needs_a_person_and_one_failure_does_not(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    site.instead = Reply(500)
    number = add(app, server)
    told = []
    for _ in range(3):
        source_runs.run_source(app, number)
        told.append([one.about for one in all_attention(app) if one.concern is Concern.SOURCE])
        time.passes(hours=2)
    assert told == [[], [], ["site"]]


def test_a_server_that_asks_for_time_gets_it(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    site.instead = Reply(429, b"", {"Retry-After": "7200"})
    number = add(app, server)
    assert source_runs.run_source(app, number) is None
    assert source_of(app).next_run_at == NOON + timedelta(hours=2)
    site.instead = None
    site.headers = {"Cache-Control": "public, max-age=43200"}
    time.passes(hours=2)
    run(app, number)
    assert source_of(app).next_run_at == time.now + timedelta(hours=12)


def test_a_feed_that_has_moved_for_good_is_asked_there_from_then_on(
    app: AppContext, site: ContentSite, server: ScriptedServer
) -> None:
    def route(request: Any) -> Any:
        return Reply(301, b"", {"Location": "/new.xml"}) if request.path == "/feed.xml" else site.route(request)

    server.route = route
    result = run(app, add(app, server))
    assert source_of(app).settings["url"] == f"{server.url}/new.xml"
    assert any("has moved" in note for note in result.notes)


def test_one_guid_for_several_items_and_none_at_all_are_told_apart(
    app: AppContext, site: ContentSite, server: ScriptedServer
) -> None:
    site.posts = [
        Post("same", "One", "<p>1</p>", link="https://site.example/1"),
        Post("same", "Two", "<p>2</p>", link="https://site.example/2"),
        Post("", "Three", "<p>3</p>", link="https://site.example/3"),
        Post("", "Four", "<p>4</p>"),
    ]
    number = add(app, server)
    assert run(app, number).added == 4
    assert run(app, number, is_asked=True).unchanged == 4


def test_a_site_that_gives_all_its_items_new_guids_is_not_news(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    for post in site.posts:
        post.link = f"https://site.example/{post.guid}"
    number = add(app, server, publishing=Publishing.NEW)
    run(app, number)
    time.passes(hours=1)
    site.posts = [replace(post, guid=f"https://site.example/?p={post.guid}") for post in site.posts]
    assert run(app, number) == SourceResult(unchanged=2)
    assert found(app, "https://site.example/?p=a").article.revision == 1


def test_dates_that_cannot_be_right_are_passed_over(app: AppContext, site: ContentSite, server: ScriptedServer) -> None:
    site.posts = [
        Post("then", "Then", "<p>1</p>", "Thu, 01 Jan 1970 00:00:00 GMT"),
        Post("later", "Later", "<p>2</p>", "Fri, 01 Jan 2038 00:00:00 GMT"),
    ]
    run(app, add(app, server, publishing=Publishing.ALL))
    for ref in ("then", "later"):
        assert found(app, ref).article.published_at == NOON


def test_only_what_is_due_is_read_and_one_run_at_a_time_asks_a_host(
    app: AppContext, time: Time, server: ScriptedServer
) -> None:
    first = add(app, server)
    second = sources.add(app, "other", "feed", {"url": f"{server.url}/other.xml"}).source.id
    jobs = source_jobs(app)
    assert Job(JobKind.RUN_SOURCE, first) in jobs
    assert Job(JobKind.RUN_SOURCE, second) not in jobs

    with app.database.begin() as connection:
        assert stored.claim(connection, first, now=NOON, until=NOON + timedelta(minutes=5), is_asked=False)
    assert source_runs.run_source(app, first) is None
    assert source_runs.run_source(app, second) is None
    time.passes(minutes=6)
    # The run that had it has died.
    assert run(app, first).added == 2
    assert run(app, second).added == 2
    assert source_runs.run_source(app, first) is None


def test_a_source_that_is_changed_while_it_is_read_stays_as_it_was_changed(
    app: AppContext, time: Time, site: ContentSite, server: ScriptedServer
) -> None:
    number = add(app, server)
    elsewhere = f"{server.url}/elsewhere.xml"

    def change_meanwhile(request: Any) -> Any:
        if request.path == "/feed.xml":
            sources.change(app, "site", {"url": elsewhere})
        return site.route(request)

    server.route = change_meanwhile
    assert run(app, number).added == 2
    changed = source_of(app)
    assert (changed.settings["url"], changed.cursor, changed.last_result) == (elsewhere, {}, None)
    assert run(app, number) == SourceResult(unchanged=2)

    def change_and_fail(request: Any) -> Any:
        sources.change(app, "site", {"complete": True})
        return Reply(500)

    server.route = change_and_fail
    time.passes(minutes=15)
    assert source_runs.run_source(app, number) is None
    assert (len(server.requests), source_of(app).failures) == (3, 0)


def test_a_paused_source_is_read_only_when_a_person_asks(app: AppContext, server: ScriptedServer) -> None:
    number = add(app, server)
    sources.set_state(app, "site", SourceState.PAUSED)
    assert source_runs.run_source(app, number) is None
    assert run(app, number, is_asked=True).added == 2
    sources.set_state(app, "site", SourceState.ACTIVE)
    assert run(app, number).unchanged == 0


def test_articles_of_a_removed_source_stay_and_are_known_again_when_it_is_added_again(
    app: AppContext, server: ScriptedServer
) -> None:
    run(app, add(app, server))
    sources.remove(app, "site")
    assert run(app, add(app, server)) == SourceResult(unchanged=2)
