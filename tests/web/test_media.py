"""The images of articles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from distributor.domain.article import ArticleAction, ArticleStatus, Manuscript, Media
from distributor.domain.blocks import Image, Paragraph, Run
from distributor.flow.app_context import AppContext
from distributor.storage import articles

from .samples import WriteArticle

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
BOAT = Media(name="boat-1a2b.png", media_type="image/png", body=b"\x89PNG bytes")


@pytest.fixture
def stored(app: AppContext, write_article: WriteArticle) -> None:
    """An article with two images."""
    with app.database.begin() as connection:
        articles.add_media(connection, [BOAT, Media(name="boat-3c4d.svg", media_type="image/svg+xml", body=SVG)])
    write_article(body=(Image(BOAT.src, ""), Image("/media/boat-3c4d.svg", "")))


@pytest.mark.usefixtures("stored")
def test_an_image_may_be_kept_for_ever(client: TestClient):
    response = client.get("/media/boat-1a2b.png")
    assert response.content == b"\x89PNG bytes"
    assert response.headers["content-type"] == "image/png"
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert client.get("/media/boat-1a2b.png", headers={"If-None-Match": response.headers["etag"]}).status_code == 304


@pytest.mark.usefixtures("stored")
def test_an_image_opened_by_itself_runs_nothing(client: TestClient):
    policy = client.get("/media/boat-3c4d.svg").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_an_image_that_is_not_there_is_a_404(client: TestClient):
    assert client.get("/media/none.png").status_code == 404


class _Boat:
    """An article with the picture of a boat, which is stored in the state that a test gives it."""

    def __init__(self, app: AppContext, client: TestClient, write_article: WriteArticle) -> None:
        self._app, self._client, self._write = app, client, write_article
        with app.database.begin() as connection:
            articles.add_media(connection, [BOAT])

    @property
    def status_code(self) -> int:
        status: int = self._client.get(BOAT.src).status_code
        return status

    def write(self, status: ArticleStatus, *, slug: str = "the-boat") -> None:
        self._write(slug, body=(Image(BOAT.src, ""),), status=status)

    def change(self, status: ArticleStatus) -> None:
        with self._app.database.begin() as connection:
            found = articles.find_by_slug(connection, "the-boat")
            action = ArticleAction.PUBLISHED
            articles.change_status(connection, found.id, status, action, actor="a test", now=self._app.clock())

    def leave_out(self) -> None:
        """Edit the article: it no longer shows the picture."""
        without = Manuscript(title="No boat", body=(Paragraph((Run("Words."),)),))
        with self._app.database.begin() as connection:
            found = articles.find_by_slug(connection, "the-boat")
            articles.revise(connection, found.id, without, content_hash="2", now=self._app.clock())


@pytest.fixture
def boat(app: AppContext, client: TestClient, write_article: WriteArticle) -> _Boat:
    return _Boat(app, client, write_article)


def test_an_image_only_of_unpublished_articles_cannot_be_seen(boat: _Boat, app: AppContext):
    now = app.clock()
    boat.write(ArticleStatus())
    boat.write(ArticleStatus().published(now, at=now + timedelta(days=1)), slug="embargoed")
    boat.write(ArticleStatus().published(now).withdrawn(now), slug="withdrawn")
    assert boat.status_code == 404
    boat.write(ArticleStatus().published(now), slug="published")
    assert boat.status_code == 200


def test_an_image_that_was_public_stays_for_the_mails_that_show_it_until_the_article_is_withdrawn(
    boat: _Boat, app: AppContext
):
    published = ArticleStatus().published(app.clock())
    boat.write(published)
    boat.leave_out()
    assert boat.status_code == 200
    withdrawn = published.withdrawn(app.clock())
    boat.change(withdrawn)
    assert boat.status_code == 404
    boat.change(withdrawn.published(app.clock()))
    assert boat.status_code == 200


def test_an_image_that_a_draft_had_is_not_public_once_the_article_is(boat: _Boat, app: AppContext):
    boat.write(ArticleStatus())
    boat.leave_out()
    boat.change(ArticleStatus().published(app.clock()))
    assert boat.status_code == 404
