"""The form of XRPC answers: errors with a name, and headers about limits."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from distributor.sandbox.rates import Allowance

_NAMES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "AuthenticationRequired",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.TOO_MANY_REQUESTS: "RateLimitExceeded",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.NOT_IMPLEMENTED: "MethodNotImplemented",
    HTTPStatus.BAD_GATEWAY: "UpstreamFailure",
    HTTPStatus.SERVICE_UNAVAILABLE: "NotEnoughResources",
}


def refuse(refusal: HTTPException) -> Response:
    """An error has a name and a message. A refusal that names itself begins with the name and a colon."""
    name, colon, message = refusal.detail.partition(": ")
    if not colon or " " in name:
        name, message = _NAMES.get(refusal.status_code, "InvalidRequest"), refusal.detail
    return JSONResponse({"error": name, "message": message}, refusal.status_code)


async def refuse_unrouted(_request: Request, refusal: Exception) -> Response:
    """What Starlette itself refuses, in the same form: a method that does not exist is 501."""
    known = cast(HTTPException, refusal)
    if known.status_code == HTTPStatus.NOT_FOUND:
        return refuse(HTTPException(501, "Method Not Implemented"))
    return refuse(known)


def rate_headers(allowance: Allowance) -> Mapping[str, str]:
    """Limit, what remains, and when it is over in seconds since 1970."""
    return {
        "ratelimit-limit": str(allowance.limit),
        "ratelimit-remaining": str(allowance.remaining),
        "ratelimit-reset": str(int(allowance.reset_at.timestamp())),
    }
