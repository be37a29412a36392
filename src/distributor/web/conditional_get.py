"""One way to answer a GET with bytes: validators, conditional requests and gzip after RFC 9110."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_ACCEPTED_CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?")
_COMPRESSIBLE = re.compile(r"text/|application/(.+\+)?(json|xml)\b|image/svg\+xml")
# Less than this fits into one packet either way.
_WORTH_COMPRESSING = 600
_GZIP = "-gzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """Bytes to be served as they are. `etag` is a hash of them in hexadecimal; `last_modified` is aware, or None."""

    body: bytes
    media_type: str
    etag: str
    cache_control: str
    last_modified: datetime | None = None

    @classmethod
    def of(cls, body: bytes, *, media_type: str, cache_control: str) -> Representation:
        """A representation that is its own validator."""
        etag = hashlib.sha256(body).hexdigest()
        return cls(body=body, media_type=media_type, etag=etag, cache_control=cache_control)

    @property
    def is_compressible(self) -> bool:
        return len(self.body) >= _WORTH_COMPRESSING and _COMPRESSIBLE.match(self.media_type) is not None


def conditional_response(request: Request, found: Representation, *, now: datetime) -> Response:
    """The answer to a GET or HEAD: 304 if the client has these bytes already, else all of them, smaller if it can.

    The gzipped variant has an entity tag of its own (RFC 9110, section 8.8.3.3); a client that names either has them.
    """
    headers = {"Cache-Control": found.cache_control}
    if found.is_compressible:
        headers["Vary"] = "Accept-Encoding"
    if found.last_modified is not None:
        headers["Last-Modified"] = format_datetime(found.last_modified, usegmt=True)
    variants = [found.etag, found.etag + _GZIP] if found.is_compressible else [found.etag]
    if (known := _known_variant(request, found, variants, now=now)) is not None:
        return Response(status_code=304, headers={**headers, "ETag": f'"{known}"'})
    if found.is_compressible and _accepts_gzip(request.headers.get("accept-encoding", "")):
        headers |= {"Content-Encoding": "gzip", "ETag": f'"{found.etag}{_GZIP}"'}
        body = _gzipped(_Content(found.etag, found.body))
    else:
        headers["ETag"] = f'"{found.etag}"'
        body = found.body
    # Not as `media_type`: Starlette would add a charset of its own.
    return Response(body, headers={**headers, "Content-Type": found.media_type})


def _known_variant(request: Request, found: Representation, variants: list[str], *, now: datetime) -> str | None:
    """The variant the client says it has. RFC 9110, section 13.2.2: an entity tag beats a date."""
    named = request.headers.get("if-none-match")
    if named is not None:
        tags = _ENTITY_TAG.findall(named)
        return variants[0] if named.strip() == "*" else next((one for one in variants if one in tags), None)
    since = _date_of(request.headers.get("if-modified-since", ""))
    # A date to come is none we gave: to believe it would be to say "not modified" until then.
    if since is None or found.last_modified is None or since > now:
        return None
    return variants[0] if found.last_modified.replace(microsecond=0) <= since else None


def _date_of(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


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
