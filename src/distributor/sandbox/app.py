"""The sandbox over HTTP: the networks under /x, /mastodon and /bluesky, controls, exports and pages beside them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount

from distributor.sandbox.controls import Controls
from distributor.sandbox.pages import SandboxPages
from distributor.sandbox.state import SandboxState


def make_app(world: SandboxState) -> Starlette:
    """One ASGI application over the world. Calls to networks need the server of `http_server.py` to be dropped."""
    networks = [Mount(f"/{service}", network.app) for service, network in world.networks.items()]
    return Starlette(routes=[*Controls(world).routes(), *SandboxPages(world).routes(), *networks])
