"""The base class of an emulator: a network's API on this machine, for channels to post to.

A new emulator is one module in this folder (or one that another package announces under the entry point group
`distributor.emulators`) that assigns its class to `EMULATOR`. It then serves under `/<kind>`, has a timeline on the
sandbox page, `/export/<kind>.json`, `/limits/<kind>` and `/faults/<kind>`, and `demo` and `up` configure the channel
of that kind with its `channel_settings`. No other file changes:

    class ExampleLimits(EmulatorLimits):
        messages_per_minute: Count = 20
        max_characters: Count = 4096

    @dataclass(frozen=True, slots=True, kw_only=True)
    class StoredMessage:
        key: str
        text: str
        created_at: datetime

    class ExampleEmulator(Emulator[ExampleLimits]):
        kind = "example"  # the kind of the channel that posts here
        title = "Example"
        limits_model = ExampleLimits

        def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
            super().__init__(folder, switches=switches, clock=clock)
            self._messages = self.open_store("messages.jsonl", StoredMessage)

        @classmethod
        def channel_settings(cls, base_url: str) -> dict[str, Any]:
            return {"api_url": base_url, "token": "sandbox-example-token"}

        def routes(self, gate: RequestGate) -> list[Route]:
            return [gate.route("/messages", self._send, method="POST", stage=FaultStage.POST)]

        def refuse(self, refusal: HTTPException) -> Response:
            return JSONResponse({"error": refusal.detail}, refusal.status_code)

        def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
            return self.spend("messages", points, now, limit=self.limits.current.messages_per_minute, seconds=60)

        def posts(self) -> list[DisplayedPost]:
            return [self._display(message) for message in self._messages.oldest_first()]

        async def _send(self, request: Request) -> Response: ...  # raises HTTPException to refuse

    EMULATOR = ExampleEmulator
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from distributor.sandbox.display import DisplayedImage, DisplayedPost
from distributor.sandbox.faults import HTTP_FAULTS, FaultProfile, FaultStage, Switches
from distributor.sandbox.json_store import HasKey, JsonStore
from distributor.sandbox.limits import Allowance, LimitsInForce, LimitsT, RateWindow
from distributor.sandbox.media import UploadStore
from distributor.sandbox.request_gate import Clock, RequestGate

EntryT = TypeVar("EntryT", bound=HasKey)


class Emulator(ABC, Generic[LimitsT]):
    """An emulator with one test account. Its state is in `folder` and survives restarts.

    kind           the kind of the channel that it serves, and its folder of URLs
    title          the network's name on the sandbox page
    limits_model   its limits with their defaults
    fault_profile  which calls faults can be injected into
    uploads        the images that were uploaded to it, kept in `uploads_folder`
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    fault_profile: ClassVar[FaultProfile] = HTTP_FAULTS
    uploads_folder: ClassVar[str] = "media"
    limits_model: type[LimitsT]

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.limits = LimitsInForce(self.kind, self.limits_model)
        self.uploads = UploadStore(folder / self.uploads_folder)
        self._folder = folder
        self._switches = switches
        self._stores: list[JsonStore[Any]] = []
        self._windows: defaultdict[str, RateWindow] = defaultdict(RateWindow)

    @classmethod
    @abstractmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        """Settings of a channel of this kind that posts to this emulator, which is at `base_url` (no final slash)."""

    @abstractmethod
    def routes(self, gate: RequestGate) -> list[Route]:
        """The API, relative to the base URL; `gate.route` adds rate limits and faults to a handler."""

    @abstractmethod
    def refuse(self, refusal: HTTPException) -> Response:
        """An error response in the network's format."""

    @abstractmethod
    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        """Count a call against the rate limit that applies to it."""

    @abstractmethod
    def posts(self) -> list[DisplayedPost]:
        """The account's posts as readers see them, oldest first; also what is exported."""

    def rate_headers(self, allowance: Allowance) -> Mapping[str, str]:
        """The network's response headers about the rate limit; none by default."""
        return {}

    def refuse_unrouted(self, refusal: HTTPException) -> Response:
        """The error response where no route matches: no such path (404), or method not allowed (405)."""
        return self.refuse(refusal)

    def make_app(self) -> Starlette:
        """The API as an ASGI application."""

        async def refuse_unrouted(_request: Request, refusal: Exception) -> Response:
            return self.refuse_unrouted(cast(HTTPException, refusal))

        gate = RequestGate(
            service=self.kind,
            switches=self._switches,
            clock=self.clock,
            refuse=self.refuse,
            count=self.count,
            rate_headers=self.rate_headers,
        )
        return Starlette(routes=self.routes(gate), exception_handlers={HTTPException: refuse_unrouted})

    def close(self) -> None:
        """Close all files."""
        for store in self._stores:
            store.close()
        self.uploads.close()

    def open_store(self, file_name: str, model: type[EntryT]) -> JsonStore[EntryT]:
        """Frozen dataclasses with a `key`, kept in a file of the emulator's folder; closed with the emulator."""
        store = JsonStore(self._folder / file_name, model)
        self._stores.append(store)
        return store

    def spend(self, window: str, points: int, now: datetime, *, limit: int, seconds: int) -> Allowance:
        """Count a call in the rate limit window of this name."""
        return self._windows[window].spend(points, now, limit=limit, seconds=seconds)

    def permalink(self, path: str, key: str) -> Route:
        """A route at the network's address of a post, which redirects a reader to the post on the sandbox page.

        `path` and `key` may name the route's parameters in braces.
        """

        async def redirect(request: Request) -> Response:
            return RedirectResponse(f"/{self.kind}-timeline#post-{key.format_map(request.path_params)}")

        return Route(path, redirect)

    def image(self, key: str) -> DisplayedImage:
        """An uploaded image, for a post on the sandbox page."""
        upload = self.uploads.get(key)
        return DisplayedImage(path=f"/media/{self.kind}/{key}", alt=(upload and upload.alt) or "")
