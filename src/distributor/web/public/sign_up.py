"""Signing up: the form as a page, for one list or all, and for other sites to show or to post to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import anyio
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError, TemplateError
from distributor.domain.subscriber import ListVisibility, MailingList, OptIn
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import sign_up
from distributor.flow.subscriptions.proof_of_work import ProofOfWork
from distributor.flow.subscriptions.request_limits import LimitExceeded, RequestLimit, network_of, spend
from distributor.storage import lists, topics
from distributor.web.client_ip import client_ip, foreign_origin
from distributor.web.config import WebConfig
from distributor.web.forms import Form, read_form
from distributor.web.headers import content_policy
from distributor.web.pages import PageRenderer
from distributor.web.public.languages import language_choices
from distributor.web.public.sign_up_form import HONEYPOT, SignUpForm, person_from, read_sign_up_form, sign_up_from

_WRONG = 422
_TOO_OFTEN = 429
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_NOT_SOLVED = "Your browser has to prove first that it is no robot. Please press the button once more."
_REASONS = {
    "address": "Somebody has signed up with this address very often today.",
    "network": "There were very many sign-ups from your network.",
    "list": "There were very many sign-ups to this list.",
}
# What is wrong on our side of a sign-up, and may be mended soon; InputError if a list was changed at this moment.
_TROUBLE = (ConfigurationError, InputError, StateError, TemplateError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a form stands: the lists it offers, the path it posts to, the page around it, and who may frame that."""

    offered: tuple[MailingList, ...]
    path: str
    is_single: bool
    layout: str = "web/public/base.html.j2"
    frame_ancestors: str = "'none'"


class SignUpPages:
    """Whoever posts a form that has no faults gets one and the same answer, whatever is known of the address."""

    def __init__(self, app: AppContext, pages: PageRenderer, rules: WebConfig) -> None:
        self._app = app
        self._pages = pages
        self._rules = rules
        self._challenges = ProofOfWork(app.redis, cost=rules.challenge_cost) if rules.challenge_cost else None

    def routes(self) -> list[Route]:
        return [
            Route("/subscribe", self.to_any, methods=["GET", "POST"]),
            Route("/subscribe/{slug}", self.to_one, methods=["GET", "POST"]),
            Route("/subscribe/{slug}/embed", self.embedded, methods=["GET", "POST"]),
        ]

    async def to_any(self, request: Request) -> Response:
        return await self._answer(request, await run_in_threadpool(self._at_all))

    async def to_one(self, request: Request) -> Response:
        return await self._answer(request, await run_in_threadpool(self._at_one, request.path_params["slug"]))

    async def embedded(self, request: Request) -> Response:
        place = await run_in_threadpool(self._at_one, request.path_params["slug"])
        return await self._answer(request, _framed(place))

    def _at_all(self) -> _Place:
        with self._app.database.begin() as connection:
            return _Place(tuple(lists.public(connection)), "/subscribe", is_single=False)

    def _at_one(self, slug: str) -> _Place:
        with self._app.database.begin() as connection:
            found = lists.find(connection, slug)
        if found.visibility is not ListVisibility.PUBLIC:
            raise NotFoundError("list", slug)
        return _Place((found,), f"/subscribe/{slug}", is_single=True)

    async def _answer(self, request: Request, place: _Place) -> Response:
        if request.method != "POST":
            typed = SignUpForm(lists=(place.offered[0].slug,) if len(place.offered) == 1 else ())
            return await run_in_threadpool(self._show, place, typed, robots="all")
        began = time.monotonic()
        form = await read_form(request)
        response = await run_in_threadpool(self._take, request, place, form)
        await anyio.sleep(max(0, began + self._rules.answer_after.total_seconds() - time.monotonic()))
        return response

    def _take(self, request: Request, place: _Place, form: Form) -> Response:
        typed = read_sign_up_form(form, place.offered, language=self._app.site.language)
        if typed.is_trapped:
            return self._thank(place, typed)
        if typed.errors:
            return self._show(place, typed, status=_WRONG)
        if self._challenges and not self._challenges.verify(form.one("altcha")):
            return self._show(place, replace(typed, errors={"form": _NOT_SOLVED}), status=_WRONG)
        network = client_ip(request)
        exceeded = spend(self._app.redis, self._rates(typed, network))
        if exceeded is not None:
            return self._refuse(place, typed, exceeded)
        asked = sign_up_from(typed, network=network, page=foreign_origin(request, self._app.site.public_url))
        try:
            sign_up.sign_up(self._app, asked)
        except _TROUBLE as error:
            _log.error("nobody can sign up", reason=str(error))
            raise HTTPException(503) from error
        return self._thank(place, typed)

    def _rates(self, typed: SignUpForm, network: str) -> list[RequestLimit]:
        rules, key = self._rules, person_from(typed).key
        return [
            RequestLimit(what="address", subject=key, limit=rules.sign_ups_per_address, window=_DAY),
            RequestLimit(what="network", subject=network_of(network), limit=rules.sign_ups_per_network, window=_HOUR),
            *(
                RequestLimit(what="list", subject=slug, limit=rules.sign_ups_per_list, window=_HOUR)
                for slug in sorted(typed.lists)
            ),
        ]

    def _refuse(self, place: _Place, typed: SignUpForm, exceeded: LimitExceeded) -> Response:
        sentence = f"{_REASONS[exceeded.rate.what]} Please try again {_in_words(exceeded.wait)}. Nothing was changed."
        headers = {"Retry-After": str(int(exceeded.wait.total_seconds()) + 1)}
        return self._show(place, replace(typed, errors={"form": sentence}), status=_TOO_OFTEN, headers=headers)

    def _thank(self, place: _Place, typed: SignUpForm) -> Response:
        chosen = [one for one in place.offered if one.slug in typed.lists]
        context = {
            "layout": place.layout,
            "email": typed.email,
            "lists": [one.name for one in chosen],
            # A property of the lists, not of the person: it tells nothing.
            "is_confirmed": all(one.opt_in is OptIn.DOUBLE for one in chosen),
        }
        policy = content_policy({"frame-ancestors": place.frame_ancestors})
        return self._pages.respond("subscribed.html.j2", context, headers={"Content-Security-Policy": policy})

    def _show(
        self,
        place: _Place,
        typed: SignUpForm,
        *,
        status: int = 200,
        robots: str = "noindex",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        site = self._app.site
        context = {
            "layout": place.layout,
            "is_single": place.is_single,
            "lists": self._offers(place.offered),
            "typed": typed,
            "trap": HONEYPOT,
            "promise": consent_texts.sign_up_statement(site),
            "languages": language_choices(site.language),
            "language": typed.language or site.language,
            "action": self._pages.root + place.path,
            "challenge": json.dumps(self._challenges.create_challenge()) if self._challenges else "",
            "solver_url": self._pages.solver_url,
        }
        policy = {"frame-ancestors": place.frame_ancestors} | ({"script-src": "'self'"} if self._challenges else {})
        own = {"X-Robots-Tag": robots, "Content-Security-Policy": content_policy(policy)}
        return self._pages.respond("subscribe.html.j2", context, status=status, headers={**own, **(headers or {})})

    def _offers(self, offered: Sequence[MailingList]) -> list[dict[str, object]]:
        with self._app.database.begin() as connection:
            labels = topics.labels(connection, (topic for one in offered for topic in one.topics))
        return [
            {"list": one, "topics": [{"slug": topic, "label": labels[topic]} for topic in one.topics]}
            for one in offered
        ]


def _framed(place: _Place) -> _Place:
    return replace(place, path=f"{place.path}/embed", layout="web/public/frame.html.j2", frame_ancestors="*")


def _in_words(wait: timedelta) -> str:
    hours, minutes = divmod(int(wait.total_seconds()) // 60 + 1, 60)
    if hours:
        return f"in {hours + 1} hours"
    return "in a minute" if minutes == 1 else f"in {minutes} minutes"
