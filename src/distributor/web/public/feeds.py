"""The feeds: stored documents, served as they are."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.errors import NotFoundError
from distributor.flow.app_context import AppContext
from distributor.storage import publications, tags
from distributor.web.conditional_get import Representation, conditional_response, moved_permanently

# Feed readers that respect it request a feed four times an hour at most.
_CACHE_CONTROL = "public, max-age=900"


class FeedEndpoints:
    """No cookies or challenges: the clients are programs. The feed of a tag that has another slug now leads there."""

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
        asked, extension = request.path_params["slug"], request.path_params["extension"]
        with self._app.database.begin() as connection:
            current = tags.current_slug(connection, asked)
            is_built = bool(publications.document_paths(connection, f"feeds/tags/{current}.{extension}"))
        # Until the documents under the new slug are built, those under the old one are there.
        if current is not None and current != asked and is_built:
            path = f"{urlsplit(self._app.site.public_url).path}/feeds/tags/{quote(current, safe='')}.{extension}"
            return moved_permanently(path, cache_control=_CACHE_CONTROL)
        return self._send(request, f"feeds/tags/{asked}.{extension}")

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
