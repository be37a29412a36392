"""Images of articles that are elsewhere on the web are fetched once and kept: readers get them from here.

Fetching takes seconds and asks hosts that authors chose, so it is done before the transaction that stores an article,
and never keeps an article out: an image that cannot be had stays where it is, with a warning that names it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import structlog

from distributor.domain.article import Manuscript, Media
from distributor.domain.blocks import Image, images_of, replace_images, set_large_images_apart
from distributor.domain.errors import SourceError
from distributor.domain.stored_text import is_storable
from distributor.flow.app_context import AppContext
from distributor.guarded_http import FetchError, FetchFailure, GuardedHttpClient, host_of
from distributor.sources.fetched_image import fit_for_mail
from distributor.sources.uploaded_image import MAX_IMAGE_BYTES
from distributor.storage import remote_images
from distributor.storage.database import Connection

# For one image, and for all of an article: whoever saves it waits for them.
_IMAGE_SECONDS, _ARTICLE_SECONDS = 10, 30
_AT_ONCE = 4
_MOST_IMAGES = 40
# In bytes: the address is the key of what was fetched (domain.stored_text).
_LONGEST_URL = 2000
# Servers that choose a format by what is asked for need not send one that has to be converted.
_ACCEPT = {"Accept": "image/png,image/jpeg,image/gif,image/*;q=0.8"}
# With these it is not the image that is missing: its host is away.
_AWAY = frozenset(
    {FetchFailure.NO_SUCH_NAME, FetchFailure.NO_NAME_SERVER, FetchFailure.NO_CONNECTION, FetchFailure.TIMEOUT}
)
# So many hosts that are all away are one machine that does not reach the web.
_HOSTS_OF_OFFLINE = 10

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class HostReachability:
    """What was learnt about hosts while one or many articles came in: one that is away is asked once."""

    reasons: dict[str, str] = field(default_factory=dict)
    has_reached_any: bool = False

    def reason_not_to_ask(self, host: str) -> str:
        """Why this host is not asked (again); empty if it may be."""
        if not self.has_reached_any and len(self.reasons) >= _HOSTS_OF_OFFLINE:
            return self.reasons.get(host) or "no host was reached so far"
        return self.reasons.get(host, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadyImage:
    media: Media
    width: int
    height: int


def keep_remote_images(
    app: AppContext, manuscript: Manuscript, *, reachability: HostReachability | None = None
) -> Manuscript:
    """The manuscript with its remote images under paths of this site, and a warning for each that could not be had.

    Takes up to half a minute, and must not be called within a transaction.
    """
    warnings = fetch_remote_images(app, manuscript, reachability=reachability)
    with app.database.begin() as connection:
        kept = with_kept_images(app, connection, manuscript)
    return replace(kept, warnings=(*kept.warnings, *warnings))


def fetch_remote_images(
    app: AppContext, manuscript: Manuscript, *, reachability: HostReachability | None = None
) -> tuple[str, ...]:
    """Fetch and store the remote images of a manuscript that are not stored yet; a warning for each that cannot be had.

    Takes up to half a minute, and must not be called within a transaction.
    """
    urls = _remote_urls(app, manuscript)
    if not urls:
        return ()
    with app.database.begin() as connection:
        known = remote_images.find(connection, urls)
    wanted = [url for url in urls if url not in known]
    if not wanted:
        return ()
    results = asyncio.run(_fetch_all(app, wanted[:_MOST_IMAGES], reachability or HostReachability()))
    ready = {url: result for url, result in results.items() if isinstance(result, _ReadyImage)}
    now = app.clock()
    for url, image in ready.items():
        with app.database.begin() as connection:
            remote_images.add(connection, url, image.media, width=image.width, height=image.height, now=now)
    log.info("article.images_fetched", fetched=len(ready), failed=len(wanted) - len(ready))
    late = f"all images of an article together have {_ARTICLE_SECONDS} seconds"
    reasons = {url: results.get(url, late) for url in wanted[:_MOST_IMAGES]}
    reasons |= dict.fromkeys(wanted[_MOST_IMAGES:], f"only {_MOST_IMAGES} images of an article are fetched at once")
    return tuple(
        f"the image {url} was not fetched and stays there: {reason}"
        for url, reason in reasons.items()
        if isinstance(reason, str)
    )


def with_kept_images(app: AppContext, connection: Connection, manuscript: Manuscript) -> Manuscript:
    """The manuscript with those remote images that are stored here under their paths, with their sizes."""
    known = remote_images.find(connection, _remote_urls(app, manuscript))
    if not known:
        return manuscript

    def kept(image: Image) -> Image:
        found = known.get(_url_of(image.src))
        return replace(image, src=found.src, width=found.width, height=found.height) if found else image

    return replace(
        manuscript,
        body=set_large_images_apart(replace_images(manuscript.body, kept)),
        image=kept(manuscript.image) if manuscript.image else None,
    )


def remote_images_of(manuscript: Manuscript) -> list[str]:
    """The addresses of the images that are elsewhere on the web, in the body and as its own, each once."""
    images = [*images_of(manuscript.body), *([manuscript.image] if manuscript.image else [])]
    urls = dict.fromkeys(_url_of(image.src) for image in images)
    return [url for url in urls if url.lower().startswith(("http://", "https://"))]


def _remote_urls(app: AppContext, manuscript: Manuscript) -> list[str]:
    """The addresses that are fetched: none if the setting is off, and none of this site."""
    if not app.content_fetch_images:
        return []
    here = app.site.public_url.rstrip("/") + "/"
    return [url for url in remote_images_of(manuscript) if not url.startswith(here)]


def _url_of(src: str) -> str:
    """The address of an image without the fragment, which servers never see."""
    return ("https:" if src.startswith("//") else "") + src.partition("#")[0]


async def _fetch_all(
    app: AppContext, urls: Sequence[str], reachability: HostReachability
) -> Mapping[str, _ReadyImage | str]:
    """The image at each address, or why there is none; those that were not done in time are left out."""
    everywhere = asyncio.Semaphore(_AT_ONCE)
    # One after another from each host, so that one that is away keeps only one of them waiting.
    per_host: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    # A large one takes much memory while it is read.
    reading = asyncio.Lock()
    async with GuardedHttpClient(allowed_networks=app.fetch_networks) as client:

        async def fetch(url: str) -> _ReadyImage | str:
            try:
                async with per_host[host_of(url)], everywhere:
                    body = await _fetch(client, url, reachability)
                async with reading:
                    return await asyncio.to_thread(_ready, body)
            except SourceError as error:
                return error.reason
            except FetchError as error:
                return str(error)
            except Exception as error:
                # A fault here is about one image, and the others are still fetched.
                log.warning("article.image_failed", reason=type(error).__name__, exc_info=error)
                return f"it cannot be fetched ({type(error).__name__})"

        tasks = {url: asyncio.create_task(fetch(url)) for url in urls}
        done, pending = await asyncio.wait(tasks.values(), timeout=_ARTICLE_SECONDS)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return {url: task.result() for url, task in tasks.items() if task in done}


async def _fetch(client: GuardedHttpClient, url: str, reachability: HostReachability) -> bytes:
    """What the address answers. Raises FetchError, and SourceError for an answer without an image."""
    if len(url.encode("utf-8", "surrogatepass")) > _LONGEST_URL or not is_storable(url):
        raise SourceError(f"its address is over {_LONGEST_URL:,} bytes or holds characters that no address has")
    host = host_of(url)
    if reason := reachability.reason_not_to_ask(host):
        raise SourceError(reason)
    try:
        response = await client.fetch(url, seconds=_IMAGE_SECONDS, max_bytes=MAX_IMAGE_BYTES + 1, headers=_ACCEPT)
    except FetchError as error:
        if error.failure in _AWAY:
            reachability.reasons[error.host or host] = str(error)
        raise
    reachability.has_reached_any = True
    if response.status != HTTPStatus.OK:
        raise SourceError(f"it answers {response.reason}")
    return response.body


def _ready(body: bytes) -> _ReadyImage:
    """The image as it is stored. Raises SourceError."""
    fit, found = fit_for_mail(body)
    name = hashlib.sha256(fit).hexdigest()[:32] + found.suffix
    assert found.width is not None and found.height is not None, "an image that is fit has a size"  # noqa: S101
    return _ReadyImage(
        media=Media(name=name, media_type=found.media_type, body=fit), width=found.width, height=found.height
    )
