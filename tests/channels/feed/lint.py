"""A lint for RSS 2.0 and Atom, with the names the W3C feed validator gives its findings.

It shares no code with the channel, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
MEDIA = "{http://search.yahoo.com/mrss/}"
XML = "{http://www.w3.org/XML/1998/namespace}"

_CHANNEL = (
    "title link description docs generator image language lastBuildDate ttl item copyright pubDate category cloud "
    "managingEditor webMaster rating skipHours skipDays textInput"
)
_ITEM = "title link description author category comments enclosure guid pubDate source"
_FEED = "id title updated author contributor link category generator icon logo rights subtitle entry"
_ENTRY = "id title updated author contributor link category content summary published rights source"
KNOWN = {
    "rss": {"channel"},
    "channel": {*_CHANNEL.split(), f"{ATOM}link", f"{DC}creator", f"{DC}language"},
    "item": {*_ITEM.split(), f"{CONTENT}encoded", f"{DC}creator", f"{DC}language", f"{MEDIA}content", f"{MEDIA}group"},
    f"{ATOM}feed": {f"{ATOM}{name}" for name in _FEED.split()},
    f"{ATOM}entry": {f"{ATOM}{name}" for name in _ENTRY.split()} | {f"{MEDIA}content", f"{MEDIA}group"},
}
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?", re.ASCII)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)
_STYLES = {"text-align", "vertical-align", "width", "height", "color", "direction"}
_RISKY_TAGS = {"applet", "embed", "form", "frame", "iframe", "input", "link", "meta", "object", "script", "style"}
_VOID_TAGS = {"br", "hr", "img", "wbr", "col", "source"}
_ADDRESSES = {"href", "src", "cite", "poster", "srcset"}
MAX_BYTES = 5_000_000

Findings = list[str]


def lint(document: bytes, *, location: str, now: datetime) -> Findings:
    """The rules this feed, served from `location`, breaks: one name per breach."""
    root = etree.fromstring(document)
    rules = _rss(root, location, now) if root.tag == "rss" else _atom(root, location, now)
    found = [*rules, *_undefined(root), *_everywhere(root)]
    return [*found, "TooBig"] if len(document) > MAX_BYTES else found


def _rss(root: etree._Element, location: str, now: datetime) -> Iterator[str]:
    channel = root[0]
    yield from (f"Missing{name.title()}" for name in ("title", "link", "description") if not channel.findtext(name))
    yield from _self_link(channel, location, missing="MissingAtomSelfLink")
    if not (channel.findtext("language") or channel.findtext(f"{DC}language")):
        yield "MissingDCLanguage"
    for image in channel.findall("image"):
        if image.findtext("title") != channel.findtext("title") or image.findtext("link") != channel.findtext("link"):
            yield "ImageTitleDoesntMatch"
    for written in root.iter("lastBuildDate", "pubDate"):
        yield from _date(_rfc2822, written.text or "", now, invalid="InvalidRFC2822Date")
    items = channel.findall("item")
    yield from _repeated([item.findtext("guid") or "" for item in items], "DuplicateEntries")
    for item in items:
        yield from _plain_text(item.findtext("title") or "")
        guid = item.find("guid")
        if guid is None:
            yield "MissingGuid"
        elif guid.get("isPermaLink") != "false" and urlsplit(guid.text or "").scheme not in ("http", "https"):
            yield "InvalidHttpGUID"
        for html in (item.findtext("description"), item.findtext(f"{CONTENT}encoded")):
            yield from _html(html or "")
    for link in root.iter("link", "url"):
        yield from _full_link(link.text or "")


def _atom(root: etree._Element, location: str, now: datetime) -> Iterator[str]:
    yield from _self_link(root, location, missing="MissingSelf")
    if not root.get(f"{XML}lang"):
        yield "MissingDCLanguage"
    for written in root.iter(f"{ATOM}updated", f"{ATOM}published"):
        yield from _date(datetime.fromisoformat, written.text or "", now, invalid="InvalidRFC3339Date")
    entries = root.findall(f"{ATOM}entry")
    yield from _repeated([entry.findtext(f"{ATOM}id") or "" for entry in entries], "DuplicateEntries")
    yield from _repeated([entry.findtext(f"{ATOM}updated") or "" for entry in entries], "DuplicateUpdated")
    for parent in (root, *entries):
        yield from (f"Missing{name.title()}" for name in ("id", "title", "updated") if not parent.findtext(ATOM + name))
        if parent.find(f"{ATOM}author") is None and root.find(f"{ATOM}author") is None:
            yield "MissingAuthor"
        yield from _full_link(parent.findtext(f"{ATOM}id") or "")
        links = parent.findall(f"{ATOM}link")
        alternates = [link for link in links if link.get("rel", "alternate") == "alternate"]
        yield from _repeated([f"{link.get('type')} {link.get('hreflang')}" for link in alternates], "DuplicateAtomLink")
    for entry in entries:
        for construct in entry.iterfind(f"{ATOM}content"):
            if construct.get("type", "text") not in ("text", "html", "xhtml") and not _is_mime(construct):
                yield "InvalidMIMEType"
            yield from _html(construct.text or "")


def _everywhere(root: etree._Element) -> Iterator[str]:
    for element in root.iter(f"{ATOM}link", f"{MEDIA}content", "enclosure"):
        yield from _full_link(element.get("href") or element.get("url") or "")
        if element.get("type") is not None and not _is_mime(element):
            yield "InvalidMIMEType"
    for group in root.iter(f"{MEDIA}group"):
        if len(group.findall(f"{MEDIA}content")) < 2:
            yield "MediaGroupWithoutAlternatives"


def _undefined(root: etree._Element) -> Iterator[str]:
    for parent in root.iter(*KNOWN):
        yield from ("UndefinedElement" for child in parent if child.tag not in KNOWN[str(parent.tag)])


def _self_link(parent: etree._Element, location: str, *, missing: str) -> Iterator[str]:
    own = [link.get("href") for link in parent.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if not own:
        yield missing
    elif own != [location]:
        yield "SelfDoesntMatchLocation"


def _repeated(values: list[str], rule: str) -> Iterator[str]:
    yield from (rule for count in Counter(values).values() if count > 1)


def _rfc2822(written: str) -> datetime:
    if not re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", written, re.ASCII):
        raise ValueError(written)
    return parsedate_to_datetime(written)


def _date(read: object, written: str, now: datetime, *, invalid: str) -> Iterator[str]:
    try:
        parsed = read(written)  # type: ignore[operator]
    except ValueError:
        yield invalid
        return
    if parsed.tzinfo is None:
        yield invalid
    elif parsed > now or parsed.year < 1990:
        yield "ImplausibleDate"


def _plain_text(title: str) -> Iterator[str]:
    if _TAG.search(title):
        yield "CharacterData"
    if _ENTITY.search(title):
        yield "ContainsHTML"


def _full_link(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if not parts.scheme or not (parts.netloc or parts.path) or not address.isascii() or " " in address:
        yield "InvalidFullLink"


def _is_mime(element: etree._Element) -> bool:
    return bool(_MIME.fullmatch(element.get("type", "")))


def _html(html: str) -> Iterator[str]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    yield from reader.found
    if reader.open:
        yield "NotHtml"


class _Reader(HTMLParser):
    """Reads a fragment of HTML for what an aggregator would take out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Findings = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID_TAGS:
            self.open.append(tag)
        if tag in _RISKY_TAGS:
            self.found.append("SecurityRisk")
        for name, value in attrs:
            self.attribute(name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.found.append("NotHtml")

    def attribute(self, name: str, value: str) -> None:
        scheme = urlsplit(value).scheme
        if name.startswith("on") or (name in _ADDRESSES and scheme in ("javascript", "data", "vbscript")):
            self.found.append("SecurityRiskAttr")
        elif name in _ADDRESSES and not scheme:
            self.found.append("ContainsRelRef")
        elif name == "style":
            properties = {part.partition(":")[0].strip() for part in value.split(";") if part.strip()}
            self.found.extend("DangerousStyleAttr" for _ in properties - _STYLES)
