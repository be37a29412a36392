"""What people see when something is wrong: a page with a sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from distributor.domain.errors import NotFoundError, ServiceError
from distributor.web.headers import PAGE_HEADERS
from distributor.web.pages import PageRenderer

# A title and a sentence.
ErrorText: TypeAlias = tuple[str, str]

_WORDS: Mapping[int, ErrorText] = {
    400: ("That could not be understood", "The request was incomplete, so nothing was changed."),
    404: ("There is nothing here", "The address may have a typing error, or the page has moved or was taken down."),
    405: ("That is not possible here", "This address exists, but not for what was asked of it. Nothing was changed."),
    413: ("That was too much", "More was sent than this address takes. Nothing was changed."),
    500: ("Something went wrong", "The fault is ours and has been written down. Please try again later."),
    503: ("Not available at the moment", "A part of this service does not answer. Please try again in a minute."),
}
_WORDS_BY_NOUN: Mapping[str, ErrorText] = {
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


def invalid_link() -> NotFoundError:
    """For a signed link that is forged, cut off, or of a mail we know nothing about any more. It is not named."""
    return NotFoundError("link", "in a mail")


def exception_handlers(pages: PageRenderer) -> dict[Any, Callable[[Request, Any], Response]]:
    """What is to be answered for each exception."""

    def page(status: int, words: ErrorText, headers: Mapping[str, str] | None = None) -> Response:
        title, sentence = words
        return pages.respond("message.html.j2", {"title": title, "sentence": sentence}, status=status, headers=headers)

    def refused(request: Request, error: HTTPException) -> Response:
        return page(error.status_code, _WORDS.get(error.status_code, _WORDS[400]), error.headers)

    def unknown(request: Request, error: NotFoundError) -> Response:
        return page(404, _WORDS_BY_NOUN.get(error.noun, _WORDS[404]))

    def unavailable(request: Request, error: ServiceError) -> Response:
        _log.error("a service does not answer", reason=str(error))
        return page(503, _WORDS[503], {"Retry-After": "60"})

    def broken(request: Request, error: Exception) -> Response:
        # Starlette sends this one past all middleware, so it brings the headers itself.
        return page(500, _WORDS[500], PAGE_HEADERS)

    return {HTTPException: refused, NotFoundError: unknown, ServiceError: unavailable, Exception: broken}
