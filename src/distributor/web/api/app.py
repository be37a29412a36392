"""The API as an ASGI application, mounted at `/api`."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distributor import __version__
from distributor.flow.app_context import AppContext
from distributor.web.api import (
    articles,
    attention,
    audiences,
    audits,
    calendar,
    campaign_life_cycle,
    campaigns,
    channels,
    comments,
    deliveries,
    exports,
    imports,
    lists,
    memberships,
    privacy,
    results,
    segments,
    sign_ups,
    sources,
    subscribers,
    suppressions,
    tags,
    test_groups,
    token,
)
from distributor.web.api.openapi import OVERVIEW, TAGS, describe
from distributor.web.api.problems import exception_handlers

# Enough for a thousand email addresses, or the longest condition of a segment.
_MAX_BODY_BYTES = 1024 * 1024
# Less than half of the threads, so that API requests leave some for readers.
_REQUEST_SLOTS = 5
# Each keeps a database connection for as long as its client reads.
_EXPORT_SLOTS = 2
# Each waits for the servers that links lead to.
_REVIEW_SLOTS = 2
_RESOURCES = (
    subscribers,
    memberships,
    sign_ups,
    lists,
    segments,
    suppressions,
    imports,
    exports,
    privacy,
    articles,
    tags,
    sources,
    channels,
    audiences,
    campaigns,
    campaign_life_cycle,
    deliveries,
    audits,
    results,
    comments,
    test_groups,
    calendar,
    attention,
    token,
)


def create_api(app: AppContext) -> FastAPI:
    """The API of an app."""
    api = _Api(
        title="Distributor",
        version=__version__,
        summary="The audience of Distributor, with consent and suppression, its articles, and its campaigns.",
        description=OVERVIEW,
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,
        generate_unique_id_function=lambda route: str(route.name),
        middleware=[Middleware(_NoStore)],
        exception_handlers=exception_handlers(),
        max_body_size=_MAX_BODY_BYTES,
    )
    api.state.app = app
    api.state.request_slots = anyio.Semaphore(_REQUEST_SLOTS)
    api.state.export_slots = anyio.Semaphore(_EXPORT_SLOTS)
    api.state.review_slots = anyio.Semaphore(_REVIEW_SLOTS)
    for resource in _RESOURCES:
        api.include_router(resource.router)

    return api


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, built on first use."""
        if not self.openapi_schema:
            self.openapi_schema = describe(self, self.state.app.site.public_url)
        return self.openapi_schema


class _NoStore:
    """Forbids browsers and proxies to store responses, which hold personal data (RFC 9111, section 5.2.2.5)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_header)
