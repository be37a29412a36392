"""Posts of a network as articles: what an author wrote as a thread is one article, in its order.

The identity of a thread is its first post, so another post of it is a revision. Who wrote it and where it can be read
are not part of what makes a revision: names and handles change for reasons that have nothing to do with a text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Run, images_of, plain_text, replace_runs
from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.sources.items import ReadItem, SourceItem, UnreadableItem, stored_ref
from distributor.sources.kinds.api import Reading, missing_items
from distributor.sources.kinds.entry import Entry, first_words, manuscript_of
from distributor.sources.reading_options import ReadingOptions
from distributor.validation_messages import in_words

# Requests to read threads that began before the newest posts, in one run.
_MOST_ASKED = 10
# What a link to a film or a sound begins with.
PLAY = "▶ "

_Model = TypeVar("_Model", bound=BaseModel)

# "3/7" or "(3/7)" where it stands by itself at the end or the beginning of a post of a thread.
_COUNTER = r"[\[(]?{number}\s?/\s?(?:\d{{1,3}}|n|x)?[\])]?"
# A link whose text is its address, perhaps shortened.
_BARE_ADDRESS = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?:[/?#:]\S*)?…?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post. `ref` identifies it for good, `key` is what others of its network that reply to it call it.

    `parent` is the key of the post of the same author that it goes on from, else empty. `title` is what it says it is
    about, such as a content warning. Times are aware UTC.
    """

    key: str
    ref: str
    html: str
    published_at: datetime
    parent: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    address: str = ""
    language: str = ""
    updated_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> Json:
        """All that would make it another revision."""
        return [self.ref, self.title, self.html, list(self.tags), self.language, self.published_at.isoformat()]


@dataclass(frozen=True, slots=True)
class Thread:
    """One post, or several that go on from one another, in the order in which they were written."""

    posts: tuple[Post, ...]

    @property
    def ref(self) -> str:
        return self.posts[0].ref

    @property
    def parent(self) -> str:
        """The key of the post that it goes on from, which is not part of it."""
        return self.posts[0].parent

    @property
    def said(self) -> Json:
        return [post.said for post in self.posts]

    def manuscript(self, options: ReadingOptions) -> Manuscript:
        """The article. Raises SourceError if there is nothing in it."""
        first = self.posts[0]
        parts = without_counters([post.html for post in self.posts])
        entry = Entry(
            ref=first.ref,
            title="-",
            html="\n".join(parts),
            authors=(first.author,),
            tags=tuple(tag for post in self.posts for tag in post.tags),
            address=first.address,
            language=first.language,
            published_at=first.published_at,
            updated_at=max((post.updated_at or post.published_at for post in self.posts), default=None),
        )
        notes = dict.fromkeys(note for post in self.posts for note in post.notes)
        made = manuscript_of(entry, options, warnings=tuple(notes))
        return replace(made, title=self._title(made.body))

    def _title(self, body: Sequence[Block]) -> str:
        """What it says it is about, else its first words, else what its first image shows, else its date."""
        said = " ".join(self.posts[0].title.split())
        words = first_words(plain_text(replace_runs(body, _without_addresses))).rstrip(" .:👇🧵")
        alt = next((image.alt for image in images_of(body) if image.alt), "")
        others = first_words(plain_text(body)).removeprefix(PLAY)
        return said or words or first_words(alt) or others or f"{self.posts[0].published_at:%Y-%m-%d %H:%M}"


def threads_of(posts: Sequence[Post]) -> list[Thread]:
    """The threads of these posts, each at the place of its first post."""
    by_key = {post.key: post for post in posts}
    groups: dict[str, list[Post]] = {}
    for post in reversed(by_key.values()):
        groups.setdefault(_first_key(post, by_key), []).append(post)
    return [Thread(_in_order(groups[key], key)) for key in by_key if key in groups]


def whole_threads(
    threads: Sequence[Thread], reading: Reading, complete: Callable[[Thread], Thread | None]
) -> list[Thread]:
    """These threads, each from its beginning, without those that have not changed.

    `complete` asks for what is before the newest posts; it gives None for a thread that is left out. The cursor
    remembers, by the first post that was read, what the newest posts had of a thread and which article it is, so that
    a thread is asked for again only when that changes.
    """
    remembered = reading.cursor.get("threads")
    before = remembered if isinstance(remembered, dict) else {}
    after: dict[str, Json] = {}
    whole: list[Thread] = []
    asked = 0
    for thread in threads:
        first, digest = thread.posts[0].key, _digest(thread.said)
        if not thread.parent:
            whole.append(thread)
        elif _is_unchanged(before.get(first), digest, reading):
            after[first] = before[first]
        elif asked < _MOST_ASKED:
            asked += 1
            found = complete(thread)
            after[first] = [digest, stored_ref(found.ref) if found else ""]
            whole += [found] if found is not None else []
    reading.cursor_after["threads"] = after
    return list({one.ref: one for one in whole}.values())


def _is_unchanged(remembered: Json, digest: str, reading: Reading) -> bool:
    if not isinstance(remembered, list) or remembered[:1] != [digest]:
        return False
    ref = remembered[-1]
    # One that could not be taken in is tried again.
    return not ref or bool(reading.known.get(str(ref)))


def _digest(said: Json) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def items_of(
    threads: Sequence[Thread], unreadable: Sequence[UnreadableItem], reading: Reading, *, order: Sequence[str]
) -> Iterator[ReadItem]:
    """The items of a run, and those that are gone; `order` has the refs of the newest posts, the newest first."""

    def item(thread: Thread) -> SourceItem:
        return reading.item(thread.ref, thread.said, lambda: thread.manuscript(reading.options))

    yield from unreadable
    yield from reading.take(threads, item)
    taken = {stored_ref(one.ref) for one in threads} | {one.ref for one in unreadable}
    refs = [ref for ref in order if ref in taken]
    yield from missing_items(reading.before.get("refs"), refs)
    reading.cursor_after["refs"] = [*refs]


def known_refs(cursor: Mapping[str, Json]) -> frozenset[str]:
    """The refs that the newest posts had when they were read last."""
    refs = cursor.get("refs")
    return frozenset(map(str, refs)) if isinstance(refs, list) else frozenset()


def read_each(
    raws: Iterable[object], read: Callable[[object], Post | None], *, ref: str
) -> tuple[list[Post], list[UnreadableItem]]:
    """The posts among what a network answers, and those that cannot be read; `ref` names the field with their refs.

    `read` gives None for what is none of the source's, and raises SourceError for one that is wrong.
    """
    posts: list[Post] = []
    unreadable: list[UnreadableItem] = []
    for number, raw in enumerate(raws, start=1):
        try:
            post = read(raw)
        except MemoryError:
            raise
        except Exception as error:
            unreadable.append(UnreadableItem(ref=ref_of(raw, ref) or f"post {number}", error=error))
            continue
        if post is not None:
            posts.append(post)
    return posts, unreadable


def ref_of(raw: object, field: str) -> str:
    """What identifies a post that may be unreadable, as it is stored; empty if it does not say so."""
    found = raw.get(field) if isinstance(raw, Mapping) else None
    return stored_ref(found) if isinstance(found, str) else ""


def parsed(model: type[_Model], raw: Any, what: str) -> _Model:
    """What a network answers as this model. Raises SourceError that names what is wrong with it."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_input=False)[:3]
        told = in_words(faults)
        raise SourceError(f"the answer is not {what} as its network documents it: {told}") from None


def without_counters(parts: Sequence[str]) -> list[str]:
    """The HTML of the posts of a thread without their places in it, such as "3/7", if most of them have theirs."""
    bare = [_without_counter(html, number) for number, html in enumerate(parts, start=1)]
    counted = sum(one != html for one, html in zip(bare, parts, strict=True))
    return bare if counted > 1 and counted * 2 > len(parts) else list(parts)


def _without_counter(html: str, number: int) -> str:
    counter = _COUNTER.format(number=number)
    html = re.sub(rf"(?:\s|<br\s*/?>){{0,20}}(?<![\w/.]){counter}\s*(?=</p>\s*\Z)", "", html)
    return re.sub(rf"\A\s*<p>{counter}(?:\s|<br\s*/?>){{1,20}}", "<p>", html)


def _first_key(post: Post, by_key: Mapping[str, Post]) -> str:
    """The key of the first post of its thread that is here."""
    passed = {post.key}
    while post.parent in by_key and post.parent not in passed:
        post = by_key[post.parent]
        passed.add(post.key)
    return post.key


def _in_order(posts: Sequence[Post], first: str) -> tuple[Post, ...]:
    return tuple(sorted(posts, key=lambda post: (post.key != first, post.published_at)))


def _without_addresses(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Without links that say nothing but where they lead, or that there is a film."""
    return tuple(run for run in runs if not (run.href and _says_little(run.text.strip())))


def _says_little(text: str) -> bool:
    return text.startswith(PLAY) or _BARE_ADDRESS.fullmatch(text) is not None
