"""The unsubscribe page, the one-click POST of RFC 8058, and the feedback form after it."""

from __future__ import annotations

import sys
from contextlib import aclosing
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.subscriber import Membership
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import unsubscribe
from distributor.flow.subscriptions.unsubscribe import UnsubscribePage
from distributor.rendering.words import Words
from distributor.web.client_ip import client_ip
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.pages import PageRenderer, masked_email

# What the button of our own page posts, in a form of at most this many bytes.
_BUTTON = ("button", "unsubscribe")
_LONGEST_FORM = 1024
_REASONS = ("too_often", "not_relevant", "never_signed_up", "elsewhere", "other")


class UnsubscribePages:
    """GET shows the page and POST unsubscribes, whatever its body. No cookies, no redirects; repeats change nothing."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            # No limit: only the beginning of the body is read, and one that is too large does the same.
            Route("/unsubscribe/{token}", self.unsubscribe, methods=["GET", "POST"], max_body_size=sys.maxsize),
            Route("/unsubscribe/{token}/reason", self.give_reason, methods=["POST"]),
            Route("/unsubscribe/{token}/resubscribe", self.resubscribe, methods=["POST"]),
        ]

    async def unsubscribe(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show_question, request)
        return await run_in_threadpool(self._unsubscribe, request, await _is_own_button(request))

    async def give_reason(self, request: Request) -> Response:
        form = await read_form(request)
        reason, own_words = form.one("reason"), form.one("words")
        if reason and reason not in _REASONS:
            raise HTTPException(400)
        return await run_in_threadpool(self._record_reason, request, reason, own_words)

    async def resubscribe(self, request: Request) -> Response:
        return await run_in_threadpool(self._resubscribe, request, await read_form(request))

    def _show_question(self, request: Request) -> Response:
        return self._show(request, unsubscribe.find_unsubscribe(self._app, request.path_params["token"]))

    def _unsubscribe(self, request: Request, is_own_button: bool) -> Response:
        way, text = "one-click", consent_texts.ONE_CLICK
        if is_own_button:
            way, text = "page", self._words(request).text("unsubscribe.button")
        left = unsubscribe.unsubscribe(self._app, request.path_params["token"], {"way": way}, text=text)
        return self._show(request, left)

    def _record_reason(self, request: Request, reason: str, own_words: str) -> Response:
        page = unsubscribe.record_reason(self._app, request.path_params["token"], reason, own_words)
        return self._show(request, page, has_reason=bool(reason or own_words))

    def _resubscribe(self, request: Request, form: Form) -> Response:
        shown_in = self._pages.shown_in(form, self._words(request))
        page = unsubscribe.resubscribe(self._app, request.path_params["token"], client_ip(request), shown_in)
        return self._show(request, page, is_back=page is not None and page.membership is Membership.SUBSCRIBED)

    def _words(self, request: Request) -> Words:
        found = unsubscribe.find_unsubscribe(self._app, request.path_params["token"])
        return self._pages.words_for(request, found.language if found else None)

    def _show(
        self, request: Request, page: UnsubscribePage | None, *, has_reason: bool = False, is_back: bool = False
    ) -> Response:
        if page is None:
            raise invalid_link()
        root, tokens, words = self._pages.root, self._app.tokens, self._pages.words_for(request, page.language)
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
            "promise": consent_texts.sign_up_statement(words, self._app.site),
        }
        return self._pages.respond("unsubscribe.html.j2", context, words)


async def _is_own_button(request: Request) -> bool:
    """Whether the body is the form of our own page.

    Any other body, also one that is too large or breaks off, came from a mail program: RFC 8058 has it post
    ``List-Unsubscribe=One-Click``, but not all of them do, and the signed address alone says what they want.
    """
    body = b""
    try:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > _LONGEST_FORM:
                    return False
    except ClientDisconnect:
        return False
    return _BUTTON in parse_qsl(body.decode("latin-1"))
