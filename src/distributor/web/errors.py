"""The error pages: a title and a sentence for people, never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from distributor.domain.errors import DataError, GoneError, InertLinkError, NotFoundError, ServiceError
from distributor.web.headers import PAGE_HEADERS
from distributor.web.pages import PageRenderer

# A title and a sentence.
ErrorText: TypeAlias = tuple[str, str]

_TEXTS: Mapping[int, ErrorText] = {
    400: ("Something is missing", "The request was incomplete, so nothing was changed."),
    404: ("Page not found", "The address may be mistyped, or the page was moved or removed."),
    405: ("This does not work here", "This page cannot do that. Nothing was changed."),
    410: ("This article was withdrawn", "It is no longer published here."),
    413: ("That is too much", "The form is too large. Nothing was changed."),
    500: ("Something went wrong", "This is our mistake, and we have logged it. Please try again later."),
    503: ("Not available right now", "Please try again in a minute."),
}
_TEXTS_BY_NOUN: Mapping[str, ErrorText] = {
    "link": (
        "This link does not work",
        "It may have been cut off when it was copied, or it is too old. Please open it again from the mail it came in.",
    ),
    "feed": (
        "There is no such feed",
        "Nothing has been published to it yet, or its address is wrong: feeds end in .rss, .atom or .json.",
    ),
}

_log = structlog.get_logger(__name__)


_TEST_MAIL: ErrorText = (
    "This was a test",
    "The link works. It came in a test mail: it belongs to no subscriber, changes nothing, and shows nothing that is "
    "not public yet.",
)


def invalid_link() -> NotFoundError:
    """The error for a signed link that is forged, truncated, or of a deleted delivery; the token is not in it."""
    return NotFoundError("link", "in a mail")


def exception_handlers(pages: PageRenderer) -> dict[Any, Callable[[Request, Any], Response]]:
    """The handlers of the exceptions, each of which responds with an error page."""

    def page(status: int, text: ErrorText, headers: Mapping[str, str] | None = None) -> Response:
        title, sentence = text
        return pages.respond("message.html.j2", {"title": title, "sentence": sentence}, status=status, headers=headers)

    def refused(request: Request, error: HTTPException) -> Response:
        return page(error.status_code, _TEXTS.get(error.status_code, _TEXTS[400]), error.headers)

    def disconnected(request: Request, error: ClientDisconnect) -> Response:
        # No one reads it: the client has disconnected, which is not our error.
        return page(400, _TEXTS[400])

    def unknown(request: Request, error: NotFoundError) -> Response:
        return page(404, _TEXTS_BY_NOUN.get(error.noun, _TEXTS[404]))

    def inert(request: Request, error: InertLinkError) -> Response:
        # Mail programs expect success from the one-click POST.
        return page(200, _TEST_MAIL)

    def gone(request: Request, error: GoneError) -> Response:
        return page(410, _TEXTS[410])

    def unstorable(request: Request, error: DataError) -> Response:
        _log.warning("request refused", reason=str(error))
        return page(400, _TEXTS[400])

    def unavailable(request: Request, error: ServiceError) -> Response:
        _log.error("service unavailable", reason=str(error))
        return page(503, _TEXTS[503], {"Retry-After": "60"})

    def broken(request: Request, error: Exception) -> Response:
        # Starlette sends this response without the middleware, so it sets the headers itself.
        return page(500, _TEXTS[500], PAGE_HEADERS)

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
