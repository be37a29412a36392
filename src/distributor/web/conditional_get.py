"""Responses to GET from bytes: validators, conditional requests and gzip (RFC 9110)."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_ACCEPTED_CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?")
_COMPRESSIBLE = re.compile(r"text/|application/(.+\+)?(json|xml)\b|image/svg\+xml")
# Less than this fits into one packet uncompressed.
_MIN_GZIP_BYTES = 600
_GZIP = "-gzip"
# An image opened by itself must not run code: an SVG may contain a script.
_IMAGE_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """Bytes to serve. `etag` is their hash in hexadecimal; `last_modified` is aware, or None."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str
    last_modified: datetime | None = None

    @classmethod
    def of(cls, body: bytes, *, media_type: str, cache_control: str) -> Representation:
        """A representation whose `etag` is the SHA-256 of the body."""
        etag = hashlib.sha256(body).hexdigest()
        return cls(body=body, media_type=media_type, etag=etag, cache_control=cache_control)

    @property
    def is_compressible(self) -> bool:
        return len(self.body) >= _MIN_GZIP_BYTES and _COMPRESSIBLE.match(self.media_type) is not None


def conditional_response(request: Request, representation: Representation, *, now: datetime) -> Response:
    """The response to a GET or HEAD: 304 if the client has these bytes already, else all of them, gzipped if accepted.

    The gzipped variant has an entity tag of its own (RFC 9110, section 8.8.3.3); either one matches.
    """
    headers = {"Cache-Control": representation.cache_control}
    if representation.is_compressible:
        headers["Vary"] = "Accept-Encoding"
    if representation.last_modified is not None:
        headers["Last-Modified"] = format_datetime(representation.last_modified, usegmt=True)
    variants = (
        [representation.etag, representation.etag + _GZIP] if representation.is_compressible else [representation.etag]
    )
    if (known := _matching_variant(request, representation, variants, now=now)) is not None:
        return Response(status_code=304, headers={**headers, "ETag": f'"{known}"'})
    if representation.is_compressible and _accepts_gzip(request.headers.get("accept-encoding", "")):
        headers |= {"Content-Encoding": "gzip", "ETag": f'"{representation.etag}{_GZIP}"'}
        body = _gzipped(_Content(representation.etag, representation.body))
    else:
        headers["ETag"] = f'"{representation.etag}"'
        body = representation.body
    # Not as `media_type`: Starlette would add a charset of its own.
    return Response(body, headers={**headers, "Content-Type": representation.media_type})


def moved_permanently(path: str, *, cache_control: str) -> Response:
    """The response that a page or document has another path now.

    It is not stored longer than the page itself: a tag may get its old name back, and a client that remembers both
    redirects for ever would go round in circles.
    """
    return RedirectResponse(path, 301, headers={"Cache-Control": cache_control})


def image_response(request: Request, image: Representation, *, now: datetime) -> Response:
    """The response to a request for an image, which other sites may show and which runs no code."""
    response = conditional_response(request, image, now=now)
    response.headers["Content-Security-Policy"] = _IMAGE_SECURITY_POLICY
    # Webmail and feed readers show the image on their own pages.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _matching_variant(
    request: Request, representation: Representation, variants: list[str], *, now: datetime
) -> str | None:
    """The variant the client has, by entity tag or else by date (RFC 9110, section 13.2.2)."""
    named = request.headers.get("if-none-match")
    if named is not None:
        tags = _ENTITY_TAG.findall(named)
        return variants[0] if named.strip() == "*" else next((one for one in variants if one in tags), None)
    since = _parse_date(request.headers.get("if-modified-since", ""))
    # We never sent a date in the future; accepting it would mean 304 until then.
    if since is None or representation.last_modified is None or since > now:
        return None
    return variants[0] if representation.last_modified.replace(microsecond=0) <= since else None


def _parse_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


def _accepts_gzip(header: str) -> bool:
    weights = {found[1].lower(): found[2] for part in header.split(",") if (found := _ACCEPTED_CODING.fullmatch(part))}
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight is None or weight.strip("0.") != ""


@dataclass(frozen=True, slots=True)
class _Content:
    etag: str
    body: bytes = field(compare=False)


@lru_cache(maxsize=64)
def _gzipped(content: _Content) -> bytes:
    return gzip.compress(content.body, compresslevel=6, mtime=0)
