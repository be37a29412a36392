"""The sign-up form as a page, for one list or all, and for other sites to embed or to post to."""

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

from distributor.domain.consent import CONFIRMATIONS_APART, CONFIRMATIONS_PER_DAY
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError, TemplateError
from distributor.domain.stored_text import storable
from distributor.domain.subscriber import ListVisibility, MailingList, OptIn
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.request_limits import LimitExceeded, RequestLimit, network_of, spend
from distributor.flow.subscriptions import sign_up
from distributor.flow.subscriptions.proof_of_work import ProofOfWork
from distributor.rendering.words import Words
from distributor.storage import lists, tags, topics
from distributor.web.client_ip import client_ip, foreign_origin
from distributor.web.config import WebConfig
from distributor.web.errors import RETRY_LATER
from distributor.web.forms import Form, read_form
from distributor.web.headers import content_policy
from distributor.web.languages import language_choices
from distributor.web.pages import PageRenderer
from distributor.web.public.sign_up_form import (
    HONEYPOT,
    SignUpForm,
    person_from,
    read_sign_up_form,
    sign_up_from,
    topics_in,
)

_INVALID = 422
_TOO_MANY_REQUESTS = 429
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
# Errors of ours during a sign-up, which may pass; InputError if a list was changed at the same time.
_SERVER_ERRORS = (ConfigurationError, InputError, StateError, TemplateError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _FormPage:
    """A variant of the form: its words and lists, the path it posts to, the page around it, and who may frame it."""

    words: Words
    offered: tuple[MailingList, ...]
    path: str
    is_single: bool
    layout: str = "web/public/base.html.j2"
    frame_ancestors: str = "'none'"


class SignUpPages:
    """The response to a valid form is always the same, so that it does not reveal whether an address is known."""

    def __init__(self, app: AppContext, pages: PageRenderer, config: WebConfig) -> None:
        self._app = app
        self._pages = pages
        self._config = config
        self._challenges = ProofOfWork(app.redis, cost=config.challenge_cost) if config.challenge_cost else None

    def routes(self) -> list[Route]:
        return [
            Route("/subscribe", self.show_all, methods=["GET", "POST"]),
            Route("/subscribe/{slug}", self.show_list, methods=["GET", "POST"]),
            Route("/subscribe/{slug}/embed", self.show_embedded, methods=["GET", "POST"]),
        ]

    async def show_all(self, request: Request) -> Response:
        return await self._answer(request, await run_in_threadpool(self._all_lists, request))

    async def show_list(self, request: Request) -> Response:
        return await self._answer(request, await run_in_threadpool(self._one_list, request))

    async def show_embedded(self, request: Request) -> Response:
        page = await run_in_threadpool(self._one_list, request)
        return await self._answer(request, _embedded(page))

    def _all_lists(self, request: Request) -> _FormPage:
        with self._app.database.begin() as connection:
            offered = tuple(lists.public(connection))
        return _FormPage(self._pages.words_for(request), offered, "/subscribe", is_single=False)

    def _one_list(self, request: Request) -> _FormPage:
        slug = request.path_params["slug"]
        with self._app.database.begin() as connection:
            found = lists.find(connection, slug)
        if found.visibility is not ListVisibility.PUBLIC:
            raise NotFoundError("list", slug)
        return _FormPage(self._pages.words_for(request), (found,), f"/subscribe/{slug}", is_single=True)

    async def _answer(self, request: Request, page: _FormPage) -> Response:
        if request.method != "POST":
            form_state = SignUpForm(lists=(page.offered[0].slug,) if len(page.offered) == 1 else ())
            return await run_in_threadpool(self._show, page, form_state, robots="all")
        began = time.monotonic()
        form = await read_form(request)
        response = await run_in_threadpool(self._submit, request, page, form)
        await anyio.sleep(max(0, began + self._config.answer_after.total_seconds() - time.monotonic()))
        return response

    def _submit(self, request: Request, page: _FormPage, form: Form) -> Response:
        form_state = read_sign_up_form(
            form, page.offered, page.words, language=self._app.site.language, renamed=self._renamed_topics(page, form)
        )
        if form_state.is_honeypot_filled:
            return self._show_done(page, form_state)
        if form_state.errors:
            return self._show(page, form_state, status=_INVALID)
        if self._challenges and not self._challenges.verify(form.one("altcha")):
            return self._show(
                page, replace(form_state, errors={"form": page.words.text("errors.not_solved")}), status=_INVALID
            )
        ip_address = client_ip(request)
        exceeded = spend(self._app.redis, self._request_limits(form_state, ip_address))
        if exceeded is not None:
            return self._show_limit(page, form_state, exceeded)
        asked = sign_up_from(form_state, ip_address=ip_address, page=foreign_origin(request, self._app.site.public_url))
        try:
            sign_up.sign_up(self._app, asked)
        except _SERVER_ERRORS as error:
            _log.error("sign-up failed", reason=str(error))
            raise HTTPException(503, headers=RETRY_LATER) from error
        return self._show_done(page, form_state)

    def _renamed_topics(self, page: _FormPage, form: Form) -> dict[str, str]:
        """The topics of now by those that were renamed while the form was open; on another site that may be long."""
        ticked = {topic for one in page.offered for topic in topics_in(form, one)}
        unknown = ticked.difference(*(one.topics for one in page.offered))
        if not unknown:
            return {}
        with self._app.database.begin() as connection:
            return tags.current_by_slug(connection, map(storable, unknown))

    def _request_limits(self, form_state: SignUpForm, ip_address: str) -> list[RequestLimit]:
        config, key = self._config, person_from(form_state).key
        return [
            RequestLimit(what="address", subject=key, limit=config.sign_ups_per_address, window=_DAY),
            RequestLimit(
                what="network", subject=network_of(ip_address), limit=config.sign_ups_per_network, window=_HOUR
            ),
            *(
                RequestLimit(what="list", subject=slug, limit=config.sign_ups_per_list, window=_HOUR)
                for slug in sorted(form_state.lists)
            ),
        ]

    def _show_limit(self, page: _FormPage, form_state: SignUpForm, exceeded: LimitExceeded) -> Response:
        when = _wait_text(exceeded.wait, page.words)
        sentence = (
            f"{page.words.text(f'errors.many_{exceeded.rate.what}')} {page.words.text('errors.try_again', when=when)}"
        )
        headers = {"Retry-After": str(int(exceeded.wait.total_seconds()) + 1)}
        return self._show(
            page, replace(form_state, errors={"form": sentence}), status=_TOO_MANY_REQUESTS, headers=headers
        )

    def _show_done(self, page: _FormPage, form_state: SignUpForm) -> Response:
        chosen = [one for one in page.offered if one.slug in form_state.lists]
        context = {
            "layout": page.layout,
            "email": form_state.email,
            "lists": [one.name for one in chosen],
            # A property of the lists: it does not depend on the subscriber.
            "is_confirmed": all(one.opt_in is OptIn.DOUBLE for one in chosen),
            "minutes": CONFIRMATIONS_APART // timedelta(minutes=1),
            "most": CONFIRMATIONS_PER_DAY,
        }
        policy = content_policy({"frame-ancestors": page.frame_ancestors})
        return self._pages.respond(
            "subscribed.html.j2", context, page.words, headers={"Content-Security-Policy": policy}
        )

    def _show(
        self,
        page: _FormPage,
        form_state: SignUpForm,
        *,
        status: int = 200,
        robots: str = "noindex",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        site, words = self._app.site, page.words
        context = {
            "layout": page.layout,
            "is_single": page.is_single,
            "lists": self._offers(page.offered),
            "form_state": form_state,
            "honeypot": HONEYPOT,
            "promise": consent_texts.sign_up_statement(words, site),
            "languages": language_choices(self._app.templates.words, site.language),
            "language": form_state.language or (site.language if words is self._pages.site_words else words.language),
            "action": self._pages.root + page.path,
            "challenge": json.dumps(self._challenges.create_challenge()) if self._challenges else "",
            "solver_url": self._pages.solver_url,
        }
        policy = {"frame-ancestors": page.frame_ancestors} | ({"script-src": "'self'"} if self._challenges else {})
        own = {"X-Robots-Tag": robots, "Content-Security-Policy": content_policy(policy)}
        return self._pages.respond(
            "subscribe.html.j2", context, words, status=status, headers={**own, **(headers or {})}
        )

    def _offers(self, offered: Sequence[MailingList]) -> list[dict[str, object]]:
        with self._app.database.begin() as connection:
            labels = topics.labels(connection, (topic for one in offered for topic in one.topics))
        return [
            {"list": one, "topics": [{"slug": topic, "label": labels[topic]} for topic in one.topics]}
            for one in offered
        ]


def _embedded(page: _FormPage) -> _FormPage:
    return replace(page, path=f"{page.path}/embed", layout="web/public/frame.html.j2", frame_ancestors="*")


def _wait_text(wait: timedelta, words: Words) -> str:
    hours, minutes = divmod(int(wait.total_seconds()) // 60 + 1, 60)
    return words.text("errors.in_hours", count=hours + 1) if hours else words.text("errors.in_minutes", count=minutes)
