"""The pages to download or erase a subscriber's own data."""

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
from distributor.flow.request_limits import RequestLimit, spend
from distributor.flow.subscriptions import preferences
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.pages import PageRenderer, masked_email

_INVALID, _TOO_MANY_REQUESTS = 422, 429
_MAX_TRIES = 10
_DAY = timedelta(days=1)
# The tables whose erased rows are counted; their names are those of the texts beside the numbers.
_COUNTED = ("memberships", "consents", "deliveries", "events")


@dataclass(frozen=True, slots=True)
class _FormErrors:
    """Why the form is shown again: names of texts by field."""

    errors: dict[str, str]
    status: int = _INVALID


class PrivacyPages:
    """Download and erasure of a subscriber's data.

    The mail with the link may have been forwarded, so the full email address is required, with a few tries a day.
    """

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/preferences/{token}/data", self.download, methods=["GET", "POST"]),
            Route("/preferences/{token}/erase", self.erase, methods=["GET", "POST"]),
        ]

    async def download(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show, request, Form({}), "data")
        return await run_in_threadpool(self._download, request, await read_form(request))

    async def erase(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._show, request, Form({}), "erase")
        return await run_in_threadpool(self._erase, request, await read_form(request))

    def _download(self, request: Request, form: Form) -> Response:
        person = self._identify(request, form)
        if isinstance(person, _FormErrors):
            return self._show(request, form, "data", person)
        try:
            data = privacy.export_person(self._app, person.id)
        except NotFoundError:
            raise invalid_link() from None
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="my-data.json"',
            "X-Robots-Tag": "noindex",
        }
        body = json.dumps(data, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=headers)

    def _erase(self, request: Request, form: Form) -> Response:
        is_sure = form.one("sure") == "yes"
        person = self._identify(request, form) if is_sure else _FormErrors({"sure": "not_confirmed"})
        if isinstance(person, _FormErrors):
            return self._show(request, form, "erase", person)
        words = self._pages.words_for(request, person.language)
        try:
            erasure = privacy.erase(self._app, person.id, requested_by="form")
        except NotFoundError:
            raise invalid_link() from None
        counts = {table: erasure.counts.get(table, 0) for table in _COUNTED}
        return self._pages.respond("erased.html.j2", {"counts": counts}, words)

    def _identify(self, request: Request, form: Form) -> Subscriber | _FormErrors:
        token = request.path_params["token"]
        if preferences.find_preferences(self._app, token) is None:
            raise invalid_link()
        tries = RequestLimit(what="identity", subject=token, limit=_MAX_TRIES, window=_DAY)
        if spend(self._app.redis, [tries]) is not None:
            return _FormErrors({"form": "many_tries"}, _TOO_MANY_REQUESTS)
        person = preferences.identify(self._app, token, form.one("email"))
        return person or _FormErrors({"email": "email_other"})

    def _show(self, request: Request, form: Form, what: str, form_errors: _FormErrors | None = None) -> Response:
        token = request.path_params["token"]
        found = preferences.find_preferences(self._app, token)
        if found is None:
            raise invalid_link()
        words = self._pages.words_for(request, found.person.language)
        errors = form_errors.errors if form_errors else {}
        base = f"{self._pages.root}/preferences/{self._app.tokens.mint(Purpose.PREFERENCES, found.delivery_id)}"
        context = {
            "is_erasure": what == "erase",
            "email": masked_email(found.recipient),
            "typed": form.one("email"),
            "is_sure": form.one("sure") == "yes",
            "errors": {name: words.text(f"errors.{text}") for name, text in errors.items()},
            "action": f"{base}/{what}",
            "preferences": base,
        }
        return self._pages.respond(
            "own_data.html.j2", context, words, status=form_errors.status if form_errors else 200
        )
