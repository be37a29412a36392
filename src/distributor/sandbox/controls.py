"""The sandbox's own switches over HTTP: faults and terms, and exports of what was received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.domain.errors import DistributorError, InputError, NotFoundError
from distributor.sandbox.faults import STAGES, InjectedFault
from distributor.sandbox.display import export_posts
from distributor.sandbox.limits import describe_errors
from distributor.sandbox.state import SandboxState


class FaultsBody(BaseModel):
    """The body of `PUT /faults/<service>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faults: list[InjectedFault]
    seed: Annotated[int, Field(ge=0)] = 0


class Controls:
    """Handlers over one world."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Everything below /faults, /terms and /export."""
        return [
            Route("/faults", _answering(self._show_all_faults)),
            Route("/faults/{service}", _answering(self._show_faults), methods=["GET"]),
            Route("/faults/{service}", _answering(self._set_faults), methods=["PUT"]),
            Route("/faults/{service}", _answering(self._clear_faults), methods=["DELETE"]),
            Route("/terms/{service}", _answering(self._show_terms), methods=["GET"]),
            Route("/terms/{service}", _answering(self._set_terms), methods=["PUT"]),
            Route("/terms/{service}", _answering(self._reset_terms), methods=["DELETE"]),
            Route("/export/inbox.json", _answering(self._export_inbox)),
            Route("/export/{service}.json", _answering(self._export_posts)),
        ]

    async def _show_all_faults(self, _request: Request) -> Any:
        return {service: self._faults_of(service) for service in STAGES}

    async def _show_faults(self, request: Request) -> Any:
        return self._faults_of(request.path_params["service"])

    async def _set_faults(self, request: Request) -> Any:
        service = request.path_params["service"]
        try:
            body = FaultsBody.model_validate_json(await request.body())
        except ValidationError as error:
            raise InputError(f"faults of {service}: {describe(error)}") from None
        self._world.switches.set(service, *body.faults, seed=body.seed)
        return self._faults_of(service)

    async def _clear_faults(self, request: Request) -> Any:
        service = request.path_params["service"]
        self._world.switches.clear(service)
        return self._faults_of(service)

    async def _show_terms(self, request: Request) -> Any:
        return self._world.terms.of(request.path_params["service"]).model_dump(mode="json")

    async def _set_terms(self, request: Request) -> Any:
        try:
            changes = await request.json()
        except ValueError:
            changes = None
        if not isinstance(changes, dict):
            raise InputError("terms must be a JSON object of those that differ from the defaults")
        return self._world.terms.replace(request.path_params["service"], changes).model_dump(mode="json")

    async def _reset_terms(self, request: Request) -> Any:
        return self._world.terms.replace(request.path_params["service"], {}).model_dump(mode="json")

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
            for envelope in self._world.inbox.envelopes()
        ]

    async def _export_posts(self, request: Request) -> Any:
        service = request.path_params["service"]
        if service not in self._world.networks:
            raise NotFoundError("network", service, hint=f"there are {', '.join(self._world.networks)}")
        return export_posts(self._world.networks[service].shown())

    def _faults_of(self, service: str) -> list[dict[str, Any]]:
        in_force = self._world.switches.in_force(service)
        return [fault.model_dump(mode="json", exclude_none=True) | {"struck": struck} for fault, struck in in_force]


def _answering(control: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """The control's answer as JSON, or what is wrong with the request."""

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await control(request))
        except DistributorError as error:
            return JSONResponse({"error": str(error)}, 404 if isinstance(error, NotFoundError) else 422)

    return answer
