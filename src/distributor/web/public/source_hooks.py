"""The addresses that programs post articles to: web hooks of sources."""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.domain.errors import InputError, SignatureError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.articles.source_runs import receive_web_hook
from distributor.sources.kinds.api import MAX_ANSWER

_log = structlog.get_logger(__name__)


class SourceHooks:
    """The web hooks of sources. Requests have to be signed; whoever signs is told what is wrong with an item."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/webhooks/sources/{source}", self.receive, methods=["POST"], max_body_size=MAX_ANSWER)]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        name = request.path_params["source"]
        try:
            report = await run_in_threadpool(receive_web_hook, self._app, name, headers, body)
        except SignatureError as error:
            _log.warning("source.hook_rejected", source=name, reason=str(error))
            return JSONResponse({"error": "the signature is missing, wrong or too old"}, 403)
        except StateError as error:
            return JSONResponse({"error": str(error)}, 409)
        except InputError as error:
            _log.warning("source.hook_not_understood", source=name, reason=str(error))
            return JSONResponse({"error": str(error)}, 400)
        if report is None:
            return Response(status_code=202)
        taken = {
            "added": report.added,
            "revised": report.revised,
            "held": report.held,
            "unchanged": report.unchanged,
            "gone": report.gone,
            "problems": report.broken,
        }
        return JSONResponse(taken, 422 if report.broken else 200)
