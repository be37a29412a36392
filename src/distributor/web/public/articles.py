"""The front page, tag pages and article pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.flow.app_context import AppContext
from distributor.storage import articles, publications
from distributor.storage.articles import StoredArticle
from distributor.web.conditional_get import Representation, conditional_response
from distributor.web.pages import PageRenderer
from distributor.web.public.article_view import Teaser, tag_link, teaser_for, view_of

_LISTED = 50
# Long enough for a peak of readers, short enough for a correction.
_CACHE_CONTROL = "public, max-age=60"
_FORMATS = (
    ("rss", "RSS", "application/rss+xml"),
    ("atom", "Atom", "application/atom+xml"),
    ("json", "JSON Feed", "application/feed+json"),
)


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A link to a feed in one format; `path` is below the root of the site."""

    title: str
    format: str
    path: str
    media_type: str


class ArticlePages:
    """The pages are the same for all readers, and may be cached for a minute."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/", self.show_front),
            Route("/tags/{slug}", self.show_tag),
            Route("/articles/{slug}", self.show_article),
        ]

    def show_front(self, request: Request) -> Response:
        with self._app.database.begin() as connection:
            stored = articles.latest(connection, limit=_LISTED)
            has_feeds = bool(publications.document_paths(connection, "feeds/all."))
        context = {"teasers": self._teasers(stored), "feeds": self._main_feeds(), "has_feeds": has_feeds}
        return self._answer(request, "front.html.j2", context)

    def show_tag(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        with self._app.database.begin() as connection:
            tag = articles.find_tag(connection, slug)
            stored = articles.latest(connection, limit=_LISTED, tag_slug=slug)
            has_feeds = bool(publications.document_paths(connection, f"feeds/tags/{slug}."))
        own_feeds = _feeds(f"/feeds/tags/{quote(slug, safe='')}", f"{self._app.site.name}: {tag.label}")
        context = {
            "tag": tag_link(tag),
            "teasers": self._teasers(stored),
            # Feed readers take the first one: here the feed of the tag.
            "feeds": own_feeds,
            "more_feeds": self._main_feeds(),
            "has_feeds": has_feeds,
        }
        return self._answer(request, "tag.html.j2", context)

    def show_article(self, request: Request) -> Response:
        with self._app.database.begin() as connection:
            article = articles.find_by_slug(connection, request.path_params["slug"]).article
        reading = view_of(article, self._app.site.public_url)
        return self._answer(request, "article.html.j2", {"reading": reading, "feeds": self._main_feeds()})

    def _teasers(self, stored: Sequence[StoredArticle]) -> list[Teaser]:
        """The articles to list; those dated in the future have a page, but are not listed yet."""
        now = self._app.clock()
        return [teaser_for(one.article) for one in stored if one.article.published_at <= now]

    def _main_feeds(self) -> list[FeedLink]:
        return _feeds("/feeds/all", self._app.site.name)

    def _answer(self, request: Request, template: str, context: dict[str, object]) -> Response:
        page = Representation.of(
            self._pages.html(template, context), media_type="text/html; charset=utf-8", cache_control=_CACHE_CONTROL
        )
        return conditional_response(request, page, now=self._app.clock())


def _feeds(path: str, title: str) -> list[FeedLink]:
    """The feed in its three formats. RSS comes first: some programs read only the first."""
    return [
        FeedLink(f"{title} ({name})", name, f"{path}.{extension}", media_type)
        for extension, name, media_type in _FORMATS
    ]
