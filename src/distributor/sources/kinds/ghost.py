"""A Ghost site by its Content API: all its posts, then what changes and what is gone; web hooks say when to ask.

Sources: ghost.org/docs/content-api/ and ghost.org/docs/webhooks/. The key travels in the query of each request, so it
is given to the reading as a secret. Nothing in a web hook is believed: a signed one only has the site read at once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import lxml.html
from lxml import etree
from pydantic import BaseModel, Field, SecretStr, field_validator

from distributor.domain.errors import SignatureError, SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import Reading, SourceStatusError, WebHookRequest
from distributor.sources.kinds.content_api import (
    IN_THE_WAY,
    PAGE_SIZES,
    ApiMissingError,
    ApiOverloadedError,
    ApiRefusedError,
    FoundPosts,
    PostsRun,
    date_in,
    described_answer,
    paged,
    part_in,
    parts_in,
    text_in,
    web_address,
)
from distributor.sources.kinds.entry import Entry, EntryImage, plain_line
from distributor.sources.kinds.ghost_html import plain_html

_PATH = "/ghost/api/content/"
# What this is written for; later versions answer to it, too (ghost.org/docs/faq/api-versioning).
_VERSION = "v5.0"
_KEY = re.compile(r"[0-9a-f]{26}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# So many are asked for in one query, which has to fit into an address.
_IDS_AT_ONCE = 50
_WHOLE: Mapping[str, str | int] = {"include": "tags,authors", "formats": "html"}
_BY_DATE: Mapping[str, str | int] = {"fields": "uuid", "order": "published_at desc"}
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})(?:\s*,\s*t=(\d{1,15}))?")
_TOLERANCE = timedelta(minutes=5)


class GhostSettings(BaseModel, extra="forbid"):
    """Settings of a Ghost site."""

    site: str = Field(
        title="Site",
        description="its address, or that of its admin if the API is there",
        pattern=r"^https?://[^\s@?#]+$",
        max_length=2000,
    )
    key: SecretStr = Field(
        title="Content API key", description="made in Ghost under Settings, Integrations, as a custom integration"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        title="Secret of web hooks",
        description="written into the web hooks of Ghost, too: what changes then comes in at once",
    )
    include_members_only: bool = Field(
        False,
        title="Posts for members",
        description="take the public beginning of posts that are for members",
    )
    language: str = Field("", title="Language", description="of posts; default: that of the site")

    @field_validator("key")
    @classmethod
    def _is_key(cls, key: SecretStr) -> SecretStr:
        written = key.get_secret_value().strip()
        if ":" in written:
            raise ValueError("this is an Admin API key: the Content API key stands above it in Ghost")
        if not _KEY.fullmatch(written):
            raise ValueError("a Content API key is 26 digits and letters from a to f")
        return SecretStr(written)


class GhostSource:
    """A blog or newsletter in Ghost."""

    kind: ClassVar[str] = "ghost"
    title: ClassVar[str] = "Ghost"
    sentence: ClassVar[str] = "All posts of a Ghost site, and at once what is published there, by web hooks."
    settings_model: ClassVar[type[BaseModel]] = GhostSettings
    interval: ClassVar[timedelta] = timedelta(minutes=15)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: GhostSettings) -> None:
        self._settings = settings

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """An address of the Content API with its key."""
        parts = urlsplit(address)
        key = parse_qs(parts.query).get("key", [""])[0]
        if parts.scheme not in ("http", "https") or _PATH not in parts.path or not _KEY.fullmatch(key):
            return None
        return {"site": f"{parts.scheme}://{parts.netloc}{parts.path.partition(_PATH)[0]}", "key": key}

    @classmethod
    def found_at(cls, page: FetchedResponse) -> Mapping[str, Json] | None:
        """The site of a page that names Ghost as its generator; its key is for whoever adds it."""
        if b"Ghost" not in page.body:
            return None
        with suppress(etree.LxmlError, ValueError, RecursionError):
            root = lxml.html.document_fromstring(page.body)
            generators = [meta.get("content", "") for meta in root.iter("meta") if meta.get("name") == "generator"]
            if any(re.fullmatch(r"Ghost(?: [\d.]+)?", one.strip()) for one in generators):
                named = (str(one.get("data-ghost", "")) for one in root.iter("script"))
                parts = urlsplit(page.url)
                site = next(filter(web_address, named), f"{parts.scheme}://{parts.netloc}")
                return {"site": site.rstrip("/")}
        return None

    @property
    def address(self) -> str:
        return self._settings.site

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        api = _Api(reading, self._settings)
        newest = api.newest()
        if "language" not in reading.cursor:
            reading.cursor_after["language"] = api.language()
        run = PostsRun(api, reading, newest)
        yield from run.items()
        if run.withheld:
            reading.notes.append(f"posts that are left out, because they are for members: {len(run.withheld)}")

    def receive(self, request: WebHookRequest, reading: Reading) -> None:
        """A web hook says that there is something to read. Raises SignatureError."""
        _require_signature(request, self._settings.webhook_secret.get_secret_value())


KIND = GhostSource


class _Api:
    """The Content API of a site."""

    def __init__(self, reading: Reading, settings: GhostSettings) -> None:
        self._reading, self._settings = reading, settings

    def posts(self, **query: str | int) -> FoundPosts:
        """One page of posts. Raises SourceError."""
        answer = self._answer("posts", query)
        posts = answer.get("posts") if isinstance(answer, Mapping) else None
        if not isinstance(posts, list):
            raise ApiMissingError(f"{self._settings.site}: what answers there is no list of posts of Ghost")
        total = part_in(part_in(answer, "meta"), "pagination").get("total")
        return FoundPosts(posts, total if isinstance(total, int) else None)

    def language(self) -> str:
        """The language of the site; empty if it does not say it."""
        with suppress(ApiMissingError, ApiRefusedError, ApiOverloadedError):
            settings = part_in(self._answer("settings", {}), "settings")
            return text_in(settings, "locale") or text_in(settings, "lang")
        return ""

    def _answer(self, resource: str, query: Mapping[str, str | int]) -> Any:
        added = f"?{urlencode(query, safe=',')}" if query else ""
        address = f"{self._settings.site.rstrip('/')}{_PATH}{resource}/{added}"
        key = {"key": self._settings.key}
        try:
            response = self._reading.get(
                address, accept="application/json", headers={"Accept-Version": _VERSION}, secret_query=key
            )
        except SourceStatusError as error:
            raise _refusal(error.response, self._settings) from None
        with suppress(ValueError, RecursionError):
            return json.loads(response.body)
        raise ApiMissingError(
            f"{self._settings.site}: its API answers with {described_answer(response)} in place of JSON; {IN_THE_WAY}"
        )

    def newest(self) -> FoundPosts:
        return self.posts(**_BY_DATE, limit=PAGE_SIZES[0], page=1)

    def every_id(self) -> Iterator[Any]:
        return self._pages(**_BY_DATE)

    def every_post(self) -> Iterator[Any]:
        return self._pages(**_WHOLE, order="updated_at asc")

    def changed_since(self, since: datetime) -> Iterator[Any]:
        # In the form of the database of Ghost, which compares it with its own, in UTC.
        return self._pages(**_WHOLE, order="updated_at desc", filter=f"updated_at:>'{since:%Y-%m-%d %H:%M:%S}'")

    def having(self, refs: Sequence[str], *, is_whole: bool) -> Iterator[Any]:
        for at in range(0, len(refs), _IDS_AT_ONCE):
            wanted = ",".join(f"'{ref}'" for ref in refs[at : at + _IDS_AT_ONCE])
            yield from self._pages(**(_WHOLE if is_whole else {"fields": "uuid"}), filter=f"uuid:[{wanted}]")

    def _pages(self, **query: str | int) -> Iterator[Any]:
        return paged(lambda size, page: self.posts(**query, limit=size, page=page), self.ref_of, self._reading)

    def ref_of(self, post: Any) -> str | None:
        found = text_in(post, "uuid")
        return found if _UUID.fullmatch(found) else None

    def changed_at(self, post: Any) -> datetime | None:
        return date_in(post, "updated_at", zone="UTC")

    def is_withheld(self, post: Any) -> bool:
        """Whether a post is for members, so that it comes cut, or empty."""
        if not isinstance(post, Mapping) or post.get("access") is not False:
            return False
        return not (self._settings.include_members_only and text_in(post, "html").strip())

    def entry_of(self, post: Any) -> Entry:
        ref = self.ref_of(post)
        if ref is None:
            raise SourceError("it is no post of Ghost: it has no uuid")
        tags = [tag for tag in parts_in(post, "tags") if text_in(tag, "visibility") in ("", "public")]
        return Entry(
            ref=ref,
            title=text_in(post, "title"),
            html=plain_html(text_in(post, "html")),
            summary=text_in(post, "custom_excerpt"),
            authors=tuple(text_in(one, "name") for one in parts_in(post, "authors")),
            # Those that begin with # are for the site itself.
            tags=tuple(name for tag in tags if not (name := text_in(tag, "name")).startswith("#")),
            address=web_address(text_in(post, "canonical_url")) or web_address(text_in(post, "url")),
            language=self._settings.language or text_in(self._reading.cursor_after, "language"),
            image=_feature_image(post),
            published_at=date_in(post, "published_at", zone="UTC"),
            updated_at=self.changed_at(post),
            slug=text_in(post, "slug"),
        )


def _feature_image(post: Any) -> EntryImage | None:
    url = web_address(text_in(post, "feature_image"))
    caption = plain_line(text_in(post, "feature_image_caption"))
    return EntryImage(url=url, alt=text_in(post, "feature_image_alt"), caption=caption, is_apart=True) if url else None


def _refusal(response: FetchedResponse, settings: GhostSettings) -> SourceError:
    """The error for an answer with another status than 200, in words, without the key."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(response.body)
    first = next(iter(parts_in(said, "errors")), None)
    message, code = text_in(first, "message")[:300], text_in(first, "code")
    message = message.replace(settings.key.get_secret_value(), "…")
    site = settings.site
    if response.status >= 500:
        return ApiOverloadedError(f"{site}: its API fails with {response.reason}{f' ({message})' if message else ''}")
    if first is None:
        if response.status == 404:
            return ApiMissingError(
                f"{site}: there is no Content API of Ghost: give the address of the site as Ghost has it, or that of "
                "its admin; it needs Ghost 5"
            )
        return ApiMissingError(
            f"{site}: its API answers {response.reason} with {described_answer(response)}; {IN_THE_WAY}"
        )
    if response.status in (401, 403) or code in ("INVALID_API_KEY_TYPE", "INVALID_AUTH_TYPE"):
        return ApiRefusedError(
            f"{site}: it refuses the Content API key ({message}): copy the one of a custom integration that is there"
        )
    return ApiRefusedError(f"{site}: its API refuses: {message} ({code or response.reason})")


def _require_signature(request: WebHookRequest, secret: str) -> None:
    """Raises SignatureError unless Ghost signed the request within five minutes.

    The signature is HMAC-SHA256 over the body and the time in milliseconds, in older versions over the body alone.
    """
    if not secret:
        raise SignatureError("a web hook of Ghost needs webhook_secret, here and in Ghost")
    found = _SIGNATURE.fullmatch(request.headers.get("x-ghost-signature", "").strip())
    if found is None:
        raise SignatureError("the request has no signature of Ghost: write the secret into its web hook there")
    given, time = found[1], found[2] or ""
    signed = [_signature(secret, request.body + time.encode()), _signature(secret, request.body)]
    if not any([hmac.compare_digest(given, one) for one in signed]):  # noqa: C419 - both take the same time
        raise SignatureError("the signature is wrong: is the secret the same as in Ghost?")
    if time and abs(request.now.timestamp() - int(time) / 1000) > _TOLERANCE.total_seconds():
        raise SignatureError("the signature is too old, or from the future")


def _signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
