"""What a kind of source is: settings, and the items that a source has when it is read, or that others send it.

A kind is a module of this package with `KIND`, or a class under the entry point group `distributor.sources`. It fetches
through the reading that it is given, never by itself, so that every address is checked and every size is limited. It
yields items as it finds them. An item that is wrong is yielded as an UnreadableItem and stops no other; SourceError is
for what is wrong with the source itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable
from urllib.parse import quote, quote_plus, urlencode

from pydantic import BaseModel, SecretStr

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.items import GoneItem, ReadItem, SourceItem, UnreadableItem, stored_ref
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

# In bytes, of one answer.
MAX_ANSWER = 5 * 2**20
# A date this much after now is a mistake of the source, such as a wrong zone.
_FUTURE = timedelta(minutes=10)
# Nothing on the web is older; earlier ones are what programs write that know no date.
_FIRST_YEAR = 1991
_DAY = timedelta(days=1)


class SourceGoneError(SourceError):
    """The source says that it is gone for good (410), so that nobody should ask it again."""


class NoAnswerError(SourceError):
    """There is no response: the server is away, takes too long, or is none that may be asked."""


class AnswerTooLargeError(SourceError):
    """An answer has more than MAX_ANSWER bytes: it may be asked for in parts."""


class SourceBusyError(SourceError):
    """The source asks to be left alone until `retry_at` (429 or 503 with Retry-After)."""

    def __init__(self, reason: str, *, retry_at: datetime) -> None:
        super().__init__(reason)
        self.retry_at = retry_at


class SourceStatusError(SourceError):
    """The source answers with a status that says why there is nothing to read, such as 404.

    The body of its `response` may say more.
    """

    def __init__(self, reason: str, *, response: FetchedResponse) -> None:
        super().__init__(reason)
        self.response = response

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return self.response.status


@dataclass(slots=True, kw_only=True)
class Reading:
    """One run over a source: what is known before it, how to fetch, and what to remember after it.

    `known` holds the content hash of each item that is here already, by its `ref`; `cursor` what an earlier run
    remembered, and is empty if everything is to be read; `before` is what it remembered in any case. A kind sets
    `cursor_after`, which is stored once all items are taken in, appends to `notes` what whoever added the source should
    know, sets `next_run_at` if the source says when to ask again, and `settings_after` if it says that its address has
    changed for good. `article_of` reads the article of a web page, as its robots.txt allows. `is_late` says that the
    run has had its time: new items are left for the next one, so that a kind may end at one.
    """

    fetch: Callable[[str, Mapping[str, str], int], FetchedResponse]
    article_of: Callable[[str], Manuscript]
    now: datetime
    known: Mapping[str, str] = field(default_factory=dict)
    cursor: Mapping[str, Json] = field(default_factory=dict)
    before: Mapping[str, Json] = field(default_factory=dict)
    options: ReadingOptions = DEFAULT_OPTIONS
    cursor_after: dict[str, Json] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    next_run_at: datetime | None = None
    settings_after: dict[str, Json] = field(default_factory=dict)
    is_late: Callable[[], bool] = lambda: False

    def get(
        self,
        address: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        secret_query: Mapping[str, SecretStr] | None = None,
    ) -> FetchedResponse:
        """The response of an address with status 200 or 304.

        `secret_query` is added to the query that is asked, and is in no error and no address that this gives.
        Raises NoAnswerError, SourceStatusError for another status, AnswerTooLargeError, SourceBusyError and
        SourceGoneError.
        """
        response = self._fetched(address, {"Accept": accept, **(headers or {})}, secret_query or {})
        if response.status == 410:
            raise SourceGoneError(f"{address}: the server says that it is gone for good (410)")
        if response.status in (429, 503) and (wait := self._wait_asked(response)):
            raise SourceBusyError(f"{address}: the server answers {response.reason}", retry_at=self.now + wait)
        if response.status not in (200, 304):
            raise SourceStatusError(f"{address}: the server answers {response.reason}", response=response)
        if len(response.body) > MAX_ANSWER:
            raise AnswerTooLargeError(f"{address}: the answer is larger than {MAX_ANSWER // 2**20} MB")
        return response

    def _fetched(
        self, address: str, headers: Mapping[str, str], secret_query: Mapping[str, SecretStr]
    ) -> FetchedResponse:
        secrets = {name: value.get_secret_value() for name, value in secret_query.items()}
        added = urlencode(secrets)
        asked = f"{address}{'&' if '?' in address else '?'}{added}" if added else address
        try:
            response = self.fetch(asked, headers, MAX_ANSWER + 1)
        except SourceError as error:
            raise NoAnswerError(_without(error.reason, secrets)) from None
        return replace(response, url=_without(response.url, secrets)) if added else response

    def get_json(self, address: str, *, headers: Mapping[str, str] | None = None) -> tuple[Any, FetchedResponse]:
        """The JSON of an address, and the response. Raises SourceError."""
        response = self.get(address, accept="application/json", headers=headers)
        try:
            return json.loads(response.body), response
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "").partition(";")[0] or "something without a type"
            raise SourceError(f"{address}: the server answers {kind} that is no JSON") from None

    def take(self, items: Iterable[Any], read: Callable[[Any], SourceItem]) -> Iterator[ReadItem]:
        """Each of these read by `read`, which raises SourceError for one that is wrong; it is named by its place."""
        for number, one in enumerate(items, start=1):
            try:
                yield read(one)
            except MemoryError:
                raise
            except Exception as error:
                yield UnreadableItem(ref=stored_ref(_ref_of(one) or f"item {number}"), error=error)

    def item(self, ref: str, said: Json, read: Callable[[], Manuscript]) -> SourceItem:
        """An item: `said` is all that would make it another revision, and `read` is called only if that is new."""
        ref = stored_ref(ref)
        content_hash = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        if self.known.get(ref) == content_hash:
            return SourceItem(ref=ref, content_hash=content_hash, manuscript=None)
        return SourceItem(ref=ref, content_hash=content_hash, manuscript=self._plausible(read()))

    def _plausible(self, manuscript: Manuscript) -> Manuscript:
        """Without dates that cannot be right."""
        dates = (manuscript.published_at, manuscript.updated_at)
        wrong = [date for date in dates if date is not None and not self._is_plausible(date)]
        if not wrong:
            return manuscript
        notes = [f"its date {date:%Y-%m-%d} cannot be right and is passed over" for date in dict.fromkeys(wrong)]
        published, updated = (None if date in wrong else date for date in dates)
        return replace(manuscript, published_at=published, updated_at=updated, warnings=(*manuscript.warnings, *notes))

    def _is_plausible(self, date: datetime) -> bool:
        return date.year >= _FIRST_YEAR and date <= self.now + _FUTURE

    def _wait_asked(self, response: FetchedResponse) -> timedelta | None:
        """How long a server asks to wait (RFC 9110, section 10.2.3), a day at most; None if it does not."""
        written = response.headers.get("retry-after", "").strip()
        if written.isdecimal():
            return min(timedelta(seconds=int(written[:9])), _DAY)
        try:
            wait = parsedate_to_datetime(written) - self.now
        except (ValueError, TypeError):
            return None
        return min(max(wait, timedelta()), _DAY)


def _without(text: str, secrets: Mapping[str, str]) -> str:
    """The text with dots in place of secrets, also as they are written in a query."""
    for value in filter(None, secrets.values()):
        for spelled in (value, quote_plus(value), quote(value, safe="")):
            text = text.replace(spelled, "…")
    return text


def _ref_of(one: object) -> str:
    """What identifies an item that cannot be read, if it says so."""
    if isinstance(ref := getattr(one, "ref", None), str):
        return ref
    if isinstance(one, Mapping):
        for name in ("id", "uri", "guid", "url", "link"):
            if isinstance(found := one.get(name), str | int) and not isinstance(found, bool):
                return str(found)
    return ""


def missing_items(before: Json, refs: Sequence[str]) -> Iterator[GoneItem]:
    """What a source of newest items first had `before` and has no more, although it still has what was behind it.

    Both are refs in the order of the source; what has left its end is not gone.
    """
    if not isinstance(before, list):
        return
    present = set(refs)
    last = max((place for place, ref in enumerate(before) if ref in present), default=-1)
    yield from (GoneItem(ref=ref) for ref in before[:last] if isinstance(ref, str) and ref not in present)


class SourceKind(Protocol):
    """A kind of source. `title` and `sentence` present it to people, `interval` is how often it is read by default.

    `is_local` says that its sources are files of this machine: only those who run the machine add them.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    settings_model: ClassVar[type[BaseModel]]
    interval: ClassVar[timedelta]
    is_local: ClassVar[bool]

    def __init__(self, settings: Any) -> None: ...

    @property
    def address(self) -> str:
        """Where it is, for people: a URL, an account or a folder. Empty for one that waits for others."""

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        """The items that the source has, and those that it has no more. Raises SourceError for the source itself."""


@runtime_checkable
class LocalSource(Protocol):
    """A source whose items are files."""

    def folder(self) -> Path:
        """The folder that images of its articles have to be inside; the refs of its items are relative to it."""


@runtime_checkable
class RecognizingSource(Protocol):
    """A kind that can say whether an address is one of its sources."""

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """The settings of a source of this kind at this address, from how it is written; None if it is another kind."""


@runtime_checkable
class NamedSource(Protocol):
    """A source that says better than the host of its address what it is called, such as an account."""

    @property
    def suggested_name(self) -> str:
        """What it may be called, in words."""


@runtime_checkable
class SiteSource(Protocol):
    """A kind that can say of any page whether its site is one of its sources."""

    @classmethod
    def found_at(cls, page: FetchedResponse) -> Mapping[str, Json] | None:
        """What the page says about the settings of a source of this kind; None if its site is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebHookRequest:
    """A request to the address of a source. Names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    now: datetime


@runtime_checkable
class HookedSource(Protocol):
    """A source that others send requests to."""

    def receive(self, request: WebHookRequest, reading: Reading) -> Iterator[ReadItem] | None:
        """The items that a request brings; None if it only says that there is something to read.

        Raises SignatureError before anything in the request is believed, and SourceError for what is no item.
        """


@runtime_checkable
class MailedSource(Protocol):
    """A source that receives mails at a secret address."""

    def receive_mail(self, raw: bytes, reading: Reading) -> ReadItem:
        """The item that a mail is."""
