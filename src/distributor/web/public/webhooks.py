"""The webhooks that mail providers call with delivery events."""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from distributor.domain.errors import InputError, SignatureError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.webhooks import receive_webhook

# SendGrid sends batches of up to 768 KiB.
_MAX_BODY_BYTES = 1024 * 1024

_log = structlog.get_logger(__name__)


class WebhookEndpoints:
    """The webhooks of mail providers. Calls must be signed; the response reveals nothing about deliveries."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/webhooks/{channel}", self.receive, methods=["POST"], max_body_size=_MAX_BODY_BYTES)]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        name = request.path_params["channel"]
        try:
            await run_in_threadpool(receive_webhook, self._app, name, headers, body)
        except SignatureError as error:
            _log.warning("webhook rejected", channel=name, reason=str(error))
            return PlainTextResponse("The signature is invalid.\n", 403)
        except InputError as error:
            _log.warning("webhook not understood", channel=name, reason=str(error))
            return PlainTextResponse("The body is invalid.\n", 400)
        return Response(status_code=204)
