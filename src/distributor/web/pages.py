"""Rendering of the public pages, with their style sheet and script."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from distributor.domain.brand import Brand
from distributor.domain.site_settings import logo_path
from distributor.flow.app_context import AppContext
from distributor.rendering.words import Words
from distributor.storage import site_settings
from distributor.web.conditional_get import Representation, conditional_response, image_response
from distributor.web.forms import Form
from distributor.web.languages import accepted_languages

_FOREVER = "public, max-age=31536000, immutable"


class PageRenderer:
    """Renders pages of one site. Raises TemplateError if its style sheet or script cannot be rendered."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        # Behind a proxy the site may live below a path of its host.
        self.root = urlsplit(app.site.public_url).path
        self._style = StyleSheet(app, "web/public/site.css.j2", "site")
        self._solver = Asset.of(app, "web/public/solver.js.j2", "solver-{}.js", "text/javascript; charset=utf-8")
        self._words = app.templates.words

    @property
    def solver_url(self) -> str:
        """The URL of the script that solves the proof of work of a form."""
        return self.root + self._solver.path

    @property
    def site_words(self) -> Words:
        """The words of pages that are the same for all readers."""
        return self._app.templates.words_in(self._app.site.language)

    def words_for(self, request: Request, subscriber_language: str | None = None) -> Words:
        """The words of a page for one reader.

        They are in the language of the subscriber or, if they chose none, of the site. A stranger (None) gets the
        language that the browser asks for, else that of the site.
        """
        site, accepted = self._app.site.language, accepted_languages(request.headers.get("accept-language", ""))
        wanted = [*accepted, site] if subscriber_language is None else [subscriber_language, site, *accepted]
        return self._app.templates.words_in(*wanted)

    def shown_in(self, form: Form, words: Words) -> str:
        """The language that a form of ours was shown in; `words` are those of the page that answers it."""
        return self._words.get(form.one("shown_in").lower(), words).language

    def html(self, template: str, context: Mapping[str, object], words: Words) -> bytes:
        """Render `template`, a name below ``web/public``, with this context and words."""
        brand = self._app.site.brand
        logo = brand.logo
        logo_url = self._url_here(logo.url) if logo else ""
        shared = {
            "words": words.table,
            "page": {"language": words.language, "direction": words.direction},
            "site": self._app.site,
            "brand": brand,
            "logo_url": logo_url,
            "icon_url": logo_url if logo and logo.is_square else "",
            # Other sites show it; they need a whole URL, and few of them show an SVG.
            "card_image": self._app.site.absolute_url(logo.url) if logo and logo.is_for_mail else "",
            "root": self.root,
            "style_url": self.root + self._style.path,
        }
        return self._app.templates.render(f"web/public/{template}", {**shared, **context}).encode()

    def document(self, template: str, context: Mapping[str, object], words: Words) -> str:
        """As `html`, with the style sheet in it: for a frame that may load no other file."""
        link = f'<link rel="stylesheet" href="{self.root + self._style.path}">'
        return self.html(template, context, words).decode().replace(link, f"<style>{self._style.text}</style>", 1)

    def respond(
        self,
        template: str,
        context: Mapping[str, object],
        words: Words,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page for one reader: it is not cached or indexed, and sends no referrer."""
        private = {
            "Cache-Control": "no-store",
            "Content-Language": words.language,
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Language",
            "X-Robots-Tag": "noindex",
        }
        return HTMLResponse(self.html(template, context, words), status, headers={**private, **(headers or {})})

    def routes(self) -> list[Route]:
        return [
            self._style.route(),
            Route(self._solver.path, self._send_solver),
            Route(logo_path("{name}"), self._send_logo),
        ]

    def _url_here(self, url: str) -> str:
        """The URL of a link on our own pages: a path stays on the host that the reader came to."""
        return self.root + url if url.startswith("/") else url

    def _send_solver(self, request: Request) -> Response:
        return conditional_response(request, self._solver.content, now=self._app.clock())

    def _send_logo(self, request: Request) -> Response:
        """The logo of the site, or one that it had: mails that were sent still show it."""
        name = request.path_params["name"]
        logo = self._app.site.brand.logo
        if logo is None or not logo.body or logo.url != logo_path(name):
            with self._app.database.begin() as connection:
                logo = site_settings.find_logo(connection, name)
        if logo is None:
            raise HTTPException(404)
        content = Representation.of(logo.body, media_type=logo.media_type, cache_control=_FOREVER)
        return image_response(request, content, now=self._app.clock())


def masked_email(email: str) -> str:
    """The address with only one letter before the @, such as ``r•••@example.org``."""
    local_part, _, domain = email.rpartition("@")
    return f"{local_part[:1]}•••@{domain}"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file whose path contains the hash of its content, so that it can be cached for good."""

    path: str
    content: Representation

    @classmethod
    def of(cls, app: AppContext, template: str, name: str, media_type: str) -> Asset:
        body = app.templates.render(template, {"brand": app.site.brand}).encode()
        path = f"/assets/{name.format(hashlib.sha256(body).hexdigest()[:16])}"
        return cls(path, Representation.of(body, media_type=media_type, cache_control=_FOREVER))


class StyleSheet:
    """A style sheet in the colours of the brand. Its path has the hash of its content, so a changed brand has another.

    Raises TemplateError if it cannot be rendered.
    """

    def __init__(self, app: AppContext, template: str, name: str) -> None:
        self._app = app
        self._template = template
        self._name = name
        self._made = self._make()
        self._former = self._made[1]

    @property
    def path(self) -> str:
        """That of the style sheet for the brand as it is now."""
        return self._current()[1].path

    @property
    def text(self) -> str:
        """The style sheet for the brand as it is now."""
        return self._current()[1].content.body.decode()

    def route(self) -> Route:
        """Serves it."""
        return Route(f"/assets/{self._name}-{{digest}}.css", self._send)

    def _send(self, request: Request) -> Response:
        path = f"/assets/{self._name}-{request.path_params['digest']}.css"
        if path != self.path:
            # Another process may have heard of a change earlier, and made the page that asks for this.
            self._app.current_site.look_again()
        # A page that was made before a change may still be open.
        found = next((one for one in (self._current()[1], self._former) if one.path == path), None)
        if found is None:
            raise HTTPException(404)
        return conditional_response(request, found.content, now=self._app.clock())

    def _current(self) -> tuple[Brand, Asset]:
        # The brand is the same object until the site changes.
        if self._made[0] is not self._app.site.brand:
            self._former, self._made = self._made[1], self._make()
        return self._made

    def _make(self) -> tuple[Brand, Asset]:
        brand = self._app.site.brand
        return brand, Asset.of(self._app, self._template, f"{self._name}-{{}}.css", "text/css; charset=utf-8")
