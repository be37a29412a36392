"""What the tests of the public pages share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.domain.article import ArticleStatus, Manuscript
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.storage import articles, publications
from distributor.web.app import create_app

from .samples import FEED_CHANGED, LINKS, MAIL, PUBLISHED, PublishFeed, SentMail, WriteArticle, send_mail


@pytest.fixture
def client(app: AppContext) -> Iterator[TestClient]:
    """A client that follows no redirect and sees the answers that strangers see."""
    asgi = create_app(app)
    with TestClient(asgi, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def write_article(app: AppContext) -> WriteArticle:
    """Writes an article into the database, by default a public one, and returns its slug."""

    def write(slug: str = "the-news", *, status: ArticleStatus | None = None, **changed: Any) -> str:
        manuscript: dict[str, Any] = {
            "title": "The news",
            "body": (Paragraph((Run("It happened."),)),),
            "tags": (Tag("Local news"),),
            "summary": "What happened.",
            "author": "Ada Reporter",
            "published_at": PUBLISHED,
        }
        manuscript |= changed
        dated: datetime | None = manuscript["published_at"]
        with app.database.begin() as connection:
            articles.add(
                connection,
                Manuscript(**manuscript),
                guid=f"urn:test:{slug}",
                slug=slug,
                source="test",
                source_ref=slug,
                content_hash="",
                now=app.clock(),
                status=status or ArticleStatus().published(app.clock(), at=dated, dated=dated),
            )
        return slug

    return write


@pytest.fixture
def publish_feed(app: AppContext) -> PublishFeed:
    """Puts a document where the feed channel does and returns its bytes."""

    def publish(path: str = "feeds/all.rss", body: bytes = b"<rss>" + b"<item/>" * 500 + b"</rss>") -> bytes:
        with app.database.begin() as connection:
            connection.execute(
                text("INSERT INTO collections VALUES ('feed', '', :since) ON CONFLICT DO NOTHING"),
                {"since": FEED_CHANGED},
            )
            publications.put_document(
                connection,
                path,
                kind="feed",
                tag_slug="",
                media_type="application/rss+xml; charset=utf-8",
                body=body,
                last_modified=FEED_CHANGED,
                now=FEED_CHANGED,
            )
        return body

    return publish


@pytest.fixture
def sent_mail(app: AppContext) -> SentMail:
    """A mail to Robin that has a link of every kind."""
    payload = {"html": MAIL, "links": LINKS, "site": {"public_url": app.site.public_url}}
    return send_mail(app, Rendition("email", payload))
