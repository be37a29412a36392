"""The page `/api/docs`: Swagger UI, served from its package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.flow.app_context import AppContext
from distributor.web.conditional_get import Representation, conditional_response

_PACKAGE = "fastapi_swagger"
_FOREVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# Only our own scripts. Swagger UI uses data URLs for icons and sets inline styles.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class DocsPage:
    """The page and its files, whose names contain a hash of their content. Raises TemplateError."""

    def __init__(self, app: AppContext, openapi: Callable[[], Mapping[str, Any]]) -> None:
        self._app = app
        resources = files(_PACKAGE) / "resources"
        start = app.templates.render("web/api/docs.js.j2", {}).encode()
        parts = {
            "bundle": _File.of("swagger-ui", ".js", (resources / "swagger-ui-bundle.js").read_bytes()),
            "style": _File.of("swagger-ui", ".css", (resources / "swagger-ui.css").read_bytes()),
            "start": _File.of("start", ".js", start),
        }
        # Relative URLs, so that the page works below any path of a proxy.
        context = {part: f"docs/{file.name}" for part, file in parts.items()}
        html = app.templates.render("web/api/docs.html.j2", {"site": app.site, **context}).encode()
        self._files = {file.name: file.body for file in parts.values()}
        self._openapi = openapi
        self._page = Representation.of(html, media_type="text/html; charset=utf-8", cache_control="no-cache")

    def routes(self) -> list[Route]:
        return [
            Route("/api/docs", self._send_page),
            Route("/api/docs/{name}", self._send_file),
            Route("/api/openapi.json", self._send_openapi_document),
        ]

    @cached_property
    def _openapi_document(self) -> Representation:
        # Built on first use: it takes as long as the rest of the start.
        text = json.dumps(self._openapi(), ensure_ascii=False).encode()
        return Representation.of(text, media_type="application/json", cache_control="no-cache")

    def _send_page(self, request: Request) -> Response:
        sent = conditional_response(request, self._page, now=self._app.clock())
        sent.headers["Content-Security-Policy"] = _POLICY
        return sent

    def _send_openapi_document(self, request: Request) -> Response:
        return conditional_response(request, self._openapi_document, now=self._app.clock())

    def _send_file(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return conditional_response(request, found, now=self._app.clock())


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    body: Representation

    @classmethod
    def of(cls, stem: str, suffix: str, body: bytes) -> _File:
        """A file that can be cached for good."""
        found = Representation.of(body, media_type=_MEDIA_TYPES[suffix], cache_control=_FOREVER)
        return cls(f"{stem}-{found.etag[:16]}{suffix}", found)
