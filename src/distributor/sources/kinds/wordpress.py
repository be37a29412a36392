"""A WordPress site by its REST API: all its posts, then what changes and what is gone.

Source: developer.wordpress.org/rest-api/reference/posts/. A scheduled post keeps the time at which it was written as
that of its last change: it is noticed because its id is new.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

import lxml.html
from lxml import etree
from pydantic import BaseModel, Field, SecretStr, model_validator

from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import AnswerTooLargeError, Reading, SourceStatusError
from distributor.sources.kinds.content_api import (
    IN_THE_WAY,
    PAGE_SIZES,
    ApiMissingError,
    ApiOverloadedError,
    ApiRefusedError,
    FoundPosts,
    NoSuchPageError,
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
from distributor.sources.kinds.wordpress_html import plain_html

# The relation of the API in a Link header and in the head of pages (REST API Handbook, "Discovery").
_RELATION = "https://api.w.org/"
_LINK = re.compile(rf'<([^<>]+)>\s*;\s*rel="?{re.escape(_RELATION)}"?', re.IGNORECASE)
_WORDPRESS_COM = "https://public-api.wordpress.com/wp/v2/sites/"
_FIELDS = (
    "id,date,date_gmt,modified,modified_gmt,slug,link,title,content,excerpt,lang,jetpack_featured_media_url,"
    "_links,_embedded"
)
_EMBEDDED = "author,wp:featuredmedia,wp:term"
# What the category of posts without a category is called (its slug) in common languages.
_NO_CATEGORY = frozenset(
    (
        *("allgemein", "bez-kategorii", "geen-categorie", "non-classe", "non-classifiee", "okategoriserade"),
        *("sem-categoria", "senza-categoria", "sin-categoria", "uncategorised", "uncategorized"),
    )
)
# So much of a post holds what WordPress makes an excerpt of, in characters.
_BEGINNING = 50_000
_CUT_OFF = re.compile(r"(?:\[?(?:…|\.\.\.)\]?)\s*(?:continue reading|read more|weiterlesen)?\W*$", re.IGNORECASE)
_BY_DATE: Mapping[str, str | int] = {"orderby": "date", "order": "desc", "_fields": "id"}
_WHOLE: Mapping[str, str | int] = {"_embed": _EMBEDDED, "_fields": _FIELDS}
# So many ids are asked for in one query, which has to fit into an address.
_IDS_AT_ONCE = 100
# Where the JSON may begin behind warnings of PHP.
_BEGINNINGS = 200


class WordPressSettings(BaseModel, extra="forbid"):
    """Settings of a WordPress site."""

    site: str = Field(
        title="Site", description="the address of the blog", pattern=r"^https?://[^\s@]+$", max_length=2000
    )
    post_type: str = Field(
        "posts",
        title="Type of posts",
        description="posts, pages, or what a type of one's own is called in the API",
        pattern=r"^[a-z0-9_-]{1,50}$",
    )
    categories_as_tags: bool = Field(True, title="Categories as tags", description="take categories as tags, too")
    language: str = Field("", title="Language", description="of posts, if the site does not say it")
    username: str = Field("", title="User name", description="for a site that shows its posts only to users")
    application_password: SecretStr = Field(
        SecretStr(""),
        title="Application password",
        description="made in the profile of that user under Application Passwords; sent to the site over https only",
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        has_password = bool(self.application_password.get_secret_value())
        if has_password != bool(self.username):
            raise ValueError("username and application_password are given together")
        if has_password and not self.site.lower().startswith("https://"):
            raise ValueError("a password is sent over https only: write the site with https://")
        return self


class WordPressSource:
    """A blog in WordPress, of one's own or another one."""

    kind: ClassVar[str] = "wordpress"
    title: ClassVar[str] = "WordPress"
    sentence: ClassVar[str] = "All posts of a WordPress site, not only the newest ones, and what changes or is gone."
    settings_model: ClassVar[type[BaseModel]] = WordPressSettings
    interval: ClassVar[timedelta] = timedelta(minutes=15)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: WordPressSettings) -> None:
        self._settings = settings

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """An address of the REST API, or the front page of a site on wordpress.com."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https"):
            return None
        if address.startswith(_WORDPRESS_COM) and (host := address.removeprefix(_WORDPRESS_COM).partition("/")[0]):
            return {"site": f"https://{host}"}
        if "/wp-json" in f"{parts.path}/" or dict(parse_qsl(parts.query)).get("rest_route"):
            return {"site": _site_of(address)}
        is_front_page = parts.path in ("", "/") and not parts.query
        return {"site": address.rstrip("/")} if is_front_page and _is_on_wordpress_com(address) else None

    @classmethod
    def found_at(cls, page: FetchedResponse) -> Mapping[str, Json] | None:
        """The site of a page that names its REST API."""
        api = _api_of_page(page)
        if api is None:
            return None
        parts = urlsplit(page.url)
        return {"site": f"{parts.scheme}://{parts.netloc}" if api.startswith(_WORDPRESS_COM) else _site_of(api)}

    @property
    def address(self) -> str:
        return self._settings.site

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        api, newest = self._open(reading)
        run = PostsRun(api, reading, newest)
        yield from run.items()
        if run.withheld:
            reading.notes.append(f"posts that are left out, because they have a password: {len(run.withheld)}")

    def _open(self, reading: Reading) -> tuple[_Api, FoundPosts]:
        """The API where an earlier run found it, else where the site says that it is, and the newest posts."""
        base = reading.cursor.get("api")
        if isinstance(base, str):
            known = _Api(reading, self._settings, base)
            with suppress(ApiMissingError):
                return known, known.newest()
        found = _Api(reading, self._settings, _find_api(reading, self._settings))
        return found, found.newest()


KIND = WordPressSource


class _Api:
    """The REST API of a site. `base` is the address that the names of types are added to."""

    def __init__(self, reading: Reading, settings: WordPressSettings, base: str) -> None:
        self._reading, self._settings, self._base = reading, settings, base

    def posts(self, **query: str | int) -> FoundPosts:
        """One page of posts. Raises SourceError."""
        address = _joined(self._base, self._settings.post_type, query)
        headers = _credentials(self._settings, address)
        try:
            response = self._reading.get(address, accept="application/json", headers=headers)
        except SourceStatusError as error:
            raise _refusal(error.response, self._settings, address) from None
        found = _json_of(response, self._reading, self._settings)
        if isinstance(found, Mapping) and found and all(str(key).isdecimal() for key in found):
            # A list with gaps, which PHP writes as an object.
            found = list(found.values())
        if not isinstance(found, list):
            raise ApiMissingError(f"{self._settings.site}: what answers there is no list of posts of WordPress")
        total = response.headers.get("x-wp-total", "")
        return FoundPosts(found, int(total) if total.isdecimal() and len(total) < 10 else None)

    def newest(self) -> FoundPosts:
        return self.posts(**_BY_DATE, per_page=PAGE_SIZES[0], page=1)

    def every_id(self) -> Iterator[Any]:
        return self._pages(**_BY_DATE)

    def every_post(self) -> Iterator[Any]:
        return self._pages(**_WHOLE, orderby="id", order="asc")

    def changed_since(self, since: datetime) -> Iterator[Any]:
        after = f"{since:%Y-%m-%dT%H:%M:%SZ}"
        for post in self._pages(**_WHOLE, modified_after=after, orderby="modified", order="desc"):
            changed_at = self.changed_at(post)
            if changed_at is not None and changed_at < since:
                # Before version 5.7 nothing is selected by this date.
                return
            yield post

    def having(self, refs: Sequence[str], *, is_whole: bool) -> Iterator[Any]:
        for at in range(0, len(refs), _IDS_AT_ONCE):
            wanted = ",".join(refs[at : at + _IDS_AT_ONCE])
            yield from self._pages(**(_WHOLE if is_whole else {"_fields": "id"}), include=wanted)

    def _pages(self, **query: str | int) -> Iterator[Any]:
        return paged(lambda size, page: self.posts(**query, per_page=size, page=page), self.ref_of, self._reading)

    def ref_of(self, post: Any) -> str | None:
        """The id of a post, which some plugins write as text."""
        found = post.get("id") if isinstance(post, Mapping) else None
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        return str(int(found)) if isinstance(found, str) and found.isdecimal() and len(found) < 20 else None

    def changed_at(self, post: Any) -> datetime | None:
        return _date_of(post, "modified", self._reading)

    def is_withheld(self, post: Any) -> bool:
        return part_in(post, "content").get("protected") is True

    def entry_of(self, post: Any) -> Entry:
        ref = self.ref_of(post)
        if ref is None:
            raise SourceError("it is no post of WordPress: it has no id")
        content, excerpt = (text_in(part_in(post, name), "rendered") for name in ("content", "excerpt"))
        remembered = text_in(self._reading.cursor_after, "language")
        return Entry(
            ref=ref,
            title=plain_line(text_in(part_in(post, "title"), "rendered")),
            html=plain_html(content),
            summary=_summary(excerpt, content),
            authors=tuple(plain_line(text_in(one, "name")) for one in _embedded(post, "author")),
            tags=_tags(post, self._settings),
            address=web_address(text_in(post, "link")),
            language=text_in(post, "lang") or self._settings.language or remembered,
            image=_featured_image(post),
            published_at=_date_of(post, "date", self._reading),
            updated_at=self.changed_at(post),
            slug=unquote(text_in(post, "slug")),
        )


def _find_api(reading: Reading, settings: WordPressSettings) -> str:
    """The base of the API that a site names, or has at one of its usual addresses. Raises SourceError."""
    start = settings.site.rstrip("/")
    if _is_on_wordpress_com(start):
        return _remembered(reading, f"{_WORDPRESS_COM}{urlsplit(start).hostname}/")
    with suppress(SourceStatusError, AnswerTooLargeError):
        page = reading.get(start, accept="text/html")
        reading.cursor_after["language"] = _language_of(page)
        if (root := _api_of_page(page)) is not None:
            return _remembered(reading, _base_of(root))
        start = page.url.partition("?")[0].rstrip("/")
    refused: SourceError | None = None
    for root in (f"{start}/wp-json/", f"{start}/?rest_route=/"):
        try:
            _Api(reading, settings, _base_of(root)).newest()
        except (ApiRefusedError, ApiMissingError, ApiOverloadedError) as error:
            refused = error if isinstance(error, ApiRefusedError) else refused
        else:
            return _remembered(reading, _base_of(root))
    raise refused or SourceError(
        f"{settings.site}: no REST API of WordPress was found there: give the address of the blog itself; if it is "
        "switched off there, add the feed of the blog instead"
    )


def _remembered(reading: Reading, base: str) -> str:
    reading.cursor_after["api"] = base
    return base


def _api_of_page(page: FetchedResponse) -> str | None:
    """The root of the API that a page names in its headers or in its head."""
    if found := _LINK.search(page.headers.get("link", "")):
        return str(urljoin(page.url, found[1]))
    if b"api.w.org" not in page.body and b"WordPress.com" not in page.body:
        return None
    with suppress(etree.LxmlError, ValueError, RecursionError):
        root = lxml.html.document_fromstring(page.body)
        for link in root.iter("link"):
            if _RELATION in link.get("rel", "").split() and link.get("href"):
                return str(urljoin(page.url, link.get("href", "")))
        for meta in root.iter("meta"):
            if meta.get("name") == "generator" and meta.get("content") == "WordPress.com":
                return f"{_WORDPRESS_COM}{urlsplit(page.url).hostname}/"
    return None


def _base_of(root: str) -> str:
    """The address that names of types are added to, of the root of an API."""
    return root if root.startswith(_WORDPRESS_COM) else f"{root.rstrip('/')}/wp/v2/"


def _joined(base: str, name: str, query: Mapping[str, str | int]) -> str:
    """The address of a query. The base is a path, or in a query itself, on sites without addresses of their own."""
    return f"{base}{name}{'&' if '?' in base else '?'}{urlencode(query, safe=',:')}"


def _site_of(api: str) -> str:
    """The address of the site that has an API at this address."""
    parts = urlsplit(api)
    path = re.sub(r"/wp-json(?:/.*)?$", "", parts.path) if "/wp-json" in parts.path else parts.path
    path = path.removesuffix("index.php").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _is_on_wordpress_com(address: str) -> bool:
    return (urlsplit(address).hostname or "").endswith(".wordpress.com")


def _language_of(page: FetchedResponse) -> str:
    found = re.search(rb"<html[^>]*\slang=[\"']?([A-Za-z0-9-]{2,35})", page.body[:5000], re.IGNORECASE)
    return found[1].decode() if found else ""


def _credentials(settings: WordPressSettings, address: str) -> dict[str, str]:
    """What identifies the user (RFC 7617), for the site itself and over TLS only."""
    password = settings.application_password.get_secret_value()
    if not password or not _is_own(settings, address):
        return {}
    coded = b64encode(f"{settings.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {coded}"}


def _is_own(settings: WordPressSettings, address: str) -> bool:
    site, asked = urlsplit(settings.site), urlsplit(address)
    return asked.scheme == "https" and (asked.hostname, asked.port) == (site.hostname, site.port)


def _json_of(response: FetchedResponse, reading: Reading, settings: WordPressSettings) -> Any:
    """The JSON of an answer, also behind warnings of PHP. Raises SourceError."""
    with suppress(ValueError, RecursionError):
        return json.loads(response.body)
    text = response.body.decode("utf-8", "replace")
    decoder = json.JSONDecoder()
    for beginning in islice(re.finditer(r"[\[{]", text), _BEGINNINGS):
        with suppress(ValueError, RecursionError):
            found, end = decoder.raw_decode(text, beginning.start())
            if beginning.start() and not text[end:].strip():
                _note_once(reading, "warnings of PHP stand before its answers: switch WP_DEBUG_DISPLAY off there")
                return found
    raise ApiMissingError(
        f"{settings.site}: its API answers with {described_answer(response)} in place of JSON; {IN_THE_WAY}"
    )


def _note_once(reading: Reading, note: str) -> None:
    if note not in reading.notes:
        reading.notes.append(note)


def _refusal(response: FetchedResponse, settings: WordPressSettings, address: str) -> SourceError:
    """The error for an answer with another status than 200, in words."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(response.body)
    code, message = (text_in(said, "code"), plain_line(text_in(said, "message"))[:300]) if said else ("", "")
    site = settings.site
    if code == "rest_post_invalid_page_number":
        return NoSuchPageError(f"{site}: there is no such page of posts")
    if response.status >= 500:
        return ApiOverloadedError(f"{site}: its API fails with {response.reason}{f' ({message})' if message else ''}")
    if code == "rest_no_route":
        if settings.post_type == "posts":
            return ApiRefusedError(f"{site}: its REST API gives no posts ({message}): allow it there, or add its feed")
        return ApiRefusedError(f"{site}: its REST API has no type {settings.post_type!r} ({message}): check post_type")
    if response.status in (401, 403):
        return ApiRefusedError(f"{site}: {_closed(response, settings, address, message)}")
    if not code:
        return ApiMissingError(
            f"{site}: its API answers {response.reason} with {described_answer(response)}; {IN_THE_WAY}"
        )
    return ApiRefusedError(f"{site}: its API refuses: {message} ({code})")


def _closed(response: FetchedResponse, settings: WordPressSettings, address: str, message: str) -> str:
    """What to do about an API that gives nothing to guests, or to this user."""
    if not message:
        return f"its API answers {response.reason} with {described_answer(response)}; {IN_THE_WAY}"
    if not settings.username:
        return (
            f"its API is closed to guests ({message}): allow it there, set username and application_password, or add "
            "its feed"
        )
    if not _is_own(settings, address):
        host = urlsplit(address).netloc
        return f"its API is at {host}, to which no password is sent ({message}): write {host} in site"
    return f"it refuses the user name or the application password ({message}): make a new one in the user's profile"


def _summary(excerpt: str, content: str) -> str:
    """An excerpt that a person wrote; others are the beginning of the text."""
    if "more-link" in excerpt:
        return ""
    written = plain_line(excerpt)
    begun = "".join(plain_line(content[:_BEGINNING]).split())
    is_made = not written or _CUT_OFF.search(written) or begun.startswith("".join(written.split()))
    return "" if is_made else written


def _tags(post: Any, settings: WordPressSettings) -> tuple[str, ...]:
    """The tags of a post, then its categories, if those are tags too."""
    groups = part_in(post, "_embedded").get("wp:term")
    lists = [group for group in groups if isinstance(group, list)] if isinstance(groups, list) else []
    terms = [term for group in lists for term in group if isinstance(term, Mapping)]
    wanted = ["post_tag", "category"] if settings.categories_as_tags else ["post_tag"]
    return tuple(
        plain_line(text_in(term, "name"))
        for taxonomy in wanted
        for term in terms
        if term.get("taxonomy") == taxonomy
        and not (taxonomy == "category" and re.sub(r"-\d+$", "", text_in(term, "slug")) in _NO_CATEGORY)
    )


def _featured_image(post: Any) -> EntryImage | None:
    media = next(iter(_embedded(post, "wp:featuredmedia")), None)
    is_image = text_in(media, "media_type") in ("", "image")
    url = web_address(text_in(media, "source_url") if is_image else "")
    url = url or web_address(text_in(post, "jetpack_featured_media_url"))
    caption = plain_line(text_in(part_in(media, "caption"), "rendered"))
    return (
        EntryImage(url=url, alt=plain_line(text_in(media, "alt_text")), caption=caption, is_apart=True) if url else None
    )


def _embedded(post: Any, name: str) -> list[Mapping[str, Any]]:
    """What was embedded under this name; an author or an image that guests may not see is an error without a name."""
    return parts_in(part_in(post, "_embedded"), name)


def _date_of(post: Any, name: str, reading: Reading) -> datetime | None:
    """A date of a post. The one in UTC has no zone; the other one, on the clock of the site, is taken for ours."""
    return date_in(post, f"{name}_gmt", zone="UTC") or date_in(post, name, zone=reading.options.zone)
