"""A feed in RSS, Atom or JSON Feed, asked with validators: an unchanged one costs one request and is not parsed.

The identity of an item is its GUID (RSS), id (Atom, JSON Feed), else its link, else its title. Feeds show their newest
items only: one that has left the end of the feed is not gone, one that is missing before others that are there is.
"""

from __future__ import annotations

import hashlib
import json
import re
from calendar import timegm
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape
from typing import Any, ClassVar
from urllib.parse import urljoin

import feedparser
import lxml.html
from lxml import etree
from pydantic import BaseModel, Field

from distributor.domain.article import Manuscript
from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.dates import read_date
from distributor.sources.items import ReadItem, SourceItem, stored_ref
from distributor.sources.kinds.api import Reading, missing_items
from distributor.sources.kinds.entry import Entry, EntryImage, manuscript_of, plain_line

_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json")
# Servers say for how long an answer holds; that is respected for as long as this.
_LONGEST_FRESHNESS = timedelta(days=1)
_MAX_AGE = re.compile(r"max-age=(\d{1,9})", re.IGNORECASE)
# How programs end a text that goes on elsewhere.
_CUT_OFF = re.compile(
    r"(?:\[?(?:…|&hellip;|&#8230;|\.\.\.)\]?|(?:read|continue|keep)\s+(?:more|reading|on)\s*\W{0,3})\s*(?:</\w+>\s*)*$",
    re.IGNORECASE,
)
_MOST_ITEMS = 2000
_ELEMENT = re.compile(r"<[a-z!/]", re.IGNORECASE)


class FeedSettings(BaseModel, extra="forbid"):
    """Settings of a feed."""

    url: str = Field(title="Address", description="of the feed", pattern=r"^https?://\S+$", max_length=2000)
    complete: bool = Field(
        False,
        title="Complete from the page",
        description="fetch the page of an item that the feed only begins, as its robots.txt allows",
    )
    language: str = Field("", title="Language", description="of items, if the feed does not say it")


class FeedSource:
    """A feed of another site, or of one's own blog."""

    kind: ClassVar[str] = "feed"
    title: ClassVar[str] = "Feed"
    sentence: ClassVar[str] = "RSS, Atom or JSON Feed, with the full text if the feed has it."
    settings_model: ClassVar[type[BaseModel]] = FeedSettings
    interval: ClassVar[timedelta] = timedelta(minutes=15)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings

    @property
    def address(self) -> str:
        return self._settings.url

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        response = reading.get(self.address, accept=_ACCEPT, headers=_validators(reading.cursor))
        if response.has_moved:
            reading.settings_after["url"] = response.url
            reading.notes.append(f"it has moved to {response.url}, which is asked from now on")
        reading.next_run_at = _fresh_until(response, reading.now)
        digest = hashlib.sha256(response.body).hexdigest()
        if response.status == 304 or reading.cursor.get("body") == digest:
            reading.cursor_after = {**reading.cursor, **_validators_of(response)}
            return
        entries = _with_distinct_refs(_entries(response), reading)
        refs = [entry.ref for entry in entries]
        reading.cursor_after = {"body": digest, "refs": [*refs], **_validators_of(response)}
        yield from reading.take(entries, partial(self._item, reading))
        yield from missing_items(reading.before.get("refs"), refs)

    def _item(self, reading: Reading, entry: Entry) -> SourceItem:
        return reading.item(entry.ref, entry.said, lambda: self._manuscript(reading, entry))

    def _manuscript(self, reading: Reading, entry: Entry) -> Manuscript:
        known = replace(entry, language=entry.language or self._settings.language)
        if not (self._settings.complete and entry.address and _is_cut_off(entry)):
            return manuscript_of(known, reading.options)
        try:
            page = reading.article_of(entry.address)
        except SourceError as error:
            note = f"its page could not be fetched, so it is as short as in the feed: {error.reason}"
            return manuscript_of(known, reading.options, warnings=[note])
        said = manuscript_of(replace(known, html=known.html or "…"), reading.options)
        return replace(said, body=page.body, image=said.image or page.image, summary=entry.summary or page.summary)


KIND = FeedSource


def _validators(cursor: Mapping[str, Json]) -> dict[str, str]:
    """The headers that ask whether a feed has changed (RFC 9110, section 13.1)."""
    names = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
    return {header: value for name, header in names.items() if isinstance(value := cursor.get(name), str)}


def _validators_of(response: FetchedResponse) -> dict[str, Json]:
    names = {"etag": "etag", "last-modified": "last_modified"}
    return {name: response.headers[header][:500] for header, name in names.items() if response.headers.get(header)}


def _fresh_until(response: FetchedResponse, now: datetime) -> datetime | None:
    """Until when a server says that its answer holds (RFC 9111, section 5.2.2.1)."""
    found = _MAX_AGE.search(response.headers.get("cache-control", ""))
    return now + min(timedelta(seconds=int(found[1])), _LONGEST_FRESHNESS) if found else None


def _with_distinct_refs(entries: Sequence[Entry], reading: Reading) -> list[Entry]:
    """Each entry once. Different ones that a feed gives one GUID are told apart by their addresses."""
    counts = Counter(entry.ref for entry in entries)
    doubled = {ref for ref, count in counts.items() if count > 1}
    if doubled:
        reading.notes.append(f"{len(doubled)} GUIDs of the feed are used more than once: items are told apart by links")
    found: dict[str, Entry] = {}
    for entry in entries:
        ref = stored_ref(f"{entry.ref} {entry.address}" if entry.ref in doubled else entry.ref)
        # The first one of those that are the same is the newest.
        found.setdefault(ref, replace(entry, ref=ref))
    return list(found.values())


def _is_cut_off(entry: Entry) -> bool:
    """Whether a feed only has the beginning of a text."""
    return not entry.html or entry.html == entry.summary or _CUT_OFF.search(entry.html.rstrip()) is not None


def _entries(response: FetchedResponse) -> list[Entry]:
    """The entries of a feed. Raises SourceError if it is none."""
    start = response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    entries = _entries_of_json(response) if start in (b"{", b"[") else _entries_of_xml(response)
    return entries[:_MOST_ITEMS]


def _entries_of_xml(response: FetchedResponse) -> list[Entry]:
    """RSS of all versions and Atom, also malformed, as far as feedparser understands it."""
    if b"<!ENTITY" in response.body:
        # One that expands itself would fill the memory; feeds need none.
        raise SourceError(f"{response.url}: the feed defines entities, which is not accepted")
    try:
        parsed = feedparser.parse(
            response.body,
            response_headers={"content-type": response.headers.get("content-type", ""), "content-location": ""},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except (RecursionError, ValueError, LookupError) as error:
        raise SourceError(f"{response.url}: the feed cannot be parsed: {type(error).__name__}") from None
    if not parsed.entries and not parsed.get("version"):
        raise SourceError(_no_feed(response))
    language = str(parsed.feed.get("language", ""))
    return [_entry_of_xml(one, response.url, language) for one in parsed.entries]


def _no_feed(response: FetchedResponse) -> str:
    """What is there instead of a feed; a page names the feeds it has."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip() or "something without a type"
    feeds = feeds_of_page(response)
    if feeds:
        return f"{response.url} is a page and no feed; its feeds are {', '.join(feeds)}"
    return f"{response.url} is no feed but {kind}"


def feeds_of_page(response: FetchedResponse) -> list[str]:
    """The addresses of the feeds that a page links to (rel="alternate", HTML, section 4.6.7.1), in its order."""
    with suppress(etree.LxmlError, ValueError, RecursionError):
        page = lxml.html.document_fromstring(response.body)
        return [
            _joined(response.url, link.get("href", ""))
            for link in page.iter("link")
            if "alternate" in link.get("rel", "").lower().split() and link.get("type", "").lower() in _FEED_TYPES
        ]
    return []


def _entry_of_xml(one: Any, feed_url: str, language: str) -> Entry:
    address = _address_of(str(one.get("link") or ""), feed_url)
    contents = [part for part in one.get("content", []) if part.get("value")]
    # The longest one is the text, others are the same in other forms.
    content = max(contents, key=lambda part: len(part["value"]), default=None)
    summary = str(one.get("summary", ""))
    html = _as_html(content) if content is not None else _as_html(one.get("summary_detail")) or summary
    title = _title_of(one)
    # Not by its own method, which gives the date of publication instead.
    changed = dict.get(one, "updated_parsed")
    authors = [str(author.get("name") or "") for author in one.get("authors", [])] or [str(one.get("author", ""))]
    return Entry(
        ref=str(one.get("id") or address or title or hashlib.sha256(html.encode()).hexdigest()),
        title=title,
        html=html,
        summary="" if content is None else plain_line(summary) if len(summary) < len(html) else "",
        authors=tuple(map(_name_of, authors)),
        tags=tuple(str(tag.get("label") or tag.get("term") or "") for tag in one.get("tags", [])),
        address=address,
        language=str((content or {}).get("language") or one.get("language") or language or ""),
        image=_image_of_xml(one, feed_url),
        published_at=_date(one.get("published_parsed") or changed),
        updated_at=_date(changed),
        base=_joined(address or feed_url, str((content or one.get("summary_detail") or {}).get("base") or "")),
    )


def _address_of(link: str, feed_url: str) -> str:
    """The whole address of an item; empty if its link is none, or leads to no page."""
    address = _joined(feed_url, link.strip()) if link.strip() else ""
    return address if address.lower().startswith(("http://", "https://")) else ""


def _joined(base: str, link: str) -> str:
    """A link as a whole address; as it is if it cannot be one, such as an address with half a bracket."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link


def _title_of(one: Any) -> str:
    """The title as plain text. Only Atom says whether it is HTML (RFC 4287, section 3.1.1); in RSS it often is."""
    title = str(one.get("title", ""))
    is_plain = one.get("title_detail", {}).get("type") == "text/plain"
    return " ".join(title.split()) if is_plain else plain_line(title)


def _as_html(part: Any) -> str:
    """A text of a feed as HTML. Feeds call text plain that is HTML, so its elements decide."""
    if not part:
        return ""
    value = str(part.get("value", ""))
    is_plain = part.get("type") == "text/plain" and not _ELEMENT.search(value)
    return _of_plain_text(value) if is_plain else value


def _of_plain_text(text: str) -> str:
    """Plain text as HTML with its paragraphs and lines."""
    paragraphs = (block.strip() for block in re.split(r"\n\s*\n", escape(text)))
    return "".join(f"<p>{block}</p>".replace("\n", "<br>") for block in paragraphs if block)


def _name_of(author: str) -> str:
    """The name of an author; an address in RSS ("ann@example.org (Ann)") is never shown."""
    named = re.fullmatch(r"\S+@\S+\s+\((.+)\)", author.strip())
    return named[1] if named else re.sub(r"<?\S+@\S+>?", "", author).strip()


def _image_of_xml(one: Any, feed_url: str) -> EntryImage | None:
    candidates = [
        *(part for part in one.get("media_content", []) if _is_image(part)),
        *one.get("media_thumbnail", []),
        *(part for part in one.get("enclosures", []) if _is_image(part)),
    ]
    for part in candidates:
        url = _joined(feed_url, str(part.get("url") or part.get("href") or ""))
        if url.startswith(("http://", "https://")):
            return EntryImage(url=url)
    return None


def _is_image(part: Any) -> bool:
    return part.get("medium") == "image" or str(part.get("type", "")).startswith("image/")


def _date(parsed: Any) -> datetime | None:
    """A date of feedparser, which gives UTC."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(timegm(parsed), UTC)
    return None


def _entries_of_json(response: FetchedResponse) -> list[Entry]:
    """JSON Feed 1.0 and 1.1 (jsonfeed.org)."""
    try:
        feed = json.loads(response.body)
    except (ValueError, RecursionError):
        raise SourceError(f"{response.url}: the feed is no JSON") from None
    if not isinstance(feed, Mapping) or not isinstance(items := feed.get("items"), list):
        raise SourceError(f"{response.url}: the JSON is no JSON Feed, which has a list of items")
    return [_entry_of_json(one, feed, response.url) for one in items if isinstance(one, Mapping)]


def _entry_of_json(one: Mapping[str, Any], feed: Mapping[str, Any], feed_url: str) -> Entry:
    def text(name: str, of: Mapping[str, Any] = one) -> str:
        found = of.get(name)
        return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""

    address = _address_of(text("url") or text("external_url"), feed_url)
    people = one.get("authors") or [one.get("author")]
    authors = [text("name", of=author) for author in people if isinstance(author, Mapping)]
    tags = one.get("tags")
    html = text("content_html") or _of_plain_text(text("content_text")) or text("summary")
    image = text("image") or text("banner_image")
    return Entry(
        ref=text("id") or address or text("title") or hashlib.sha256(html.encode()).hexdigest(),
        title=text("title"),
        html=html,
        summary=text("summary") if text("summary") != html else "",
        authors=tuple(authors),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        address=address,
        language=text("language") or text("language", of=feed),
        image=EntryImage(url=_joined(feed_url, image)) if image else None,
        published_at=_date_of_json(text("date_published") or text("date_modified")),
        updated_at=_date_of_json(text("date_modified")),
        base=address or feed_url,
    )


def _date_of_json(text: str) -> datetime | None:
    with suppress(ScheduleError):
        return read_date(text, zone="UTC", language="en") if text else None
    return None
