"""What would be wrong with an entry in a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from distributor.channels.feed.entry import FeedItem
from distributor.domain.problems import Problem, Severity

_ADDRESSES = frozenset({"action", "background", "cite", "href", "longdesc", "poster", "src"})
_SPEAKS_FOR_ITSELF = frozenset({"audio", "img", "video"})


def problems_of(entries: Sequence[FeedItem], *, max_bytes: int) -> list[Problem]:
    """The findings in the order of the entries; all of them block, for readers keep what they fetched first."""
    return [problem for entry in entries for problem in _problems_of(entry, max_bytes)]


def _problems_of(entry: FeedItem, max_bytes: int) -> Iterator[Problem]:
    found = _Content(entry.content_html)
    if not entry.title:
        yield _blocking(
            entry, "no-title", "the article has no title; readers list articles by their titles: give it one"
        )
    if found.is_empty:
        yield _blocking(entry, "empty-content", "there is nothing to read in the article: write its body")
    addresses = [entry.url, *([entry.image.url] if entry.image else []), *found.addresses]
    for address in dict.fromkeys(addresses):
        if not _is_absolute(address):
            message = f"the address {address!r} leads nowhere from a reader: make it absolute, with https:// in front"
            yield _blocking(entry, "relative-url", message)
    # As XML holds it, where it is biggest.
    size = len(escape(entry.content_html, quote=False).encode())
    if size > max_bytes:
        message = (
            f"the full text has {size:,} bytes, the whole feed may have {max_bytes:,}: "
            "shorten the article or raise the size in the settings of the channel"
        )
        yield _blocking(entry, "over-size", message)


def _blocking(entry: FeedItem, code: str, message: str) -> Problem:
    return Problem(Severity.BLOCK, code, message, where=entry.title or entry.url)


def _is_absolute(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.netloc) if parts.scheme in ("http", "https") else bool(parts.scheme and parts.path)


class _Content(HTMLParser):
    """What a fragment of HTML links to, and whether there is anything to see in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.is_empty = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SPEAKS_FOR_ITSELF:
            self.is_empty = False
        for name, value in attrs:
            if name in _ADDRESSES:
                self.addresses.append(value or "")
            elif name == "srcset":
                self.addresses.extend(choice.split()[0] for choice in (value or "").split(",") if choice.strip())

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.is_empty = False
