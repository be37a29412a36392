"""Random sequences of what people, files and the clock do to articles: nothing unpublished can be read anywhere."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.domain.errors import NotFoundError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import article_control
from distributor.flow.publishing.ingest import scan
from distributor.storage import articles
from distributor.web.app import create_app

SLUGS = ("merger", "layoffs")
# What front matter says about publishing, and how many days its date is away.
FLAGS = ("", "publish: true\n", "draft: true\n")
DATES = (None, -2, 2)


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

    def step(self, days: int) -> None:
        now = self.app.clock() + timedelta(days=days)
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

    def check(self, client: TestClient) -> None:
        """Every page and image shows what is public now, and nothing else."""
        current = self._current()
        public = {slug: number for slug, number in current.items() if self._is_public(slug)}
        assert set(public) <= self.wanted
        self.was_public |= set(public.items())
        front = client.get("/").text
        for one in self.revisions:
            is_shown = public.get(one.slug) == one.number
            assert (one.words in front) is is_shown, "the front page"
            assert (client.get(f"/tags/{one.tag}").status_code == 200) is is_shown, "the page of a tag"
            was_shown = one.slug in public and (one.slug, one.number) in self.was_public
            assert (client.get(one.image_path).status_code == 200) is was_shown, "the image"
        for slug in SLUGS:
            page = client.get(f"/articles/{slug}")
            assert (page.status_code == 200) is (slug in public)
            assert page.status_code != 410 or any(one == slug for one, _ in self.was_public)
            shown = {one.number for one in self.revisions if one.slug == slug and one.words in page.text}
            assert shown == ({public[slug]} if slug in public else set())
            assert client.get(f"/api/v1/articles/{slug}").status_code == 401

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
    st.builds(lambda days: lambda room: room.step(days), st.integers(0, 3)),
)
CHECKED = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECKED
@example([writing("merger", "", 2, True), lambda room: room.delete("merger"), lambda room: room.step(3)])
@example([writing("merger", "", None, False), writing("merger", "publish: true\n", None, False)])
@given(steps=st.lists(STEPS, min_size=1, max_size=9))
def test_whatever_happens_nothing_unpublished_can_be_read(app: AppContext, tmp_path: Path, steps: list[Step]):
    with app.database.begin() as connection:
        connection.execute(text("TRUNCATE articles, tags, media, quarantine CASCADE"))
    folder = tmp_path / "content"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    room = Newsroom(app, folder)
    room.step(0)
    for step in steps:
        step(room)
        with TestClient(create_app(room.app), follow_redirects=False) as client:
            room.check(client)
