"""The unsubscribe page, the one-click POST of RFC 8058, and the feedback form after it."""

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
from distributor.web.pages import PageRenderer, masked_email

# RFC 8058, section 3.2: the pair that a mail program posts, urlencoded or as multipart/form-data.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
# What the button of our own page posts.
_BUTTON = ("button", "unsubscribe")
_METHODS = {"one-click": _ONE_CLICK, "page": _BUTTON}
_REASONS = {
    "too_often": "Too many mails",
    "not_relevant": "The articles are not relevant to me",
    "never_signed_up": "I never signed up",
    "elsewhere": "I read the articles elsewhere",
    "other": "Something else",
}


class UnsubscribePages:
    """GET shows the page and POST unsubscribes. No cookies, no redirects; repeating it changes nothing."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/unsubscribe/{token}", self.unsubscribe, methods=["GET", "POST"]),
            Route("/unsubscribe/{token}/reason", self.give_reason, methods=["POST"]),
            Route("/unsubscribe/{token}/resubscribe", self.resubscribe, methods=["POST"]),
        ]

    async def unsubscribe(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show_question, request)
        form = await read_form(request)
        method = next((method for method, (name, value) in _METHODS.items() if form.one(name) == value), None)
        if method is None:
            raise HTTPException(400)
        return await run_in_threadpool(self._unsubscribe, request, method)

    async def give_reason(self, request: Request) -> Response:
        form = await read_form(request)
        reason, words = form.one("reason"), form.one("words")
        if reason and reason not in _REASONS:
            raise HTTPException(400)
        return await run_in_threadpool(self._record_reason, request, reason, words)

    def resubscribe(self, request: Request) -> Response:
        page = unsubscribe.resubscribe(self._app, request.path_params["token"], client_ip(request))
        return self._show(page, is_back=page is not None and page.membership is Membership.SUBSCRIBED)

    def _show_question(self, request: Request) -> Response:
        return self._show(unsubscribe.find_unsubscribe(self._app, request.path_params["token"]))

    def _unsubscribe(self, request: Request, method: str) -> Response:
        return self._show(unsubscribe.unsubscribe(self._app, request.path_params["token"], {"way": method}))

    def _record_reason(self, request: Request, reason: str, words: str) -> Response:
        page = unsubscribe.record_reason(self._app, request.path_params["token"], reason, words)
        return self._show(page, has_reason=bool(reason or words))

    def _show(self, page: UnsubscribePage | None, *, has_reason: bool = False, is_back: bool = False) -> Response:
        if page is None:
            raise invalid_link()
        root, tokens = self._pages.root, self._app.tokens
        context = {
            "list": page.list.name,
            "email": masked_email(page.recipient),
            "is_subscribed": page.membership is Membership.SUBSCRIBED,
            "has_reason": has_reason,
            "is_back": is_back,
            "action": f"{root}/unsubscribe/{tokens.mint(Purpose.UNSUBSCRIBE, page.delivery_id)}",
            "preferences": f"{root}/preferences/{tokens.mint(Purpose.PREFERENCES, page.delivery_id)}",
            "button": _BUTTON,
            "reasons": _REASONS,
            "longest": unsubscribe.LONGEST_REASON,
            "promise": consent_texts.sign_up_statement(self._app.site),
        }
        return self._pages.respond("unsubscribe.html.j2", context)
