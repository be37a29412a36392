"""Pages: templates with what all of them show, and the one style sheet they share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from distributor.flow.installation import Installation
from distributor.web.representation import Representation, answer

_FOREVER = "public, max-age=31536000, immutable"


class Pages:
    """Renders pages of one site. Raises TemplateError if the style sheet cannot be rendered."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        # Behind a proxy the site may live below a path of its host.
        self.root = urlsplit(installation.site.public_url).path
        self._style = installation.templates.render("web/public/site.css.j2", {}).encode()
        self._style_path = f"/assets/site-{hashlib.sha256(self._style).hexdigest()[:16]}.css"

    def html(self, template: str, context: Mapping[str, object]) -> bytes:
        """The page that `template`, a name below ``web/public``, makes of the context."""
        shared = {
            "site": self._installation.site,
            "root": self.root,
            "style_url": self.root + self._style_path,
        }
        return self._installation.templates.render(f"web/public/{template}", {**shared, **context}).encode()

    def respond(
        self,
        template: str,
        context: Mapping[str, object],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page for one reader only: nobody may keep or index it, and its address goes to nobody else."""
        private = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
        return HTMLResponse(self.html(template, context), status, headers={**private, **(headers or {})})

    def routes(self) -> list[Route]:
        return [Route(self._style_path, self._send_style)]

    def _send_style(self, request: Request) -> Response:
        sheet = Representation.of(self._style, media_type="text/css; charset=utf-8", cache_control=_FOREVER)
        return answer(request, sheet, now=self._installation.clock())
