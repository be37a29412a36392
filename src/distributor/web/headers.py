"""The security headers of all responses, unless a response sets stricter ones."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "style-src": "'self'",
    # Alignment of table cells is an inline style; images may be on any server, as authors link them.
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' http: https: data:",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def content_policy(changes: Mapping[str, str] | None = None) -> str:
    """The Content-Security-Policy of our pages, with `changes` to some of its directives."""
    return "; ".join(f"{directive} {sources}" for directive, sources in {**_POLICY, **(changes or {})}.items())


PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": content_policy(),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """Middleware that adds the headers which a response does not set itself, by default those of public pages."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = PAGE_HEADERS) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
