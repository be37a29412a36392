"""What a program is told when something is wrong: problem details after RFC 9457, made in this one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from distributor.domain.errors import (
    AddressError,
    ConfigurationError,
    DistributorError,
    InputError,
    NotFoundError,
    SegmentError,
    ServiceError,
    StateError,
)
from distributor.web.headers import PAGE_HEADERS

MEDIA_TYPE = "application/problem+json"
# The server refuses a body that is too large before anybody has looked at it, in words of its own.
_TEXT = "text/plain"
_TYPES = "urn:distributor:problem:"
# What is wrong with the first of a thousand addresses is enough to mend the program that sent them.
_MOST_FAULTS = 50

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with what was sent, and where: in the body, or in a parameter of the address."""

    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body (RFC 6901), such as `#/email`.")
    parameter: str | None = Field(None, description="The parameter of the path or the query.")


class ProblemDetails(BaseModel):
    """What is wrong (RFC 9457). `type` is for programs, `detail` for people."""

    type: str = Field(description="What kind of problem it is.", examples=[_TYPES + "not-found"])
    title: str = Field(description="The kind of problem in words, always the same.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="What is wrong and what to do.")
    errors: list[FieldError] | None = Field(None, description="Every single fault, at most 50 of them.")
    hint: str | None = Field(None, description="Of a condition: what was perhaps meant.")
    line: int | None = Field(None, description="Of a condition as text: the line, from 1.")
    column: int | None = Field(None, description="Of a condition as text: the column, from 1.")
    offset: int | None = Field(None, description="Of a condition as text: the place in characters, from 0.")
    length: int | None = Field(None, description="Of a condition as text: how many characters are meant.")
    path: str | None = Field(None, description="Of a condition as JSON: the path to the place.")


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    name: str
    title: str


_BAD_INPUT = _Kind(422, "invalid-input", "What was sent is wrong")
_KINDS: Mapping[type[DistributorError], _Kind] = {
    AddressError: _Kind(422, "invalid-address", "This is not an email address"),
    SegmentError: _Kind(422, "invalid-condition", "This condition cannot be understood"),
    InputError: _BAD_INPUT,
    NotFoundError: _Kind(404, "not-found", "There is nothing of this name"),
    StateError: _Kind(409, "conflict", "This is not possible as things are"),
    ConfigurationError: _Kind(503, "not-set-up", "This app is not set up for that"),
    ServiceError: _Kind(503, "unavailable", "A part of the service does not answer"),
    DistributorError: _Kind(500, "internal", "The fault is ours"),
}
_MEANINGS: Mapping[int, str] = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown, revoked or expired.",
    403: "The token lacks the scope.",
    404: "There is nothing of this name or number.",
    405: "This address exists, but not for what was asked of it.",
    409: "This is not possible as things are.",
    413: "The body is larger than this address takes.",
    422: "What was sent is wrong: `errors` says where.",
    500: "The fault is ours and has been written down.",
    503: "A part of the service does not answer or is not set up; it says in its log what is missing.",
}
_NAMES = {status: HTTPStatus(status).phrase.replace(" ", "") for status in _MEANINGS}
_PLACE = ("line", "column", "offset", "length", "path")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems as an operation names them in its description."""
    return {
        status: {"$ref": f"#/components/responses/{_NAMES[status]}", "description": _MEANINGS[status]}
        for status in statuses
    }


def openapi_responses() -> dict[str, Any]:
    """The components of the description that these names refer to."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        _NAMES[status]: {
            "description": meaning,
            "content": {_TEXT: {"schema": {"type": "string"}}}
            if status == 413
            else {MEDIA_TYPE: {"schema": schema, "example": _example(status)}},
        }
        for status, meaning in _MEANINGS.items()
    }


# What any operation may answer, and what those may that take a body.
COMMON_PROBLEMS = problem_responses(400, 401, 403, 413, 422, 500, 503)
BODY_STATUSES = frozenset({"400", "413"})


def not_found_response() -> Response:
    """For an address that nothing can have."""
    return _answer(_KINDS[NotFoundError], _MEANINGS[404])


def exception_handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """What is to be answered for each exception."""
    return {
        DistributorError: _ours,
        RequestValidationError: _unreadable,
        HTTPException: _refused,
        ClientDisconnect: _hung_up,
        Exception: _broken,
    }


async def _ours(request: Request, error: DistributorError) -> Response:
    kind = next(_KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in _KINDS)
    if kind.status >= 500:
        _log.error("the API cannot answer", reason=str(error))
    if kind.status == 500:
        return await _broken(request, error)
    if kind.status == 503:
        return _answer(kind, _MEANINGS[503], headers={"Retry-After": "60"})
    if isinstance(error, NotFoundError):
        # Without its hint, which names commands of the command line.
        return _answer(kind, f"there is no {error.noun} {error.name!r}")
    if isinstance(error, SegmentError):
        place = {name: getattr(error, name) for name in _PLACE}
        return _answer(kind, error.reason, hint=error.hint or None, **place)
    return _answer(kind, str(error))


async def _unreadable(request: Request, error: RequestValidationError) -> Response:
    faults = [_fault(found) for found in error.errors()[:_MOST_FAULTS]]
    detail = "; ".join(dict.fromkeys(fault.detail for fault in faults[:3]))
    return _answer(_BAD_INPUT, detail, errors=faults)


async def _refused(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    kind = _kind_of(status)
    detail = error.detail if error.detail != status.phrase else _MEANINGS.get(status, status.description)
    headers = _allowed(request) if status is HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return _answer(kind, detail, headers=headers)


async def _hung_up(request: Request, error: ClientDisconnect) -> Response:
    # Nobody reads it: it ends a request that was cut off, which is no fault of ours.
    return _answer(_kind_of(HTTPStatus.BAD_REQUEST), _MEANINGS[400])


async def _broken(request: Request, error: Exception) -> Response:
    # Starlette sends this one past all middleware, so it brings the headers itself.
    return _answer(_KINDS[DistributorError], _MEANINGS[500], headers=PAGE_HEADERS)


def _example(status: int) -> dict[str, Any]:
    kind = next(
        (kind for kind in (_BAD_INPUT, *_KINDS.values()) if kind.status == status), _kind_of(HTTPStatus(status))
    )
    example = {"type": _TYPES + kind.name, "title": kind.title, "status": status, "detail": _MEANINGS[status]}
    if kind is not _BAD_INPUT:
        return example
    fault = {"detail": "'nobody' is not an email address: there is no @ in it", "pointer": "#/email"}
    return {**example, "detail": fault["detail"], "errors": [fault]}


def _kind_of(status: HTTPStatus) -> _Kind:
    return _Kind(status.value, status.phrase.lower().replace(" ", "-"), status.phrase)


def _allowed(request: Request) -> dict[str, str]:
    """RFC 9110, section 15.5.6: all that this address can do, of which a router knows only the first."""
    described = request.app.openapi()["paths"].get(request.scope["route"].path, {})
    return {"Allow": ", ".join(method.upper() for method in described)}


def _answer(kind: _Kind, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    problem = ProblemDetails(type=_TYPES + kind.name, title=kind.title, status=kind.status, detail=detail, **more)
    # In ASCII: what is quoted of the request may hold half of a character, which UTF-8 cannot.
    body = json.dumps(problem.model_dump(exclude_none=True))
    return Response(body, kind.status, headers={**(headers or {}), "Content-Type": MEDIA_TYPE})


def _fault(found: Mapping[str, Any]) -> FieldError:
    where, *path = found["loc"]
    if found["type"] == "json_invalid":
        return FieldError(detail=f"the body is not JSON, at character {path[0]}: {found['ctx']['error']}")
    # What a validator of ours says comes with pydantic's own word in front.
    detail = found["msg"].removeprefix("Value error, ")
    if where != "body":
        return FieldError(detail=detail, parameter=str(path[0]) if path else None)
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return FieldError(detail=detail, pointer="/".join(["#", *steps]))
