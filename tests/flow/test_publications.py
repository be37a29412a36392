"""Feeds follow from the current state: every change of an article, a channel or the site reaches the feeds it concerns.

The last test does random things in any order, kills builds in the middle, and compares with a fresh build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.channels.api import Article, Site
from distributor.domain.article import ArticleAction, ArticleStatus
from distributor.domain.audience import AudiencePlan
from distributor.domain.brand import Brand, Logo
from distributor.domain.campaign import CampaignPlan
from distributor.domain.delivery import DeliveryState
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.articles import ingest
from distributor.flow.operations.channel_settings import configure, remove
from distributor.flow.publications import build_documents, document_jobs
from distributor.flow.publishing.plan import plan
from distributor.storage import articles, document_builds, publications, quarantine, tags
from distributor.storage.publications import DocumentRecord
from distributor.testing.fakes import FakeClock
from tests.conftest import IS_THOROUGH
from tests.flow.campaign_harness import CampaignHarness

FORMATS = ("rss", "atom", "json")
ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
# More than the longest time that a change may take.
LATER = 31.0


@dataclass
class Newsroom:
    """An app with a feed channel, whose articles are files and whose time stands still until it is moved."""

    app: AppContext
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.app = replace(self.app, clock=self.clock)
        self.configure()

    def configure(self, name: str = "feeds", **values: Any) -> None:
        configure(self.app, name, "feed", values)

    def write(
        self, name: str, *, title: str = "", tags: tuple[str, ...] = ("news",), words: str = "Some words."
    ) -> str:
        """Write or edit an article, and return its slug."""
        self.clock.advance(1)
        file = self.folder / f"{name}.md"
        front = {"title": title or name, "slug": name, "tags": list(tags)}
        lines = [f"{key}: {json.dumps(value)}" for key, value in front.items()]
        file.write_text("\n".join(["---", *lines, "---", "", words, ""]))
        return ingest.add_file(self.app, file).slug

    def withdraw(self, slug: str) -> None:
        self._change(slug, ArticleAction.WITHDRAWN, lambda status: status.withdrawn(self.clock.now))

    def publish(self, slug: str, *, after: timedelta = timedelta()) -> None:
        at = self.clock.now + after
        self._change(slug, ArticleAction.PUBLISHED, lambda status: status.published(self.clock.now, at=at))

    def _change(self, slug: str, action: ArticleAction, change: Callable[[ArticleStatus], ArticleStatus]) -> None:
        self.clock.advance(1)
        with self.app.database.begin() as connection:
            stored = articles.find_by_slug(connection, slug)
            articles.change_status(
                connection, stored.id, change(stored.status), action, now=self.clock.now, actor="test"
            )

    def send(self, *slugs: str, channel: str = "feeds") -> int:
        """A campaign with these articles goes to the feeds; returns its number."""
        self.clock.advance(1)
        harness = CampaignHarness(self.app, self.folder)
        number = plan(
            self.app,
            CampaignPlan(
                name="",
                article_slugs=slugs,
                channel_names=(channel,),
                audience=AudiencePlan(repeats=True),
                starts_at=self.clock.now,
            ),
        )
        harness.run()
        totals = harness.report(number).totals
        assert totals[DeliveryState.SENT] == totals.audience > 0
        return number

    def move(self, public_url: str, **changes: Any) -> None:
        """The service starts again with other settings of the site."""
        self.app = replace(self.app, configured_site=replace(self.app.site, public_url=public_url, **changes))

    def settle(self, *, seconds: float = LATER) -> int:
        """Let so much time pass and do the jobs that are due then; returns how many there were."""
        with self.app.database.begin() as connection:
            # As every second before.
            document_jobs(self.app, connection)
        self.clock.advance(seconds)
        with self.app.database.begin() as connection:
            jobs = document_jobs(self.app, connection)
        for job in jobs:
            build_documents(self.app, job.subject_id)
        return len(jobs)

    @property
    def documents(self) -> dict[str, DocumentRecord]:
        """What is served, by path."""
        with self.app.database.begin() as connection:
            paths = publications.document_paths(connection, "")
            return {path: publications.find_document(connection, path) for path in paths}

    def feed(self, key: str) -> dict[str, Any]:
        """A feed as JSON; it fails unless the other formats agree."""
        documents = self.documents
        feed: dict[str, Any] = json.loads(documents[f"feeds/{key}.json"].body)
        for form in ("rss", "atom"):
            parsed = feedparser.parse(documents[f"feeds/{key}.{form}"].body)
            assert [entry.title for entry in parsed.entries] == [item["title"] for item in feed["items"]]
            assert parsed.feed.title == feed["title"]
        return feed

    def titles(self, key: str = "all") -> list[str]:
        return [item["title"] for item in self.feed(key)["items"]]

    def insist_on_a_fresh_build(self) -> None:
        """What is served is what would be built if there were nothing yet."""
        served = self.documents
        with self.app.database.begin() as connection:
            connection.execute(text("DELETE FROM documents"))
            connection.execute(text("UPDATE collections SET digest = ''"))
            document_builds.mark_stale(connection, now=self.clock.now)
        self.settle()
        built = self.documents
        assert {path: one.body for path, one in served.items()} == {path: one.body for path, one in built.items()}


@pytest.fixture
def newsroom(app: AppContext, tmp_path: Path) -> Newsroom:
    return Newsroom(app, tmp_path)


def test_a_campaign_is_in_the_feeds_as_soon_as_it_is_sent(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("news", "Boats")))
    assert sorted(newsroom.documents) == [
        f"feeds/{key}.{form}" for key in ("all", "tags/boats", "tags/news") for form in sorted(FORMATS)
    ]
    assert newsroom.titles() == newsroom.titles("tags/boats") == ["hello"]
    assert newsroom.settle() == 0


def test_an_article_that_no_campaign_sent_is_in_no_feed(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    newsroom.write("unsent")
    newsroom.settle()
    assert newsroom.titles() == newsroom.titles("tags/news") == ["hello"]


def test_an_edit_reaches_every_feed_and_leaves_identity_and_date(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    [before] = newsroom.feed("all")["items"]
    newsroom.write("hello", title="Hello again", words="Other words.")
    newsroom.settle()
    for key in ("all", "tags/news"):
        [after] = newsroom.feed(key)["items"]
        assert (after["title"], after["content_html"]) == ("Hello again", "<p>Other words.</p>")
        assert (after["id"], after["date_published"]) == (before["id"], before["date_published"])
        assert after["date_modified"] > before["date_modified"]


def test_another_date_in_an_edit_does_not_change_when_it_was_first_published(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    [before] = newsroom.feed("all")["items"]
    file = newsroom.folder / "hello.md"
    file.write_text(file.read_text().replace('slug: "hello"', 'slug: "hello"\npublished_at: 2020-01-01T09:00+00:00'))
    ingest.add_file(newsroom.app, file)
    newsroom.settle()
    [after] = newsroom.feed("all")["items"]
    assert after["date_published"] == before["date_published"]


def test_an_article_with_another_tag_is_in_the_other_feed_and_leaves_an_empty_one(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("Lupus",)))
    newsroom.write("hello", tags=("Stem cells",))
    newsroom.settle()
    assert newsroom.titles("tags/stem-cells") == newsroom.titles() == ["hello"]
    left = newsroom.feed("tags/lupus")
    assert (left["items"], left["title"]) == ([], "The Test Gazette: Lupus")
    newsroom.insist_on_a_fresh_build()


def test_the_feeds_of_a_renamed_tag_move_and_none_is_missing_meanwhile(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("Lupus", "Trials")))
    newsroom.send(newsroom.write("other", tags=("SLE",)))
    with newsroom.app.database.begin() as connection:
        tags.rename(connection, "lupus", "Lupus disease", now=newsroom.clock.now)
        tags.merge(connection, "sle", "lupus-disease", now=newsroom.clock.now)
    assert {"feeds/tags/lupus.rss", "feeds/tags/sle.rss"} <= newsroom.documents.keys()
    newsroom.settle()
    keys = {path.partition(".")[0] for path in newsroom.documents}
    assert keys == {"feeds/all", "feeds/tags/lupus-disease", "feeds/tags/trials"}
    moved = newsroom.feed("tags/lupus-disease")
    assert (moved["title"], newsroom.titles("tags/lupus-disease")) == (
        "The Test Gazette: Lupus disease",
        ["other", "hello"],
    )
    assert [item["tags"] for item in newsroom.feed("all")["items"]] == [["Lupus disease"], ["Lupus disease", "Trials"]]
    newsroom.insist_on_a_fresh_build()


def test_the_feed_of_a_renamed_tag_without_articles_moves_too(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("Lupus",)))
    newsroom.write("hello", tags=())
    newsroom.settle()
    with newsroom.app.database.begin() as connection:
        tags.rename(connection, "lupus", "SLE", now=newsroom.clock.now)
    newsroom.settle()
    assert newsroom.titles("tags/sle") == []


def test_the_feed_of_a_tag_has_the_articles_of_its_parts_once(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("Python", "Ruby", "Programming")))
    newsroom.send(newsroom.write("other", tags=("Python",)))
    with newsroom.app.database.begin() as connection:
        for part in ("python", "ruby"):
            tags.change(connection, part, parent="programming", now=newsroom.clock.now)
    newsroom.settle()
    assert newsroom.titles("tags/programming") == ["other", "hello"]
    assert newsroom.titles("tags/ruby") == ["hello"]
    newsroom.insist_on_a_fresh_build()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("title", "Another title"),
        ("description", "What it is about now"),
        ("language", "nb"),
        ("icon", "https://gazette.example/icon.png"),
        ("hub", "https://hub.example/"),
    ],
)
def test_a_changed_setting_of_the_channel_reaches_every_feed(newsroom: Newsroom, setting: str, value: str) -> None:
    newsroom.send(newsroom.write("hello"))
    newsroom.configure(**{setting: value})
    newsroom.settle()
    for path, document in newsroom.documents.items():
        is_in_no_atom = setting == "icon" and path.endswith(".rss")
        assert value.encode() in document.body or is_in_no_atom, path
    newsroom.insist_on_a_fresh_build()


def test_a_smaller_number_of_articles_reaches_every_feed(newsroom: Newsroom) -> None:
    newsroom.send(*(newsroom.write(f"article-{number}") for number in range(3)))
    newsroom.configure(items=2)
    newsroom.settle()
    assert len(newsroom.titles()) == len(newsroom.titles("tags/news")) == 2


def test_no_link_of_any_feed_keeps_the_old_public_address(newsroom: Newsroom) -> None:
    newsroom.send(
        newsroom.write("hello", tags=("news", "boats"), words="See [the rest](/rest) and ![a boat](/boat.png).")
    )
    newsroom.send(newsroom.write("other", tags=("news",)))
    newsroom.move("https://moved.example", name="The Moved Gazette")
    newsroom.settle()
    for path, document in newsroom.documents.items():
        found = ADDRESS.findall(document.body.decode())
        assert any("moved.example" in one for one in found)
        assert not [one for one in found if "gazette.example" in one], path
        assert "The Moved Gazette" in document.body.decode()


def test_a_changed_logo_reaches_every_feed(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("news",)))
    for body in (b"one", b"two"):
        logo = Logo(url=f"/assets/logo-{body.decode()}.png", media_type="image/png", width=96, height=48, body=body)
        newsroom.move("http://gazette.example", brand=Brand(logo=logo))
        assert newsroom.settle() == 1
        assert newsroom.documents
        for document in newsroom.documents.values():
            assert f"http://gazette.example{logo.url}" in document.body.decode()
        assert newsroom.settle() == 0


def test_a_new_form_of_the_documents_is_built_for_all_of_them(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.send(newsroom.write("hello"))
    assert newsroom.settle() == 0
    monkeypatch.setattr("distributor.channels.feed.channel._FORMAT", 99)
    assert newsroom.settle() == 1


def test_documents_that_stay_the_same_keep_their_validators(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("boats",)))
    newsroom.send(newsroom.write("other", tags=("trains",)))
    before = newsroom.documents
    newsroom.write("other", title="Another title", tags=("trains",))
    newsroom.settle()
    after = newsroom.documents
    for form in FORMATS:
        boats, trains = f"feeds/tags/boats.{form}", f"feeds/tags/trains.{form}"
        assert after[boats] == before[boats]
        assert after[trains].etag != before[trains].etag
        assert after[trains].last_modified > before[trains].last_modified


def test_a_document_that_changes_is_never_dated_as_before(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello", tags=("boats",)))
    before = newsroom.documents
    newsroom.configure(title="Another title")
    newsroom.settle()
    assert all(after.last_modified > before[path].last_modified for path, after in newsroom.documents.items())


def test_changes_are_built_once_soon_after_the_last_one(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    for number in range(3):
        newsroom.write("hello", title=f"Title {number}")
        assert newsroom.settle(seconds=0) == 0
    assert newsroom.settle(seconds=document_builds.QUIET.total_seconds()) == 1
    assert newsroom.titles() == ["Title 2"]
    assert newsroom.settle() == 0


def test_steady_changes_do_not_put_a_build_off_for_long(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    first = newsroom.clock.now
    number = 0
    while newsroom.settle(seconds=1) == 0:
        number += 1
        newsroom.write("hello", title=f"Title {number}")
    waited = newsroom.clock.now - first
    assert document_builds.QUIET < waited <= document_builds.LONGEST_DELAY + timedelta(seconds=5)
    assert newsroom.titles() == [f"Title {number}"]


class Killed(BaseException):
    """The process ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillingSite(Site):
    """The build that asks for the address of an article does not live to finish."""

    def article_url(self, article: Article) -> str:
        raise Killed


def test_a_killed_build_changes_nothing_and_is_repeated(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    before = newsroom.documents
    newsroom.write("hello", title="Hello again")
    kill_a_build(newsroom)
    assert newsroom.documents == before
    newsroom.settle()
    assert newsroom.titles() == ["Hello again"]


def kill_a_build(newsroom: Newsroom) -> None:
    """The next build is killed, if anything is to be built."""
    site = newsroom.app.site
    fields = {name: getattr(site, name) for name in ("name", "public_url", "postal_address", "sender", "language")}
    newsroom.app = replace(newsroom.app, configured_site=KillingSite(**fields))
    try:
        newsroom.settle()
    except Killed:
        pass
    finally:
        newsroom.app = replace(newsroom.app, configured_site=site)


def test_a_change_during_a_build_is_built_next(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    newsroom.write("hello", title="Second")
    with newsroom.app.database.begin() as connection:
        changes = document_builds.count_changes(connection, "feed")
        newsroom.write("hello", title="Third")
        document_builds.finish(connection, "feed", changes=changes, fingerprint="", due_at=None)
    newsroom.settle()
    assert newsroom.titles() == ["Third"]


def test_a_second_worker_leaves_a_running_build_alone(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    newsroom.write("hello", title="Hello again")
    with newsroom.app.database.begin() as connection:
        document_builds.lock(connection, "feed")
        newsroom.settle()
        assert newsroom.titles() == ["hello"]
    newsroom.settle()
    assert newsroom.titles() == ["Hello again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWithOneBadArticle(Site):
    """One article cannot be shown."""

    def article_url(self, article: Article) -> str:
        if article.slug == "bad":
            raise ValueError("no address for this one")
        return f"{self.public_url}/articles/{article.slug}"


def test_a_feed_that_cannot_be_built_keeps_its_documents_and_does_not_affect_the_others(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("bad", tags=("boats",)))
    newsroom.send(newsroom.write("good", tags=("trains",)))
    site = newsroom.app.site
    fields = {name: getattr(site, name) for name in ("name", "public_url", "postal_address", "sender", "language")}
    newsroom.app = replace(newsroom.app, configured_site=SiteWithOneBadArticle(**fields))
    newsroom.write("bad", title="Changed", tags=("boats",))
    newsroom.write("good", title="Better", tags=("trains",))
    newsroom.settle()
    assert newsroom.titles("tags/trains") == ["Better"]
    assert newsroom.titles("tags/boats") == ["bad"]
    with newsroom.app.database.begin() as connection:
        held = quarantine.of_loop(connection, QuarantineLoop.DOCUMENT)
    assert sorted(held) == ["feed/", "feed/boats"]
    newsroom.app = replace(newsroom.app, configured_site=site)
    newsroom.settle(seconds=120)
    assert newsroom.titles("tags/boats") == ["Changed"]
    with newsroom.app.database.begin() as connection:
        assert not quarantine.of_loop(connection, QuarantineLoop.DOCUMENT)


def test_a_feed_whose_change_is_undone_leaves_the_quarantine(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("bad"))
    newsroom.configure(title="Another title")
    site = newsroom.app.site
    fields = {name: getattr(site, name) for name in ("name", "public_url", "postal_address", "sender", "language")}
    newsroom.app = replace(newsroom.app, configured_site=SiteWithOneBadArticle(**fields))
    newsroom.settle()
    newsroom.configure()
    newsroom.settle()
    with newsroom.app.database.begin() as connection:
        assert not quarantine.of_loop(connection, QuarantineLoop.DOCUMENT)
    assert newsroom.titles() == ["bad"]


def test_two_feed_channels_share_the_addresses_and_the_first_one_names_them(newsroom: Newsroom) -> None:
    newsroom.configure("second", title="Of the second channel")
    newsroom.send(newsroom.write("one"))
    newsroom.send(newsroom.write("two"), channel="second")
    newsroom.settle()
    assert sorted(newsroom.titles()) == ["one", "two"]
    assert newsroom.feed("all")["title"] == "The Test Gazette"


def test_the_documents_of_a_deleted_channel_go(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    with newsroom.app.database.begin() as connection:
        connection.execute(text("DELETE FROM campaigns"))
        connection.execute(text("DELETE FROM channels"))
    newsroom.settle()
    assert newsroom.documents == {}


def test_the_documents_of_a_channel_that_is_removed_go_and_come_back_with_it(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    remove(newsroom.app, "feeds")
    newsroom.settle()
    assert newsroom.documents == {}
    newsroom.configure()
    newsroom.settle()
    assert newsroom.titles() == ["hello"]


def test_a_withdrawn_article_leaves_every_feed_and_comes_back_with_its_date(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    [before] = newsroom.feed("all")["items"]
    newsroom.withdraw("hello")
    newsroom.settle()
    assert newsroom.titles() == newsroom.titles("tags/news") == []
    newsroom.publish("hello")
    newsroom.settle()
    [after] = newsroom.feed("tags/news")["items"]
    assert (after["id"], after["date_published"]) == (before["id"], before["date_published"])


def test_an_article_is_in_the_feeds_when_its_embargo_is_over(newsroom: Newsroom) -> None:
    newsroom.send(newsroom.write("hello"))
    newsroom.withdraw("hello")
    newsroom.publish("hello", after=timedelta(hours=1))
    newsroom.settle()
    assert newsroom.titles() == []
    assert newsroom.settle(seconds=3500) == 0
    assert newsroom.settle(seconds=100) == 1
    assert newsroom.titles() == ["hello"]


@dataclass
class Expected:
    """What the feeds ought to contain, kept in plain Python."""

    titles: dict[str, str] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    guids: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    settings: dict[str, Any] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    # The slug that the tag of boats has now.
    boats: str = "boats"

    def articles_of(self, key: str) -> set[str]:
        """The titles of the articles in a feed."""
        return {
            self.titles[slug]
            for slug in self.dates
            if slug not in self.hidden and (key == "all" or key in self.keys_of(slug))
        }

    def keys_of(self, slug: str) -> set[str]:
        """The feeds of the tags of an article."""
        return {f"tags/{self.boats if slugify(tag) == 'boats' else slugify(tag)}" for tag in self.tags[slug]}


SLUGS = ("a", "b", "c")
TABLES = ("campaigns", "channels", "articles", "tag_names", "tag_aliases", "tags", "collections", "document_builds")
TAG_CHOICES = (("Boats",), ("boats", "Trains"), (), ("Trains",))
HOSTS = ("https://one.example", "https://two.example")
SETTINGS: tuple[dict[str, str], ...] = (
    {"title": "Titled"},
    {"hub": "https://hub.example/"},
    {"icon": "https://i.example/i.png"},
    {},
)
Act = Callable[[Newsroom, Expected, int], None]


def edit(newsroom: Newsroom, expected: Expected, number: int) -> None:
    slug = SLUGS[number % len(SLUGS)]
    tags = TAG_CHOICES[number % len(TAG_CHOICES)]
    expected.titles[slug] = f"{slug} {number}"
    expected.tags[slug] = tags
    newsroom.write(slug, title=expected.titles[slug], tags=tags, words=f"See [more](/more) {number}.")


def send(newsroom: Newsroom, expected: Expected, number: int) -> None:
    slug = SLUGS[number % len(SLUGS)]
    if slug not in expected.titles or slug in expected.hidden:
        return
    newsroom.send(slug)
    items = {item["title"]: item for item in newsroom.feed("all")["items"]}
    item = items[expected.titles[slug]]
    assert expected.guids.setdefault(slug, item["id"]) == item["id"]
    assert expected.dates.setdefault(slug, item["date_published"]) == item["date_published"]


def withdraw(newsroom: Newsroom, expected: Expected, number: int) -> None:
    slug = SLUGS[number % len(SLUGS)]
    if slug in expected.titles and slug not in expected.hidden:
        newsroom.withdraw(slug)
        expected.hidden.add(slug)


def publish_again(newsroom: Newsroom, expected: Expected, number: int) -> None:
    slug = SLUGS[number % len(SLUGS)]
    if slug in expected.hidden:
        newsroom.publish(slug)
        expected.hidden.discard(slug)


def change_settings(newsroom: Newsroom, expected: Expected, number: int) -> None:
    expected.settings = SETTINGS[number % len(SETTINGS)]
    newsroom.configure(**expected.settings)


def move_site(newsroom: Newsroom, expected: Expected, number: int) -> None:
    newsroom.move(HOSTS[number % len(HOSTS)])


def rename_boats(newsroom: Newsroom, expected: Expected, number: int) -> None:
    """Files go on calling it boats."""
    label = ("Boats", "Ships", "Vessels")[number % 3]
    with newsroom.app.database.begin() as connection:
        tags.rename(connection, "boats", label, now=newsroom.clock.now)
    before, expected.boats = f"tags/{expected.boats}", label.lower()
    if before in expected.keys:
        expected.keys = expected.keys - {before} | {f"tags/{expected.boats}"}


def kill(newsroom: Newsroom, expected: Expected, number: int) -> None:
    kill_a_build(newsroom)


def wait(newsroom: Newsroom, expected: Expected, number: int) -> None:
    newsroom.settle(seconds=number)


def insist_on(newsroom: Newsroom, expected: Expected) -> None:
    """The feeds contain exactly what they should, and are what a fresh build gives."""
    newsroom.settle()
    documents = newsroom.documents
    keys = {path.removeprefix("feeds/").rpartition(".")[0] for path in documents}
    for slug in expected.dates:
        if slug not in expected.hidden:
            expected.keys |= {"all", *expected.keys_of(slug)}
    # A feed that it was in for a moment only, between two builds, need not have been built.
    assert expected.keys <= keys <= {"all", f"tags/{expected.boats}", "tags/trains"}
    for key in keys:
        feed = newsroom.feed(key)
        assert {item["title"] for item in feed["items"]} == expected.articles_of(key)
        assert feed["title"].startswith(expected.settings.get("title", newsroom.app.site.name))
        assert feed.get("icon") == expected.settings.get("icon")
        assert bool(feed.get("hubs")) == ("hub" in expected.settings)
        for item in feed["items"]:
            slug = item["url"].rpartition("/")[2]
            assert (item["id"], item["date_published"]) == (expected.guids[slug], expected.dates[slug])
    own = {newsroom.app.site.public_url, "https://hub.example", "https://i.example"}
    others = {"http://gazette.example", *HOSTS} - own
    assert not [path for path, one in documents.items() if any(host.encode() in one.body for host in others)]
    newsroom.insist_on_a_fresh_build()


@settings(
    max_examples=10 if IS_THOROUGH else 3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    edit,
                    edit,
                    send,
                    send,
                    send,
                    withdraw,
                    publish_again,
                    change_settings,
                    rename_boats,
                    move_site,
                    kill,
                    wait,
                ]
            ),
            st.integers(0, 11),
        ),
        min_size=6,
        max_size=12,
    )
)
def test_feeds_follow_whatever_is_done(app: AppContext, tmp_path: Path, acts: list[tuple[Act, int]]) -> None:
    with app.database.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table}"))
    newsroom, expected = Newsroom(app, tmp_path), Expected()
    for number, slug in enumerate(SLUGS[:2]):
        edit(newsroom, expected, SLUGS.index(slug))
        send(newsroom, expected, number)
    for act, number in acts:
        act(newsroom, expected, number)
    insist_on(newsroom, expected)
