"""The feed channel through its contract: render, check, preview, files, recipients, send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar

import feedparser
import pytest
from lxml import etree
from pydantic import ValidationError

from distributor.channels import registry
from distributor.channels.api import (
    Article,
    Audience,
    Dedupe,
    Delivery,
    Outcome,
    PublishedCollection,
    PublishedDocument,
    SendContext,
    Site,
)
from distributor.channels.feed import FeedChannel
from distributor.channels.feed.channel import FeedSettings
from distributor.channels.feed.feed import FeedPayload
from distributor.domain.blocks import Image, Paragraph
from distributor.domain.brand import Brand, Logo
from distributor.domain.delivery import Verdict
from distributor.domain.errors import ServiceError
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.testing.conformance import SAMPLE_ARTICLE, Case, RemoteService, sending_violations, violations
from distributor.testing.fakes import RELEASED_AT, InMemoryPublications

from .samples import (
    ALL_SETTINGS,
    NOON,
    SITE,
    article,
    article_with_every_block,
    documents_of,
    files_of,
    golden,
    numbered,
    paragraph,
    rendered,
    send,
)

DOCUMENTS = ("feeds/all.rss", "feeds/all.atom", "feeds/all.json")


@pytest.fixture
def publications() -> InMemoryPublications:
    return InMemoryPublications()


def titles_in(document: PublishedDocument) -> list[str]:
    if document.path.endswith(".json"):
        return [item["title"] for item in json.loads(document.body)["items"]]
    return [entry.title for entry in feedparser.parse(document.body).entries]


def test_the_registry_makes_the_channel_from_empty_settings() -> None:
    channel = registry.make_channel("feed", {})
    assert isinstance(channel, FeedChannel)
    assert channel.capabilities.audience is Audience.BROADCAST
    assert channel.capabilities.dedupe is Dedupe.EXACT
    assert channel.capabilities.queue == "feed"


@pytest.mark.parametrize(
    "wrong",
    [{"items": 0}, {"max_bytes": 9_000_000}, {"icon": "/icon.png"}, {"hub": "hub.example.org"}, {"tittle": "x"}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeedSettings.model_validate(wrong)


def test_rendering_is_pure() -> None:
    assert rendered(article_with_every_block()).digest == rendered(article_with_every_block()).digest


def test_a_rendition_is_plain_json() -> None:
    rendition = rendered(article_with_every_block(), numbered(1))
    assert Rendition("feed", json.loads(rendition.canonical())) == rendition


def test_a_rendition_names_its_feeds_with_distinct_titles() -> None:
    tags = (Tag("Lupus"), Tag("lupus"), Tag("\u200d"), Tag("C++"), Tag("R&D", stored_slug="r-d"))
    assert rendered(article(tags=tags)).payload["feeds"] == [
        {"key": "all", "title": "Nest & Fact", "path": "feeds/all"},
        {"key": "tags/lupus", "title": "Nest & Fact: Lupus", "path": "feeds/tags/lupus"},
        {"key": "tags/c-plus-plus", "title": "Nest & Fact: C++", "path": "feeds/tags/c-plus-plus"},
        {"key": "tags/r-d", "title": "Nest & Fact: R&D", "path": "feeds/tags/r-d"},
    ]


def test_a_rendition_from_before_tags_had_slugs_goes_to_the_feeds_it_names() -> None:
    payload = json.loads(json.dumps(rendered(article(tags=(Tag("Stem cells"), Tag("!?")))).payload))
    for entry in payload["entries"]:
        del entry["tag_slugs"]
    assert [entry.feed_keys for entry in FeedPayload.from_json(payload).entries] == [("all", "tags/stem-cells")]


def test_the_recipients_are_the_feed_of_everything_and_one_per_tag_of_any_article() -> None:
    rendition = rendered(numbered(1, tags=(Tag("lupus"), Tag("HSCT"))), numbered(2, tags=(Tag("HSCT"), Tag("MSC"))))
    assert FeedChannel(FeedSettings()).recipients(rendition) == ["all", "tags/lupus", "tags/hsct", "tags/msc"]


def test_a_delivery_publishes_its_articles_at_the_time_of_the_release(publications: InMemoryPublications) -> None:
    outcomes = send(rendered(numbered(1), numbered(2)), "all", publications=publications)
    assert [outcome.verdict for outcome in outcomes] == [Verdict.SENT]
    assert publications.published == {numbered(1).guid: RELEASED_AT, numbered(2).guid: RELEASED_AT}


def test_an_outcome_tells_the_guid_and_where_the_feed_is(publications: InMemoryPublications) -> None:
    [outcome] = send(rendered(article()), "tags/lupus", publications=publications)
    assert outcome.remote_id == article().guid
    assert outcome.permalink == "https://news.example.org/feeds/tags/lupus.rss"
    assert (outcome.delivery_id, outcome.epoch) == (7, 1)


def test_a_delivery_to_the_feed_of_a_tag_names_only_the_articles_with_it(publications: InMemoryPublications) -> None:
    rendition = rendered(numbered(1, tags=(Tag("lupus"),)), numbered(2, tags=(Tag("MSC"),)))
    outcomes = send(rendition, publications=publications)
    guids = ["tag:example.org,2026:001", "tag:example.org,2026:002"]
    assert [outcome.detail["guids"] for outcome in outcomes] == [guids, guids[:1], guids[1:]]


def test_a_feed_that_no_article_belongs_to_fails_for_good(publications: InMemoryPublications) -> None:
    [outcome] = send(rendered(article()), "tags/migraine", publications=publications)
    assert outcome.verdict is Verdict.FAILED
    assert "tags/migraine" in outcome.reply
    assert publications.published == {}


@pytest.mark.parametrize(("tag", "key"), [(None, "all"), (Tag("Stem cells"), "tags/stem-cells")])
def test_a_collection_gives_three_documents(tag: Tag | None, key: str) -> None:
    assert {path: document.media_type for path, document in documents_of(article(), tag=tag).items()} == {
        f"feeds/{key}.{extension}": media_type
        for extension, media_type in (
            ("rss", "application/rss+xml; charset=utf-8"),
            ("atom", "application/atom+xml; charset=utf-8"),
            ("json", "application/feed+json; charset=utf-8"),
        )
    }


def test_the_feed_of_a_tag_is_named_after_it() -> None:
    assert b"<title>Nest &amp; Fact: Stem cells</title>" in documents_of(tag=Tag("Stem cells"))[
        "feeds/tags/stem-cells.rss"
    ].body.replace(b"\n", b"")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_articles_of_a_feed_keep_their_order(path: str) -> None:
    assert titles_in(documents_of(numbered(0), numbered(1))[path]) == ["Article 0", "Article 1"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_were_last_modified_when_their_newest_entry_changed(path: str) -> None:
    changed_at = NOON + timedelta(hours=1)
    documents = documents_of(numbered(0), numbered(1, updated_at=changed_at))
    assert documents[path].last_modified == changed_at


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_feed_that_every_article_has_left_is_dated_when_it_began(path: str) -> None:
    document = documents_of()[path]
    assert (titles_in(document), document.last_modified) == ([], NOON)


def test_a_channel_says_how_many_articles_a_feed_holds() -> None:
    assert FeedChannel(FeedSettings(items=3)).max_articles() == 3


def test_a_new_form_of_the_documents_has_a_new_number() -> None:
    """Feeds in use are built again only if the number is raised: write the new hash here and raise it."""
    files = [golden(name).read_bytes() for name in ("rss.xml", "atom.xml", "feed.json")]
    assert (FeedChannel.document_format(), sha256(b"".join(files)).hexdigest()[:16]) == (1, "d60a67a6d4d4f913")


def big(number: int, size: int = 4_000) -> Any:
    return numbered(number, body=(paragraph("x" * size),))


def test_the_oldest_articles_are_left_out_of_a_feed_that_would_be_too_big() -> None:
    settings = FeedSettings(max_bytes=20_000)
    files = files_of(*map(big, range(8)), settings=settings)
    assert max(len(body) for body in files.values()) <= 20_000
    kept = [item["title"] for item in json.loads(files["feed.json"])["items"]]
    assert kept == [f"Article {number}" for number in range(len(kept))]
    for name in ("rss.xml", "atom.xml"):
        assert [entry.title for entry in feedparser.parse(files[name]).entries] == kept


def test_a_feed_is_as_full_as_it_may_be() -> None:
    largest = max(len(body) for body in files_of(*map(big, range(4))).values())
    for max_bytes, expected in ((largest, 4), (largest - 1, 3)):
        files = files_of(*map(big, range(8)), settings=FeedSettings(max_bytes=max_bytes))
        assert len(json.loads(files["feed.json"])["items"]) == expected


def test_the_newest_article_stays_however_big_it_is() -> None:
    files = files_of(big(0, size=30_000), big(1), settings=FeedSettings(max_bytes=10_000))
    assert [item["title"] for item in json.loads(files["feed.json"])["items"]] == ["Article 0"]


def test_the_files_of_a_rendition_hold_just_its_articles() -> None:
    files = files_of(numbered(1), numbered(0))
    assert sorted(files) == ["atom.xml", "feed.json", "rss.xml"]
    assert [item["title"] for item in json.loads(files["feed.json"])["items"]] == ["Article 0", "Article 1"]


def test_the_files_of_a_rendition_hold_no_more_articles_than_a_feed_may() -> None:
    files = files_of(*map(numbered, range(4)), settings=FeedSettings(items=2))
    assert len(json.loads(files["feed.json"])["items"]) == 2


def test_what_the_settings_do_not_say_is_taken_from_the_site() -> None:
    feed = json.loads(files_of(article(), site=replace(SITE, language="nb"))["feed.json"])
    assert (feed["title"], feed["language"]) == ("Nest & Fact", "nb")
    assert feed["description"] == "New articles from Nest & Fact"
    assert {"icon", "hubs"}.isdisjoint(feed)


WIDE = Logo(url="/assets/logo-1a2b.png", media_type="image/png", width=240, height=48)


@pytest.mark.parametrize(
    ("logo", "shown"),
    [
        (WIDE, {"icon": "https://news.example.org/assets/logo-1a2b.png"}),
        (
            replace(WIDE, width=48),
            dict.fromkeys(("icon", "favicon"), "https://news.example.org/assets/logo-1a2b.png"),
        ),
        (Logo(url="https://cdn.example/logo.png"), {"icon": "https://cdn.example/logo.png"}),
        (Logo(url="/assets/logo-1a2b.svg", media_type="image/svg+xml"), {}),
    ],
    ids=["wide", "square", "elsewhere", "svg"],
)
def test_the_logo_of_the_site_is_that_of_its_feeds(logo: Logo, shown: dict[str, str]) -> None:
    files = files_of(article(), site=replace(SITE, brand=Brand(logo=logo)))
    feed = json.loads(files["feed.json"])
    assert {key: feed[key] for key in ("icon", "favicon") if key in feed} == shown
    for name, place in (("rss.xml", "//image/url"), ("atom.xml", "//*[local-name()='logo']")):
        found = etree.fromstring(files[name]).xpath(f"{place}/text()")
        assert found == ([shown["icon"]] if shown else [])


def test_an_icon_of_the_channel_comes_before_the_logo_of_the_site() -> None:
    files = files_of(article(), settings=ALL_SETTINGS, site=replace(SITE, brand=Brand(logo=WIDE)))
    assert json.loads(files["feed.json"])["icon"] == ALL_SETTINGS.icon


def codes(*articles: Any, settings: FeedSettings | None = None) -> list[str]:
    problems = FeedChannel(settings or FeedSettings()).check(rendered(*articles))
    assert all(problem.severity is Severity.BLOCK for problem in problems)
    return [problem.code for problem in problems]


def test_a_good_article_has_no_problems() -> None:
    assert codes(article_with_every_block(), numbered(1)) == []


def test_an_article_without_a_title_is_held_back() -> None:
    assert codes(article(title=" \x00")) == ["no-title"]


@pytest.mark.parametrize("body", [(), (Paragraph(()),), (paragraph(" \n "),)])
def test_an_article_without_anything_to_read_is_held_back(body: Any) -> None:
    assert codes(article(body=body)) == ["empty-content"]


def test_a_picture_is_something_to_read() -> None:
    assert codes(article(body=(Image("/comic.png", ""),))) == []


@pytest.mark.parametrize(
    "html",
    [
        '<a href="/x">x</a>',
        '<img src="a.png">x',
        '<img srcset="https://a.example/1.png 1x, /2.png 2x">',
        '<a href="//host/x">x</a>',
        '<a href="https://[">x</a>',
        '<a href="https:///x">x</a>',
        '<blockquote cite="x">x</blockquote>',
    ],
)
def test_an_address_that_is_not_absolute_is_held_back(html: str) -> None:
    rendition = rendered(article())
    entry = rendition.payload["entries"][0] | {"content_html": html}
    [problem] = FeedChannel(FeedSettings()).check(Rendition("feed", {**rendition.payload, "entries": [entry]}))
    assert (problem.code, problem.where) == ("relative-url", "Stem cells & you")


def test_an_article_on_a_site_without_an_address_is_held_back() -> None:
    problems = FeedChannel(FeedSettings()).check(rendered(article(), site=replace(SITE, public_url="")))
    assert [problem.code for problem in problems] == ["relative-url"]


def test_an_article_bigger_than_a_feed_may_be_is_held_back() -> None:
    settings = FeedSettings(max_bytes=10_000)
    assert codes(article(body=(paragraph("x" * 9_900),)), settings=settings) == []
    # Each sign takes nine bytes in XML: the HTML entity has five, whose own ampersand takes another four.
    assert codes(article(body=(paragraph("&" * 1_200),)), settings=settings) == ["over-size"]


def test_a_preview_shows_each_article_as_a_reader_would() -> None:
    rendition = rendered(article_with_every_block(), numbered(1, title="A & B <i>", language="he"))
    page = FeedChannel(FeedSettings()).preview(rendition)
    for shown in (
        "A &amp; B &lt;i&gt;",
        '<img src="https://news.example.org/media/cells.jpg"',
        "<blockquote><p>“Quoted” words</p></blockquote>",
        '<article id="entry-2" lang="he">',
        "Nest &amp; Fact: Lupus",
        "2026-11-20 12:00 UTC",
    ):
        assert shown in page


class PublicationScenario:
    """Publications that can be stored, and such that cannot."""

    articles: Sequence[Article] = (SAMPLE_ARTICLE,)

    def cases(self) -> Iterator[Case]:
        yield Case(name="success", start=lambda: start_publications(is_failing=False), verdicts={Verdict.SENT})
        yield Case(name="while storage fails", start=lambda: start_publications(is_failing=True), verdicts=())


@contextmanager
def start_publications(*, is_failing: bool) -> Iterator[RemoteService]:
    publications = InMemoryPublications()
    publications.is_failing = is_failing

    def recover() -> None:
        publications.is_failing = False

    yield RemoteService(
        settings={},
        received=lambda: sorted(publications.published.items()),
        recover=recover,
        publications=publications,
    )


def test_feeds_conform_when_they_are_published() -> None:
    assert sending_violations(FeedChannel, PublicationScenario()) == []


class CarelessChannel(FeedChannel):
    """Reports every feed as published, whether it is stored or not."""

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        for delivery in deliveries:
            with suppress(ServiceError):
                async for outcome in super().send(rendition, [delivery], context):
                    yield outcome
                continue
            yield Outcome.of(delivery, Verdict.SENT, remote_id="none")


def test_a_channel_that_hides_a_storage_failure_is_found() -> None:
    assert sending_violations(CarelessChannel, PublicationScenario()) == [
        "while storage fails: the outcome is sent, not an error of the port"
    ]


class StuckChannel(FeedChannel):
    """Builds from what it was given first, and nothing for an empty collection."""

    first_site: ClassVar[Site | None] = None

    def documents(self, collection: PublishedCollection, site: Site) -> Sequence[PublishedDocument]:
        StuckChannel.first_site = StuckChannel.first_site or site
        return super().documents(collection, StuckChannel.first_site) if collection.articles else ()


def test_a_channel_whose_documents_do_not_follow_is_found() -> None:
    assert {*violations(StuckChannel)} == {
        "documents() has other paths when the last article has left: readers lose the address",
        "documents() keeps an address of the site from before it moved",
    }
