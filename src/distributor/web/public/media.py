"""The images of articles, named by the hash of their content."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.flow.app_context import AppContext
from distributor.storage import articles
from distributor.web.conditional_get import Representation, image_response

_CACHE_CONTROL = "public, max-age=31536000, immutable"


class MediaEndpoints:
    """The images of public articles. A name always stands for the same bytes, so it can be cached for good."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/media/{name}", self.send)]

    def send(self, request: Request) -> Response:
        with self._app.database.begin() as connection:
            media = articles.find_public_media(connection, request.path_params["name"], now=self._app.clock())
        picture = Representation.of(bytes(media.body), media_type=media.media_type, cache_control=_CACHE_CONTROL)
        return image_response(request, picture, now=self._app.clock())
