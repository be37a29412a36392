"""The private calendar feed: making and removing it on one's account, and the feed itself, by its secret address."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.team import calendar_feed as flow
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_HEADERS = {
    "Cache-Control": "private, max-age=300",
    "Content-Type": "text/calendar; charset=utf-8",
    "Content-Disposition": 'inline; filename="calendar.ics"',
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


class CalendarFeedPages:
    """Every user has at most one feed; whoever knows its address reads it, without a session."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        own = Permission.ACCOUNT
        return [
            TeamRoute("POST", "/account/calendar-feed", self.make, own),
            TeamRoute("POST", "/account/calendar-feed/remove", self.remove, own),
        ]

    def public_routes(self) -> list[Route]:
        """The feeds, outside `/app`: a program that reads one cannot sign in."""
        return [Route("/calendar/{token}.ics", self._send)]

    def make(self, asked: TeamRequest) -> Response:
        url = flow.make_feed(self._app, asked.user, actor=asked.actor)
        return self._pages.respond("calendar_feed.html.j2", {"user": asked.user, "page": "account", "url": url})

    def remove(self, asked: TeamRequest) -> Response:
        flow.remove_feed(self._app, asked.user, actor=asked.actor)
        return self._gate.redirect("/app/account?done=feed")

    def _send(self, request: Request) -> Response:
        text = flow.read_feed(self._app, request.path_params["token"])
        if text is None:
            raise HTTPException(404)
        return Response(text, headers=_HEADERS)
