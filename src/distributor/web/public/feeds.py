"""The feeds: stored documents, served as they are."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.storage import publications
from distributor.web.conditional_get import Representation, conditional_response

# Feed readers that respect it request a feed four times an hour at most.
_CACHE_CONTROL = "public, max-age=900"


class FeedEndpoints:
    """No cookies, redirects or challenges: the clients are programs."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [
            Route("/feeds/all.{extension}", self.send_main),
            Route("/feeds/tags/{slug}.{extension}", self.send_tag),
        ]

    def send_main(self, request: Request) -> Response:
        return self._send(request, f"feeds/all.{request.path_params['extension']}")

    def send_tag(self, request: Request) -> Response:
        return self._send(request, f"feeds/tags/{request.path_params['slug']}.{request.path_params['extension']}")

    def _send(self, request: Request, path: str) -> Response:
        with self._app.database.begin() as connection:
            try:
                document = publications.find_document(connection, path)
            except NotFoundError:
                raise NotFoundError("feed", path, hint="nothing has been published to it yet") from None
        found = Representation(
            body=document.body,
            media_type=document.media_type,
            etag=document.etag,
            cache_control=_CACHE_CONTROL,
            last_modified=document.last_modified,
        )
        return conditional_response(request, found, now=self._app.clock())
