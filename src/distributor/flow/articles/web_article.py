"""An article from a web address: fetched as a guest who keeps to the rules of the house.

Only public addresses are reached, robots.txt decides (RFC 9309), and time and bytes are limited.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from distributor.domain.article import Manuscript
from distributor.domain.blocks import links_of, plain_text
from distributor.domain.byte_order_marks import BYTE_ORDER_MARKS
from distributor.domain.encodings.labels import CODECS, find_encoding
from distributor.domain.errors import InputError, SourceError
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import Ingested, add_manuscript, reading_options
from distributor.guarded_http import USER_AGENT, FetchedResponse, FetchError, GuardedHttpClient
from distributor.sources.decoding import MAX_BYTES, decode, normalize_text
from distributor.sources.formats import parse_web_page

_PAGE_SECONDS, _ROBOTS_SECONDS = 20, 10
# What a reader of robots.txt has to read at least (RFC 9309, section 2.5).
_ROBOTS_BYTES = 500 * 1024
_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Where a page may say its encoding (HTML, section 13.2.3.2).
_PRESCAN = 1024
_META = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


def is_web_address(text: str) -> bool:
    """Whether this names a page on the web, and not a file."""
    return text.lower().startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebArticle:
    """The article of a page, and the address that it was found at after redirects."""

    address: str
    manuscript: Manuscript

    @property
    def content_hash(self) -> str:
        """A hash of what readers would notice, since the bytes of pages differ in each response."""
        body = self.manuscript.body
        said = "\0".join((self.manuscript.title, plain_text(body), *links_of(body)))
        return hashlib.sha256(said.encode()).hexdigest()


def add_web_article(app: AppContext, address: str, *, actor: str = "") -> Ingested:
    """Ingest the article at this address, as a draft, or as a revision of what it was before. Raises SourceError."""
    page = read_web_article(app, address)
    return add_manuscript(app, page.manuscript, source_ref=page.address, content_hash=page.content_hash, actor=actor)


def read_web_article(app: AppContext, address: str) -> WebArticle:
    """The article at this address. Raises SourceError if it cannot be fetched or may not be, or is no article."""
    page = asyncio.run(_fetch(app, address))
    manuscript = parse_web_page(_text_of(page), address=page.url, options=reading_options(app))
    return WebArticle(address=page.url, manuscript=manuscript)


async def _fetch(app: AppContext, address: str) -> FetchedResponse:
    async with GuardedHttpClient(allowed_networks=app.fetch_networks) as client:
        try:
            rules = await _rules_of(client, address)
            _require_allowed(rules, address)
            accept = {"Accept": "text/html, application/xhtml+xml"}
            page = await client.fetch(address, seconds=_PAGE_SECONDS, max_bytes=MAX_BYTES + 1, headers=accept)
            if urlsplit(page.url).netloc != urlsplit(address).netloc:
                rules = await _rules_of(client, page.url)
            # A redirect may lead to what is forbidden.
            _require_allowed(rules, page.url)
        except FetchError as error:
            raise SourceError(f"it cannot be fetched: {error}", path=address) from None
    if page.status != 200:
        raise SourceError(f"the server answers {page.reason}", path=address)
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise SourceError(f"it is no page but {kind or 'of no type'}: download it, and add the file", path=address)
    if len(page.body) > MAX_BYTES:
        raise SourceError(f"larger than {MAX_BYTES // 2**20} MB; copy its text and paste it", path=address)
    return page


async def _rules_of(client: GuardedHttpClient, address: str) -> RobotFileParser:
    """What robots.txt of a site allows (RFC 9309, section 2.3.1). Raises FetchError, or SourceError if it fails."""
    parts, rules = urlsplit(address), RobotFileParser()
    robots = f"{parts.scheme}://{parts.netloc}/robots.txt"
    response = await client.fetch(robots, seconds=_ROBOTS_SECONDS, max_bytes=_ROBOTS_BYTES)
    if response.status >= 500:
        raise SourceError(f"its robots.txt cannot be asked ({response.reason}): try again later", path=address)
    # Without one everything is allowed.
    rules.parse(response.body.decode("utf-8", "replace").splitlines() if response.status == 200 else [])
    return rules


def _require_allowed(rules: RobotFileParser, address: str) -> None:
    if not rules.can_fetch(USER_AGENT, address):
        raise SourceError("robots.txt of the site forbids to fetch it: copy its text and paste it", path=address)


def _text_of(page: FetchedResponse) -> str:
    """The page decoded by its byte order mark, else as its header or else the page itself says, else as it looks."""
    if not page.body.startswith(tuple(mark for mark, _ in BYTE_ORDER_MARKS)):
        in_header = _CHARSET.search(page.headers.get("content-type", ""))
        in_page = _META.search(page.body[:_PRESCAN])
        label = in_header[1] if in_header else in_page[1].decode("ascii", "replace") if in_page else ""
        with suppress(InputError, UnicodeDecodeError):
            if label:
                return normalize_text(page.body.decode(CODECS[find_encoding(label)]))
    return decode(page.body, path=page.url).text
