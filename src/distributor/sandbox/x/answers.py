"""The form of X's answers: problems, and headers about limits."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from distributor.sandbox.request_gate import status_phrase
from distributor.sandbox.rates import Allowance

_PROBLEMS = "https://api.twitter.com/2/problems"


def refuse(refusal: HTTPException) -> Response:
    """X's problem details: 400 in the form of invalid requests, all others as plain problems."""
    status = refusal.status_code
    if status != HTTPStatus.BAD_REQUEST:
        problem = {"title": status_phrase(status), "detail": refusal.detail, "type": "about:blank", "status": status}
        return JSONResponse(problem, status)
    problem = {
        "errors": [{"parameters": {}, "message": refusal.detail}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{_PROBLEMS}/invalid-request",
    }
    return JSONResponse(problem, status)


async def refuse_unrouted(_request: Request, refusal: Exception) -> Response:
    """What Starlette itself refuses (no such path, no such method), in the same form."""
    return refuse(cast(HTTPException, refusal))


def rate_headers(allowance: Allowance) -> Mapping[str, str]:
    """Limit, what remains, and when it is over in seconds since 1970."""
    return {
        "x-rate-limit-limit": str(allowance.limit),
        "x-rate-limit-remaining": str(allowance.remaining),
        "x-rate-limit-reset": str(int(allowance.reset_at.timestamp())),
    }


def not_found(resource: str, parameter: str, value: str) -> dict[str, Any]:
    """X answers 200 to a look-up of something that does not exist, with this inside."""
    return {
        "value": value,
        "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_PROBLEMS}/resource-not-found",
    }
