"""Sites that give their posts by an API, page by page: a run takes what is new and changed, and finds what is gone.

A run costs two requests if nothing happened: one for what was changed, and one for the ids of the newest posts with the
number of all. If there is another number of posts than are known here, and once a day, all ids are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.rendition import Json
from distributor.guarded_http import FetchedResponse
from distributor.sources.dates import read_date
from distributor.sources.items import GoneItem, ReadItem, SourceItem
from distributor.sources.kinds.api import AnswerTooLargeError, NoAnswerError, Reading
from distributor.sources.kinds.entry import Entry, manuscript_of, plain_line

# Servers that cannot give a hundred posts at once are asked for fewer; each number divides the one before.
PAGE_SIZES = (100, 20, 5, 1)
_MOST_POSTS = 20_000
# Before the newest change that is known: clocks of people go back by an hour in autumn.
_MARGIN = timedelta(hours=2)
# Before the last run: the clock of a site may differ by so much. Many posts that were changed at once, as by an import,
# are asked for again for so long.
_LARGEST_SKEW = timedelta(hours=6)
_COMPARED_EVERY = timedelta(days=1)
# What an error says about an answer that a program did not write.
IN_THE_WAY = "a login page, a firewall or a plugin for maintenance or security may stand in the way there"


class ApiMissingError(SourceError):
    """There is no API at this address."""


class ApiRefusedError(SourceError):
    """An API says that it does not give this."""


class ApiOverloadedError(SourceError):
    """A server fails, perhaps at so many posts at once."""


class NoSuchPageError(SourceError):
    """There are fewer pages than that."""


@dataclass(frozen=True, slots=True)
class FoundPosts:
    """Posts of an answer as it gives them, and how many there are on all its pages, if the site says so."""

    posts: list[Any]
    total: int | None


class PostsApi(Protocol):
    """The posts of a site. Each method that asks for posts raises SourceError."""

    def newest(self) -> FoundPosts:
        """The ids of the newest posts, and how many posts there are."""

    def every_id(self) -> Iterator[Any]:
        """The ids of all posts."""

    def every_post(self) -> Iterator[Any]:
        """All posts, in an order that new ones do not disturb."""

    def changed_since(self, since: datetime) -> Iterator[Any]:
        """The posts that were changed after this time; others may be among them."""

    def having(self, refs: Sequence[str], *, is_whole: bool) -> Iterator[Any]:
        """Those of these posts that there are, as a whole or their ids only."""

    def ref_of(self, post: Any) -> str | None:
        """What identifies a post; None for what is none."""

    def changed_at(self, post: Any) -> datetime | None:
        """When a post was changed."""

    def is_withheld(self, post: Any) -> bool:
        """Whether the site does not give the text of a post to everybody."""

    def entry_of(self, post: Any) -> Entry:
        """What a post says. Raises SourceError for what is no post."""


def paged(
    ask: Callable[[int, int], FoundPosts], ref_of: Callable[[Any], str | None], reading: Reading
) -> Iterator[Any]:
    """The posts of all pages of a query, which `ask` gives by their size and number, the first one being 1.

    Ends at a page without a new post, whatever the site says about their number. Pages that are too large for an
    answer, or too much for the server, are asked for in smaller ones. Raises SourceError.
    """
    seen: set[str | None] = {None}
    offset, largest = 0, PAGE_SIZES[0]
    while offset < _MOST_POSTS:
        size = next(one for one in PAGE_SIZES if one <= largest and offset % one == 0)
        try:
            found = ask(size, offset // size + 1)
        except NoSuchPageError:
            return
        except (AnswerTooLargeError, NoAnswerError, ApiOverloadedError) as error:
            if size > 1:
                largest = next(one for one in PAGE_SIZES if one < size)
                continue
            if not isinstance(error, AnswerTooLargeError):
                raise
            reading.notes.append("a post is left out, because it is larger than 5 MB")
            offset += 1
            continue
        yield from found.posts
        offset += size
        largest = PAGE_SIZES[0] if offset % PAGE_SIZES[0] == 0 else largest
        refs = set(map(ref_of, found.posts))
        if refs <= seen:
            return
        seen |= refs
        # Some sites give fewer posts on a page than asked for.
        if len(found.posts) < size and (found.total is None or len(seen - {None}) >= found.total):
            return
    reading.notes.append(f"only {_MOST_POSTS} posts are read")


class PostsRun:
    """One run over the posts of a site. `newest` is what its API has answered already.

    It remembers, in the cursor of the reading, when it was and when the newest change was, which posts are withheld,
    and when and with what result all ids were compared.
    """

    def __init__(self, api: PostsApi, reading: Reading, newest: FoundPosts) -> None:
        self._api, self._reading, self._newest = api, reading, newest
        before = reading.cursor.get("withheld")
        self.withheld = {ref for ref in before if isinstance(ref, str)} if isinstance(before, list) else set[str]()
        # What could not be read may have been called by its place.
        self._known = {ref for ref in reading.known if api.ref_of({"id": ref, "uuid": ref}) == ref}
        self._taken: set[str] = set()
        self._changed_at = remembered_time(reading.cursor, "changed_at")

    def items(self) -> Iterator[ReadItem]:
        """What is new, changed and gone."""
        for one in self._found():
            # Asked before it is taken: a new one that comes too late is left for the next run, with all that follow.
            is_last = isinstance(one, SourceItem) and one.manuscript is not None and self._reading.is_late()
            yield one
            if is_last:
                return
        self._reading.cursor_after["changed_at"] = self._changed_at.isoformat() if self._changed_at else None
        self._reading.cursor_after["asked_at"] = self._reading.now.isoformat()
        self._reading.cursor_after["withheld"] = sorted(self.withheld)

    def _found(self) -> Iterator[ReadItem]:
        since = self._since()
        yield from self._take(self._api.every_post() if since is None else self._api.changed_since(since))
        yield from self._take_unknown(self._newest.posts)
        if self._is_to_be_compared():
            yield from self._compare()

    def _since(self) -> datetime | None:
        """From when on changes are asked for; None on the first run."""
        if self._changed_at is None:
            return None
        since, asked_at = self._changed_at - _MARGIN, remembered_time(self._reading.cursor, "asked_at")
        return since if asked_at is None else max(since, asked_at - _LARGEST_SKEW)

    def _take(self, posts: Iterable[Any]) -> Iterator[ReadItem]:
        gone: list[str] = []
        yield from self._reading.take(self._readable(posts, gone), self._item)
        yield from (GoneItem(ref=ref) for ref in gone)

    def _take_unknown(self, posts: Iterable[Any]) -> Iterator[ReadItem]:
        """Posts that nothing is known of but their ids."""
        accounted = self._accounted
        refs = [ref for ref in map(self._api.ref_of, posts) if ref is not None and ref not in accounted]
        if refs:
            yield from self._take(self._api.having(refs, is_whole=True))

    def _readable(self, posts: Iterable[Any], gone: list[str]) -> Iterator[Any]:
        """The posts that were not taken yet, without those that are withheld; what was here of those is gone."""
        for post in posts:
            ref = self._api.ref_of(post)
            if ref is None:
                yield post
                continue
            if ref in self._taken:
                continue
            self._taken.add(ref)
            changed_at = self._api.changed_at(post)
            if changed_at is not None and changed_at <= self._reading.now:
                self._changed_at = max(changed_at, self._changed_at or changed_at)
            if self._api.is_withheld(post):
                self.withheld.add(ref)
                gone += [ref] if ref in self._known else []
            else:
                self.withheld.discard(ref)
                yield post

    def _item(self, post: Any) -> SourceItem:
        entry = self._api.entry_of(post)
        return self._reading.item(entry.ref, entry.said, lambda: manuscript_of(entry, self._reading.options))

    @property
    def _accounted(self) -> set[str]:
        return self._known | self.withheld | self._taken

    def _is_to_be_compared(self) -> bool:
        """Whether all ids are compared: one answer has them, a day has passed, or others may be there than here."""
        total = self._newest.total
        if total is not None and total <= len(self._newest.posts):
            return True
        compared_at = remembered_time(self._reading.cursor, "compared_at")
        if compared_at is None or self._reading.now - compared_at >= _COMPARED_EVERY:
            return True
        known = len(self._accounted)
        # Some sites always count posts that they do not list.
        return total is not None and total != known and self._reading.cursor.get("compared") != [total, known]

    def _compare(self) -> Iterator[ReadItem]:
        """What the site has and was not seen yet, and what it has no more."""
        listed, total = self._newest.posts, self._newest.total
        if total is None or total > len(listed):
            listed = list(self._api.every_id())
        yield from self._take_unknown(listed)
        refs = set(map(self._api.ref_of, listed))
        missing = sorted(self._known - refs - self._taken)
        # One that slipped to the page before, while posts vanished, is in no list and yet there.
        present = set(map(self._api.ref_of, self._api.having(missing, is_whole=False))) if missing else set()
        gone = set(missing) - present
        self.withheld = {ref for ref in self.withheld if ref in refs}
        yield from (GoneItem(ref=ref) for ref in sorted(gone))
        self._reading.cursor_after["compared_at"] = self._reading.now.isoformat()
        self._reading.cursor_after["compared"] = [total, len(self._accounted - gone)]


def remembered_time(cursor: Mapping[str, Json], name: str) -> datetime | None:
    """A time that an earlier run wrote into the cursor; None if it did not."""
    written = cursor.get(name)
    with suppress(ValueError):
        return datetime.fromisoformat(written) if isinstance(written, str) else None
    return None


def text_in(of: Any, name: str) -> str:
    """The text of a field of JSON; empty if there is none."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, str) else ""


def part_in(of: Any, name: str) -> Mapping[str, Any]:
    """The object in a field of JSON; empty if there is none."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def parts_in(of: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in a field of JSON; what else is in it is left out."""
    found = of.get(name) if isinstance(of, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def date_in(of: Any, name: str, *, zone: str) -> datetime | None:
    """The date in a field of JSON, in `zone` if it names none; None if there is none that can be read."""
    written = text_in(of, name)
    if not written or written.startswith("0000"):
        return None
    with suppress(ScheduleError):
        return read_date(written, zone=zone, language="en")
    return None


def web_address(text: str) -> str:
    """The text if it is an address of the web, else nothing."""
    return text if text.startswith(("http://", "https://")) else ""


def described_answer(response: FetchedResponse) -> str:
    """What an answer is that should be JSON: a page with its title, or its type."""
    found = re.search(rb"<title[^>]*>(.{0,400}?)</title>", response.body[:100_000], re.IGNORECASE | re.DOTALL)
    title = plain_line(found[1].decode("utf-8", "replace"))[:80] if found else ""
    if title:
        return f"the page “{title}”"
    return response.headers.get("content-type", "").partition(";")[0].strip() or "something without a type"
