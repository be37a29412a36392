"""A fortnight of sources: posts come, change and go, servers fail, runs die; each item is here once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product
from pathlib import Path
from typing import ClassVar

import pytest

from distributor.domain.article import ArticleAction, ArticleState
from distributor.domain.blocks import plain_text
from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.flow.operations.scheduler import source_jobs
from distributor.storage import articles
from distributor.storage import sources as stored
from distributor.storage.articles import StoredArticle
from distributor.testing.scripted_server import LoseResponse, RecordedRequest, Reply, Step, scripted_server
from tests.conftest import thorough
from tests.flow.articles import ghost_site, wordpress_site
from tests.flow.articles.content_site import ContentSite, Post
from tests.flow.articles.ghost_site import GhostSite
from tests.flow.articles.wordpress_site import WordPressSite

BEGIN = datetime(2026, 6, 1, 0, 7, tzinfo=UTC)
DAYS = 14
STEP = timedelta(hours=4)
WINDOW = 10
# So many posts are there before anybody reads them.
OLD_POSTS = 4


@dataclass(slots=True)
class Written:
    """A post of a blog as it is now."""

    number: int
    text: str
    published: datetime
    changed: datetime


@dataclass(slots=True)
class Blog:
    """A blog that is written while time passes; each kind shows it in its own way."""

    chance: random.Random
    kind: ClassVar[str]
    posts: list[Written] = field(default_factory=list)
    # What was ever written, by the reference of the kind; and what was deleted.
    written: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    trouble: Step | None = None

    def route(self, request: RecordedRequest) -> Step:
        """Answers one request."""
        return self.trouble if self.trouble is not None else self.site().route(request)

    def site(self) -> ContentSite | WordPressSite | GhostSite:
        """The site with the posts that it shows now."""
        raise NotImplementedError

    def settings(self, url: str) -> dict[str, str]:
        """Those of its source."""
        raise NotImplementedError

    def ref(self, number: int) -> str:
        """What its source calls a post."""
        raise NotImplementedError

    def shown(self) -> list[Written]:
        """The posts that readers can see, the newest first."""
        return self.posts

    def write(self, now: datetime) -> None:
        """A new post, the newest."""
        number = len(self.written)
        self._say(Written(number, "", now, now), f"Post {number}, as it was first.", now)
        self.posts.insert(0, self._last)

    def edit(self, now: datetime) -> None:
        """Another text for a post that can be seen."""
        self._say(self.chance.choice(self.shown()), f"Edited to {self.chance.randrange(10**6)}.", now)

    def delete(self) -> None:
        """A post that can be seen is gone, but not the last one, which leaves a feed anyway."""
        if len(self.shown()) > 3:
            post = self.chance.choice(self.shown()[:-1])
            self.posts.remove(post)
            self.deleted.add(self.ref(post.number))

    def _say(self, post: Written, text: str, now: datetime) -> None:
        post.text, post.changed = text, now
        self.written[self.ref(post.number)] = text
        self._last = post

    _last: Written = field(init=False)


class FeedBlog(Blog):
    kind = "feed"

    def shown(self) -> list[Written]:
        return self.posts[:WINDOW]

    def site(self) -> ContentSite:
        return ContentSite(
            [
                Post(self.ref(one.number), f"Title {one.number}", f"<p>{one.text}</p>", format_datetime(one.published))
                for one in self.shown()
            ]
        )

    def settings(self, url: str) -> dict[str, str]:
        return {"url": f"{url}/feed.xml"}

    def ref(self, number: int) -> str:
        return f"post-{number}"


class WordPressBlog(Blog):
    kind = "wordpress"

    def site(self) -> WordPressSite:
        return WordPressSite(
            [
                wordpress_site.post(
                    one.number + 1,
                    f"Title {one.number}",
                    f"<p>{one.text}</p>",
                    date=f"{one.published:%Y-%m-%dT%H:%M:%S}",
                    modified=f"{one.changed:%Y-%m-%dT%H:%M:%S}",
                )
                for one in self.posts
            ]
        )

    def settings(self, url: str) -> dict[str, str]:
        return {"site": url}

    def ref(self, number: int) -> str:
        return str(number + 1)


class GhostBlog(Blog):
    kind = "ghost"

    def site(self) -> GhostSite:
        return GhostSite(
            [
                ghost_site.post(
                    one.number,
                    f"Title {one.number}",
                    f"<p>{one.text}</p>",
                    published_at=f"{one.published:%Y-%m-%dT%H:%M:%S}.000+00:00",
                    updated_at=f"{one.changed:%Y-%m-%dT%H:%M:%S}.000+00:00",
                )
                for one in self.posts
            ]
        )

    def settings(self, url: str) -> dict[str, str]:
        return {"site": url, "key": ghost_site.KEY}

    def ref(self, number: int) -> str:
        return ghost_site.uuid_of(number)


@dataclass(slots=True)
class World:
    """Blogs and the app that reads them, at a time of their own."""

    app: AppContext
    blogs: dict[str, Blog]
    chance: random.Random

    def pass_time(self, now: datetime) -> None:
        """What happens in one step: to the blogs, to their servers, and to the workers."""
        for blog in self.blogs.values():
            if self.chance.random() < 0.2:
                blog.write(now)
            if self.chance.random() < 0.25:
                blog.edit(now)
            if self.chance.random() < 0.06:
                blog.delete()
            troubles = (None,) * 8 + (Reply(500), LoseResponse(), Reply(200, b"<html>Down for maintenance</html>"))
            blog.trouble = self.chance.choice(troubles)
        jobs = source_jobs(self.app)
        for job in self.chance.sample([*jobs, *jobs], len(jobs) * 2):
            if self.chance.random() < 0.05:
                self.die_with(job.subject_id)
            else:
                source_runs.run_source(self.app, job.subject_id)

    def die_with(self, number: int) -> None:
        """A worker claims the source, and dies before or after it has taken something in."""
        now = self.app.clock()
        with self.app.database.begin() as connection:
            source = stored.claim(connection, number, now=now, until=now + timedelta(minutes=5), is_asked=False)
        if source is not None and self.chance.random() < 0.5:
            kind = source_runs.open_source(self.app, source)
            with source_runs.reading_of(self.app, source) as reading:
                items = list(kind.read(reading)) if self.blogs[source.name].trouble is None else []
            source_runs.take_items(self.app, source, items[:2])

    def catch_up(self) -> None:
        """The servers work again, and everything is read once more."""
        for name, blog in self.blogs.items():
            blog.trouble = None
            with self.app.database.begin() as connection:
                source = stored.find(connection, name)
            source_runs.run_source(self.app, source.id, is_asked=True)

    def found(self, name: str) -> dict[str, StoredArticle]:
        with self.app.database.begin() as connection:
            refs = articles.slugs(connection, name)
            return {ref: articles.find_by_slug(connection, slug) for ref, slug in refs.items()}


@pytest.fixture(params=[1, pytest.param(2, marks=thorough), pytest.param(3, marks=thorough)])
def world(request: pytest.FixtureRequest, app: AppContext, tmp_path: Path) -> Iterator[World]:
    chance = random.Random(request.param)
    reachable = replace(app, fetch_networks=parse_networks("127.0.0.0/8"), content_dir=tmp_path / "none")
    with ExitStack() as stack:
        world = World(reachable, {}, chance)
        for kind, policy in product((FeedBlog, WordPressBlog, GhostBlog), Publishing):
            blog = kind(chance)
            server = stack.enter_context(scripted_server(route=blog.route))
            for number in range(OLD_POSTS):
                blog.write(BEGIN - timedelta(days=3) + timedelta(hours=number))
            name = f"{kind.kind}-{policy.value}"
            sources.add(at(reachable, BEGIN), name, kind.kind, blog.settings(server.url), publishing=policy)
            world.blogs[name] = blog
        yield world


def at(app: AppContext, now: datetime) -> AppContext:
    return replace(app, clock=lambda: now)


def test_each_item_is_here_once_with_its_last_text_and_only_what_was_asked_for_is_published(world: World) -> None:
    now = BEGIN
    while now < BEGIN + timedelta(days=DAYS):
        world.app = at(world.app, now)
        world.pass_time(now)
        now += STEP
    world.app = at(world.app, now)
    world.catch_up()
    found = {name: world.found(name) for name in world.blogs}
    for name, blog in world.blogs.items():
        shown = {blog.ref(post.number): post.text for post in blog.shown()}
        # What came and went between two runs was never seen.
        assert shown.keys() <= found[name].keys() <= blog.written.keys(), name
        assert {ref: plain_text(found[name][ref].article.body).strip() for ref in shown} == shown, name
        missing = {ref for ref, one in found[name].items() if one.missing_since is not None}
        assert missing <= blog.deleted, name
        if blog.kind != "feed":
            # The whole site can be asked, not only its newest posts.
            assert missing == blog.deleted & found[name].keys(), name
    world.catch_up()
    assert {name: world.found(name) for name in world.blogs} == found, "what is repeated changes nothing"

    published = {name: states(of) for name, of in found.items()}
    for kind in ("feed", "wordpress", "ghost"):
        old = {world.blogs[f"{kind}-new"].ref(number) for number in range(OLD_POSTS)}
        assert set(published[f"{kind}-nothing"].values()) == {ArticleState.DRAFT}
        assert set(published[f"{kind}-all"].values()) == {ArticleState.PUBLISHED}
        new = published[f"{kind}-new"]
        assert {state for ref, state in new.items() if ref in old} == {ArticleState.DRAFT}
        assert ArticleState.PUBLISHED in new.values()
    with world.app.database.begin() as connection:
        for one in (article for of in found.values() for article in of.values()):
            acts = [event.action for event in articles.history(connection, one.id)]
            assert acts.count(ArticleAction.ADDED) == 1
            assert acts.count(ArticleAction.REVISED) == one.article.revision - 1


def states(found: Mapping[str, StoredArticle]) -> dict[str, ArticleState]:
    return {ref: one.status.state for ref, one in found.items()}
