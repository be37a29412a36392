"""Leaving a list: a page with a button, the one-click POST of RFC 8058, and what may be said afterwards."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.subscriber import Membership
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import unsubscribe
from distributor.flow.subscriptions.unsubscribe import UnsubscribePage
from distributor.web.client_ip import client_ip
from distributor.web.errors import invalid_link
from distributor.web.forms import read_form
from distributor.web.pages import PageRenderer
from distributor.web.public.masking import masked_email

# RFC 8058, section 3.2: the one pair a mail program posts, urlencoded or as multipart/form-data.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
# What the button of our own page posts.
_BUTTON = ("button", "unsubscribe")
_WAYS = {"one-click": _ONE_CLICK, "page": _BUTTON}
_REASONS = {
    "too_often": "Too many mails",
    "not_relevant": "The articles are not for me",
    "never_signed_up": "I never signed up",
    "elsewhere": "I read them elsewhere",
    "other": "Something else",
}


class UnsubscribePages:
    """GET shows and POST acts. No cookies, no redirects; doing it twice is the same as once."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/unsubscribe/{token}", self.unsubscribe, methods=["GET", "POST"]),
            Route("/unsubscribe/{token}/reason", self.say_why, methods=["POST"]),
            Route("/unsubscribe/{token}/return", self.come_back, methods=["POST"]),
        ]

    async def unsubscribe(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._ask, request)
        form = await read_form(request)
        way = next((way for way, (name, value) in _WAYS.items() if form.one(name) == value), None)
        if way is None:
            raise HTTPException(400)
        return await run_in_threadpool(self._leave, request, way)

    async def say_why(self, request: Request) -> Response:
        form = await read_form(request)
        reason, words = form.one("reason"), form.one("words")
        if reason and reason not in _REASONS:
            raise HTTPException(400)
        return await run_in_threadpool(self._note, request, reason, words)

    def come_back(self, request: Request) -> Response:
        standing = unsubscribe.resubscribe(self._app, request.path_params["token"], client_ip(request))
        return self._show(standing, is_back=standing is not None and standing.membership is Membership.SUBSCRIBED)

    def _ask(self, request: Request) -> Response:
        return self._show(unsubscribe.find_unsubscribe(self._app, request.path_params["token"]))

    def _leave(self, request: Request, way: str) -> Response:
        return self._show(unsubscribe.unsubscribe(self._app, request.path_params["token"], {"way": way}))

    def _note(self, request: Request, reason: str, words: str) -> Response:
        standing = unsubscribe.record_reason(self._app, request.path_params["token"], reason, words)
        return self._show(standing, is_heard=bool(reason or words))

    def _show(self, standing: UnsubscribePage | None, *, is_heard: bool = False, is_back: bool = False) -> Response:
        if standing is None:
            raise invalid_link()
        root, tokens = self._pages.root, self._app.tokens
        context = {
            "list": standing.list.name,
            "email": masked_email(standing.recipient),
            "is_subscribed": standing.membership is Membership.SUBSCRIBED,
            "is_heard": is_heard,
            "is_back": is_back,
            "action": f"{root}/unsubscribe/{tokens.mint(Purpose.UNSUBSCRIBE, standing.delivery_id)}",
            "preferences": f"{root}/preferences/{tokens.mint(Purpose.PREFERENCES, standing.delivery_id)}",
            "button": _BUTTON,
            "reasons": _REASONS,
            "longest": unsubscribe.LONGEST_REASON,
            "promise": consent_texts.sign_up_statement(self._app.site),
        }
        return self._pages.respond("unsubscribe.html.j2", context)
