"""The web application: routes, middleware and error pages put together, and the server that runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio.to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from distributor.flow.app_context import AppContext
from distributor.web import server
from distributor.web.access_log import AccessLog
from distributor.web.api.app import create_api
from distributor.web.api.docs_page import DocsPage
from distributor.web.config import DEFAULT_CONFIG, WebConfig
from distributor.web.errors import exception_handlers
from distributor.web.headers import SecurityHeaders
from distributor.web.pages import PageRenderer
from distributor.web.paths import RejectControlCharacters
from distributor.web.public.articles import ArticlePages
from distributor.web.public.confirm import ConfirmPages
from distributor.web.public.feeds import FeedEndpoints
from distributor.web.public.health import HealthEndpoints
from distributor.web.public.media import MediaEndpoints
from distributor.web.public.metrics import MetricsEndpoint
from distributor.web.public.preferences import PreferencePages
from distributor.web.public.privacy import PrivacyPages
from distributor.web.public.sign_up import SignUpPages
from distributor.web.public.tracking import TrackingEndpoints
from distributor.web.public.unsubscribe import UnsubscribePages
from distributor.web.public.webhooks import WebhookEndpoints

# The largest body anybody has to post here is a form with somebody's choices. The API has limits of its own.
_LARGEST_BODY = 64 * 1024
# Fewer than the connections that a Database opens: a request never waits in vain for one.
_THREADS = 12


def create_app(app: AppContext, rules: WebConfig = DEFAULT_CONFIG) -> Starlette:
    """The web side of an app as an ASGI application. Raises TemplateError if its style cannot be rendered."""
    pages = PageRenderer(app)
    registry = CollectorRegistry()
    api = create_api(app)
    routes = [
        *FeedEndpoints(app).routes(),
        *TrackingEndpoints(app).routes(),
        *SignUpPages(app, pages, rules).routes(),
        *ConfirmPages(app, pages).routes(),
        *UnsubscribePages(app, pages).routes(),
        *PreferencePages(app, pages).routes(),
        *PrivacyPages(app, pages).routes(),
        *WebhookEndpoints(app).routes(),
        *MediaEndpoints(app).routes(),
        *ArticlePages(app, pages).routes(),
        *HealthEndpoints(app).routes(),
        *MetricsEndpoint(app, registry).routes(),
        *pages.routes(),
        *DocsPage(app, api.openapi).routes(),
        Mount("/api", app=api),
    ]
    asgi = Starlette(
        routes=routes,
        middleware=[
            Middleware(AccessLog, registry=registry),
            Middleware(SecurityHeaders),
            Middleware(RejectControlCharacters),
        ],
        exception_handlers=exception_handlers(pages),
        lifespan=_with_threads,
        max_body_size=_LARGEST_BODY,
    )
    # A signed link has one spelling, and a feed reader or a one-click POST must not be sent elsewhere (RFC 8058).
    asgi.router.redirect_slashes = False
    return asgi


def serve(
    app: AppContext,
    rules: WebConfig = DEFAULT_CONFIG,
    *,
    host: str,
    port: int,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is being answered and return.

    Port 0 takes a free one. `on_listening` is told the address, ``http://host:port``, once it answers. Raises
    ConfigurationError before anything starts if the port cannot be had.
    """
    server.run(
        create_app(app, rules),
        host=host,
        port=port,
        trusted_proxies=rules.trusted_proxies,
        on_listening=on_listening,
    )


@contextmanager
def serving(
    app: AppContext, rules: WebConfig = DEFAULT_CONFIG, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve from a thread of this process for as long as this is open; gives the address, ``http://host:port``.

    Raises ConfigurationError if the port cannot be had.
    """
    asgi = create_app(app, rules)
    with server.running(asgi, host=host, port=port, trusted_proxies=rules.trusted_proxies) as address:
        yield address


@asynccontextmanager
async def _with_threads(asgi: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield
