"""The web application: routes, middleware and error pages, and the server that runs it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio.to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distributor.flow.app_context import AppContext
from distributor.web import server
from distributor.web.access_log import AccessLog
from distributor.web.api.app import create_api
from distributor.web.api.docs_page import DocsPage
from distributor.web.api.problems import not_found_response
from distributor.web.config import DEFAULT_CONFIG, WebConfig
from distributor.web.errors import ErrorPage, exception_handlers, public_error_page
from distributor.web.headers import PAGE_HEADERS, SecurityHeaders
from distributor.web.pages import PageRenderer
from distributor.web.public.articles import ArticlePages
from distributor.web.public.confirm import ConfirmPages
from distributor.web.public.feeds import FeedEndpoints
from distributor.web.public.health import HealthEndpoints
from distributor.web.public.media import MediaEndpoints
from distributor.web.public.metrics import MetricsEndpoint
from distributor.web.public.preferences import PreferencePages
from distributor.web.public.privacy import PrivacyPages
from distributor.web.public.sign_up import SignUpPages
from distributor.web.public.source_hooks import SourceHooks
from distributor.web.public.tracking import TrackingEndpoints
from distributor.web.public.unsubscribe import UnsubscribePages
from distributor.web.public.webhooks import WebhookEndpoints
from distributor.web.team.app import TeamApp

# The largest body is a form with preferences. The API has limits of its own.
_MAX_BODY_BYTES = 64 * 1024
# Fewer than the connections of a Database, so that a request does not have to wait for one.
_THREADS = 12
_API_PATH = "/api/"
_TOO_LARGE = 413
# PostgreSQL cannot store a NUL, and no slug or token contains any of the others.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def create_app(app: AppContext, config: WebConfig = DEFAULT_CONFIG) -> Starlette:
    """The ASGI application. Raises TemplateError if a style sheet, script or page of it cannot be rendered."""
    pages = PageRenderer(app)
    registry = CollectorRegistry()
    api = create_api(app)
    team = TeamApp(app, config)
    routes = [
        *FeedEndpoints(app).routes(),
        *TrackingEndpoints(app).routes(),
        *SignUpPages(app, pages, config).routes(),
        *ConfirmPages(app, pages).routes(),
        *UnsubscribePages(app, pages).routes(),
        *PreferencePages(app, pages).routes(),
        *PrivacyPages(app, pages).routes(),
        *SourceHooks(app).routes(),
        *WebhookEndpoints(app).routes(),
        *MediaEndpoints(app).routes(),
        *ArticlePages(app, pages, is_signed_in=team.gate.is_signed_in).routes(),
        *HealthEndpoints(app).routes(),
        *MetricsEndpoint(app, registry).routes(),
        *pages.routes(),
        *DocsPage(app, api.openapi).routes(),
        Mount("/api", app=api),
        *team.routes(),
    ]
    error_page = public_error_page(pages)
    asgi = _Application(
        pages_of={"/app": team.error_page, "": error_page},
        routes=routes,
        middleware=[
            Middleware(AccessLog, registry=registry),
            Middleware(SecurityHeaders),
            Middleware(_RejectControlCharacters),
        ],
        exception_handlers=exception_handlers(error_page),
        lifespan=_lifespan,
        max_body_size=_MAX_BODY_BYTES,
    )
    # Called when the server stops.
    asgi.state.close_streams = team.close
    # No redirects: a one-click POST must not get one (RFC 8058), and a signed link has only one form.
    asgi.router.redirect_slashes = False
    return asgi


def serve(
    app: AppContext,
    config: WebConfig = DEFAULT_CONFIG,
    *,
    host: str,
    port: int,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open requests and return.

    Port 0 takes a free port. `on_listening` is called with the URL, ``http://host:port``, once the server accepts
    requests. Raises ConfigurationError before anything starts if it cannot listen on the port.
    """
    asgi = create_app(app, config)
    server.run(
        asgi,
        host=host,
        port=port,
        trusted_proxies=config.trusted_proxies,
        on_listening=on_listening,
        on_stop=asgi.state.close_streams,
    )


@contextmanager
def serving(
    app: AppContext, config: WebConfig = DEFAULT_CONFIG, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve from a thread for as long as the context is open; gives the URL, ``http://host:port``.

    Raises ConfigurationError if it cannot listen on the port.
    """
    asgi = create_app(app, config)
    with server.running(
        asgi, host=host, port=port, trusted_proxies=config.trusted_proxies, on_stop=asgi.state.close_streams
    ) as address:
        yield address


@asynccontextmanager
async def _lifespan(asgi: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


class _Application(Starlette):
    """Starlette with a page about a body that is too large: the answer of its own is three words without headers.

    `pages_of` are the error pages by the beginning of the path; the first that fits is taken, and the API keeps its
    answer in plain text.
    """

    def __init__(self, *, pages_of: Mapping[str, ErrorPage], **options: Any) -> None:
        super().__init__(**options)
        self._pages_of = pages_of

    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            is_replaced = False

            async def send_page(message: Message) -> None:
                nonlocal is_replaced
                if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                    # What our own handlers answer has its headers.
                    is_replaced = "content-security-policy" not in MutableHeaders(scope=message)
                    if is_replaced:
                        await self._too_large(scope)(scope, receive, send)
                if not is_replaced:
                    await send(message)

            await inner(scope, receive, send_page)

        return answer

    def _too_large(self, scope: Scope) -> Response:
        path = scope["path"]
        if path.startswith(_API_PATH):
            return PlainTextResponse("Content Too Large", _TOO_LARGE, headers=PAGE_HEADERS)
        page = next(page for start, page in self._pages_of.items() if path.startswith(start))
        response = page(Request(scope), _TOO_LARGE)
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class _RejectControlCharacters:
    """Responds 404 to paths with control characters, which the database cannot look up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and _CONTROL_CHARACTER.search(path):
            response = not_found_response() if path.startswith(_API_PATH) else PlainTextResponse("Not found.\n", 404)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)
