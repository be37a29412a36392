"""Leaving a list: a page with a button, and the one-click POST of RFC 8058."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.subscriber import Membership
from distributor.domain.tokens import Purpose
from distributor.flow import track
from distributor.flow.installation import Installation
from distributor.flow.track import Standing
from distributor.web.errors import dead_link
from distributor.web.pages import Pages

# RFC 8058, section 3.2: the one pair a mail program posts, urlencoded or as multipart/form-data.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
# What the button of our own page posts.
_BUTTON = ("button", "unsubscribe")
_WAYS = {"one-click": _ONE_CLICK, "page": _BUTTON}


class Leaving:
    """GET shows and POST acts. No cookies, no redirects; doing it twice is the same as once."""

    def __init__(self, installation: Installation, pages: Pages) -> None:
        self._installation = installation
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/unsubscribe/{token}", self.unsubscribe, methods=["GET", "POST"]),
            Route("/preferences/{token}", self.show_preferences),
        ]

    async def unsubscribe(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._ask, request)
        async with request.form(max_files=0, max_fields=10) as form:
            way = next((way for way, (name, value) in _WAYS.items() if form.get(name) == value), None)
        if way is None:
            raise HTTPException(400)
        return await run_in_threadpool(self._leave, request, way)

    def show_preferences(self, request: Request) -> Response:
        return self._show(request, Purpose.PREFERENCES, "preferences.html.j2")

    def _ask(self, request: Request) -> Response:
        return self._show(request, Purpose.UNSUBSCRIBE, "unsubscribe.html.j2")

    def _leave(self, request: Request, way: str) -> Response:
        left = track.unsubscribe(self._installation, request.path_params["token"], {"way": way})
        if left is None:
            raise dead_link()
        return self._show(request, Purpose.UNSUBSCRIBE, "unsubscribe.html.j2")

    def _show(self, request: Request, purpose: Purpose, template: str) -> Response:
        standing = track.find_standing(self._installation, purpose, request.path_params["token"])
        if standing is None:
            raise dead_link()
        context = {
            "list": standing.list.name,
            "address": masked(standing.recipient),
            "is_subscribed": standing.membership is Membership.SUBSCRIBED,
            "action": self._action_for(standing),
            "button": _BUTTON,
        }
        return self._pages.respond(template, context)

    def _action_for(self, standing: Standing) -> str:
        token = self._installation.tokens.mint(Purpose.UNSUBSCRIBE, standing.delivery_id)
        return f"{self._pages.root}/unsubscribe/{token}"


def masked(address: str) -> str:
    """The address so that its owner knows it and nobody else learns it: ``r•••@example.org``."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part[:1]}•••@{domain}"
