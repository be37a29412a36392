"""The pages to look at: the inbox and the timelines, as a reader would see them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.rendering.environment import Templates, shipped_templates
from distributor.sandbox.inbox import StoredEnvelope
from distributor.sandbox.inbox_message import InboxMessage, open_links_in_new_tab, parse_message, replace_content_ids
from distributor.sandbox.media import image_type
from distributor.sandbox.display import group_threads
from distributor.sandbox.state import SandboxState

_MAILS_ON_FRONT = 8
_THREADS_ON_FRONT = 10
_MAILS_PER_PAGE = 100
_NAMES = {"x": "X", "mastodon": "Mastodon", "bluesky": "Bluesky"}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action http: https:; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# What a mail program shows: styles of its own and pictures from anywhere, but no scripts, frames or forms.
_LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; font-src http: https: data:; frame-ancestors 'self'"
)


class SandboxPages:
    """Handlers over one world."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world
        self._templates = Templates([shipped_templates() / "web" / "sandbox"])

    def routes(self) -> list[Route]:
        """Everything a browser asks for."""
        return [
            Route("/", self._front),
            Route("/style.css", self._style),
            Route("/inbox", self._inbox),
            Route("/inbox/{number:int}", self._letter),
            Route("/inbox/{number:int}/body", self._letter_body),
            Route("/inbox/{number:int}/raw", self._letter_source),
            Route("/inbox/{number:int}/parts/{part:int}", self._letter_part),
            Route("/media/{service}/{key}", self._picture),
            Route("/{service}-timeline", self._timeline),
        ]

    async def _front(self, _request: Request) -> Response:
        timelines = [self._timeline_of(service, limit=_THREADS_ON_FRONT) for service in self._world.networks]
        mails = self._listed(self._world.inbox.latest(_MAILS_ON_FRONT))
        return self._page("front", {"mails": mails, "mail_count": len(self._world.inbox), "timelines": timelines})

    async def _inbox(self, request: Request) -> Response:
        asked = request.query_params.get("before", "")
        before = int(asked) if asked.isdecimal() else None
        envelopes = self._world.inbox.latest(_MAILS_PER_PAGE, before=before)
        older = envelopes[-1].number if envelopes and envelopes[-1].number > 1 else None
        context = {"mails": self._listed(envelopes), "mail_count": len(self._world.inbox), "older": older}
        return self._page("inbox", context)

    async def _letter(self, request: Request) -> Response:
        try:
            envelope, letter = self._read(request)
        except NotFoundError as error:
            return self._missing(error)
        return self._page("letter", {"envelope": envelope, "letter": letter})

    async def _letter_body(self, request: Request) -> Response:
        try:
            envelope, letter = self._read(request)
        except NotFoundError as error:
            return self._missing(error)
        addresses = {
            part.cid: f"/inbox/{envelope.number}/parts/{number}"
            for number, part in enumerate(letter.attachments)
            if part.cid
        }
        body = open_links_in_new_tab(replace_content_ids(letter.html, addresses))
        return _answer(HTMLResponse(body), _LETTER_POLICY)

    async def _letter_source(self, request: Request) -> Response:
        try:
            content = self._world.inbox.content(request.path_params["number"])
        except NotFoundError as error:
            return self._missing(error)
        return _answer(PlainTextResponse(content.decode("utf-8", "backslashreplace")), _PAGE_POLICY)

    async def _letter_part(self, request: Request) -> Response:
        try:
            _, letter = self._read(request)
        except NotFoundError as error:
            return self._missing(error)
        number = request.path_params["part"]
        parts = letter.attachments[number : number + 1]
        return self._image(parts[0].content if parts else None)

    async def _picture(self, request: Request) -> Response:
        network = self._world.networks.get(request.path_params["service"])
        return self._image(network.media.content(request.path_params["key"]) if network else None)

    async def _timeline(self, request: Request) -> Response:
        service = request.path_params["service"]
        if service not in self._world.networks:
            return self._missing(NotFoundError("network", service))
        return self._page("timeline", {"timeline": self._timeline_of(service)})

    async def _style(self, _request: Request) -> Response:
        return FileResponse(shipped_templates() / "web" / "sandbox" / "style.css", media_type="text/css")

    def _read(self, request: Request) -> tuple[StoredEnvelope, InboxMessage]:
        number = request.path_params["number"]
        return self._world.inbox.envelope(number), parse_message(self._world.inbox.content(number))

    def _listed(self, envelopes: list[StoredEnvelope]) -> list[tuple[StoredEnvelope, InboxMessage]]:
        return [(envelope, parse_message(self._world.inbox.content(envelope.number))) for envelope in envelopes]

    def _timeline_of(self, service: str, *, limit: int | None = None) -> dict[str, Any]:
        threads = group_threads(self._world.networks[service].shown())
        return {"service": service, "name": _NAMES[service], "count": len(threads), "threads": threads[:limit]}

    def _misbehaving(self) -> list[str]:
        """What is switched on, so that nobody wonders."""
        return [
            f"{service}: {fault.kind} on {fault.on}"
            for service in ("smtp", *self._world.networks)
            for fault, _ in self._world.switches.in_force(service)
        ]

    def _page(self, name: str, context: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
        content = self._templates.render(f"{name}.html.j2", {"misbehaving": self._misbehaving(), **context})
        return _answer(HTMLResponse(content, status), _PAGE_POLICY)

    def _missing(self, error: NotFoundError) -> Response:
        return self._page("missing", {"message": str(error)}, HTTPStatus.NOT_FOUND)

    def _image(self, content: bytes | None) -> Response:
        mime = image_type(content) if content else None
        if mime is None:
            return self._missing(NotFoundError("picture", "here"))
        return _answer(Response(content, media_type=mime), _PAGE_POLICY)


def _answer(response: Response, content_policy: str) -> Response:
    response.headers.update(
        {
            "content-security-policy": content_policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
    )
    return response
