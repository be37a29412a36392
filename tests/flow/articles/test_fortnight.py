"""A fortnight of sources: posts come, change and go, servers fail, runs die; each item is here once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

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
from distributor.testing.scripted_server import LoseResponse, Reply, scripted_server
from tests.conftest import thorough
from tests.flow.articles.content_site import ContentSite, Post

BEGIN = datetime(2026, 6, 1, 0, 7, tzinfo=UTC)
DAYS = 14
STEP = timedelta(hours=2)
WINDOW = 10
# So many posts are there before anybody reads them.
OLD_POSTS = 4


@dataclass(slots=True)
class Blog:
    """A blog that is written while time passes, and what readers of it should have in the end."""

    site: ContentSite
    chance: random.Random
    written: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def write(self, now: datetime) -> None:
        """A new post, the newest; the oldest leaves the feed."""
        guid = f"post-{len(self.written)}"
        text = f"Post {guid}, as it was first."
        self.site.posts.insert(0, Post(guid, guid, f"<p>{text}</p>", format_datetime(now, usegmt=True)))
        self.written[guid] = text
        del self.site.posts[WINDOW:]

    def edit(self) -> None:
        """Another text for a post that the feed has."""
        post = self.chance.choice(self.site.posts)
        text = f"Post {post.guid}, edited to {self.chance.randrange(10**6)}."
        post.html = f"<p>{text}</p>"
        self.written[post.guid] = text

    def delete(self) -> None:
        """A post that the feed has is gone, but not its last one, which would leave it anyway."""
        if len(self.site.posts) > 3:
            post = self.chance.choice(self.site.posts[:-1])
            self.site.posts.remove(post)
            self.deleted.add(post.guid)


@dataclass(slots=True)
class World:
    """Blogs and the app that reads them, at a time of their own."""

    app: AppContext
    blogs: dict[str, Blog]
    chance: random.Random

    def pass_time(self, now: datetime) -> None:
        """What happens in one step: to the blogs, to their servers, and to the workers."""
        for blog in self.blogs.values():
            for act, often in ((lambda blog=blog: blog.write(now), 0.12), (blog.edit, 0.15), (blog.delete, 0.03)):
                if self.chance.random() < often:
                    act()
            troubles = (None,) * 8 + (Reply(500), LoseResponse(), Reply(200, b"<html>Down for maintenance</html>"))
            blog.site.instead = self.chance.choice(troubles)
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
                items = list(kind.read(reading)) if self.blogs[source.name].site.instead is None else []
            source_runs.take_items(self.app, source, items[:2])

    def catch_up(self) -> None:
        """The servers work again, and everything is read once more."""
        for name, blog in self.blogs.items():
            blog.site.instead = None
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
        for number, policy in enumerate(Publishing):
            site = ContentSite()
            server = stack.enter_context(scripted_server(route=site.route))
            blog = Blog(site, chance)
            for _ in range(OLD_POSTS):
                blog.write(BEGIN - timedelta(days=3))
            url = f"{server.url}/feed.xml"
            sources.add(at(reachable, BEGIN), f"blog-{number}", "feed", {"url": url}, publishing=policy)
            world.blogs[f"blog-{number}"] = blog
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
        shown = {post.guid for post in blog.site.posts}
        # What came and went between two runs was never seen.
        assert shown <= found[name].keys() <= blog.written.keys()
        texts = {ref: plain_text(found[name][ref].article.body).strip() for ref in shown}
        assert texts == {ref: blog.written[ref] for ref in shown}
        missing = {ref for ref, one in found[name].items() if one.missing_since is not None}
        assert missing <= blog.deleted
    world.catch_up()
    assert {name: world.found(name) for name in world.blogs} == found, "what is repeated changes nothing"

    nothing, new, everything = found.values()
    assert {one.status.state for one in nothing.values()} == {ArticleState.DRAFT}
    assert {one.status.state for one in everything.values()} == {ArticleState.PUBLISHED}
    assert {one.status.state for ref, one in new.items() if int(ref.removeprefix("post-")) < OLD_POSTS} == {
        ArticleState.DRAFT
    }
    assert any(one.status.state is ArticleState.PUBLISHED for one in new.values())
    with world.app.database.begin() as connection:
        for one in (*nothing.values(), *new.values(), *everything.values()):
            acts = [event.action for event in articles.history(connection, one.id)]
            assert acts.count(ArticleAction.ADDED) == 1
            assert acts.count(ArticleAction.REVISED) == one.article.revision - 1
