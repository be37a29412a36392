"""The open pixel, the click redirects, and the web version of a mail."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from distributor.domain.errors import ServiceError
from distributor.domain.rendition import Json
from distributor.flow.app_context import AppContext
from distributor.flow.feedback import tracking
from distributor.web.errors import invalid_link

# The smallest GIF89a with one transparent pixel.
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# The same as a data URL: reading the web version is not an open.
PIXEL_URL = f"data:image/gif;base64,{b64encode(PIXEL).decode()}"
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_MAX_USER_AGENT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# The mail is untrusted HTML: it may run nothing, load only images, and post no forms.
_MAIL_POLICY = (
    "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

_log = structlog.get_logger(__name__)


class TrackingEndpoints:
    """Opens, clicks and the web version. Nothing here changes a subscription; HEAD counts nothing."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [
            Route("/o/{token}.gif", self.send_pixel),
            Route("/c/{token}", self.follow_link),
            Route("/view/{token}", self.show_mail),
        ]

    def send_pixel(self, request: Request) -> Response:
        """Always responds with the pixel, so that no mail shows a broken image."""
        if request.method == "GET":
            try:
                tracking.note_open(self._app, request.path_params["token"], _client_detail(request))
            except ServiceError as error:
                _log.warning("open not recorded", reason=str(error))
        return Response(PIXEL, media_type="image/gif", headers=_PRIVATE)

    def follow_link(self, request: Request) -> Response:
        """Redirects to the stored target only: the URL itself names none."""
        token = request.path_params["token"]
        if request.method == "HEAD":
            target = tracking.find_target(self._app, token)
        else:
            target = tracking.follow_click(self._app, token, _client_detail(request))
        if target is None:
            raise invalid_link()
        return RedirectResponse(target, status_code=302, headers=_PRIVATE)

    def show_mail(self, request: Request) -> Response:
        page = tracking.view_sent(self._app, request.path_params["token"], pixel_url=PIXEL_URL)
        if page is None:
            raise invalid_link()
        return HTMLResponse(page, headers={**_PRIVATE, "Content-Security-Policy": _MAIL_POLICY})


def _client_detail(request: Request) -> Mapping[str, Json]:
    """What is stored about the client: its user agent; no IP address, language or cookies."""
    name = _CONTROL.sub(" ", request.headers.get("user-agent", ""))
    return {"user_agent": name[:_MAX_USER_AGENT]}
