"""A WordPress site by its REST API: all its posts, then what changes and what is gone.

Source: developer.wordpress.org/rest-api/reference/posts/. A run asks for what was modified since the last one, and for
the ids of the newest posts: a scheduled one keeps the time at which it was written. If the site has another number of
posts than are known here, and once a day, all ids are compared.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

import lxml.html
from lxml import etree
from pydantic import BaseModel, Field, SecretStr, model_validator

from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.dates import read_date
from distributor.sources.items import GoneItem, ReadItem, SourceItem
from distributor.sources.kinds.api import AnswerTooLargeError, NoAnswerError, Reading, SourceStatusError
from distributor.sources.kinds.entry import Entry, EntryImage, manuscript_of, plain_line
from distributor.sources.kinds.wordpress_html import plain_html

# The relation of the API in a Link header and in the head of pages (REST API Handbook, "Discovery").
_RELATION = "https://api.w.org/"
_LINK = re.compile(rf'<([^<>]+)>\s*;\s*rel="?{re.escape(_RELATION)}"?', re.IGNORECASE)
_WORDPRESS_COM = "https://public-api.wordpress.com/wp/v2/sites/"
# Servers that cannot give a hundred posts at once are asked for fewer; each divides the one before.
_PAGE_SIZES = (100, 20, 5, 1)
_MOST_POSTS = 20_000
# Clocks differ, and clocks of people go back by an hour in autumn.
_MARGIN = timedelta(hours=2)
_LISTED_EVERY = timedelta(days=1)
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
_CUT_OFF = re.compile(r"(?:\[?(?:…|\.\.\.)\]?)\s*(?:continue reading|read more|weiterlesen)?\W*$", re.IGNORECASE)
# The ids of the newest posts, and with them how many posts there are.
_NEWEST: Mapping[str, str | int] = {"orderby": "date", "order": "desc", "per_page": 100, "page": 1, "_fields": "id"}
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
        base, newest = reading.cursor.get("api"), None
        if isinstance(base, str):
            with suppress(_NotThereError):
                newest = _Api(reading, self._settings, base).posts(**_NEWEST)
        if not isinstance(base, str) or newest is None:
            base = _find_api(reading, self._settings)
            newest = _Api(reading, self._settings, base).posts(**_NEWEST)
        yield from _Run(_Api(reading, self._settings, base), newest).items()


KIND = WordPressSource


class _NotThereError(SourceError):
    """There is no API at this address."""


class _NoSuchPageError(SourceError):
    """There are fewer pages than that."""


class _OverloadedError(SourceError):
    """The server fails, perhaps at so many posts at once."""


class _RefusedError(SourceError):
    """WordPress says that it does not give this."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The posts of an answer, and how many there are on all pages, if the site says so."""

    posts: list[Any]
    total: int | None


@dataclass(frozen=True, slots=True)
class _Api:
    """The REST API of a site. `base` is the address that the names of types are added to."""

    reading: Reading
    settings: WordPressSettings
    base: str

    def posts(self, **query: str | int) -> _Found:
        """One page of posts. Raises SourceError."""
        address = _joined(self.base, self.settings.post_type, query)
        headers = _credentials(self.settings, address)
        try:
            response = self.reading.get(address, accept="application/json", headers=headers)
        except SourceStatusError as error:
            raise _refusal(error.response, self.settings, address) from None
        found = _json_of(response, self.reading, self.settings)
        if isinstance(found, Mapping) and found and all(str(key).isdecimal() for key in found):
            # A list with gaps, which PHP writes as an object.
            found = list(found.values())
        if not isinstance(found, list):
            raise _NotThereError(f"{self.settings.site}: what answers there is no list of posts of WordPress")
        total = response.headers.get("x-wp-total", "")
        return _Found(found, int(total) if total.isdecimal() and len(total) < 10 else None)

    def pages(self, **query: str | int) -> Iterator[Any]:
        """The posts of all pages. Ends at a page without a new post, whatever the site says about their number."""
        seen: set[str | None] = {None}
        offset, largest = 0, _PAGE_SIZES[0]
        while offset < _MOST_POSTS:
            size = next(one for one in _PAGE_SIZES if one <= largest and offset % one == 0)
            try:
                found = self.posts(**query, per_page=size, page=offset // size + 1)
            except _NoSuchPageError:
                return
            except (AnswerTooLargeError, NoAnswerError, _OverloadedError) as error:
                if size > 1:
                    largest = next(one for one in _PAGE_SIZES if one < size)
                    continue
                if not isinstance(error, AnswerTooLargeError):
                    raise
                self.reading.notes.append("a post is left out, because it is larger than 5 MB")
                offset += 1
                continue
            yield from found.posts
            offset += size
            largest = _PAGE_SIZES[0] if offset % _PAGE_SIZES[0] == 0 else largest
            is_last = len(found.posts) < size and (found.total is None or offset >= found.total)
            refs = set(map(_ref_of, found.posts))
            if is_last or refs <= seen:
                return
            seen |= refs
        self.reading.notes.append(f"only {_MOST_POSTS} posts are read")

    def having(self, refs: Sequence[str], **query: str | int) -> Iterator[Any]:
        """Those of these posts that there are."""
        for at in range(0, len(refs), _IDS_AT_ONCE):
            yield from self.pages(**query, include=",".join(refs[at : at + _IDS_AT_ONCE]))


class _Run:
    """One run over the posts of a site. `newest` is what the site answers to _NEWEST."""

    def __init__(self, api: _Api, newest: _Found) -> None:
        self._api, self._reading, self._settings = api, api.reading, api.settings
        self._newest = newest
        self._known = {ref for ref in api.reading.known if ref.isdecimal()}
        before = api.reading.cursor.get("left_out")
        self._left_out = {ref for ref in before if isinstance(ref, str)} if isinstance(before, list) else set()
        self._taken: set[str] = set()
        self._modified = _moment(api.reading.cursor.get("modified"))

    def items(self) -> Iterator[ReadItem]:
        """What is new, changed and gone; then remembers where the next run begins."""
        yield from self._take(self._changed())
        yield from self._take_unknown(self._newest.posts)
        if self._is_to_be_compared():
            yield from self._compare()
        if self._left_out:
            self._reading.notes.append(f"{len(self._left_out)} posts are left out, because they have a password")
        self._reading.cursor_after.update(
            modified=self._modified.isoformat() if self._modified else None, left_out=sorted(self._left_out)
        )

    def _changed(self) -> Iterator[Any]:
        """All posts on the first run, later those that were modified since the last one."""
        if self._modified is None:
            yield from self._api.pages(**_WHOLE, orderby="id", order="asc")
            return
        since = self._modified - _MARGIN
        query = {"modified_after": f"{since:%Y-%m-%dT%H:%M:%SZ}", "orderby": "modified", "order": "desc"}
        for post in self._api.pages(**_WHOLE, **query):
            modified = _date_of(post, "modified", self._reading)
            if modified is not None and modified < since:
                # Before version 5.7 nothing is selected by this date.
                return
            yield post

    def _take_unknown(self, posts: Iterable[Any]) -> Iterator[ReadItem]:
        """Posts that are known by their ids only."""
        refs = [ref for ref in map(_ref_of, posts) if ref is not None and ref not in self._accounted]
        if refs:
            yield from self._take(self._api.having(refs, **_WHOLE))

    def _take(self, posts: Iterable[Any]) -> Iterator[ReadItem]:
        gone: list[str] = []
        yield from self._reading.take(self._readable(posts, gone), self._item)
        yield from (GoneItem(ref=ref) for ref in gone)

    def _readable(self, posts: Iterable[Any], gone: list[str]) -> Iterator[Any]:
        """The posts that have not been taken, without those that have a password."""
        for post in posts:
            ref = _ref_of(post)
            if ref in self._taken:
                continue
            if ref is None:
                yield post
                continue
            self._taken.add(ref)
            modified = _date_of(post, "modified", self._reading)
            if modified is not None and modified <= self._reading.now:
                self._modified = max(modified, self._modified or modified)
            if _part(post, "content").get("protected") is True:
                self._left_out.add(ref)
                gone += [ref] if ref in self._known else []
            else:
                self._left_out.discard(ref)
                yield post

    def _item(self, post: Any) -> SourceItem:
        entry = _entry(post, self._settings, self._reading)
        return self._reading.item(entry.ref, entry.said, lambda: manuscript_of(entry, self._reading.options))

    @property
    def _accounted(self) -> set[str]:
        return self._known | self._left_out | self._taken

    def _is_to_be_compared(self) -> bool:
        """Whether all ids are compared: one answer has them, or there may be others than those that are known."""
        total = self._newest.total
        if total is not None and total <= len(self._newest.posts):
            return True
        listed_at = _moment(self._reading.cursor.get("listed_at"))
        is_due = listed_at is None or self._reading.now - listed_at >= _LISTED_EVERY
        numbers = [total, len(self._accounted)]
        has_others = total is not None and numbers[0] != numbers[1] and self._reading.cursor.get("compared") != numbers
        return is_due or has_others

    def _compare(self) -> Iterator[ReadItem]:
        """What the site has and was not seen yet, and what it has no more."""
        listed = self._newest.posts
        if self._newest.total is None or self._newest.total > len(listed):
            listed = list(self._api.pages(**{name: _NEWEST[name] for name in ("orderby", "order", "_fields")}))
        yield from self._take_unknown(listed)
        refs = set(map(_ref_of, listed))
        missing = sorted(self._known - refs - self._taken)
        # One that slipped from a page to the one before, while posts vanished, is in no list and yet there.
        present = set(map(_ref_of, self._api.having(missing, _fields="id"))) if missing else set()
        gone = [ref for ref in missing if ref not in present]
        self._left_out &= {ref for ref in refs if ref is not None}
        yield from (GoneItem(ref=ref) for ref in gone)
        accounted = len(self._accounted - set(gone))
        self._reading.cursor_after.update(
            listed_at=self._reading.now.isoformat(), compared=[self._newest.total, accounted]
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
            _Api(reading, settings, _base_of(root)).posts(**_NEWEST)
        except (_RefusedError, _NotThereError, _OverloadedError) as error:
            refused = error if isinstance(error, _RefusedError) else refused
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
    raise _NotThereError(f"{settings.site}: its API answers with {_named(response)} in place of JSON; {_IN_THE_WAY}")


_IN_THE_WAY = "a login page, a firewall or a plugin for maintenance or security may stand in the way there"


def _note_once(reading: Reading, note: str) -> None:
    if note not in reading.notes:
        reading.notes.append(note)


def _named(response: FetchedResponse) -> str:
    """What an answer is that is no JSON: a page with its title, or its type."""
    found = re.search(rb"<title[^>]*>(.{0,400}?)</title>", response.body[:100_000], re.IGNORECASE | re.DOTALL)
    title = plain_line(found[1].decode("utf-8", "replace"))[:80] if found else ""
    if title:
        return f"the page “{title}”"
    return response.headers.get("content-type", "").partition(";")[0].strip() or "something without a type"


def _refusal(response: FetchedResponse, settings: WordPressSettings, address: str) -> SourceError:
    """The error for an answer with another status than 200, in words."""
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(response.body)
    code, message = (_text(said, "code"), plain_line(_text(said, "message"))[:300]) if said else ("", "")
    site = settings.site
    if code == "rest_post_invalid_page_number":
        return _NoSuchPageError(f"{site}: there is no such page of posts")
    if response.status >= 500:
        return _OverloadedError(f"{site}: its API fails with {response.reason}{f' ({message})' if message else ''}")
    if code == "rest_no_route":
        if settings.post_type == "posts":
            return _RefusedError(f"{site}: its REST API gives no posts ({message}): allow it there, or add its feed")
        return _RefusedError(f"{site}: its REST API has no type {settings.post_type!r} ({message}): check post_type")
    if response.status in (401, 403):
        return _RefusedError(f"{site}: {_closed(response, settings, address, message)}")
    if not code:
        return _NotThereError(f"{site}: its API answers {response.reason} with {_named(response)}; {_IN_THE_WAY}")
    return _RefusedError(f"{site}: its API refuses: {message} ({code})")


def _closed(response: FetchedResponse, settings: WordPressSettings, address: str, message: str) -> str:
    """What to do about an API that gives nothing to guests, or to this user."""
    if not message:
        return f"its API answers {response.reason} with {_named(response)}; {_IN_THE_WAY}"
    if not settings.username:
        return (
            f"its API is closed to guests ({message}): allow it there, set username and application_password, or add "
            "its feed"
        )
    if not _is_own(settings, address):
        host = urlsplit(address).netloc
        return f"its API is at {host}, to which no password is sent ({message}): write {host} in site"
    return f"it refuses the user name or the application password ({message}): make a new one in the user's profile"


def _entry(post: Any, settings: WordPressSettings, reading: Reading) -> Entry:
    """What a post says. Raises SourceError for one without an id or a text."""
    ref = _ref_of(post)
    if ref is None:
        raise SourceError("it is no post of WordPress: it has no id")
    content, excerpt = (_text(_part(post, name), "rendered") for name in ("content", "excerpt"))
    language = _text(post, "lang") or settings.language or _text(reading.cursor_after, "language")
    address = _text(post, "link")
    return Entry(
        ref=ref,
        title=plain_line(_text(_part(post, "title"), "rendered")),
        html=plain_html(content),
        summary=_summary(excerpt, content),
        authors=tuple(plain_line(_text(one, "name")) for one in _embedded(post, "author")),
        tags=_tags(post, settings),
        address=address if address.startswith(("http://", "https://")) else "",
        language=language,
        image=_featured_image(post),
        published_at=_date_of(post, "date", reading),
        updated_at=_date_of(post, "modified", reading),
        slug=unquote(_text(post, "slug")),
    )


def _summary(excerpt: str, content: str) -> str:
    """An excerpt that a person wrote; others are the beginning of the text."""
    if "more-link" in excerpt:
        return ""
    written = plain_line(excerpt)
    begun = "".join(plain_line(content).split())
    is_made = not written or _CUT_OFF.search(written) or begun.startswith("".join(written.split()))
    return "" if is_made else written


def _tags(post: Any, settings: WordPressSettings) -> tuple[str, ...]:
    """The tags of a post, then its categories, if those are tags too."""
    terms = [term for group in _embedded(post, "wp:term", of=list) for term in group if isinstance(term, Mapping)]
    wanted = ["post_tag", "category"] if settings.categories_as_tags else ["post_tag"]
    return tuple(
        plain_line(_text(term, "name"))
        for taxonomy in wanted
        for term in terms
        if term.get("taxonomy") == taxonomy
        and not (taxonomy == "category" and re.sub(r"-\d+$", "", _text(term, "slug")) in _NO_CATEGORY)
    )


def _featured_image(post: Any) -> EntryImage | None:
    media = next(iter(_embedded(post, "wp:featuredmedia")), None)
    is_image = _text(media, "media_type") in ("", "image")
    url = (_text(media, "source_url") if is_image else "") or _text(post, "jetpack_featured_media_url")
    if not url.startswith(("http://", "https://")):
        return None
    caption = plain_line(_text(_part(media, "caption"), "rendered"))
    return EntryImage(url=url, alt=plain_line(_text(media, "alt_text")), caption=caption, is_apart=True)


def _embedded(post: Any, name: str, of: type = dict) -> list[Any]:
    """What was embedded under this name; not the errors that stand in place of what guests may not see."""
    found = _part(post, "_embedded").get(name)
    return [one for one in found if isinstance(one, of)] if isinstance(found, list) else []


def _date_of(post: Any, name: str, reading: Reading) -> datetime | None:
    """A date of a post. The one in UTC has no zone; the other one, on the clock of the site, is taken for ours."""
    for written, zone in ((_text(post, f"{name}_gmt"), "UTC"), (_text(post, name), reading.options.zone)):
        if written and not written.startswith("0000"):
            with suppress(ScheduleError):
                return read_date(written, zone=zone, language="en")
    return None


def _moment(written: Json) -> datetime | None:
    """A time that an earlier run remembered."""
    with suppress(ValueError):
        return datetime.fromisoformat(written) if isinstance(written, str) else None
    return None


def _ref_of(post: Any) -> str | None:
    """The id of a post, which some plugins write as text."""
    found = post.get("id") if isinstance(post, Mapping) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return str(int(found)) if isinstance(found, str) and found.isdecimal() and len(found) < 20 else None


def _part(of: Any, name: str) -> Mapping[str, Any]:
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(of: Any, name: str) -> str:
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, str) else ""
