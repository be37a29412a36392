"""A web hook: programs post articles as JSON, signed as Standard Webhooks or GitHub do.

Standard Webhooks (github.com/standard-webhooks, section "Signature scheme"): `webhook-id`, `webhook-timestamp` in
seconds and `webhook-signature`, a list of `v1,BASE64` of HMAC-SHA256 over ``id.timestamp.body``. GitHub: the header
`x-hub-signature-256`, ``sha256=HEX`` over the body; it has no time, so a request can be repeated for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, Field, SecretStr, ValidationError

from distributor.domain.article import Manuscript
from distributor.domain.errors import SignatureError, SourceError
from distributor.sources.formats import parse_manuscript
from distributor.sources.items import GoneItem, ReadItem, SourceItem, stored_ref
from distributor.sources.kinds.api import Reading, WebHookRequest
from distributor.sources.kinds.entry import Entry, EntryImage, manuscript_of
from distributor.validation_messages import in_words

_TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_SHORTEST_SECRET = 16
_MOST_ITEMS = 100

_Line = Annotated[str, Field(max_length=1000)]


class WebHookSettings(BaseModel, extra="forbid"):
    """Settings of a web hook."""

    secret: SecretStr = Field(
        title="Secret",
        description="that requests are signed with: at least 16 characters, or whsec_ and Base64",
        min_length=_SHORTEST_SECRET,
    )


class _Image(BaseModel):
    url: Annotated[str, Field(pattern="^https?://", max_length=2000)]
    alt: _Line = ""


class _Item(BaseModel):
    """An article, or with `deleted` one that is no more. It has one of `html`, `markdown` and `text`."""

    id: Annotated[str, Field(min_length=1, max_length=2000)]
    deleted: bool = False
    title: _Line = ""
    html: str = ""
    markdown: str = ""
    text: str = ""
    summary: Annotated[str, Field(max_length=5000)] = ""
    authors: list[_Line] = Field(default_factory=list, max_length=50)
    tags: list[_Line] = Field(default_factory=list, max_length=100)
    url: Annotated[str, Field(pattern="^(https?://.*)?$", max_length=2000)] = ""
    image: _Image | None = None
    language: Annotated[str, Field(max_length=35)] = ""
    slug: Annotated[str, Field(max_length=200)] = ""
    published_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    publish: bool | None = None


class WebHookSource:
    """Articles that another program posts."""

    kind: ClassVar[str] = "web_hook"
    title: ClassVar[str] = "Web hook"
    sentence: ClassVar[str] = "Another program posts articles as signed JSON, one or several at a time."
    settings_model: ClassVar[type[BaseModel]] = WebHookSettings
    interval: ClassVar[timedelta] = timedelta(days=1)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: WebHookSettings) -> None:
        self._settings = settings

    @property
    def address(self) -> str:
        return ""

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        """Nothing: it waits for requests."""
        yield from ()

    def receive(self, request: WebHookRequest, reading: Reading) -> Iterator[ReadItem]:
        _require_signature(request, self._settings.secret.get_secret_value())
        try:
            said = json.loads(request.body)
        except (ValueError, RecursionError):
            raise SourceError("the body is no JSON") from None
        items = said.get("items", [said]) if isinstance(said, Mapping) else said
        if not isinstance(items, list) or not items or len(items) > _MOST_ITEMS:
            raise SourceError(f'write one article, or {{"items": [...]}} with at most {_MOST_ITEMS} of them')
        return self._taken(items, reading)

    def _taken(self, items: list[object], reading: Reading) -> Iterator[ReadItem]:
        gone = [one for one in items if isinstance(one, Mapping) and one.get("deleted") is True and one.get("id")]
        yield from (GoneItem(ref=stored_ref(str(one["id"]))) for one in gone)
        yield from reading.take([one for one in items if one not in gone], partial(_read, reading))


KIND = WebHookSource


def _read(reading: Reading, one: object) -> SourceItem:
    """Raises SourceError that names what is wrong."""
    try:
        item = _Item.model_validate(one)
    except ValidationError as error:
        faults = error.errors(include_input=False)
        raise SourceError(in_words(faults[:5])) from None
    if sum(map(bool, (item.html, item.markdown, item.text))) != 1:
        raise SourceError("write one of html, markdown and text")
    return reading.item(item.id, item.model_dump(mode="json"), lambda: _manuscript(item, reading))


def _manuscript(item: _Item, reading: Reading) -> Manuscript:
    said = Entry(
        ref=item.id,
        title=item.title,
        html=item.html or "<p>-</p>",
        summary=item.summary,
        authors=tuple(item.authors),
        tags=tuple(item.tags),
        address=item.url,
        language=item.language,
        image=EntryImage(url=item.image.url, alt=item.image.alt) if item.image else None,
        published_at=item.published_at,
        updated_at=item.updated_at,
        slug=item.slug,
    )
    if item.html:
        return replace(manuscript_of(said, reading.options), publish=item.publish)
    name = f"{item.id[:50].replace('/', '-')}.{'md' if item.markdown else 'txt'}"
    written = parse_manuscript((item.markdown or item.text).encode(), name=name, options=reading.options)
    given = manuscript_of(said, reading.options)
    return replace(
        written,
        title=given.title if item.title else written.title,
        summary=given.summary if item.summary else written.summary,
        author=given.author or written.author,
        tags=given.tags or written.tags,
        language=given.language if item.language else written.language,
        image=given.image or written.image,
        slug=item.slug or written.slug,
        canonical_url=item.url or written.canonical_url,
        published_at=item.published_at or written.published_at,
        updated_at=item.updated_at or written.updated_at,
        publish=written.publish if item.publish is None else item.publish,
    )


def _require_signature(request: WebHookRequest, secret: str) -> None:
    """Raises SignatureError."""
    headers = request.headers
    if "webhook-signature" in headers:
        signed = b".".join(
            (headers.get("webhook-id", "").encode(), headers.get("webhook-timestamp", "").encode(), request.body)
        )
        expected = base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()
        given = [part.partition(",")[2] for part in headers["webhook-signature"].split() if part.startswith("v1,")]
        _require_fresh(headers.get("webhook-timestamp", ""), request.now)
    elif "x-hub-signature-256" in headers:
        expected = f"sha256={hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()}"
        given = [headers["x-hub-signature-256"].strip()]
    else:
        raise SignatureError("the request has no signature: send webhook-signature, or x-hub-signature-256")
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), expected.encode()) for one in given):
        raise SignatureError("the signature is wrong")


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def _require_fresh(timestamp: str, now: datetime) -> None:
    if not timestamp.isdecimal() or abs(now.timestamp() - int(timestamp[:12])) > _TOLERANCE.total_seconds():
        raise SignatureError("the signature is too old, or from the future")
