"""The confirmation page, which the link in the confirmation mail opens."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import confirm
from distributor.flow.subscriptions.confirm import ConfirmationRequest
from distributor.web.client_ip import client_ip
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.pages import PageRenderer, masked_email

_BUTTON = ("button", "confirm")


class ConfirmPages:
    """GET shows the page and POST confirms: mail scanners follow links, but press no buttons."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [Route("/confirm/{token}", self.confirm, methods=["GET", "POST"])]

    async def confirm(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show_question, request)
        form = await read_form(request)
        if form.one(_BUTTON[0]) != _BUTTON[1]:
            raise HTTPException(400)
        return await run_in_threadpool(self._confirm, request, form)

    def _show_question(self, request: Request) -> Response:
        return self._show(request, self._find(request))

    def _confirm(self, request: Request, form: Form) -> Response:
        words = self._pages.words_for(request, self._find(request).language)
        shown_in = self._pages.shown_in(form, words)
        confirmed = confirm.confirm(self._app, request.path_params["token"], client_ip(request), shown_in)
        return self._show(request, _require(confirmed))

    def _find(self, request: Request) -> ConfirmationRequest:
        return _require(confirm.find_confirmation(self._app, request.path_params["token"]))

    def _show(self, request: Request, question: ConfirmationRequest) -> Response:
        tokens, root, words = self._app.tokens, self._pages.root, self._pages.words_for(request, question.language)
        context = {
            "state": question.state.name,
            "lists": question.lists,
            "email": masked_email(question.recipient),
            "promise": consent_texts.sign_up_statement(words, self._app.site),
            "action": f"{root}/confirm/{request.path_params['token']}",
            "button": _BUTTON,
            "preferences": f"{root}/preferences/{tokens.mint(Purpose.PREFERENCES, question.delivery_id)}",
            "unsubscribe": f"{root}/unsubscribe/{tokens.mint(Purpose.UNSUBSCRIBE, question.delivery_id)}",
        }
        return self._pages.respond("confirm.html.j2", context, words)


def _require(found: ConfirmationRequest | None) -> ConfirmationRequest:
    if found is None:
        raise invalid_link()
    return found
