"""The API as one ASGI application, to be mounted at `/api`."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import FastAPI
from starlette.middleware import Middleware

from distributor import __version__
from distributor.flow.app_context import AppContext
from distributor.web.api import (
    audiences,
    audits,
    campaigns,
    deliveries,
    exports,
    imports,
    lists,
    memberships,
    privacy,
    segments,
    sign_ups,
    subscribers,
    suppressions,
    token,
)
from distributor.web.api.description import OVERVIEW, TAGS, describe
from distributor.web.api.no_store import NoStore
from distributor.web.api.problems import exception_handlers

# Enough for a thousand addresses, or the longest condition of a segment.
_LARGEST_BODY = 1024 * 1024
# Of the threads that answer requests, fewer than half: however much programs ask, readers find a free one.
_TURNS = 5
# Each of them has a connection to the database for as long as its reader takes.
_EXPORTS = 2
_PARTS = (
    subscribers,
    memberships,
    sign_ups,
    lists,
    segments,
    suppressions,
    imports,
    exports,
    privacy,
    audiences,
    campaigns,
    deliveries,
    audits,
    token,
)


def create_api(app: AppContext) -> FastAPI:
    """The API of an app."""
    api = _Api(
        title="Distributor",
        version=__version__,
        summary="The audience of Distributor, with consent and suppression, and the campaigns that go to it.",
        description=OVERVIEW,
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,
        generate_unique_id_function=lambda route: str(route.name),
        middleware=[Middleware(NoStore)],
        exception_handlers=exception_handlers(),
        max_body_size=_LARGEST_BODY,
    )
    api.state.app = app
    api.state.turns = anyio.Semaphore(_TURNS)
    api.state.export_turns = anyio.Semaphore(_EXPORTS)
    for part in _PARTS:
        api.include_router(part.router)

    return api


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The description, made when it is first asked for."""
        if not self.openapi_schema:
            self.openapi_schema = describe(self, self.state.app.site.public_url)
        return self.openapi_schema
