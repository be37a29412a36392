"""Web hooks: where providers say what became of mails."""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from distributor.domain.errors import InputError, SignatureError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.webhooks import receive_webhook

# SendGrid puts as many events into one call as fit into 768 KiB.
_LARGEST_BODY = 1024 * 1024

_log = structlog.get_logger(__name__)


class WebhookEndpoints:
    """Only what is signed is heard. What is answered says nothing of the ledger."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/webhooks/{channel}", self.hear, methods=["POST"], max_body_size=_LARGEST_BODY)]

    async def hear(self, request: Request) -> Response:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        name = request.path_params["channel"]
        try:
            await run_in_threadpool(receive_webhook, self._app, name, headers, body)
        except SignatureError as error:
            _log.warning("a call was not heard", channel=name, reason=str(error))
            return PlainTextResponse("This call is not signed as it should be.\n", 403)
        except InputError as error:
            _log.warning("a call was not understood", channel=name, reason=str(error))
            return PlainTextResponse("This call cannot be understood.\n", 400)
        return Response(status_code=204)
