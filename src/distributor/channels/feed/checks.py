"""Finds what is wrong with entries before they are published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from gettext import gettext as _
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from distributor.channels.feed.feed import FeedEntry
from distributor.domain.problems import CheckResult, Problem, Severity

_URL_ATTRIBUTES = frozenset({"action", "background", "cite", "href", "longdesc", "poster", "src"})
_MEDIA_TAGS = frozenset({"audio", "img", "video"})


def check_entries(entries: Sequence[FeedEntry], *, max_bytes: int) -> CheckResult:
    """The problems and what is right; all of them block, because readers keep what they fetched first."""
    contents = [(entry, _Content(entry.content_html)) for entry in entries]
    return CheckResult.of(
        [
            (_("Each entry has a title."), (one for entry in entries for one in _title_problems(entry))),
            (_("Each entry has its whole text."), (one for pair in contents for one in _content_problems(*pair))),
            (_("Readers can open every address."), (one for pair in contents for one in _address_problems(*pair))),
            (_("The feed has room for it."), (one for entry in entries for one in _size_problems(entry, max_bytes))),
        ]
    )


def _title_problems(entry: FeedEntry) -> Iterator[Problem]:
    if not entry.title:
        yield _blocking(
            entry, "no-title", "the article has no title; readers list articles by their titles: give it one"
        )


def _content_problems(entry: FeedEntry, content: _Content) -> Iterator[Problem]:
    if content.is_empty:
        yield _blocking(entry, "empty-content", "the article has no content: write its body")


def _address_problems(entry: FeedEntry, content: _Content) -> Iterator[Problem]:
    urls = [entry.url, *([entry.image.url] if entry.image else []), *content.urls]
    for url in dict.fromkeys(urls):
        if not _is_absolute(url):
            message = f"the URL {url!r} is not absolute, so feed readers cannot open it: start it with https://"
            yield _blocking(entry, "relative-url", message)


def _size_problems(entry: FeedEntry, max_bytes: int) -> Iterator[Problem]:
    # As it is escaped in XML, which is the largest form.
    size = len(escape(entry.content_html, quote=False).encode())
    if size > max_bytes:
        message = (
            f"the full text has {size:,} bytes, and the whole feed is limited to {max_bytes:,}: "
            "shorten the article or raise max_bytes in the settings of the channel"
        )
        yield _blocking(entry, "over-size", message)


def _blocking(entry: FeedEntry, code: str, message: str) -> Problem:
    return Problem(Severity.BLOCK, code, message, where=entry.title or entry.url)


def _is_absolute(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.netloc) if parts.scheme in ("http", "https") else bool(parts.scheme and parts.path)


class _Content(HTMLParser):
    """The URLs in a fragment of HTML, and whether it has any content."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.is_empty = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _MEDIA_TAGS:
            self.is_empty = False
        for name, value in attrs:
            if name in _URL_ATTRIBUTES:
                self.urls.append(value or "")
            elif name == "srcset":
                self.urls.extend(choice.split()[0] for choice in (value or "").split(",") if choice.strip())

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.is_empty = False
