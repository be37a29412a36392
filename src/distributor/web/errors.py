"""The error pages: a title and a sentence for people, never a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from distributor.domain.errors import DataError, GoneError, InertLinkError, NotFoundError, RemovedError, ServiceError
from distributor.web.forms import FormError, Resend, resend_of
from distributor.web.headers import PAGE_HEADERS
from distributor.web.pages import PageRenderer

# The words of each status that has some of its own; the others are like 400.
_STATUSES = frozenset({400, 404, 405, 410, 413, 500, 503})
# What has words of its own beside its status: what there is none of, and the link of a test mail.
_NOUNS = frozenset({"link", "mail", "past_mail", "feed", "test"})

# Of what is away for now: in seconds.
RETRY_LATER: Mapping[str, str] = {"Retry-After": "60"}

_log = structlog.get_logger(__name__)


def invalid_link() -> NotFoundError:
    """The error for a signed link that is forged, truncated, or of a deleted delivery; the token is not in it."""
    return NotFoundError("link", "in a mail")


class ErrorPage(Protocol):
    """Responds with a page for people.

    `what` names other words than those of the status, and `resend` is a form that the page can send again.
    """

    def __call__(
        self,
        request: Request,
        status: int,
        what: str = "",
        headers: Mapping[str, str] | None = None,
        resend: Resend | None = None,
    ) -> Response: ...


def public_error_page(pages: PageRenderer) -> ErrorPage:
    """The error page for the public: what happened, in the language of the browser."""

    def page(
        request: Request,
        status: int,
        what: str = "",
        headers: Mapping[str, str] | None = None,
        resend: Resend | None = None,
    ) -> Response:
        words = pages.words_for(request)
        key = f"messages.{(what if what in _NOUNS else '') or (status if status in _STATUSES else 400)}"
        context = {"title": words.text(f"{key}.title"), "sentence": words.text(f"{key}.text"), "resend": resend}
        return pages.respond("message.html.j2", context, words, status=status, headers=headers)

    return page


def exception_handlers(page: ErrorPage) -> dict[Any, Callable[[Request, Any], Response | Awaitable[Response]]]:
    """The handlers of the exceptions, each of which responds with an error page."""

    def refused(request: Request, error: HTTPException) -> Response:
        what = error.fault.value if isinstance(error, FormError) else ""
        return page(request, error.status_code, what, headers=error.headers)

    def disconnected(request: Request, error: ClientDisconnect) -> Response:
        # No one reads it: the client has disconnected, which is not our error.
        return page(request, 400)

    def unknown(request: Request, error: NotFoundError) -> Response:
        return page(request, 404, error.noun)

    def inert(request: Request, error: InertLinkError) -> Response:
        # Mail programs expect success from the one-click POST.
        return page(request, 200, "test")

    def gone(request: Request, error: GoneError) -> Response:
        return page(request, 410, "past_mail" if isinstance(error, RemovedError) else "")

    def unstorable(request: Request, error: DataError) -> Response:
        _log.warning("request refused", reason=str(error))
        return page(request, 400)

    async def unavailable(request: Request, error: ServiceError) -> Response:
        _log.error("service unavailable", reason=str(error))
        resend = await resend_of(request)
        return await run_in_threadpool(page, request, 503, headers=RETRY_LATER, resend=resend)

    def broken(request: Request, error: Exception) -> Response:
        # Starlette sends this response without the middleware, so it sets the headers itself.
        return page(request, 500, headers=PAGE_HEADERS)

    return {
        HTTPException: refused,
        ClientDisconnect: disconnected,
        InertLinkError: inert,
        GoneError: gone,
        NotFoundError: unknown,
        DataError: unstorable,
        ServiceError: unavailable,
        Exception: broken,
    }
