"""An account on Bluesky, read from a public AppView: app.bsky.feed.getAuthorFeed, newest first.

Sources: docs.bsky.app, the lexicons of app.bsky.feed, app.bsky.embed and app.bsky.richtext.facet, and of labels. Later
runs read the newest posts again, so that deletions among them are seen. A thread is one article; one whose beginning is
further back is read by getPostThread. Handles change, so the account is known by its DID after the first run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from html import escape
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import AnswerTooLargeError, Reading, SourceStatusError
from distributor.sources.kinds.bluesky_text import FacetText, html_of
from distributor.sources.kinds.posts import (
    PLAY,
    Post,
    Thread,
    items_of,
    known_refs,
    parsed,
    read_each,
    ref_of,
    threads_of,
    whole_threads,
)

_PAGE = 50
_MOST_PAGES = 8
_WEB = "https://bsky.app"
_HANDLE = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_DID = r"did:(?:plc:[a-z2-7]{24}|web:[A-Za-z0-9.%-]{1,253})"
_ACCOUNT = re.compile(rf"@?({_HANDLE}|{_DID})", re.IGNORECASE)
_PROFILE = re.compile(rf"https?://(?:www\.)?bsky\.app/profile/({_HANDLE}|{_DID})/?", re.IGNORECASE)
# Without a scheme or an @, a name with dots may be anything; these are accounts nowhere else.
_SURELY = re.compile(rf"@?[a-z0-9-]+\.bsky\.social|{_DID}|@{_HANDLE}", re.IGNORECASE)
_POST_URI = re.compile(r"at://([^/\s]+)/app\.bsky\.feed\.post/([\w.~:-]{1,512})")
_HIDDEN = frozenset({"!hide", "!takedown", "!suspend"})
_ONLY_SIGNED_IN = "!no-unauthenticated"
# What getPostThread gives at most above a post, and what is asked for below one.
_MOST_PARENTS, _THREAD_DEPTH = 1000, 100


class BlueskySettings(BaseModel, extra="forbid"):
    """Settings of an account on Bluesky."""

    account: str = Field(
        title="Account", description="its handle, DID or the address of its profile at bsky.app", max_length=500
    )
    include_replies: bool = Field(False, title="Replies", description="also what the account answers to others")
    include_reposts: bool = Field(False, title="Reposts", description="also posts of others that the account shares")
    minimum_characters: int = Field(
        0, title="Minimum length", description="leave out shorter posts, in characters", ge=0, le=100_000
    )
    service: str = Field(
        "https://public.api.bsky.app",
        title="Service",
        description="the AppView that is asked",
        pattern=r"^https?://[^\s/?#]+/?$",
        max_length=500,
    )

    @field_validator("account")
    @classmethod
    def _is_account(cls, value: str) -> str:
        if not _account_of(value.strip()):
            raise ValueError(f"write a handle such as name.bsky.social, a DID, or {_WEB}/profile/…")
        return value.strip()


class _Lenient(BaseModel):
    """What a service answers; fields that are not named here are passed over."""


class _Label(_Lenient):
    val: str = ""


class _Author(_Lenient):
    did: str
    handle: str = ""
    display_name: str = Field("", alias="displayName")
    labels: list[_Label] = Field(default_factory=list)


class _Reference(_Lenient):
    uri: str


class _Reply(_Lenient):
    root: _Reference
    parent: _Reference


class _SelfLabels(_Lenient):
    values: list[_Label] = Field(default_factory=list)


class _Record(FacetText):
    """app.bsky.feed.post"""

    created_at: AwareDatetime = Field(alias="createdAt")
    langs: list[str] = Field(default_factory=list)
    reply: _Reply | None = None
    labels: _SelfLabels | None = None


class _Post(_Lenient):
    """app.bsky.feed.defs#postView"""

    uri: str
    author: _Author
    record: _Record
    embed: dict[str, Any] | None = None
    indexed_at: AwareDatetime = Field(alias="indexedAt")
    labels: list[_Label] = Field(default_factory=list)

    @property
    def label_values(self) -> frozenset[str]:
        own = self.record.labels.values if self.record.labels is not None else []
        return frozenset(label.val for label in (*self.labels, *own))

    @property
    def written_at(self) -> datetime:
        """When it was written, but not after it was seen: programs may write any time."""
        return min(self.record.created_at, self.indexed_at)


class _Reason(_Lenient):
    type: str = Field("", alias="$type")
    uri: str = ""
    indexed_at: AwareDatetime | None = Field(None, alias="indexedAt")

    @property
    def is_repost(self) -> bool:
        return self.type.endswith("#reasonRepost")


class _Entry(_Lenient):
    """app.bsky.feed.defs#feedViewPost"""

    post: _Post
    reason: _Reason | None = None


class BlueskySource:
    """The posts of an account, in threads."""

    kind: ClassVar[str] = "bluesky"
    title: ClassVar[str] = "Bluesky"
    sentence: ClassVar[str] = "The posts of an account with their images; a thread is one article."
    settings_model: ClassVar[type[BaseModel]] = BlueskySettings
    interval: ClassVar[timedelta] = timedelta(minutes=15)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: BlueskySettings) -> None:
        self._settings = settings
        self._account = _account_of(settings.account)

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """A profile at bsky.app, a handle of bsky.social or with @, or a DID."""
        text = address.strip()
        is_one = _PROFILE.fullmatch(text) or _SURELY.fullmatch(text)
        return {"account": text} if is_one else None

    @property
    def address(self) -> str:
        return f"{_WEB}/profile/{self._account}"

    @property
    def suggested_name(self) -> str:
        return self._account

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        known_did = reading.cursor.get("did")
        actor = known_did if isinstance(known_did, str) else self._account
        raws = self._entries(reading, actor, known=known_refs(reading.cursor))
        did = next(filter(None, map(_own_did, raws)), actor if actor.startswith("did:") else "")
        posts, unreadable = read_each(map(_named, raws), lambda raw: self._post(raw, did), ref="uri")
        threads = whole_threads(threads_of(posts), reading, lambda thread: self._completed(reading, thread, did))
        kept = [one for one in threads if self._is_long_enough(one)]
        yield from items_of(kept, unreadable, reading, order=[ref_of(_named(raw), "uri") for raw in raws])
        if did:
            reading.cursor_after["did"] = did
        if any(_ONLY_SIGNED_IN in _labels_of_author(raw) for raw in raws):
            reading.notes.append("the account asks that its posts are shown only to those who are signed in to Bluesky")

    def _get(self, reading: Reading, method: str, **query: str) -> Mapping[str, Any]:
        """Raises SourceError."""
        address = f"{self._settings.service.rstrip('/')}/xrpc/{method}?{urlencode(query)}"
        said, _ = reading.get_json(address)
        if not isinstance(said, Mapping):
            raise SourceError(f"{self._settings.service}: the answer is none of {method}")
        return said

    def _entries(self, reading: Reading, actor: str, *, known: frozenset[str]) -> list[Any]:
        """The newest entries of the feed of the account, the newest first, back to one that is `known`."""
        shown = "posts_with_replies" if self._settings.include_replies else "posts_and_author_threads"
        found: list[Any] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            query = {"actor": actor, "limit": str(_PAGE), "filter": shown, **({"cursor": cursor} if cursor else {})}
            try:
                said = self._get(reading, "app.bsky.feed.getAuthorFeed", **query)
            except SourceStatusError as error:
                raise _told(error, self._account, self._settings.service) from None
            page, before, cursor = said.get("feed"), cursor, str(said.get("cursor") or "")
            if not isinstance(page, list):
                raise SourceError(f"{self._settings.service}: the answer is no feed of an account")
            found += page
            if not page or cursor in ("", before) or any(ref_of(_named(one), "uri") in known for one in page):
                return found
        reading.notes.append(f"only the newest {len(found)} posts were read")
        return found

    def _post(self, raw: object, did: str) -> Post | None:
        """The post that an entry of the feed is; None if it is to be left out. Raises SourceError."""
        entry = parsed(_Entry, raw, "an entry of a feed")
        post = entry.post
        if not _HIDDEN.isdisjoint(post.label_values):
            return None
        if entry.reason is not None and entry.reason.is_repost:
            shared_at = entry.reason.indexed_at or post.indexed_at
            return _post_of(post, ref=str(_named(raw)["uri"]), at=shared_at) if self._settings.include_reposts else None
        if post.author.did != did:
            return None
        reply = post.record.reply
        if reply is None:
            return _post_of(post, ref=post.uri, at=post.written_at)
        is_own = _did_of(reply.parent.uri) == did
        if not self._settings.include_replies and not (is_own and _did_of(reply.root.uri) == did):
            return None
        return _post_of(post, ref=post.uri, at=post.written_at, parent=reply.parent.uri if is_own else "")

    def _completed(self, reading: Reading, thread: Thread, did: str) -> Thread | None:
        """The thread with what was before it, and beside it; None if that cannot be seen as a whole."""
        above = list(_views_above(self._thread(reading, thread.posts[0].key, depth=0, parents=_MOST_PARENTS), did))
        first = str(above[-1].get("uri", "")) if above else ""
        root = self._thread(reading, first, depth=_THREAD_DEPTH, parents=0) if first else None
        if root is None:
            return None
        posts = [*thread.posts]
        for raw in (*above, *_views_below(root, did)):
            with suppress(SourceError):
                post = self._post({"post": raw}, did)
                posts += [post] if post is not None else []
        found = threads_of(posts)
        return next((one for one in found if one.posts[0].key == first and not one.parent), None)

    def _thread(self, reading: Reading, uri: str, *, depth: int, parents: int) -> Any:
        """The view of a thread; None if it is gone, or so large that it cannot be read as a whole."""
        query = {"uri": uri, "depth": str(depth), "parentHeight": str(parents)}
        try:
            return self._get(reading, "app.bsky.feed.getPostThread", **query).get("thread")
        except AnswerTooLargeError:
            reading.notes.append(f"the thread {_web_address(uri, self._account)} has too many answers to be read")
            return None
        except SourceStatusError as error:
            if error.status not in (400, 404):
                raise
            return None

    def _is_long_enough(self, thread: Thread) -> bool:
        return sum(map(_length_of, thread.posts)) >= self._settings.minimum_characters


KIND = BlueskySource


def _account_of(text: str) -> str:
    """The handle in lower case or the DID of an account; empty for what is none."""
    found = _PROFILE.fullmatch(text) or _ACCOUNT.fullmatch(text)
    if found is None:
        return ""
    return found[1] if found[1].startswith("did:") else found[1].lower()


def _told(error: SourceStatusError, account: str, service: str) -> SourceError:
    """What a service answers instead of a feed, in its words if it has some."""
    if error.status not in (400, 404):
        return error
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(error.response.body)
    words = said.get("message") if isinstance(said, Mapping) else None
    told = f" ({words[:200]})" if isinstance(words, str) else ""
    return SourceError(f"{service} shows no posts of {account}{told}: is the account spelled right, and still there?")


def _named(raw: object) -> dict[str, Any]:
    """An entry with what identifies it: the post, or that it was shared."""
    entry = dict(raw) if isinstance(raw, Mapping) else {}
    post, reason = entry.get("post"), entry.get("reason")
    uri = post.get("uri") if isinstance(post, Mapping) else None
    if isinstance(reason, Mapping) and str(reason.get("$type", "")).endswith("#reasonRepost"):
        uri = reason.get("uri") or f"{uri}#repost"
    return {**entry, "uri": uri}


def _author_did(post: object) -> str:
    author = post.get("author") if isinstance(post, Mapping) else None
    return str(author.get("did", "")) if isinstance(author, Mapping) else ""


def _own_did(raw: object) -> str:
    """The DID of the account whose feed an entry is from; empty for an entry that somebody else wrote."""
    return _author_did(raw.get("post")) if isinstance(raw, Mapping) and not raw.get("reason") else ""


def _labels_of_author(raw: object) -> set[str]:
    post = raw.get("post") if isinstance(raw, Mapping) and not raw.get("reason") else None
    author = post.get("author") if isinstance(post, Mapping) else None
    labels = author.get("labels") if isinstance(author, Mapping) else None
    return {str(one.get("val")) for one in labels if isinstance(one, Mapping)} if isinstance(labels, list) else set()


def _views_above(view: Any, did: str) -> Iterator[Mapping[str, Any]]:
    """A post and those that it goes on from, by the same account, the first one of them last."""
    while isinstance(view, Mapping) and isinstance(post := view.get("post"), Mapping) and _author_did(post) == did:
        yield post
        view = view.get("parent")


def _views_below(view: Any, did: str) -> Iterator[Mapping[str, Any]]:
    """The posts of an account in a thread, from its first one on, as far as they go on from one another."""
    waiting = [view]
    while waiting:
        one = waiting.pop()
        post = one.get("post") if isinstance(one, Mapping) else None
        if isinstance(post, Mapping) and _author_did(post) == did:
            yield post
            replies = one.get("replies")
            waiting += replies if isinstance(replies, list) else []


def _did_of(uri: str) -> str:
    return uri.removeprefix("at://").partition("/")[0]


def _web_address(uri: str, account: str) -> str:
    """Where a post is read in a browser; empty for what is no post."""
    found = _POST_URI.fullmatch(uri)
    return f"{_WEB}/profile/{quote(account, safe=':')}/post/{quote(found[2], safe=':~')}" if found else ""


def _post_of(post: _Post, *, ref: str, at: datetime, parent: str = "") -> Post:
    record = post.record
    text = html_of(record)
    parts = [text.html, *_embedded(post.embed, text.links, _web_address(post.uri, post.author.did))]
    is_sensitive = bool({"!warn", "porn", "sexual", "nudity", "graphic-media"} & post.label_values)
    return Post(
        key=ref,
        ref=ref,
        parent=parent,
        html="\n".join(filter(None, parts)),
        tags=text.tags,
        author=post.author.display_name.strip() or post.author.handle,
        address=_web_address(post.uri, post.author.handle or post.author.did),
        language=record.langs[0] if record.langs else "",
        published_at=at,
        notes=("its images are marked as sensitive",) if is_sensitive else (),
    )


def _length_of(post: Post) -> int:
    return len(re.sub(r"<[^<>]*>", "", post.html))


def _embedded(embed: object, links: Sequence[str], address: str) -> Iterator[str]:
    """What is embedded in a post as HTML: images, a page, a film, or another post."""
    if not isinstance(embed, Mapping):
        return
    kind = str(embed.get("$type", "")).removeprefix("app.bsky.embed.").removesuffix("#view")
    if kind == "images":
        images = embed.get("images")
        yield from map(_image, images if isinstance(images, list) else ())
    elif kind == "external":
        yield _external(embed.get("external"), links)
    elif kind == "video":
        yield _video(embed, address)
    elif kind == "record":
        yield _quoted(embed.get("record"))
    elif kind == "recordWithMedia":
        yield from _embedded(embed.get("media"), links, address)
        record = embed.get("record")
        yield _quoted(record.get("record") if isinstance(record, Mapping) else None)


def _text(value: object) -> str:
    """A line out of an answer, escaped."""
    return escape(" ".join(value.split())) if isinstance(value, str) else ""


def _image(image: object) -> str:
    src = _text(image.get("fullsize")) if isinstance(image, Mapping) else ""
    return (
        f'<figure><img src="{src}" alt="{_text(image.get("alt"))}"></figure>'
        if isinstance(image, Mapping) and src
        else ""
    )


def _external(page: object, links: Sequence[str]) -> str:
    """The page that a post shows, if its text has no link to it."""
    uri = page.get("uri") if isinstance(page, Mapping) else None
    if not isinstance(page, Mapping) or not isinstance(uri, str) or uri in links:
        return ""
    return f'<p><a href="{escape(uri)}">{_text(page.get("title")) or escape(uri)}</a></p>'


def _video(video: Mapping[str, Any], address: str) -> str:
    """The still of a film, and a link to where it is played."""
    still, alt = _text(video.get("thumbnail")), _text(video.get("alt"))
    shown = f'<figure><img src="{still}" alt="{alt}"></figure>' if still else ""
    return f'{shown}<p><a href="{escape(address)}">{PLAY}{alt or "Video"}</a></p>'


def _quoted(record: object) -> str:
    """A post that is quoted, with a link to it; nothing for one that is gone, hidden or no post."""
    if not isinstance(record, Mapping) or not str(record.get("$type", "")).endswith("#viewRecord"):
        return ""
    value, author = record.get("value"), record.get("author")
    labels = record.get("labels")
    hidden = {one.get("val") for one in labels if isinstance(one, Mapping)} if isinstance(labels, list) else set()
    if not isinstance(value, Mapping) or not isinstance(author, Mapping) or _HIDDEN & hidden:
        return ""
    with suppress(SourceError):
        said, who = parsed(FacetText, value, "a post"), parsed(_Author, author, "an account")
        link = _web_address(str(record.get("uri", "")), who.did)
        name = escape(who.display_name.strip() or who.handle or who.did)
        return f'<blockquote>{html_of(said).html}<p><a href="{link}">{name}</a></p></blockquote>' if link else ""
    return ""
