"""The front page, tag pages and article pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.storage import articles, publications, tags
from distributor.web.conditional_get import Representation, conditional_response, moved_permanently
from distributor.web.pages import PageRenderer
from distributor.web.public.article_view import tag_link, teaser_for, view_of

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
    """The pages are the same for all readers, and may be cached for a minute.

    The front page leads those who are signed in to the team's app.
    """

    def __init__(self, app: AppContext, pages: PageRenderer, *, is_signed_in: Callable[[Request], bool]) -> None:
        self._app = app
        self._pages = pages
        self._is_signed_in = is_signed_in

    def routes(self) -> list[Route]:
        return [
            Route("/", self.show_front),
            Route("/tags/{slug}", self.show_tag),
            Route("/articles/{slug}", self.show_article),
        ]

    def show_front(self, request: Request) -> Response:
        if self._is_signed_in(request):
            return RedirectResponse(f"{self._pages.root}/app", 303, headers={"Cache-Control": "no-store"})
        with self._app.database.begin() as connection:
            stored = articles.latest_public(connection, now=self._app.clock(), limit=_LISTED)
            has_feeds = bool(publications.document_paths(connection, "feeds/all."))
        context = {
            "teasers": [teaser_for(one.article, self._pages.site_words) for one in stored],
            "feeds": self._main_feeds(),
            "has_feeds": has_feeds,
        }
        response = self._answer(request, "front.html.j2", context)
        response.headers.add_vary_header("Cookie")
        return response

    def show_tag(self, request: Request) -> Response:
        asked = request.path_params["slug"]
        with self._app.database.begin() as connection:
            tag = tags.find(connection, asked).tag
            slug = tag.slug
            stored = articles.latest_public(connection, now=self._app.clock(), limit=_LISTED, tag_slug=slug)
            has_feeds = bool(publications.document_paths(connection, f"feeds/tags/{slug}."))
        if not stored and not has_feeds:
            # A tag that only unpublished articles have is not public either.
            raise NotFoundError("tag", asked)
        if slug != asked:
            return moved_permanently(f"{self._pages.root}{tag_link(tag).path}", cache_control=_CACHE_CONTROL)
        own_feeds = _feeds(f"/feeds/tags/{quote(slug, safe='')}", f"{self._app.site.name}: {tag.label}")
        context = {
            "tag": tag_link(tag),
            "teasers": [teaser_for(one.article, self._pages.site_words) for one in stored],
            # Feed readers take the first one: here the feed of the tag.
            "feeds": own_feeds,
            "more_feeds": self._main_feeds(),
            "has_feeds": has_feeds,
        }
        return self._answer(request, "tag.html.j2", context)

    def show_article(self, request: Request) -> Response:
        with self._app.database.begin() as connection:
            article = articles.find_public(connection, request.path_params["slug"], now=self._app.clock()).article
        words = self._pages.site_words
        own_words = self._app.templates.words_in(article.language, self._app.site.language)
        reading = view_of(article, self._app.site.public_url, words, own_words)
        return self._answer(request, "article.html.j2", {"reading": reading, "feeds": self._main_feeds()})

    def _main_feeds(self) -> list[FeedLink]:
        return _feeds("/feeds/all", self._app.site.name)

    def _answer(self, request: Request, template: str, context: dict[str, object]) -> Response:
        page = Representation.of(
            self._pages.html(template, context, self._pages.site_words),
            media_type="text/html; charset=utf-8",
            cache_control=_CACHE_CONTROL,
        )
        return conditional_response(request, page, now=self._app.clock())


def _feeds(path: str, title: str) -> list[FeedLink]:
    """The feed in its three formats. RSS comes first: some programs read only the first."""
    return [
        FeedLink(f"{title} ({name})", name, f"{path}.{extension}", media_type)
        for extension, name, media_type in _FORMATS
    ]
