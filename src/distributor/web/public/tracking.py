"""Tracking: the pixel of a mail, its counted links, and the mail itself in a browser."""

from __future__ import annotations

import re
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
from distributor.web.public.pixel import PIXEL, PIXEL_URL

_UNSEEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_LONGEST_USER_AGENT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# A mail is somebody's HTML: nothing in it may run, load anything but pictures, or act in our name.
_MAIL_POLICY = (
    "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

_log = structlog.get_logger(__name__)


class TrackingEndpoints:
    """What recipients' programs call. Nothing here changes a subscription; HEAD counts nothing."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [
            Route("/o/{token}.gif", self.send_pixel),
            Route("/c/{token}", self.follow_link),
            Route("/view/{token}", self.show_mail),
        ]

    def send_pixel(self, request: Request) -> Response:
        """Always the pixel: a broken picture in a mail helps nobody."""
        if request.method == "GET":
            try:
                tracking.note_open(self._app, request.path_params["token"], _detail_of(request))
            except ServiceError as error:
                _log.warning("an open was not noted", reason=str(error))
        return Response(PIXEL, media_type="image/gif", headers=_UNSEEN)

    def follow_link(self, request: Request) -> Response:
        """To the stored target and nowhere else: the address has no say in it."""
        token = request.path_params["token"]
        if request.method == "HEAD":
            target = tracking.find_target(self._app, token)
        else:
            target = tracking.follow_click(self._app, token, _detail_of(request))
        if target is None:
            raise invalid_link()
        return RedirectResponse(target, status_code=302, headers=_UNSEEN)

    def show_mail(self, request: Request) -> Response:
        page = tracking.view_sent(self._app, request.path_params["token"], pixel_url=PIXEL_URL)
        if page is None:
            raise invalid_link()
        return HTMLResponse(page, headers={**_UNSEEN, "Content-Security-Policy": _MAIL_POLICY})


def _detail_of(request: Request) -> Mapping[str, Json]:
    """What is kept of the reader's program: its name. Neither address nor language nor cookies."""
    name = _CONTROL.sub(" ", request.headers.get("user-agent", ""))
    return {"user_agent": name[:_LONGEST_USER_AGENT]}
