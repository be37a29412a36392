"""The pages of the sandbox: the inbox and the timelines, as a reader would see them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.rendering.environment import Templates, shipped_templates
from distributor.sandbox.display import group_threads
from distributor.sandbox.inbox import StoredEnvelope
from distributor.sandbox.inbox_message import InboxMessage, open_links_in_new_tab, parse_message, replace_content_ids
from distributor.sandbox.media import image_type
from distributor.sandbox.state import SandboxState

# Python takes long for very many digits, and refuses to read thousands of them.
_NUMBER = re.compile(r"[0-9]{1,18}")
_MAILS_ON_FRONT = 8
_THREADS_ON_FRONT = 10
_MAILS_PER_PAGE = 100
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action http: https:; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# What mail programs show: inline styles and images from anywhere, but no scripts, frames or forms.
_MESSAGE_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; font-src http: https: data:; frame-ancestors 'self'"
)


class SandboxPages:
    """Handlers on one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._templates = Templates([shipped_templates() / "web" / "sandbox"])

    def routes(self) -> list[Route]:
        """Everything that browsers request."""
        return [
            Route("/", self._front),
            Route("/style.css", self._style),
            Route("/inbox", self._inbox),
            Route("/inbox/{number}", self._message),
            Route("/inbox/{number}/body", self._message_body),
            Route("/inbox/{number}/raw", self._message_source),
            Route("/inbox/{number}/parts/{part}", self._message_part),
            Route("/media/{kind}/{key}", self._uploaded_image),
            Route("/{kind}-timeline", self._timeline),
        ]

    async def _front(self, _request: Request) -> Response:
        timelines = [self._timeline_of(kind, limit=_THREADS_ON_FRONT) for kind in self._state.emulators]
        mails = self._listed(self._state.inbox.latest(_MAILS_ON_FRONT))
        return self._page("front", {"mails": mails, "mail_count": len(self._state.inbox), "timelines": timelines})

    async def _inbox(self, request: Request) -> Response:
        asked = request.query_params.get("before", "")
        before = int(asked) if _NUMBER.fullmatch(asked) else None
        envelopes = self._state.inbox.latest(_MAILS_PER_PAGE, before=before)
        older = envelopes[-1].number if envelopes and envelopes[-1].number > 1 else None
        context = {"mails": self._listed(envelopes), "mail_count": len(self._state.inbox), "older": older}
        return self._page("inbox", context)

    async def _message(self, request: Request) -> Response:
        try:
            envelope, message = self._read(request)
        except NotFoundError as error:
            return self._missing(error)
        return self._page("message", {"envelope": envelope, "message": message})

    async def _message_body(self, request: Request) -> Response:
        try:
            envelope, message = self._read(request)
        except NotFoundError as error:
            return self._missing(error)
        addresses = {
            part.cid: f"/inbox/{envelope.number}/parts/{number}"
            for number, part in enumerate(message.attachments)
            if part.cid
        }
        body = open_links_in_new_tab(replace_content_ids(message.html, addresses))
        return _respond(HTMLResponse(body), _MESSAGE_POLICY)

    async def _message_source(self, request: Request) -> Response:
        try:
            content = self._state.inbox.content(_number(request, "number"))
        except NotFoundError as error:
            return self._missing(error)
        return _respond(PlainTextResponse(content.decode("utf-8", "backslashreplace")), _PAGE_POLICY)

    async def _message_part(self, request: Request) -> Response:
        try:
            _, message = self._read(request)
            number = _number(request, "part")
        except NotFoundError as error:
            return self._missing(error)
        parts = message.attachments[number : number + 1]
        return self._image(parts[0].content if parts else None)

    async def _uploaded_image(self, request: Request) -> Response:
        emulator = self._state.emulators.get(request.path_params["kind"])
        return self._image(emulator.uploads.content(request.path_params["key"]) if emulator else None)

    async def _timeline(self, request: Request) -> Response:
        try:
            timeline = self._timeline_of(request.path_params["kind"])
        except NotFoundError as error:
            return self._missing(error)
        return self._page("timeline", {"timeline": timeline})

    async def _style(self, _request: Request) -> Response:
        return FileResponse(shipped_templates() / "web" / "sandbox" / "style.css", media_type="text/css")

    def _read(self, request: Request) -> tuple[StoredEnvelope, InboxMessage]:
        number = _number(request, "number")
        return self._state.inbox.envelope(number), parse_message(self._state.inbox.content(number))

    def _listed(self, envelopes: list[StoredEnvelope]) -> list[tuple[StoredEnvelope, InboxMessage]]:
        return [(envelope, parse_message(self._state.inbox.content(envelope.number))) for envelope in envelopes]

    def _timeline_of(self, kind: str, *, limit: int | None = None) -> dict[str, Any]:
        emulator = self._state.emulator(kind)
        threads = group_threads(emulator.posts())
        return {"kind": kind, "title": emulator.title, "count": len(threads), "threads": threads[:limit]}

    def _active_faults(self) -> list[str]:
        """The active faults, shown on every page so that their effects are no surprise."""
        return [
            f"{service}: {fault.kind} on {fault.on}"
            for service in self._state.switches.services
            for fault, _ in self._state.switches.active(service)
        ]

    def _page(self, name: str, context: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
        titles = {kind: emulator.title for kind, emulator in self._state.emulators.items()}
        shared = {"active_faults": self._active_faults(), "titles": titles}
        content = self._templates.render(f"{name}.html.j2", {**shared, **context})
        return _respond(HTMLResponse(content, status), _PAGE_POLICY)

    def _missing(self, error: NotFoundError) -> Response:
        return self._page("missing", {"message": str(error)}, HTTPStatus.NOT_FOUND)

    def _image(self, content: bytes | None) -> Response:
        mime = image_type(content) if content else None
        if mime is None:
            return self._missing(NotFoundError("image", "here"))
        return _respond(Response(content, media_type=mime), _PAGE_POLICY)


def _number(request: Request, name: str) -> int:
    """A number in the path. Raises NotFoundError for anything else: there is no mail or part of that name."""
    text = request.path_params[name]
    if not _NUMBER.fullmatch(text):
        raise NotFoundError("mail", text[:40])
    return int(text)


def _respond(response: Response, content_policy: str) -> Response:
    response.headers.update(
        {
            "content-security-policy": content_policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
    )
    return response
