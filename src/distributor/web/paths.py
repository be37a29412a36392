"""Paths that no address of ours can have."""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from distributor.web.api.problems import not_found_response

_API = "/api/"
# PostgreSQL holds no NUL, and no slug or token has any of the others.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RejectControlCharacters:
    """Answers 404 to a path with control characters before anybody looks it up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and _CONTROL.search(path):
            nothing = (
                not_found_response() if path.startswith(_API) else PlainTextResponse("There is nothing here.\n", 404)
            )
            await nothing(scope, receive, send)
            return
        await self._app(scope, receive, send)
