"""An account on Bluesky as a source: posts and threads become articles, and deletions are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from distributor.domain.blocks import Quote, images_of, links_of
from distributor.domain.source import SourceResult
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources
from distributor.testing.scripted_server import Reply, ScriptedServer, scripted_server
from tests.flow.articles.bluesky_server import ADA, BO, BlueskyServer, author, facet, uri
from tests.flow.articles.source_harness import SourceHarness

Follow = Callable[..., SourceHarness]


@pytest.fixture
def bluesky() -> BlueskyServer:
    return BlueskyServer()


@pytest.fixture
def server(bluesky: BlueskyServer) -> Iterator[ScriptedServer]:
    with scripted_server(route=bluesky.route) as running:
        yield running


@pytest.fixture
def follow(app: AppContext, server: ScriptedServer) -> Follow:
    """Adds the account as a source, with these settings."""
    return lambda **settings: SourceHarness(
        app, "bluesky", {"account": "ada.bsky.social", "service": server.url, **settings}
    )


def test_a_post_is_an_article_with_its_words_as_title_its_links_and_its_tags(
    bluesky: BlueskyServer, follow: Follow
) -> None:
    text = "Die Brücke 🌉 ist offen. @bo war da, siehe a.example/b…\n\n#Altstadt #Fluß"
    facets = [
        facet(text, "@bo", mention=BO),
        facet(text, "a.example/b…", link="https://a.example/b/c"),
        facet(text, "#Altstadt", tag="Altstadt"),
        facet(text, "#Fluß", tag="Fluß"),
    ]
    bluesky.post(1, text, facets=facets, langs=["de", "en"], tags=["bridges"])
    source = follow()
    assert source.run() == SourceResult(added=1)
    found = source.article(uri(1))
    assert source.text(uri(1)) == ["Die Brücke 🌉 ist offen. @bo war da, siehe a.example/b…"]
    assert (found.article.title, found.article.author, found.article.language) == (
        "Die Brücke 🌉 ist offen",
        "Ada",
        "de",
    )
    assert [tag.label for tag in found.article.tags] == ["Altstadt", "Fluß", "bridges"]
    assert links_of(found.article.body) == [f"https://bsky.app/profile/{BO}", "https://a.example/b/c"]
    assert found.manuscript.canonical_url == "https://bsky.app/profile/ada.bsky.social/post/0000000000001"


def test_a_thread_is_one_article_and_a_post_more_is_a_revision(bluesky: BlueskyServer, follow: Follow) -> None:
    bluesky.post(1, "Three things about bridges")
    bluesky.post(2, "They are old.", reply_to=1)
    source = follow()
    assert source.run() == SourceResult(added=1)
    bluesky.post(3, "And they are long.", reply_to=2, root=1)
    assert source.run() == SourceResult(revised=1)
    assert source.text(uri(1)) == ["Three things about bridges", "They are old.", "And they are long."]
    assert source.run() == SourceResult(unchanged=1)


def test_a_thread_that_began_long_ago_is_read_from_its_beginning_and_only_when_it_changes(
    bluesky: BlueskyServer, server: ScriptedServer, follow: Follow
) -> None:
    bluesky.post(1, "A diary of the garden.")
    bluesky.post(2, "The second day.", reply_to=1)
    for number in range(10, 65):
        bluesky.post(number, f"Post number {number}.")
    source = follow()
    assert source.run().added == 56
    bluesky.post(70, "The hundredth day.", reply_to=1)
    assert source.run().revised == 1
    assert source.text(uri(1)) == ["A diary of the garden.", "The second day.", "The hundredth day."]
    asked = len(server.requests_to("GET", "getPostThread"))
    assert source.run() == SourceResult(unchanged=49)
    assert len(server.requests_to("GET", "getPostThread")) == asked == 2
    del bluesky.entries[1]
    bluesky.post(71, "The last day.", reply_to=70, root=1)
    assert source.run() == SourceResult(unchanged=48)


def test_a_thread_that_cannot_be_seen_as_a_whole_is_left_as_it_is(
    bluesky: BlueskyServer, server: ScriptedServer, follow: Follow
) -> None:
    for number in range(1, 60):
        bluesky.post(number, f"Post number {number}.")
    source = follow()
    source.run()
    bluesky.post(70, "Another day.", reply_to=1)
    large = Reply(200, b"{" + b" " * (5 * 2**20))
    server.route = lambda request: large if request.query.get("depth") == "100" else bluesky.route(request)
    result = source.run()
    assert (result.revised, result.gone) == (0, 0)
    assert any("has too many answers to be read" in note for note in result.notes)
    assert source.text(uri(1)) == ["Post number 1."]


def test_answers_to_others_and_reposts_are_left_out_unless_they_are_asked_for(
    bluesky: BlueskyServer, follow: Follow
) -> None:
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": author(), "indexedAt": "2026-06-01T11:00:00.000Z"}
    bluesky.post(1, "For everybody.")
    bluesky.post(2, "An answer.", reply_to=uri(9, BO))
    bluesky.post(3, "More of the answer.", reply_to=2, root=uri(9, BO))
    bluesky.post(4, "A post of Bo.", did=BO, reason=reason)
    source = follow()
    source.run()
    assert source.titles() == {"For everybody"}
    sources.change(source.app, "site", {"include_replies": True, "include_reposts": True})
    source.run()
    assert source.titles() == {"For everybody", "An answer", "A post of Bo"}
    assert source.text(uri(2)) == ["An answer.", "More of the answer."]
    assert source.article(f"{uri(4, BO)}#repost").article.author == "Bo"


def test_what_moderators_or_the_author_hide_is_left_out(bluesky: BlueskyServer, follow: Follow) -> None:
    bluesky.post(1, "Shown.")
    bluesky.post(2, "Hidden.", labels=("!hide",))
    bluesky.post(3, "By its author.", labels=("graphic-media",))
    bluesky.entries[1]["post"]["author"]["labels"] = [{"val": "!no-unauthenticated"}]
    source = follow()
    result = source.run()
    assert source.titles() == {"Shown", "By its author"}
    assert source.article(uri(3)).manuscript.warnings == ("its images are marked as sensitive",)
    assert any("only to those who are signed in" in note for note in result.notes)


def test_images_pages_and_films_come_with_their_descriptions(bluesky: BlueskyServer, follow: Follow) -> None:
    image = {"fullsize": "https://cdn.example/1@jpeg", "thumb": "https://cdn.example/t", "alt": "A heron\nin <reeds>"}
    bluesky.post(1, "Birds", embed={"$type": "app.bsky.embed.images#view", "images": [image, {"alt": "broken"}]})
    page = {"uri": "https://a.example/?a=1&b=2", "title": "All <birds>", "description": "", "thumb": "https://x"}
    bluesky.post(2, "A page", embed={"$type": "app.bsky.embed.external#view", "external": page})
    film = {"playlist": "https://v.example/1.m3u8", "thumbnail": "https://v.example/1.jpg", "alt": "It flies"}
    bluesky.post(3, "A film", embed={"$type": "app.bsky.embed.video#view", **film})
    bluesky.post(4, "", embed={"$type": "app.bsky.embed.images#view", "images": [image]})
    source = follow()
    assert source.run().added == 4
    [heron] = images_of(source.article(uri(1)).article.body)
    assert (heron.src, heron.alt) == ("https://cdn.example/1@jpeg", "A heron in <reeds>")
    assert source.text(uri(2)) == ["A page", "All <birds>"]
    assert links_of(source.article(uri(2)).article.body) == ["https://a.example/?a=1&b=2"]
    assert links_of(source.article(uri(3)).article.body) == [f"https://bsky.app/profile/{ADA}/post/0000000000003"]
    assert source.article(uri(4)).article.title == "A heron in <reeds>"


def test_a_quoted_post_is_a_quote_with_a_link_and_one_that_is_gone_is_nothing(
    bluesky: BlueskyServer, follow: Follow
) -> None:
    quoted: dict[str, Any] = {
        "$type": "app.bsky.embed.record#viewRecord",
        "uri": uri(9, BO),
        "author": author(BO),
        "value": {"text": "Bridges are overrated."},
    }
    images = {"$type": "app.bsky.embed.images#view", "images": [{"fullsize": "https://cdn.example/1", "alt": "A"}]}
    bluesky.post(1, "They are not.", embed={"$type": "app.bsky.embed.record#view", "record": quoted})
    both = {"$type": "app.bsky.embed.recordWithMedia#view", "record": {"record": quoted}, "media": images}
    bluesky.post(2, "With a picture.", embed=both)
    gone = {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri(9, BO), "notFound": True}
    bluesky.post(3, "To nobody.", embed={"$type": "app.bsky.embed.record#view", "record": gone})
    hidden = {**quoted, "labels": [{"val": "!hide"}]}
    bluesky.post(4, "To one that is hidden.", embed={"$type": "app.bsky.embed.record#view", "record": hidden})
    source = follow()
    source.run()
    assert source.text(uri(1)) == ["They are not.", "Bridges are overrated.", "Bo"]
    assert links_of(source.article(uri(1)).article.body) == [f"https://bsky.app/profile/{BO}/post/0000000000009"]
    both_body = source.article(uri(2)).article.body
    assert len(list(images_of(both_body))) == 1
    assert any(isinstance(block, Quote) for block in both_body)
    assert source.text(uri(3)) == ["To nobody."]
    assert source.text(uri(4)) == ["To one that is hidden."]


def test_a_deletion_is_flagged_also_when_newer_posts_came(bluesky: BlueskyServer, follow: Follow) -> None:
    for number in (1, 2, 3):
        bluesky.post(number, f"Post number {number}.")
    source = follow()
    source.run()
    del bluesky.entries[2]
    bluesky.post(4, "Post number 4.")
    bluesky.entries[3]["post"]["likeCount"] = 1000
    assert source.run() == SourceResult(added=1, unchanged=2, gone=1)
    assert source.article(uri(2)).missing_since == source.now


def test_the_first_run_reads_hundreds_of_posts_and_later_ones_the_newest(
    bluesky: BlueskyServer, server: ScriptedServer, follow: Follow
) -> None:
    for number in range(1, 451):
        bluesky.post(number, f"Post number {number}.")
    source = follow()
    result = source.run()
    assert (result.added, result.notes) == (400, ("only the newest 400 posts were read",))
    assert len(server.requests) == 8
    assert source.run() == SourceResult(unchanged=50)
    assert len(server.requests) == 9


def test_a_post_that_cannot_be_read_stops_no_other_and_comes_in_once_it_can_be(
    bluesky: BlueskyServer, follow: Follow
) -> None:
    for number in (1, 2, 3):
        bluesky.post(number, f"Post number {number}.")
    bluesky.entries[2]["post"]["record"]["createdAt"] = "yesterday"
    source = follow()
    result = source.run()
    assert (result.added, result.broken, result.gone) == (2, 1, 0)
    bluesky.entries[2]["post"]["record"]["createdAt"] = "2026-05-31T12:02:00.000Z"
    assert source.run(minutes=60).added == 1


def test_an_account_that_changes_its_handle_is_still_the_same(bluesky: BlueskyServer, follow: Follow) -> None:
    bluesky.post(1, "Before.")
    source = follow()
    source.run()
    bluesky.handle = "ada.example"
    bluesky.entries[1]["post"]["author"]["handle"] = "ada.example"
    bluesky.post(2, "After.")
    assert source.run() == SourceResult(added=1, unchanged=1)


def test_a_time_after_the_post_was_seen_is_not_believed(bluesky: BlueskyServer, follow: Follow) -> None:
    bluesky.post(1, "From the future.", createdAt="2031-01-01T00:00:00Z")
    source = follow()
    source.run()
    published = source.article(uri(1)).manuscript.published_at
    assert published is not None
    assert published.isoformat() == "2026-05-31T12:01:00+00:00"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(400, {"error": "InvalidRequest", "message": "Account is deactivated"}), "(Account is deactivated)"),
        (Reply(400, b"no"), "is the account spelled right"),
        (Reply(200, {"posts": []}), "is no feed of an account"),
        (Reply(200, []), "is none of app.bsky.feed.getAuthorFeed"),
        (Reply(502, b""), "502 Bad Gateway"),
    ],
)
def test_what_is_wrong_with_an_account_or_a_service_is_said(
    bluesky: BlueskyServer, follow: Follow, reply: Reply, reason: str
) -> None:
    bluesky.instead = reply
    assert reason in follow().failure()


def test_the_address_of_a_profile_and_a_handle_are_recognized(app: AppContext) -> None:
    for address in ("https://bsky.app/profile/ada.example", "ada.bsky.social", "@ada.example", ADA):
        found = sources.recognize(app, address)
        assert found.kind == "bluesky"
    assert sources.name_for(app, sources.recognize(app, "@ada.example")) == "ada-example"
