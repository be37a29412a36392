"""The stream of changes of a campaign, by server-sent events.

One reader for each campaign, however many watch it: once a second it reads the totals and renders the parts of the page
that changed, and every watcher gets the same text. A watcher is a coroutine that waits: it holds no thread and no
connection to the database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from gettext import gettext as _

import anyio.to_thread
import structlog
from anyio import CapacityLimiter
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from distributor.domain.campaign import CampaignState
from distributor.domain.errors import NotFoundError, ServiceError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.progress import CampaignProgress, progress_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.campaign_view import PARTS, Viewer, is_live, progress_context
from distributor.web.team.pages import TeamPages

# Browsers open six connections to a host without HTTP/2; several people may share an account's name, not its tabs.
STREAMS_PER_USER = 12
# Below the number of connections that the server accepts: the others stay free for pages.
STREAMS = 200
HEARTBEAT = timedelta(seconds=15)
RECHECK = timedelta(seconds=30)
_EVERY = timedelta(seconds=1)
# A campaign that starts later than soon is looked at less often.
_SOON = timedelta(minutes=1)
_EVERY_WHILE_IT_WAITS = timedelta(seconds=5)
# How many campaigns are read at the same time at most.
_READERS = 2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _View:
    """A campaign at one moment, with the parts of its page as each kind of reader sees them."""

    progress: CampaignProgress
    parts: Mapping[Viewer, Mapping[str, str]]


class _Reader:
    """Reads one campaign for as long as somebody watches it, and tells all who do."""

    def __init__(self, app: AppContext, pages: TeamPages, campaign_id: int, limiter: CapacityLimiter) -> None:
        self._app = app
        self._pages = pages
        self._campaign_id = campaign_id
        self._limiter = limiter
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._viewers: Counter[Viewer] = Counter()
        # How many views there were, and the last one; None before the first, and if the campaign is gone.
        self.count = 0
        self.view: _View | None = None
        self.has_ended = False

    @property
    def is_watched(self) -> bool:
        return self._viewers.total() > 0

    def join(self, viewer: Viewer) -> None:
        self._viewers[viewer] += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, viewer: Viewer) -> None:
        self._viewers[viewer] -= 1
        if not self.is_watched and self._task is not None:
            self._task.cancel()
            self._task = None

    def wake(self) -> None:
        """Let every watcher look again."""
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seen: int, timeout: timedelta) -> bool:
        """Wait for a view after the one with the number `seen`; False if there was none for so long."""
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while self.count == seen:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def parts_for(self, view: _View, viewer: Viewer) -> Mapping[str, str]:
        """The parts as this kind of reader sees them; one who came after they were made has them made now."""
        return view.parts.get(viewer) or self._render(view.progress, viewer)

    async def _run(self) -> None:
        while not self.has_ended:
            try:
                kinds = tuple(+self._viewers)
                self.view = await anyio.to_thread.run_sync(partial(self._read, kinds), limiter=self._limiter)
            except NotFoundError:
                self.view, self.has_ended = None, True
            except ServiceError as error:
                # The watchers hear nothing but heartbeats until the database is back.
                _log.warning("live.unavailable", campaign_id=self._campaign_id, reason=str(error))
                await asyncio.sleep(_EVERY.total_seconds())
                continue
            else:
                self.has_ended = not is_live(self.view.progress)
            self.wake()
            await asyncio.sleep(_pause_after(self.view).total_seconds())

    def _read(self, kinds: Sequence[Viewer]) -> _View:
        progress = progress_of(self._app, self._campaign_id)
        return _View(progress, {viewer: self._render(progress, viewer) for viewer in kinds})

    def _render(self, progress: CampaignProgress, viewer: Viewer) -> Mapping[str, str]:
        context = progress_context(progress, viewer)
        return {name: self._pages.text(template, context) for name, template in PARTS.items()}


def _pause_after(view: _View | None) -> timedelta:
    """How long until the campaign is read again: what starts later than soon does not change every second."""
    if view is None or view.progress.state is not CampaignState.SCHEDULED or view.progress.starts_at is None:
        return _EVERY
    return _EVERY if view.progress.starts_at - view.progress.at < _SOON else _EVERY_WHILE_IT_WAITS


class LivePages:
    """The streams of all campaigns. `close` ends them, when the server stops."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._readers: dict[int, _Reader] = {}
        self._streams: Counter[int] = Counter()
        self._limiter: CapacityLimiter | None = None
        self._is_closed = False

    def routes(self) -> list[TeamRoute]:
        return [TeamRoute("GET", "/campaigns/{campaign_id}/live", self.follow, Permission.CAMPAIGNS_READ)]

    def close(self) -> None:
        """End every stream, and begin none any more. Called by the server's own loop."""
        self._is_closed = True
        for reader in self._readers.values():
            reader.wake()

    def follow(self, asked: TeamRequest) -> Response:
        """The changes of a campaign as a stream, or its parts once for a page that asks for those (`is_partial`)."""
        campaign_id, viewer = asked.number("campaign_id"), Viewer.of(asked.user)
        progress = progress_of(self._app, campaign_id)
        if asked.is_partial:
            return self._parts_once(progress, viewer)
        if not is_live(progress):
            # By this a browser knows that there is nothing more to come.
            return Response(status_code=204)
        if self._is_closed or self._streams.total() >= STREAMS or self._streams[asked.user.id] >= STREAMS_PER_USER:
            return PlainTextResponse(_("Too many pages are followed at the same time.\n"), 503)
        return StreamingResponse(
            self._events(asked, campaign_id, viewer),
            media_type="text/event-stream",
            # A proxy passes each event on at once.
            headers={"X-Accel-Buffering": "no"},
        )

    def _parts_once(self, progress: CampaignProgress, viewer: Viewer) -> Response:
        context = {**progress_context(progress, viewer), "parts": PARTS}
        return self._pages.fragment("campaign_parts.html.j2", context)

    async def _events(self, asked: TeamRequest, campaign_id: int, viewer: Viewer) -> AsyncIterator[str]:
        reader = self._readers.get(campaign_id)
        if reader is None:
            # Made here, in the loop of the server.
            self._limiter = self._limiter or CapacityLimiter(_READERS)
            reader = self._readers[campaign_id] = _Reader(self._app, self._pages, campaign_id, self._limiter)
        self._streams[asked.user.id] += 1
        reader.join(viewer)
        try:
            async for event in self._changes(asked, reader, viewer):
                yield event
        finally:
            self._streams[asked.user.id] -= 1
            reader.leave(viewer)
            if not reader.is_watched and self._readers.get(campaign_id) is reader:
                del self._readers[campaign_id]

    async def _changes(self, asked: TeamRequest, reader: _Reader, viewer: Viewer) -> AsyncIterator[str]:
        shown: Mapping[str, str] = {}
        # The view that another watcher has had a moment ago counts as new.
        seen = reader.count if reader.view is None else -1
        loop = asyncio.get_running_loop()
        checked_at = loop.time()
        yield "retry: 2000\n\n"
        while not self._is_closed:
            if not await reader.wait(seen, HEARTBEAT):
                yield ": still here\n\n"
            seen = reader.count
            if loop.time() - checked_at >= RECHECK.total_seconds():
                checked_at = loop.time()
                if not await self._may_still(asked):
                    return
            if reader.view is not None:
                parts = reader.parts_for(reader.view, viewer)
                for name, html in parts.items():
                    if shown.get(name) != html:
                        yield _event(name, html)
                shown = parts
            if reader.has_ended:
                yield _event("end", "")
                return

    async def _may_still(self, asked: TeamRequest) -> bool:
        """Whether the reader is still signed in, and still may read campaigns."""
        with suppress(ServiceError):
            return await anyio.to_thread.run_sync(
                partial(self._gate.still_allows, asked, Permission.CAMPAIGNS_READ), limiter=self._limiter
            )
        return True


def _event(name: str, data: str) -> str:
    """An event of the stream: each line of its data is a line of its own (HTML standard, 9.2.6)."""
    lines = data.splitlines() or [""]
    return f"event: {name}\n{''.join(f'data: {line}{chr(10)}' for line in lines)}\n"
