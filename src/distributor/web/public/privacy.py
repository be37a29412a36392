"""Own data: everything that is kept about somebody as a file, and the button that takes it all away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.domain.subscriber import Subscriber
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.flow.subscriptions import preferences
from distributor.flow.subscriptions.request_limits import RequestLimit, spend
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.pages import PageRenderer
from distributor.web.public.masking import masked_email

_WRONG, _TOO_OFTEN = 422, 429
_TRIES = 10
_DAY = timedelta(days=1)
_NOT_THIS_ONE = "This is not the address that the mail with this link went to."
_NOT_SURE = "Please tick this, so that nobody is erased by a slip of the hand."
_ENOUGH = "There were too many tries with this link today. Please try again tomorrow. Nothing was done."
_COUNTED = {
    "memberships": "Lists",
    "consents": "Records of consent",
    "deliveries": "Mails, now without you",
    "events": "Opens, clicks and the like",
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a form is shown again: sentences by field."""

    errors: dict[str, str]
    status: int = _WRONG


class PrivacyPages:
    """A link alone opens neither: it may have been passed on, so the whole address is asked for, a few times a day."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/preferences/{token}/data", self.take_out, methods=["GET", "POST"]),
            Route("/preferences/{token}/erase", self.erase, methods=["GET", "POST"]),
        ]

    async def take_out(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show, request, Form({}), "data")
        return await run_in_threadpool(self._take_out, request, await read_form(request))

    async def erase(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show, request, Form({}), "erase")
        return await run_in_threadpool(self._erase, request, await read_form(request))

    def _take_out(self, request: Request, form: Form) -> Response:
        person = self._identify(request, form)
        if isinstance(person, _Refusal):
            return self._show(request, form, "data", person)
        try:
            told = privacy.export_person(self._app, person.id)
        except NotFoundError:
            raise invalid_link() from None
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="my-data.json"',
            "X-Robots-Tag": "noindex",
        }
        body = json.dumps(told, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=headers)

    def _erase(self, request: Request, form: Form) -> Response:
        is_sure = form.one("sure") == "yes"
        person = self._identify(request, form) if is_sure else _Refusal({"sure": _NOT_SURE})
        if isinstance(person, _Refusal):
            return self._show(request, form, "erase", person)
        try:
            erasure = privacy.erase(self._app, person.id, requested_by="form")
        except NotFoundError:
            raise invalid_link() from None
        counts = {label: erasure.counts.get(table, 0) for table, label in _COUNTED.items()}
        return self._pages.respond("erased.html.j2", {"counts": counts})

    def _identify(self, request: Request, form: Form) -> Subscriber | _Refusal:
        token = request.path_params["token"]
        if preferences.find_preferences(self._app, token) is None:
            raise invalid_link()
        tries = RequestLimit(what="identity", subject=token, limit=_TRIES, window=_DAY)
        if spend(self._app.redis, [tries]) is not None:
            return _Refusal({"form": _ENOUGH}, _TOO_OFTEN)
        person = preferences.identify(self._app, token, form.one("email"))
        return person or _Refusal({"email": _NOT_THIS_ONE})

    def _show(self, request: Request, form: Form, what: str, refusal: _Refusal | None = None) -> Response:
        token = request.path_params["token"]
        found = preferences.find_preferences(self._app, token)
        if found is None:
            raise invalid_link()
        base = f"{self._pages.root}/preferences/{self._app.tokens.mint(Purpose.PREFERENCES, found.delivery_id)}"
        context = {
            "is_erasure": what == "erase",
            "email": masked_email(found.recipient),
            "typed": form.one("email"),
            "is_sure": form.one("sure") == "yes",
            "errors": refusal.errors if refusal else {},
            "action": f"{base}/{what}",
            "preferences": base,
        }
        return self._pages.respond("own_data.html.j2", context, status=refusal.status if refusal else 200)
