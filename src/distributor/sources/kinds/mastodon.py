"""An account on Mastodon, or on a server with the same API, such as GoToSocial, Pixelfed or Pleroma.

Read by docs.joinmastodon.org/methods/accounts: `lookup`, then `statuses`, newest first. Later runs read the newest 40
again, so that edits and deletions among them are seen. A thread is one article; one whose beginning is further back is
read by `context` (docs.joinmastodon.org/methods/statuses).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

import lxml.html
from lxml import etree
from lxml.html import HtmlElement
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, field_validator

from distributor.domain.errors import SourceError
from distributor.domain.rendition import Json
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import AnswerTooLargeError, Reading, SourceGoneError, SourceStatusError
from distributor.sources.kinds.entry import plain_line
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

_PAGE = 40
_MOST_PAGES = 10
# So many answers a server shows to those who are not signed in (docs.joinmastodon.org/methods/statuses/#context).
_MOST_ANSWERS = 60
_HANDLE = re.compile(r"@([\w.-]+)@([\w-]+(?:\.[\w-]+)*(?::\d+)?)")
_PROFILE = re.compile(r"(https?)://([^/\s@]+)/(?:@|users/)([\w.-]+)(?:@([\w.:-]+))?/?")
# Addresses of profiles there look the same, and these are other networks.
_NO_MASTODON = re.compile(r"(?:.*\.)?(?:medium\.com|youtube\.com|tiktok\.com|threads\.(?:net|com)|substack\.com)")
_VISIBLE = frozenset({"public", "unlisted"})


class MastodonSettings(BaseModel, extra="forbid"):
    """Settings of an account on Mastodon."""

    account: str = Field(title="Account", description="@user@host, or the address of its profile", max_length=500)
    include_replies: bool = Field(False, title="Replies", description="also what the account answers to others")
    include_boosts: bool = Field(False, title="Boosts", description="also posts of others that the account shares")
    minimum_characters: int = Field(
        0, title="Minimum length", description="leave out shorter posts, in characters", ge=0, le=100_000
    )
    access_token: SecretStr | None = Field(
        None, title="Access token", description="for servers that show posts only to those who are signed in"
    )

    @field_validator("account")
    @classmethod
    def _is_account(cls, value: str) -> str:
        if _account_of(value.strip()) is None:
            raise ValueError("write @user@host, or the address of the profile, such as https://host/@user")
        return value.strip()


class _Lenient(BaseModel, coerce_numbers_to_str=True):
    """What a server answers; fields that are not named here are passed over."""


class _Emoji(_Lenient):
    shortcode: str = ""


class _Account(_Lenient):
    id: str
    acct: str = ""
    display_name: str = ""
    url: str = ""
    emojis: list[_Emoji] = Field(default_factory=list)
    moved: dict[str, Any] | None = None


class _Attachment(_Lenient):
    type: str = "unknown"
    url: str | None = None
    preview_url: str | None = None
    remote_url: str | None = None
    description: str | None = None


class _Tag(_Lenient):
    name: str = ""


class _Option(_Lenient):
    title: str = ""
    votes_count: int | None = None


class _Poll(_Lenient):
    options: list[_Option] = Field(default_factory=list)
    expired: bool = False


class _Card(_Lenient):
    url: str = ""
    title: str = ""


class _Quote(_Lenient):
    quoted_status: _Status | None = None


class _Status(_Lenient):
    """A status (docs.joinmastodon.org/entities/Status)."""

    id: str
    uri: str
    url: str | None = None
    account: _Account
    created_at: AwareDatetime
    edited_at: AwareDatetime | None = None
    visibility: str = "public"
    local_only: bool = False
    sensitive: bool = False
    language: str | None = None
    spoiler_text: str = ""
    content: str = ""
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    reblog: _Status | None = None
    media_attachments: list[_Attachment] = Field(default_factory=list)
    tags: list[_Tag] = Field(default_factory=list)
    emojis: list[_Emoji] = Field(default_factory=list)
    poll: _Poll | None = None
    card: _Card | None = None
    quote: _Quote | None = None

    @property
    def is_for_everybody(self) -> bool:
        return self.visibility in _VISIBLE and not self.local_only


class MastodonSource:
    """The posts of an account, in threads."""

    kind: ClassVar[str] = "mastodon"
    title: ClassVar[str] = "Mastodon"
    sentence: ClassVar[str] = "The posts of an account with their images; a thread is one article."
    settings_model: ClassVar[type[BaseModel]] = MastodonSettings
    interval: ClassVar[timedelta] = timedelta(minutes=15)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: MastodonSettings) -> None:
        self._settings = settings
        found = _account_of(settings.account)
        assert found is not None, "the settings were checked"  # noqa: S101
        self._account = found

    @classmethod
    def recognize(cls, address: str) -> Mapping[str, Json] | None:
        """Anything like @user@host or https://host/@user."""
        found = _account_of(address.strip())
        if found is None or _NO_MASTODON.fullmatch(urlsplit(found.site).hostname or ""):
            return None
        return {"account": address.strip()}

    @property
    def address(self) -> str:
        return f"{self._account.site}/@{self._account.name}"

    @property
    def suggested_name(self) -> str:
        return f"{self._account.name} {urlsplit(self._account.site).hostname or ''}"

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        server = _Server(reading, self._account.site, self._headers())
        account = server.account(self._account.name, has_token=self._settings.access_token is not None)
        if account.moved is not None:
            reading.notes.append(f"the account says that it has moved to {account.moved.get('url', 'another one')}")
        raws = server.statuses(account.id, self._leaving_out(), known=known_refs(reading.cursor))
        posts, unreadable = read_each(raws, lambda raw: self._post(raw, account), ref="uri")
        threads = whole_threads(
            threads_of(posts), reading, lambda thread: self._completed(thread, server=server, account=account)
        )
        kept = [one for one in threads if self._is_long_enough(one)]
        yield from items_of(kept, unreadable, reading, order=[ref_of(raw, "uri") for raw in raws])

    def _headers(self) -> dict[str, str]:
        token = self._settings.access_token
        return {"Authorization": f"Bearer {token.get_secret_value()}"} if token and token.get_secret_value() else {}

    def _leaving_out(self) -> dict[str, str]:
        """What the server leaves out; replies to oneself, which are threads, it does not count as replies."""
        wanted = {
            "exclude_replies": self._settings.include_replies,
            "exclude_reblogs": self._settings.include_boosts,
        }
        return {name: "true" for name, is_wanted in wanted.items() if not is_wanted}

    def _post(self, raw: object, account: _Account, *, is_own: bool = False) -> Post | None:
        """The post that a status is, None if it is to be left out. Raises SourceError."""
        status = parsed(_Status, raw, "a status")
        if is_own and status.account.id != account.id:
            return None
        shown = status.reblog or status
        if status.reblog is not None and not self._settings.include_boosts:
            return None
        if not (status.is_for_everybody and shown.is_for_everybody):
            return None
        is_reply = status.in_reply_to_account_id not in (None, account.id)
        if is_reply and not self._settings.include_replies:
            return None
        return _post_of(status, shown, parent="" if is_reply else status.in_reply_to_id or "")

    def _completed(self, thread: Thread, *, server: _Server, account: _Account) -> Thread | None:
        """The thread with what was before it, and beside it.

        None if it is part of a conversation with others that is left out, or cannot be seen as a whole: an article is
        rather left as it is than shortened.
        """
        context = server.context(thread.posts[0].key)
        ancestors = context[0] if context is not None else []
        own = self._own_posts(ancestors, account)
        chain = threads_of([*thread.posts, *own])
        first = next(one.posts[0] for one in chain if thread.posts[0] in one.posts)
        if first is thread.posts[0] or first.parent:
            return None
        context = server.context(first.key)
        if context is None:
            return None
        if len(context[1]) >= _MOST_ANSWERS and not server.headers:
            server.reading.notes.append(f"the thread {first.address} has too many answers to be read without a token")
            return None
        later = self._own_posts(context[1], account)
        found = threads_of([*thread.posts, *later, *own])
        return next(one for one in found if one.posts[0].key == first.key)

    def _own_posts(self, raws: Sequence[object], account: _Account) -> list[Post]:
        """The posts of the account in a thread, without those of others and those that cannot be read."""
        return read_each(raws, lambda raw: self._post(raw, account, is_own=True), ref="uri")[0]

    def _is_long_enough(self, thread: Thread) -> bool:
        return sum(len(plain_line(post.html)) for post in thread.posts) >= self._settings.minimum_characters


KIND = MastodonSource


@dataclass(frozen=True, slots=True)
class _Address:
    """Where an account is: `site` is the scheme and host of its server."""

    site: str
    name: str


def _account_of(text: str) -> _Address | None:
    if (found := _HANDLE.fullmatch(text)) is not None:
        return _Address(f"https://{found[2].lower()}", found[1])
    if (found := _PROFILE.fullmatch(text)) is not None:
        scheme, host, name, elsewhere = found.groups()
        return _Address(f"https://{elsewhere.lower()}" if elsewhere else f"{scheme}://{host.lower()}", name)
    return None


@dataclass(slots=True)
class _Server:
    """The API of a server."""

    reading: Reading
    site: str
    headers: dict[str, str]

    def get(self, path: str, **query: str) -> Any:
        """Raises SourceError."""
        address = f"{self.site}/api/v1/{path}{'?' if query else ''}{urlencode(query)}"
        return self.reading.get_json(address, headers=self.headers)[0]

    def account(self, name: str, *, has_token: bool) -> _Account:
        """The account called `name`; of a server whose accounts have another host in their names too."""
        host = urlsplit(self.site).netloc
        try:
            found = self._looked_up(name, has_token=has_token)
        except SourceStatusError as error:
            if error.status != 404:
                raise
            site = self._site_by_webfinger(f"{name}@{host}")
            if site in ("", self.site):
                raise SourceError(
                    f"there is no account @{name} at {host}: is it spelled as its profile does?"
                ) from None
            self.site = site
            found = self._looked_up(f"{name}@{host}", has_token=has_token)
        return parsed(_Account, found, "an account")

    def _looked_up(self, acct: str, *, has_token: bool) -> Any:
        try:
            return self.get("accounts/lookup", acct=acct)
        except SourceStatusError as error:
            if error.status not in (401, 403):
                raise
            host = urlsplit(self.site).netloc
            what = "refuses the access token" if has_token else "shows posts only to those who are signed in"
            raise SourceError(
                f"{host} {what}: make an application there (Preferences, Development) with the scopes read:accounts "
                "and read:statuses, and give its token as access_token"
            ) from None

    def _site_by_webfinger(self, acct: str) -> str:
        """The server of an account (RFC 7033); empty if that is not said."""
        with suppress(SourceError):
            said, _ = self.reading.get_json(f"{self.site}/.well-known/webfinger?resource={quote(f'acct:{acct}')}")
            for link in said.get("links", []) if isinstance(said, Mapping) else ():
                if isinstance(link, Mapping) and link.get("rel") == "self":
                    parts = urlsplit(str(link.get("href", "")))
                    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
        return ""

    def statuses(self, account_id: str, leaving_out: Mapping[str, str], *, known: frozenset[str]) -> list[Any]:
        """The newest statuses, the newest first, back to one that is `known`."""
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            query = {"limit": str(_PAGE), **leaving_out, **({"max_id": last} if (last := _last_id(found)) else {})}
            page = self.get(f"accounts/{quote(account_id, safe='')}/statuses", **query)
            if not isinstance(page, list):
                raise SourceError(f"{self.site}: the answer is no list of statuses")
            # Servers that know no paging answer the same again.
            is_new = bool(page) and _last_id(page) not in ("", _last_id(found))
            found += page if is_new else []
            if not is_new or any(ref_of(one, "uri") in known for one in page):
                return found
        self.reading.notes.append(f"only the newest {len(found)} posts were read")
        return found

    def context(self, key: str) -> tuple[list[Any], list[Any]] | None:
        """What a status replies to, the first one first, and what replies to it; None if it is gone, or too much."""
        try:
            said = self.get(f"statuses/{quote(key, safe='')}/context")
        except (SourceGoneError, AnswerTooLargeError):
            return None
        except SourceStatusError as error:
            if error.status != 404:
                raise
            return None
        if not isinstance(said, Mapping):
            return None
        before, after = said.get("ancestors"), said.get("descendants")
        return (before if isinstance(before, list) else []), (after if isinstance(after, list) else [])


def _last_id(page: Sequence[Any]) -> str:
    """The id of the oldest status of a page, which the next page is before."""
    found = page[-1].get("id") if page and isinstance(page[-1], Mapping) else None
    return str(found) if isinstance(found, str | int) else ""


def _post_of(status: _Status, shown: _Status, *, parent: str) -> Post:
    """`shown` is the post that a boost shares, else the status itself."""
    text = _Text(shown)
    shortcodes = {emoji.shortcode for emoji in (*shown.emojis, *shown.account.emojis)}
    parts = [text.html, *_quoted(shown), *map(_media, shown.media_attachments), _poll(shown.poll), _card(shown)]
    notes = ("its images are marked as sensitive",) if shown.sensitive and shown.media_attachments else ()
    return Post(
        key=status.id,
        ref=status.uri,
        parent=parent,
        title=_without_emojis(shown.spoiler_text, shortcodes).strip(),
        html=_without_emojis("\n".join(filter(None, parts)), shortcodes),
        tags=text.tags,
        author=_without_emojis(shown.account.display_name, shortcodes).strip() or shown.account.acct,
        address=shown.url or shown.uri,
        language=shown.language or "",
        published_at=status.created_at,
        updated_at=shown.edited_at,
        notes=notes,
    )


class _Text:
    """The text of a status, as its server shows it, and its tags as they are written in it."""

    def __init__(self, status: _Status) -> None:
        self.html = status.content
        written: list[str] = []
        with suppress(etree.LxmlError, ValueError, RecursionError):
            root = lxml.html.fragment_fromstring(status.content, create_parent="div")
            _shorten_addresses(root)
            written = [_label(link) for link in root.iter("a") if _is_hashtag(link)]
            if status.quote is not None and status.quote.quoted_status is not None:
                _drop_class(root, "quote-inline")
            _drop_last_hashtags(root)
            self.html = (root.text or "") + "".join(lxml.html.tostring(one, encoding="unicode") for one in root)
        spelled = {label.casefold(): label for label in written}
        names = [tag.name for tag in status.tags if tag.name] or list(spelled)
        self.tags = tuple(spelled.get(name.casefold(), name) for name in names)


def _shorten_addresses(root: HtmlElement) -> None:
    """Show addresses as a browser does: servers mark what is not to be seen of them (`invisible`, `ellipsis`)."""
    for span in list(root.iter("span")):
        classes = str(span.get("class", "")).split()
        if "invisible" in classes:
            span.drop_tree()
        elif "ellipsis" in classes:
            span.text = f"{span.text or ''}…"


def _drop_class(root: HtmlElement, name: str) -> None:
    for element in [one for one in root.iter() if name in str(one.get("class", "")).split()]:
        element.drop_tree()


def _is_hashtag(element: HtmlElement) -> bool:
    if element.tag != "a":
        return False
    is_marked = "hashtag" in str(element.get("class", "")).split() or "tag" in str(element.get("rel", "")).split()
    return is_marked and _label(element) != ""


def _label(link: HtmlElement) -> str:
    text = " ".join(str(link.text_content()).split())
    return text[1:] if text.startswith(("#", "＃")) else ""


def _drop_last_hashtags(root: HtmlElement) -> None:
    """Drop the lines at the end that have nothing but hashtags; a text of nothing else stays."""
    while len(root) > 1 or (len(root) == 1 and _has_text_before_hashtags(root[0])):
        last = root[-1]
        if last.tag != "p" or (last.tail or "").strip():
            return
        start = _start_of_hashtags(last)
        if start is None:
            return
        if start == 0:
            root.remove(last)
            continue
        for child in list(last)[start:]:
            last.remove(child)
        return


def _has_text_before_hashtags(paragraph: HtmlElement) -> bool:
    return _start_of_hashtags(paragraph) != 0


def _start_of_hashtags(paragraph: HtmlElement) -> int | None:
    """Which child the lines of hashtags at the end begin with, 0 for all of the paragraph; None without any."""
    start, has_any = None, False
    for at in range(len(paragraph) - 1, -1, -1):
        child = paragraph[at]
        if (child.tail or "").strip(" \t\r\n,·|") or not (child.tag == "br" or _is_hashtag(child)):
            return start
        has_any = has_any or child.tag == "a"
        if child.tag == "br" and has_any:
            start = at
    return start if (paragraph.text or "").strip() or not has_any else 0


def _quoted(status: _Status) -> Iterator[str]:
    found = status.quote.quoted_status if status.quote is not None else None
    if found is not None and found.is_for_everybody:
        name = escape(found.account.display_name or found.account.acct)
        link = f'<p><a href="{escape(found.url or found.uri)}">{name}</a></p>'
        yield f"<blockquote>{_Text(found).html}{link}</blockquote>"


def _media(attachment: _Attachment) -> str:
    """An image, or a link to what no mail plays, with its preview."""
    url = attachment.url or attachment.remote_url or ""
    description = escape(" ".join((attachment.description or "").split()))
    if not url:
        return ""
    if attachment.type == "image":
        return f'<figure><img src="{escape(url)}" alt="{description}"></figure>'
    name = description or {"audio": "Audio", "video": "Video", "gifv": "Video"}.get(attachment.type, "Attachment")
    preview = attachment.preview_url if attachment.type in ("video", "gifv") else None
    shown = f'<figure><img src="{escape(preview)}" alt="{description}"></figure>' if preview else ""
    return f'{shown}<p><a href="{escape(url)}">{PLAY}{name}</a></p>'


def _poll(poll: _Poll | None) -> str:
    """The choices; their votes once the poll is over, because they would make a revision of each vote before."""
    if poll is None:
        return ""
    votes = (f": {one.votes_count}" if poll.expired and one.votes_count is not None else "" for one in poll.options)
    items = (f"<li>{escape(one.title)}{count}</li>" for one, count in zip(poll.options, votes, strict=True))
    return f"<ul>{''.join(items)}</ul>"


def _card(status: _Status) -> str:
    """The page that a status links to, if its text does not."""
    card = status.card
    if card is None or not card.url.startswith(("http://", "https://")) or escape(card.url) in status.content:
        return ""
    return f'<p><a href="{escape(card.url)}">{escape(card.title or card.url)}</a></p>'


def _without_emojis(text: str, shortcodes: set[str]) -> str:
    """The text without the pictures of its server, which nobody else has."""
    return re.sub(r"\s?:([A-Za-z0-9_]{2,}):", lambda found: "" if found[1] in shortcodes else found[0], text)
