"""Link check: ask whether the links and images of a campaign answer, before its readers follow them."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from distributor.domain.article import MEDIA_PATH
from distributor.domain.blocks import Block, images_of, links_of
from distributor.domain.campaign_review import counted
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Problem, Severity
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import read_markdown
from distributor.guarded_http import FetchedResponse, FetchError, FetchFailure, GuardedHttpClient
from distributor.rendering.measuring import url_spans
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection

# A page that takes longer is lost on its readers; a review that takes longer, on its author.
_HEAD_SECONDS, _GET_SECONDS, _ALL_SECONDS = 2, 3, 15
_AT_ONCE, _AT_ONCE_PER_HOST = 16, 2
_READ_BYTES = 2048
# Larger ones are slow on a phone, and mail programs may not load them.
_LARGE_IMAGE = 1_000_000
# A page that is gone or broken for everyone. Others (401, 403, 405, 429 …) may be meant for programs only.
_GONE = frozenset({404, 410})
# With these alone, it may be this machine that has no way to the web.
_OFFLINE = frozenset({FetchFailure.NO_NAME_SERVER, FetchFailure.NO_CONNECTION, FetchFailure.TIMEOUT})
_ARTICLE_PATH = "/articles/"
_EXPRESSION = re.compile(r"\{\{|\{%")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Reference:
    """A link or an image and where it stands, such as `article hello`."""

    address: str
    place: str
    is_image: bool

    def problem(self, reason: str, *, code: str = "broken") -> Problem:
        noun = "image" if self.is_image else "link"
        message = f"the {noun} {self.address} in {self.place} {reason}"
        return Problem(Severity.WARN, f"{noun}-{code}", message, self.address)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an address answered: nothing is wrong, a reason, or a failure with its reason; `size` in bytes if known."""

    reason: str = ""
    failure: FetchFailure | None = None
    media_type: str = ""
    size: int = 0


def check_links(
    app: AppContext,
    found: Sequence[StoredArticle],
    texts: Mapping[str, MessageOptions],
    *,
    to_publish: Collection[str],
    now: datetime,
) -> list[Problem]:
    """Warnings about links and images that do not answer, in the articles and in the texts of channels by name.

    Pages and images of this site are looked up in the database; those of articles in `to_publish` will be there. All
    others are asked over HTTP, which takes up to fifteen seconds.
    """
    references = list(dict.fromkeys(_references(found, texts)))
    outside = [one for one in references if _own_path(app, one.address) is None]
    with app.database.begin() as connection:
        problems = [
            problem
            for one in references
            if (path := _own_path(app, one.address)) is not None
            and (problem := _own_problem(connection, one, path, to_publish, now=now)) is not None
        ]
    if outside:
        problems += _outside_problems(outside, asyncio.run(_ask_all(app, outside)))
    return problems


def _references(found: Sequence[StoredArticle], texts: Mapping[str, MessageOptions]) -> Iterator[_Reference]:
    for one in found:
        article = one.article
        yield from _in_blocks(article.body, f"article {article.slug}")
        if article.image is not None:
            yield from _usable([article.image.src], f"article {article.slug}", is_image=True)
    for name, options in texts.items():
        for field in ("greeting", "closing"):
            # A text that cannot be read is reported by the check of its channel.
            with suppress(InputError):
                yield from _in_blocks(read_markdown(getattr(options, field)), f"the {field} on {name}")
        for text in (options.text, *options.thread):
            spans = url_spans(text)
            yield from _usable([text[start:end] for start, end in spans], f"the text on {name}", is_image=False)


def _in_blocks(blocks: Sequence[Block], place: str) -> Iterator[_Reference]:
    yield from _usable(links_of(blocks), place, is_image=False)
    yield from _usable([image.src for image in images_of(blocks)], place, is_image=True)


def _usable(addresses: Iterable[str], place: str, *, is_image: bool) -> Iterator[_Reference]:
    for address in addresses:
        plain = address.partition("#")[0]
        is_here = plain.startswith("/") and not plain.startswith("//")
        if (is_here or plain.lower().startswith(("http://", "https://"))) and not _EXPRESSION.search(plain):
            yield _Reference(plain, place, is_image)


def _own_path(app: AppContext, address: str) -> str | None:
    """The path of an address of this site, None for one elsewhere."""
    plain = address.partition("?")[0]
    if plain.startswith("/"):
        return plain
    rest = plain.removeprefix(app.site.public_url)
    return rest if rest != plain and (not rest or rest.startswith("/")) else None


def _host_of(address: str) -> str:
    """The host and port of an address, which may be invalid otherwise."""
    return address.partition("//")[2].partition("/")[0].lower()


def _own_problem(
    connection: Connection, reference: _Reference, path: str, to_publish: Collection[str], *, now: datetime
) -> Problem | None:
    if path.startswith(MEDIA_PATH):
        file = articles.find_media_by_src(connection, path)
        if file is None:
            return reference.problem("is not stored here")
        return _size_problem(reference, len(file.body)) if reference.is_image else None
    slug = path.removeprefix(_ARTICLE_PATH).rstrip("/")
    if not path.startswith(_ARTICLE_PATH) or slug in to_publish:
        return None
    try:
        status = articles.find_by_slug(connection, slug).status
    except NotFoundError:
        return reference.problem("leads to an article that does not exist")
    return None if status.is_public(now) else reference.problem("leads to an article that is not public")


def _outside_problems(outside: Sequence[_Reference], answers: Mapping[str, _Answer]) -> Iterator[Problem]:
    unasked = [one for one in outside if one.address not in answers]
    if _is_offline(answers):
        reason = next(one.reason for one in answers.values() if one.failure in _OFFLINE)
        message = f"no link or image was checked: this machine does not reach the web ({reason})"
        yield Problem(Severity.WARN, "links-unchecked", message)
        return
    for one in outside:
        answer = answers.get(one.address, _Answer())
        if answer.reason:
            yield one.problem(f"does not answer: {answer.reason}" if answer.failure else f"answers {answer.reason}")
        elif one.is_image and answer.media_type and not answer.media_type.startswith("image/"):
            yield one.problem(f"is {answer.media_type}, not an image")
        elif one.is_image and (problem := _size_problem(one, answer.size)) is not None:
            yield problem
    if unasked:
        number = len({one.address for one in unasked})
        message = (
            f"{counted(number, 'link')} did not answer within {_ALL_SECONDS} seconds altogether: check them by hand"
        )
        yield Problem(Severity.WARN, "links-unchecked", message)


def _size_problem(reference: _Reference, size: int) -> Problem | None:
    if size <= _LARGE_IMAGE:
        return None
    return reference.problem(f"has {size / 1e6:.1f} MB: make it smaller, because mails show it slowly", code="large")


def _is_offline(answers: Mapping[str, _Answer]) -> bool:
    """Whether the failures are of this machine: nothing answered, and not even a name is known not to exist."""
    asked = {address: one for address, one in answers.items() if one.failure is not FetchFailure.FORBIDDEN}
    if not asked or any(one.failure not in _OFFLINE for one in asked.values()):
        return False
    hosts = {_host_of(address) for address in asked}
    return len(hosts) > 1 or any(one.failure is FetchFailure.NO_NAME_SERVER for one in asked.values())


async def _ask_all(app: AppContext, outside: Sequence[_Reference]) -> Mapping[str, _Answer]:
    """What each address answers; those that were not done in time are left out."""
    everywhere = asyncio.Semaphore(_AT_ONCE)
    per_host: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE_PER_HOST))
    async with GuardedHttpClient(allowed_networks=app.fetch_networks) as client:

        async def ask(address: str) -> _Answer:
            async with per_host[_host_of(address)], everywhere:
                return await _ask(client, address)

        tasks = {one.address: asyncio.create_task(ask(one.address)) for one in outside}
        done, pending = await asyncio.wait(tasks.values(), timeout=_ALL_SECONDS)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return {address: task.result() for address, task in tasks.items() if task in done}


async def _ask(client: GuardedHttpClient, address: str) -> _Answer:
    """What it answers to HEAD; what it answers to GET, if that is not good: many servers do not know HEAD."""
    try:
        with suppress(FetchError):
            answer = _answer_of(await client.fetch(address, method="HEAD", seconds=_HEAD_SECONDS, max_bytes=1))
            if not answer.reason:
                return answer
        part = {"Range": f"bytes=0-{_READ_BYTES - 1}"}
        return _answer_of(await client.fetch(address, seconds=_GET_SECONDS, max_bytes=_READ_BYTES, headers=part))
    except FetchError as error:
        return _Answer(str(error), error.failure)
    except Exception as error:
        # A fault here is about one address, and the others are still asked.
        log.warning("link.check_failed", reason=type(error).__name__, exc_info=error)
        return _Answer(f"it cannot be asked ({type(error).__name__})", FetchFailure.PROTOCOL)


def _answer_of(response: FetchedResponse) -> _Answer:
    if response.status in _GONE or response.status >= 500:
        return _Answer(response.reason)
    if not 200 <= response.status < 300:
        return _Answer()
    total = response.headers.get("content-range", "").rpartition("/")[2] or response.headers.get("content-length", "")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _Answer(
        media_type=media_type, size=int(total) if total.isascii() and total.isdigit() and len(total) < 16 else 0
    )
