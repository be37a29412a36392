"""The form of Mastodon's answers: refusals, headers about limits, and what an instance says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from distributor.sandbox.rates import Allowance
from distributor.sandbox.limits import MastodonLimits

MAX_DESCRIPTION = 1500
MAX_IMAGE_BYTES = 16 * 1024 * 1024
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_VERSION = "4.5.0"


def refuse(refusal: HTTPException) -> Response:
    """An error is one sentence."""
    return JSONResponse({"error": refusal.detail}, refusal.status_code)


async def refuse_unrouted(_request: Request, refusal: Exception) -> Response:
    """What Starlette itself refuses (no such path, no such method), in the same form."""
    return refuse(cast(HTTPException, refusal))


def rate_headers(allowance: Allowance) -> Mapping[str, str]:
    """Limit, what remains, and when it is over as ISO 8601."""
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": allowance.reset_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def as_instance(terms: MastodonLimits, server: str, domain: str) -> dict[str, Any]:
    """`GET /api/v2/instance`."""
    return {
        "domain": domain,
        "title": "Sandbox",
        "version": _VERSION,
        "source_url": server,
        "description": "A stand-in for a Mastodon server",
        "languages": ["en"],
        "configuration": _configuration(terms),
        "api_versions": {"mastodon": 7},
        "rules": [],
    }


def as_old_instance(terms: MastodonLimits, domain: str) -> dict[str, Any]:
    """`GET /api/v1/instance`."""
    return {
        "uri": domain,
        "title": "Sandbox",
        "short_description": "A stand-in for a Mastodon server",
        "version": _VERSION,
        "languages": ["en"],
        "configuration": _configuration(terms),
        "rules": [],
    }


def _configuration(terms: MastodonLimits) -> dict[str, Any]:
    return {
        "statuses": {
            "max_characters": terms.max_characters,
            "max_media_attachments": terms.max_media_attachments,
            "characters_reserved_per_url": terms.characters_reserved_per_url,
        },
        "media_attachments": {
            "supported_mime_types": list(IMAGE_TYPES),
            "description_limit": MAX_DESCRIPTION,
            "image_size_limit": MAX_IMAGE_BYTES,
        },
    }
