"""Problem details (RFC 9457): the error responses of the API."""

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

from distributor.domain.api_token import ApiToken
from distributor.domain.article_draft import ArticleRevisedError, DraftText, UnfinishedDraftError
from distributor.domain.errors import (
    AddressError,
    BlockedError,
    ConfigurationError,
    DistributorError,
    InputError,
    NotFoundError,
    RemovedError,
    SegmentError,
    ServiceError,
    StateError,
)
from distributor.validation_messages import sentence_of
from distributor.web.api.auth import text_for
from distributor.web.headers import PAGE_HEADERS

MEDIA_TYPE = "application/problem+json"
# The server rejects a body that is too large itself, as plain text.
_TEXT = "text/plain"
_TYPES = "urn:distributor:problem:"
# Enough to fix the program that sent a thousand wrong addresses.
_MAX_ERRORS = 50

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One error in the request, and where: in the body, or in a parameter of the path or query."""

    detail: str
    pointer: str | None = Field(None, description="A JSON pointer into the body (RFC 6901), such as `#/email`.")
    parameter: str | None = Field(None, description="The parameter of the path or the query.")


class Blocker(BaseModel):
    """A problem that keeps a campaign from being sent."""

    channel: str | None = Field(None, description="Null: of the campaign as a whole.")
    code: str = Field(description="The kind of problem, for programs.", examples=["time-past"])
    message: str
    where: str | None = Field(None, description="Its place in what is sent.")


class MergedArticle(BaseModel):
    """Two texts of an article in one. Passages that both changed stand both, behind a line that says so."""

    title: str
    summary: str
    author: str
    language: str
    tags: list[str]
    image: str
    image_alt: str
    markdown: str

    @classmethod
    def of(cls, text: DraftText) -> MergedArticle:
        return cls(
            title=text.title,
            summary=text.summary,
            author=text.author,
            language=text.language,
            tags=[tag.label for tag in text.tag_list],
            image=text.image,
            image_alt=text.image_alt,
            markdown=text.body,
        )


class ProblemDetails(BaseModel):
    """A problem (RFC 9457): `type` is for programs, `detail` for people."""

    type: str = Field(description="The type of the problem.", examples=[_TYPES + "not-found"])
    title: str = Field(description="The type of the problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong and what to do.")
    errors: list[FieldError] | None = Field(None, description="All errors, at most 50.")
    hint: str | None = Field(None, description="Of a condition: a suggestion.")
    line: int | None = Field(None, description="Of a condition as text: the line, from 1.")
    column: int | None = Field(None, description="Of a condition as text: the column, from 1.")
    offset: int | None = Field(None, description="Of a condition as text: the character offset, from 0.")
    length: int | None = Field(None, description="Of a condition as text: the length in characters.")
    path: str | None = Field(None, description="Of a condition as JSON: the path of the error.")
    campaign: int | None = Field(None, description="Of type `blocked`: the campaign that stays a draft, or paused.")
    revision: int | None = Field(None, description="Of type `revised`: the newest revision of the article.")
    diff: str | None = Field(None, description="Of type `revised`: what changed since, as a unified diff.")
    merged: MergedArticle | None = Field(
        None, description="Of type `revised`: both texts in one, to be looked at and saved over `revision`."
    )
    blockers: list[Blocker] | None = Field(None, description="Of type `blocked`: everything that blocks it.")


@dataclass(frozen=True, slots=True)
class _ProblemType:
    status: int
    name: str
    title: str


_BAD_INPUT = _ProblemType(422, "invalid-input", "The request is invalid")
_PROBLEM_TYPES: Mapping[type[DistributorError], _ProblemType] = {
    AddressError: _ProblemType(422, "invalid-address", "The email address is invalid"),
    SegmentError: _ProblemType(422, "invalid-condition", "The condition is invalid"),
    InputError: _BAD_INPUT,
    NotFoundError: _ProblemType(404, "not-found", "Not found"),
    RemovedError: _ProblemType(410, "removed", "Removed when its retention time had passed"),
    StateError: _ProblemType(409, "conflict", "Not possible in the current state"),
    ArticleRevisedError: _ProblemType(409, "revised", "The article was revised since"),
    BlockedError: _ProblemType(409, "blocked", "The review of the campaign found what must not go out"),
    ConfigurationError: _ProblemType(503, "not-set-up", "The service is not configured for that"),
    ServiceError: _ProblemType(503, "unavailable", "The service is unavailable"),
    DistributorError: _ProblemType(500, "internal", "Internal error"),
}
_DESCRIPTIONS: Mapping[int, str] = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown, revoked or expired.",
    403: "The token lacks the scope.",
    404: "There is no resource with this name or id.",
    405: "This path does not support the method.",
    409: "Not possible in the current state.",
    410: "It was removed when its retention time had passed; totals are kept.",
    413: "The body is too large.",
    422: "The request is invalid: `errors` says where.",
    500: "Internal error; it has been logged.",
    503: "A part of the service does not respond or is not configured; the log says which.",
}
# Where a field of the editor is called otherwise here.
_FIELDS: Mapping[str, str] = {"body": "markdown"}
_NAMES = {status: HTTPStatus(status).phrase.replace(" ", "") for status in _DESCRIPTIONS}
_POSITION_FIELDS = ("line", "column", "offset", "length", "path")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of an operation for these statuses."""
    return {
        status: {"$ref": f"#/components/responses/{_NAMES[status]}", "description": _DESCRIPTIONS[status]}
        for status in statuses
    }


def openapi_responses() -> dict[str, Any]:
    """The response components of the OpenAPI document that `problem_responses` refers to."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        _NAMES[status]: {
            "description": meaning,
            "content": {_TEXT: {"schema": {"type": "string"}}}
            if status == 413
            else {MEDIA_TYPE: {"schema": schema, "example": _example(status)}},
        }
        for status, meaning in _DESCRIPTIONS.items()
    }


# The problems that any operation may return, and those that only operations with a body may.
COMMON_PROBLEMS = problem_responses(400, 401, 403, 413, 422, 500, 503)
BODY_STATUSES = frozenset({"400", "413"})


def not_found_response() -> Response:
    """The problem response for a path that cannot exist."""
    return _problem_response(_PROBLEM_TYPES[NotFoundError], _DESCRIPTIONS[404])


def exception_handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """The handlers of the exceptions, each of which makes a problem response."""
    return {
        DistributorError: _handle_distributor_error,
        RequestValidationError: _handle_validation_error,
        HTTPException: _handle_http_exception,
        ClientDisconnect: _handle_disconnect,
        Exception: _handle_unexpected_error,
    }


async def _handle_distributor_error(request: Request, error: DistributorError) -> Response:
    problem_type = next(_PROBLEM_TYPES[ancestor] for ancestor in type(error).__mro__ if ancestor in _PROBLEM_TYPES)
    if problem_type.status >= 500:
        _log.error("request failed", reason=str(error))
    if problem_type.status == 500:
        return await _handle_unexpected_error(request, error)
    if problem_type.status == 503:
        return _problem_response(problem_type, _DESCRIPTIONS[503], headers={"Retry-After": "60"})
    if isinstance(error, NotFoundError) and not isinstance(error, RemovedError):
        # Without its hint, which names a command of the command line.
        return _problem_response(problem_type, f"there is no {error.noun} {error.name!r}")
    if isinstance(error, SegmentError):
        place = {name: getattr(error, name) for name in _POSITION_FIELDS}
        return _problem_response(problem_type, error.reason, hint=error.hint or None, **place)
    if isinstance(error, UnfinishedDraftError):
        errors = [
            FieldError(detail=reason, pointer=f"#/{_FIELDS.get(name, name)}") for name, reason in error.reasons.items()
        ]
        return _problem_response(problem_type, str(error), errors=errors)
    if isinstance(error, ArticleRevisedError):
        return _problem_response(
            problem_type,
            str(error),
            revision=error.revision,
            diff=error.diff,
            merged=MergedArticle.of(error.merged).model_dump(),
        )
    if isinstance(error, BlockedError):
        return _blocked_response(problem_type, error, request.state.token)
    return _problem_response(problem_type, str(error))


async def _handle_validation_error(request: Request, error: RequestValidationError) -> Response:
    errors = [_field_error(found) for found in error.errors()[:_MAX_ERRORS]]
    detail = "; ".join(dict.fromkeys(field_error.detail for field_error in errors[:3]))
    return _problem_response(_BAD_INPUT, detail, errors=errors)


async def _handle_http_exception(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    problem_type = _http_problem_type(status)
    detail = error.detail if error.detail != status.phrase else _DESCRIPTIONS.get(status, status.description)
    cause = error.__cause__
    if isinstance(cause, ValueError) and not isinstance(cause, UnicodeError):
        # FastAPI reads a body with json.loads, which refuses whole numbers of more than 4300 digits.
        detail = "the body cannot be read: a number in it has too many digits"
    headers = _allowed(request) if status is HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return _problem_response(problem_type, detail, headers=headers)


async def _handle_disconnect(request: Request, error: ClientDisconnect) -> Response:
    # No one reads it: the client has disconnected, which is not our error.
    return _problem_response(_http_problem_type(HTTPStatus.BAD_REQUEST), _DESCRIPTIONS[400])


async def _handle_unexpected_error(request: Request, error: Exception) -> Response:
    # Starlette sends this response without the middleware, so it sets the headers itself.
    return _problem_response(_PROBLEM_TYPES[DistributorError], _DESCRIPTIONS[500], headers=PAGE_HEADERS)


def _blocked_response(problem_type: _ProblemType, error: BlockedError, token: ApiToken) -> Response:
    found = [
        Blocker(
            channel=one.channel_name or None,
            code=one.problem.code,
            message=text_for(token, one.problem.message),
            where=one.problem.where or None,
        )
        for one in error.blockers
    ]
    return _problem_response(problem_type, text_for(token, str(error)), campaign=error.campaign_id, blockers=found)


def _example(status: int) -> dict[str, Any]:
    problem_type = next(
        (problem_type for problem_type in (_BAD_INPUT, *_PROBLEM_TYPES.values()) if problem_type.status == status),
        _http_problem_type(HTTPStatus(status)),
    )
    example = {
        "type": _TYPES + problem_type.name,
        "title": problem_type.title,
        "status": status,
        "detail": _DESCRIPTIONS[status],
    }
    if problem_type is not _BAD_INPUT:
        return example
    field_error = {"detail": "'ada' is not an email address: there is no @ in it", "pointer": "#/email"}
    return {**example, "detail": field_error["detail"], "errors": [field_error]}


def _http_problem_type(status: HTTPStatus) -> _ProblemType:
    return _ProblemType(status.value, status.phrase.lower().replace(" ", "-"), status.phrase)


def _allowed(request: Request) -> dict[str, str]:
    """The Allow header (RFC 9110, section 15.5.6) with all methods of the path; a route knows only its own."""
    described = request.app.openapi()["paths"].get(request.scope["route"].path, {})
    return {"Allow": ", ".join(method.upper() for method in described)}


def _problem_response(
    problem_type: _ProblemType, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> Response:
    problem = ProblemDetails(
        type=_TYPES + problem_type.name, title=problem_type.title, status=problem_type.status, detail=detail, **extra
    )
    # In ASCII: a quoted part of the request may hold a lone surrogate, which UTF-8 cannot encode.
    body = json.dumps(problem.model_dump(exclude_none=True))
    return Response(body, problem_type.status, headers={**(headers or {}), "Content-Type": MEDIA_TYPE})


def _field_error(found: Mapping[str, Any]) -> FieldError:
    where, *path = found["loc"]
    if found["type"] == "json_invalid":
        return FieldError(detail=f"the body is not JSON, at character {path[0]}: {found['ctx']['error']}")
    detail = sentence_of(found)
    if where != "body":
        return FieldError(detail=detail, parameter=str(path[0]) if path else None)
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return FieldError(detail=detail, pointer="/".join(["#", *steps]))
