"""Random sequences of what people, files and the clock do to articles: nothing unpublished can be read anywhere.

Nor in feeds, or in the web version of a mail that was sent while its article was public.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.domain.errors import BlockedError, NotFoundError, StateError
from distributor.domain.subscriber import Person
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import scan
from distributor.flow.delivery.deliver import deliver
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publications import build_documents, document_jobs
from distributor.flow.publishing import article_control
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import articles, delivery_queries, dispatches, lists, memberships, publications
from distributor.web.app import create_app
from tests.conftest import IS_THOROUGH
from tests.web.samples import EVIDENCE

SLUGS = ("merger", "layoffs")
# What front matter says about publishing, and how many days its date is away.
FLAGS = ("", "publish: true\n", "draft: true\n")
DATES = (None, -2, 2)
# Longer than it may take until a change is in the feeds.
IN_THE_FEEDS = 31


@dataclass
class Revision:
    """One revision of an article, by the words, the tag and the image that only it has."""

    slug: str
    number: int

    @property
    def words(self) -> str:
        return f"{self.slug}words{self.number}"

    @property
    def tag(self) -> str:
        return f"{self.slug}tag{self.number}"

    @property
    def image(self) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + self.words.encode()

    @property
    def image_path(self) -> str:
        return f"/media/{hashlib.sha256(self.image).hexdigest()[:32]}.png"


@dataclass
class Newsroom:
    """An app whose clock is set by the test, with a folder of articles, and what was seen of them so far."""

    app: AppContext
    folder: Path
    revisions: list[Revision] = field(default_factory=list)
    # Articles that a person or a file ever wanted published, and the revisions that were public at some time.
    wanted: set[str] = field(default_factory=set)
    was_public: set[tuple[str, int]] = field(default_factory=set)
    # Articles that a campaign published in the feeds, and the web versions of its mails, with the article of each.
    in_feeds: set[str] = field(default_factory=set)
    was_in_feeds: set[tuple[str, int]] = field(default_factory=set)
    views: dict[str, str] = field(default_factory=dict)

    def step(self, days: int, *, seconds: int = 0) -> None:
        now = self.app.clock() + timedelta(days=days, seconds=seconds)
        self.app = replace(self.app, clock=lambda: now)

    def write(self, slug: str, flag: str, days: int | None, *, publishes: bool) -> None:
        revision = Revision(slug, 1 + sum(one.slug == slug for one in self.revisions))
        self.revisions.append(revision)
        date = "" if days is None else f"published_at: {(self.app.clock() + timedelta(days=days)).isoformat()}\n"
        front = f"title: {slug} {revision.words}\nslug: {slug}\ntags: [{revision.tag}]\n{flag}{date}"
        (self.folder / f"{revision.words}.png").write_bytes(revision.image)
        (self.folder / f"{slug}.md").write_text(f"---\n{front}---\n\n{revision.words}\n\n![]({revision.words}.png)\n")
        if publishes or flag == FLAGS[1]:
            self.wanted.add(slug)
        self.scan(publishes=publishes)

    def delete(self, slug: str) -> None:
        (self.folder / f"{slug}.md").unlink(missing_ok=True)
        self.scan(publishes=False)

    def scan(self, *, publishes: bool) -> None:
        scan(replace(self.app, content_publish=publishes))

    def change(self, slug: str, act: Callable[[AppContext, str], object]) -> None:
        with suppress(NotFoundError, StateError):
            act(self.app, slug)

    def publish(self, slug: str, days: int | None) -> None:
        self.wanted.add(slug)
        at = None if days is None else self.app.clock() + timedelta(days=days)
        self.change(slug, lambda app, slug: article_control.publish(app, slug, actor="test", at=at))

    def send(self, slug: str) -> None:
        """A campaign publishes it in the feeds, and mails it to Robin."""
        now = self.app.clock()
        asked = CampaignPlan(
            name=slug,
            article_slugs=(slug,),
            channel_names=("feeds", "mail"),
            audience=AudiencePlan(lists=("weekly",), repeats=True),
            starts_at=now,
        )
        with suppress(NotFoundError, StateError, BlockedError):
            campaign_id = plan(self.app, asked)
            self.wanted.add(slug)
            with self.app.database.begin() as connection:
                planned = dispatches.of_campaign(connection, campaign_id)
            assert all(prepare(self.app, one.id) for one in planned)
            assert all(release(self.app, one.id) for one in planned)
            deliver(self.app, next(one.id for one in planned if one.kind == "feed"), until=now + timedelta(minutes=1))
            with self.app.database.begin() as connection:
                (mail,) = delivery_queries.of_campaign(connection, campaign_id, channel_name="mail", limit=2)
            self.in_feeds.add(slug)
            self.views[f"/view/{self.app.tokens.mint(Purpose.VIEW, mail.id)}"] = slug

    def build_feeds(self) -> None:
        """So much time passes that every change is in the feeds."""
        with self.app.database.begin() as connection:
            document_jobs(self.app, connection)
        self.step(0, seconds=IN_THE_FEEDS)
        with self.app.database.begin() as connection:
            jobs = document_jobs(self.app, connection)
        for job in jobs:
            build_documents(self.app, job.subject_id)

    def check(self, client: TestClient) -> None:
        """Every page, image, feed and web version shows what is public now, and nothing else."""
        current = self._current()
        public = {slug: number for slug, number in current.items() if self._is_public(slug)}
        assert set(public) <= self.wanted
        self.was_public |= set(public.items())
        self.was_in_feeds |= {(slug, number) for slug, number in public.items() if slug in self.in_feeds}
        front = client.get("/").text
        for one in self.revisions:
            is_shown = public.get(one.slug) == one.number
            assert (one.words in front) is is_shown, "the front page"
            # A tag that has a feed keeps its page, without the article.
            tag_page, had_feed = client.get(f"/tags/{one.tag}"), (one.slug, one.number) in self.was_in_feeds
            assert (tag_page.status_code == 200) is (is_shown or had_feed), "the page of a tag"
            assert (one.words in tag_page.text) is is_shown, "the page of a tag"
            was_shown = one.slug in public and (one.slug, one.number) in self.was_public
            assert (client.get(one.image_path).status_code == 200) is was_shown, "the image"
        for slug in SLUGS:
            page = client.get(f"/articles/{slug}")
            assert (page.status_code == 200) is (slug in public)
            assert page.status_code != 410 or any(one == slug for one, _ in self.was_public)
            shown = {one.number for one in self.revisions if one.slug == slug and one.words in page.text}
            assert shown == ({public[slug]} if slug in public else set())
            assert client.get(f"/api/v1/articles/{slug}").status_code == 401
        for path, slug in self.views.items():
            view = client.get(path)
            assert view.status_code == (200 if slug in public else 410), "the web version of a mail"
            read = {(one.slug, one.number) for one in self.revisions if one.words in view.text}
            assert read <= self.was_public, "the web version of a mail"
        self._check_feeds(client, public)

    def _check_feeds(self, client: TestClient, public: Mapping[str, int]) -> None:
        with self.app.database.begin() as connection:
            paths = publications.document_paths(connection, "")
        shown: dict[str, set[tuple[str, int]]] = {}
        for path in paths:
            document = client.get(f"/{path}")
            assert document.status_code == 200
            shown[path] = {(one.slug, one.number) for one in self.revisions if one.words in document.text}
        expected = {(slug, number) for slug, number in public.items() if slug in self.in_feeds}
        for path, found in shown.items():
            assert found == expected if path.startswith("feeds/all.") else found <= expected, path

    def _current(self) -> dict[str, int]:
        with self.app.database.begin() as connection:
            return {one.article.slug: one.article.revision for one in articles.latest(connection, limit=10)}

    def _is_public(self, slug: str) -> bool:
        with self.app.database.begin() as connection:
            return articles.find_by_slug(connection, slug).status.is_public(self.app.clock())


Step = Callable[[Newsroom], None]


def writing(slug: str, flag: str, days: int | None, publishes: bool) -> Step:
    return lambda room: room.write(slug, flag, days, publishes=publishes)


def publishing(slug: str, days: int | None) -> Step:
    return lambda room: room.publish(slug, days)


def changing(slug: str, name: str) -> Step:
    act = getattr(article_control, name)
    return lambda room: room.change(slug, lambda app, slug: act(app, slug, actor="test"))


SLUG = st.sampled_from(SLUGS)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(writing, SLUG, st.sampled_from(FLAGS), st.sampled_from(DATES), st.booleans()),
    st.builds(publishing, SLUG, st.sampled_from((None, 0, 1, 3))),
    st.builds(changing, SLUG, st.sampled_from(("withdraw", "unpublish", "mark_ready"))),
    st.builds(lambda slug: lambda room: room.delete(slug), SLUG),
    st.builds(lambda slug: lambda room: room.send(slug), SLUG),
    st.builds(lambda days: lambda room: room.step(days), st.integers(0, 3)),
)
CHECKED = settings(
    max_examples=30 if IS_THOROUGH else 8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@CHECKED
@example([writing("merger", "", 2, True), lambda room: room.delete("merger"), lambda room: room.step(3)])
@example([writing("merger", "", None, False), lambda room: room.send("merger"), changing("merger", "withdraw")])
@example([writing("merger", "", None, False), writing("merger", "publish: true\n", None, False)])
@example(
    [
        writing("merger", "publish: true\n", 2, False),
        lambda room: room.delete("merger"),
        lambda room: room.step(2),
        writing("merger", "draft: true\n", None, False),
    ]
)
@example(
    [
        writing("merger", "publish: true\n", 2, False),
        lambda room: room.delete("merger"),
        lambda room: room.step(2),
        writing("merger", "", None, False),
    ]
)
@given(steps=st.lists(STEPS, min_size=1, max_size=9))
def test_whatever_happens_nothing_unpublished_can_be_read(app: AppContext, tmp_path: Path, steps: list[Step]):
    with app.database.begin() as connection:
        tables = "articles, tags, media, quarantine, campaigns, channels, documents, collections, lists, subscribers"
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))
        weekly = lists.add(connection, slug="weekly", name="Weekly")
        robin = Person(key="robin@example.org", email="robin@example.org", name="Robin")
        memberships.subscribe(connection, weekly.id, [robin], EVIDENCE, now=app.clock())
    configure(app, "feeds", "feed", {})
    configure(app, "mail", "email", {"smtp_url": "smtp://127.0.0.1:1"})
    folder = tmp_path / "content"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    room = Newsroom(app, folder)
    room.step(0)
    for step in steps:
        step(room)
        room.build_feeds()
        with TestClient(create_app(room.app), follow_redirects=False) as client:
            room.check(client)
