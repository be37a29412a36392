"""An account on Mastodon as a source: posts and threads become articles, edits revisions, and deletions are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from distributor.domain.blocks import List, images_of, links_of
from distributor.domain.source import SourceResult
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources
from distributor.testing.scripted_server import Reply, ScriptedServer, scripted_server
from tests.flow.articles.mastodon_server import ADA, BO, HOST, MastodonServer, uri
from tests.flow.articles.source_harness import SourceHarness


@pytest.fixture
def mastodon() -> MastodonServer:
    return MastodonServer()


@pytest.fixture
def server(mastodon: MastodonServer) -> Iterator[ScriptedServer]:
    with scripted_server(route=mastodon.route) as running:
        yield running


@pytest.fixture
def follow(app: AppContext, server: ScriptedServer) -> Callable[..., SourceHarness]:
    """Adds the account as a source, with these settings."""
    return lambda **settings: SourceHarness(app, "mastodon", {"account": f"{server.url}/@ada", **settings})


Follow = Callable[..., SourceHarness]


def test_a_post_is_an_article_with_its_words_as_title_and_its_tags(mastodon: MastodonServer, follow: Follow) -> None:
    mastodon.post(
        1,
        '<p>The bridge is open again. <span class="h-card"><a href="https://other.example/@bo" class="mention">@<span>'
        'bo</span></a></span> was there :cat:, see <a href="https://news.example/a/long/path"><span class="invisible">'
        'https://</span><span class="ellipsis">news.example/a/lo</span><span class="invisible">ng/path</span></a></p>'
        '<p><a href="https://social.example/tags/OldTown" class="mention hashtag" rel="tag">#<span>OldTown</span></a> '
        '<a href="https://social.example/tags/river" class="mention hashtag" rel="tag">#<span>river</span></a></p>',
        tags=[{"name": "oldtown"}, {"name": "river"}],
        emojis=[{"shortcode": "cat"}],
        language="de",
    )
    source = follow()
    assert source.run() == SourceResult(added=1)
    article = source.article(uri(1)).article
    assert source.text(uri(1)) == ["The bridge is open again. @bo was there, see news.example/a/lo…"]
    assert (article.title, article.author, article.language) == ("The bridge is open again", "Ada", "de")
    assert [tag.label for tag in article.tags] == ["OldTown", "river"]
    assert links_of(article.body) == ["https://other.example/@bo", "https://news.example/a/long/path"]
    assert source.article(uri(1)).manuscript.canonical_url == f"{HOST}/@ada/1"


def test_a_content_warning_is_the_title(mastodon: MastodonServer, follow: Follow) -> None:
    mastodon.post(1, "<p>The end of the film.</p>", spoiler_text="A film")
    source = follow()
    source.run()
    assert source.titles() == {"A film"}


def test_a_thread_is_one_article_in_its_order_and_a_post_more_is_a_revision(
    mastodon: MastodonServer, follow: Follow
) -> None:
    mastodon.post(1, "<p>Three things about bridges 1/3</p>")
    mastodon.post(2, "<p>They are old. 2/3</p>", reply_to=1)
    mastodon.post(3, "<p>They answer somebody.</p>", reply_to=1, in_reply_to_account_id="8")
    source = follow()
    assert source.run() == SourceResult(added=1)
    assert source.text(uri(1)) == ["Three things about bridges", "They are old."]

    mastodon.post(4, "<p>And they are long. (3/3)</p>", reply_to=2)
    assert source.run() == SourceResult(revised=1)
    assert source.text(uri(1)) == ["Three things about bridges", "They are old.", "And they are long."]
    assert source.run() == SourceResult(unchanged=1)


def test_a_thread_that_began_long_ago_is_read_from_its_beginning_and_only_when_it_changes(
    mastodon: MastodonServer, server: ScriptedServer, follow: Follow
) -> None:
    mastodon.post(1, "<p>A diary of the garden.</p>")
    mastodon.post(2, "<p>The second day.</p>", reply_to=1)
    for number in range(10, 55):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    source = follow()
    assert source.run().added == 46
    mastodon.post(60, "<p>The hundredth day.</p>", reply_to=1)
    assert source.run().revised == 1
    assert source.text(uri(1)) == ["A diary of the garden.", "The second day.", "The hundredth day."]

    asked = len(server.requests_to("GET", "/context"))
    assert source.run() == SourceResult(unchanged=39)
    assert len(server.requests_to("GET", "/context")) == asked == 2
    mastodon.statuses[60]["content"] = "<p>The hundredth day, in the rain.</p>"
    assert source.run().revised == 1


def test_a_thread_that_cannot_be_seen_as_a_whole_is_left_as_it_is(mastodon: MastodonServer, follow: Follow) -> None:
    mastodon.post(1, "<p>A diary of the garden.</p>")
    for number in range(2, 70):
        mastodon.post(number, "<p>An answer.</p>", reply_to=1, in_reply_to_account_id="8", account=dict(BO))
    mastodon.post(70, "<p>The second day.</p>", reply_to=1)
    source = follow()
    source.run()
    for number in range(100, 145):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    mastodon.post(150, "<p>The third day.</p>", reply_to=1)
    result = source.run()
    assert (result.revised, result.gone) == (1, 0)
    assert source.text(uri(1)) == ["A diary of the garden.", "The second day.", "The third day."]
    for number in range(200, 245):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    source.run()
    mastodon.post(250, "<p>The fourth day.</p>", reply_to=1)
    result = source.run()
    assert result.revised == 0
    assert any("too many answers to be read without a token" in note for note in result.notes)
    sources.change(source.app, "site", {"access_token": "a-token"})
    source.run()
    assert source.text(uri(1))[-1] == "The fourth day."


def test_answers_to_others_boosts_and_what_is_for_followers_are_left_out_unless_they_are_asked_for(
    mastodon: MastodonServer, follow: Follow
) -> None:
    theirs = {**_status_of_bo(), "content": "<p>A post of Bo.</p>"}
    mastodon.post(1, "<p>For everybody.</p>")
    mastodon.post(2, "<p>Not listed.</p>", visibility="unlisted")
    mastodon.post(3, "<p>For followers.</p>", visibility="private")
    mastodon.post(4, "<p>To one.</p>", visibility="direct")
    mastodon.post(5, "<p>An answer.</p>", in_reply_to_id="99", in_reply_to_account_id="8")
    mastodon.post(6, "<p>More of the answer.</p>", reply_to=5)
    mastodon.post(7, "", reblog=theirs, uri=f"{uri(7)}/activity")
    mastodon.post(8, "", reblog={**theirs, "visibility": "private"}, uri=f"{uri(8)}/activity")
    source = follow()
    source.run()
    assert source.titles() == {"For everybody", "Not listed"}

    sources.change(source.app, "site", {"include_replies": True, "include_boosts": True})
    source.run()
    assert source.titles() == {"For everybody", "Not listed", "An answer", "A post of Bo"}
    assert source.text(uri(5)) == ["An answer.", "More of the answer."]
    assert source.article(f"{uri(7)}/activity").article.author == "Bo"


def _status_of_bo() -> dict[str, Any]:
    other = MastodonServer()
    other.post(99, "", account=dict(BO), uri="https://other.example/99", url="https://other.example/@bo/99")
    return other.statuses[99]


def test_images_come_with_their_descriptions_and_films_polls_and_cards_as_links_and_lists(
    mastodon: MastodonServer, follow: Follow
) -> None:
    mastodon.post(
        1,
        "<p>Birds</p>",
        media_attachments=[
            {"type": "image", "url": f"{HOST}/1.png", "description": "A heron\n in the <reeds>"},
            {"type": "video", "url": f"{HOST}/1.mp4", "preview_url": f"{HOST}/2.png", "description": "It flies"},
            {"type": "audio", "url": f"{HOST}/1.mp3", "description": None},
            {"type": "unknown", "url": None, "remote_url": None},
        ],
        poll={"expired": False, "options": [{"title": "Heron", "votes_count": 3}, {"title": "Stork"}]},
        card={"url": "https://birds.example/?a=1&b=2", "title": "All birds"},
        sensitive=True,
    )
    source = follow()
    result = source.run()
    found = source.article(uri(1))
    images = list(images_of(found.article.body))
    assert [image.alt for image in images] == ["A heron in the <reeds>", "It flies"]
    assert [image.src for image in images] == [f"{HOST}/1.png", f"{HOST}/2.png"]
    assert links_of(found.article.body) == [f"{HOST}/1.mp4", f"{HOST}/1.mp3", "https://birds.example/?a=1&b=2"]
    assert [len(block.items) for block in found.article.body if isinstance(block, List)] == [2]
    assert (found.article.title, result.broken) == ("Birds", 0)
    assert "its images are marked as sensitive" in found.manuscript.warnings

    mastodon.statuses[1]["poll"]["options"][0]["votes_count"] = 4
    mastodon.statuses[1]["favourites_count"] = 1000
    assert source.run() == SourceResult(unchanged=1)
    mastodon.statuses[1]["poll"]["expired"] = True
    source.run()
    assert "Heron: 4" in source.text(uri(1))


def test_a_quoted_post_is_a_quote_with_a_link_to_it(mastodon: MastodonServer, follow: Follow) -> None:
    quoted = {**_status_of_bo(), "content": "<p>Bridges are overrated.</p>"}
    mastodon.post(
        1,
        '<p class="quote-inline">RE: <a href="https://other.example/@bo/99">…</a></p><p>They are not.</p>',
        quote={"state": "accepted", "quoted_status": quoted},
    )
    source = follow()
    source.run()
    assert source.text(uri(1)) == ["They are not.", "Bridges are overrated.", "Bo"]
    assert links_of(source.article(uri(1)).article.body) == ["https://other.example/@bo/99"]


def test_an_edit_is_a_revision_and_a_deletion_is_flagged_also_when_newer_posts_came(
    mastodon: MastodonServer, follow: Follow
) -> None:
    for number in (1, 2, 3):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    source = follow()
    source.run()
    mastodon.statuses[1].update(content="<p>Post number one.</p>", edited_at="2026-06-01T12:01:00.000Z")
    del mastodon.statuses[2]
    mastodon.post(4, "<p>Post number 4.</p>")
    assert source.run() == SourceResult(added=1, revised=1, unchanged=1, gone=1)
    assert source.article(uri(2)).missing_since == source.now
    assert source.article(uri(1)).article.title == "Post number one"


def test_the_first_run_reads_hundreds_of_posts_and_later_ones_the_newest(
    mastodon: MastodonServer, server: ScriptedServer, follow: Follow
) -> None:
    for number in range(1, 91):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    source = follow()
    assert source.run().added == 90
    pages = server.requests_to("GET", "/statuses")
    assert [page.query.get("max_id") for page in pages] == [None, "51", "11", "1"]
    assert source.run() == SourceResult(unchanged=40)
    assert len(server.requests_to("GET", "/statuses")) == 5
    for number in range(91, 141):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    assert source.run() == SourceResult(added=50, unchanged=30)


def test_a_status_that_cannot_be_read_stops_no_other_and_comes_in_once_it_can_be(
    mastodon: MastodonServer, follow: Follow
) -> None:
    for number in (1, 2, 3):
        mastodon.post(number, f"<p>Post number {number}.</p>")
    mastodon.statuses[2]["created_at"] = "yesterday"
    mastodon.post(4, "")
    source = follow()
    result = source.run()
    assert (result.added, result.broken, result.gone) == (2, 2, 0)
    mastodon.statuses[2]["created_at"] = "2026-05-31T12:02:00.000Z"
    assert source.run(minutes=60).added == 1


def test_short_posts_can_be_left_out(mastodon: MastodonServer, follow: Follow) -> None:
    mastodon.post(1, "<p>Hi.</p>")
    mastodon.post(2, "<p>A post that says something.</p>")
    source = follow(minimum_characters=20)
    assert source.run() == SourceResult(added=1)


def test_a_server_that_wants_a_token_says_so_and_gets_it_from_then_on(
    mastodon: MastodonServer, server: ScriptedServer, follow: Follow
) -> None:
    mastodon.token = "s3cret-token"
    mastodon.post(1, "<p>Hello.</p>")
    source = follow()
    error = source.failure()
    assert "shows posts only to those who are signed in" in error
    sources.change(source.app, "site", {"access_token": "wr0ng-token"})
    error = source.failure()
    assert "refuses the access token" in error
    assert "wr0ng" not in error
    sources.change(source.app, "site", {"access_token": "s3cret-token"})
    assert source.run().added == 1
    assert "s3cret" not in repr(sources.show(source.app, "site"))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(200, b"<html></html>", {"Content-Type": "text/html"}), "answers text/html that is no JSON"),
        (Reply(200, []), "the answer is not an account as its network documents it"),
        (Reply(500), "500 Internal Server Error"),
    ],
)
def test_what_is_no_such_server_says_what_it_is(
    mastodon: MastodonServer, follow: Follow, reply: Reply, reason: str
) -> None:
    mastodon.instead = reply
    assert reason in follow().failure()


def test_an_account_that_is_not_there_is_named(app: AppContext, server: ScriptedServer) -> None:
    source = SourceHarness(app, "mastodon", {"account": f"{server.url}/@eve"})
    assert "there is no account @eve at 127.0.0.1" in source.failure()


def test_an_account_whose_server_has_another_name_is_found_by_webfinger(
    app: AppContext, mastodon: MastodonServer, server: ScriptedServer
) -> None:
    mastodon.post(1, "<p>Hello.</p>")

    def route(request: Any) -> Reply:
        if request.path == "/.well-known/webfinger":
            assert request.query["resource"].startswith("acct:ada@127.0.0.1")
            return Reply(200, {"links": [{"rel": "self", "href": f"{server.url}/users/ada"}]})
        return Reply(404)

    server.route = lambda request: (
        Reply(200, dict(ADA)) if request.query.get("acct", "").startswith("ada@127.0.0.1") else mastodon.route(request)
    )
    with scripted_server(route=route) as front:
        source = SourceHarness(app, "mastodon", {"account": f"{front.url}/@ada"})
        assert source.run().added == 1


def test_the_address_of_a_profile_is_recognized_and_those_of_other_networks_are_not(app: AppContext) -> None:
    for address in ("@ada@social.example", f"{HOST}/@ada", f"{HOST}/users/ada"):
        found = sources.recognize(app, address)
        assert (found.kind, sources.name_for(app, found)) == ("mastodon", "ada-social-example")
