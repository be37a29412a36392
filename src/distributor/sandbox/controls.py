"""The sandbox's controls over HTTP: faults, limits, and exports of what was received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.domain.errors import DistributorError, InputError, NotFoundError
from distributor.sandbox.display import export_posts
from distributor.sandbox.faults import InjectedFault
from distributor.sandbox.limits import LimitsInForce, describe_errors
from distributor.sandbox.state import SandboxState

# How many mails a search for the newest one looks at.
_NEWEST = 1000


class FaultsBody(BaseModel):
    """The body of `PUT /faults/<service>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faults: list[InjectedFault]
    seed: Annotated[int, Field(ge=0)] = 0


class Controls:
    """Handlers on one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Everything below /faults, /limits and /export."""
        return [
            Route("/faults", _as_json(self._show_all_faults)),
            Route("/faults/{service}", _as_json(self._show_faults), methods=["GET"]),
            Route("/faults/{service}", _as_json(self._set_faults), methods=["PUT"]),
            Route("/faults/{service}", _as_json(self._clear_faults), methods=["DELETE"]),
            Route("/limits/{kind}", _as_json(self._show_limits), methods=["GET"]),
            Route("/limits/{kind}", _as_json(self._set_limits), methods=["PUT"]),
            Route("/limits/{kind}", _as_json(self._reset_limits), methods=["DELETE"]),
            Route("/export/inbox.json", _as_json(self._export_inbox)),
            Route("/export/newest.eml", self._newest_mail),
            Route("/export/{kind}.json", _as_json(self._export_posts)),
        ]

    async def _show_all_faults(self, _request: Request) -> Any:
        return {service: self._faults_of(service) for service in self._state.switches.services}

    async def _show_faults(self, request: Request) -> Any:
        return self._faults_of(request.path_params["service"])

    async def _set_faults(self, request: Request) -> Any:
        service = request.path_params["service"]
        try:
            body = FaultsBody.model_validate_json(await request.body())
        except ValidationError as error:
            raise InputError(f"faults of {service}: {describe_errors(error)}") from None
        self._state.switches.set(service, *body.faults, seed=body.seed)
        return self._faults_of(service)

    async def _clear_faults(self, request: Request) -> Any:
        service = request.path_params["service"]
        self._state.switches.clear(service)
        return self._faults_of(service)

    async def _show_limits(self, request: Request) -> Any:
        return self._limits(request).current.model_dump(mode="json")

    async def _set_limits(self, request: Request) -> Any:
        try:
            changes = await request.json()
        except ValueError:
            changes = None
        if not isinstance(changes, dict):
            raise InputError("limits must be a JSON object with those that differ from the defaults")
        return self._limits(request).replace(changes).model_dump(mode="json")

    async def _reset_limits(self, request: Request) -> Any:
        return self._limits(request).replace({}).model_dump(mode="json")

    async def _export_inbox(self, _request: Request) -> Any:
        return [
            {
                "number": envelope.number,
                "sender": envelope.sender,
                "recipients": envelope.recipients,
                "received_at": envelope.received_at.isoformat(),
                "size": envelope.size,
                "file": f"inbox/{envelope.number:08d}.eml",
            }
            for envelope in self._state.inbox.envelopes()
        ]

    async def _newest_mail(self, request: Request) -> Response:
        """The newest mail to `recipient`, among the last ones."""
        wanted = request.query_params.get("recipient", "").lower()
        for envelope in self._state.inbox.latest(_NEWEST):
            if wanted in (one.lower() for one in envelope.recipients):
                return Response(self._state.inbox.content(envelope.number), media_type="message/rfc822")
        return Response(status_code=404)

    async def _export_posts(self, request: Request) -> Any:
        return export_posts(self._state.emulator(request.path_params["kind"]).posts())

    def _limits(self, request: Request) -> LimitsInForce[Any]:
        return self._state.emulator(request.path_params["kind"]).limits

    def _faults_of(self, service: str) -> list[dict[str, Any]]:
        active = self._state.switches.active(service)
        return [fault.model_dump(mode="json", exclude_none=True) | {"injected": count} for fault, count in active]


def _as_json(control: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """The result as JSON, or what is wrong with the request."""

    async def respond(request: Request) -> Response:
        try:
            return JSONResponse(await control(request))
        except DistributorError as error:
            return JSONResponse({"error": str(error)}, 404 if isinstance(error, NotFoundError) else 422)

    return respond
