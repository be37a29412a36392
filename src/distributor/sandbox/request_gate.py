"""What every HTTP call to an emulator passes: injected faults, rate limits and the format of error responses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from distributor.sandbox.faults import Ending, FaultKind, FaultStage, InjectedFault, Switches
from distributor.sandbox.limits import Allowance

Clock = Callable[[], datetime]
Handler = Callable[[Request], Awaitable[Response]]

_REFUSED = HTTPStatus.BAD_REQUEST


def system_clock() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def status_phrase(code: int) -> str:
    """What HTTP calls a status; proxies in front of networks also send codes that it does not know."""
    return HTTPStatus(code).phrase if code in set(HTTPStatus) else "Unknown Error"


class DroppedConnection(Response):
    """No response: the connection is closed. Needs the server of `http_server.py`, which passes its transport."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].close()
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestGate:
    """Wraps the handlers of one emulator.

    refuse        the network's format of an error response
    count         counts a call with its points against its limit
    rate_headers  the network's headers about that limit, added to every response
    """

    service: str
    switches: Switches
    clock: Clock
    refuse: Callable[[HTTPException], Response]
    count: Callable[[FaultStage, int, datetime], Allowance]
    rate_headers: Callable[[Allowance], Mapping[str, str]]

    def route(
        self, path: str, handler: Handler, *, method: str = "GET", stage: FaultStage = FaultStage.READ, points: int = 1
    ) -> Route:
        """A route whose calls are counted and may get a fault. A handler refuses by raising HTTPException."""

        async def handle(request: Request) -> Response:
            return await self._serve(request, handler, self.count(stage, points, self.clock()))

        async def serve(request: Request) -> Response:
            fault = self.switches.select(self.service, stage)
            return await (self._inject(fault, request, handle) if fault else handle(request))

        return Route(path, serve, methods=[method])

    async def _serve(self, request: Request, handler: Handler, allowance: Allowance) -> Response:
        if not allowance.granted:
            return self._refused(HTTPException(HTTPStatus.TOO_MANY_REQUESTS), allowance)
        try:
            response = await handler(request)
        except HTTPException as refusal:
            return self._refused(refusal, allowance)
        response.headers.update(self.rate_headers(allowance))
        return response

    async def _inject(self, fault: InjectedFault, request: Request, handle: Handler) -> Response:
        if fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        response = await handle(request) if fault.kind.commits else None
        if response is not None and (fault.kind.ending is Ending.RESPONSE or response.status_code >= _REFUSED):
            return response
        if fault.kind is FaultKind.HANG:
            await asyncio.sleep(fault.seconds)
        return DroppedConnection() if fault.kind.ending is Ending.CLOSE else self._refused_by(fault)

    def _refused_by(self, fault: InjectedFault) -> Response:
        """An injected refusal. Only 429 has rate limit headers: nothing remains until the fault's seconds are over."""
        code = fault.code or HTTPStatus.SERVICE_UNAVAILABLE
        refusal = HTTPException(code, fault.text or status_phrase(code))
        if refusal.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            return self.refuse(refusal)
        reset_at = self.clock() + timedelta(seconds=fault.seconds)
        return self._refused(refusal, Allowance(limit=1, remaining=0, reset_at=reset_at, granted=False))

    def _refused(self, refusal: HTTPException, allowance: Allowance) -> Response:
        response = self.refuse(refusal)
        response.headers.update(self.rate_headers(allowance))
        return response
