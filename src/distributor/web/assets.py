"""The bundles of scripts and library styles that are built from `frontend/`. Pages work without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.web.conditional_get import Representation, conditional_response

_BUNDLES = Path(__file__).with_name("bundles")
_PATH = "/app/assets"
_FOREVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class AssetFiles:
    """The files that were built, by the name of their source; they are read once. Without them there are none."""

    def __init__(self, clock: Callable[[], datetime], folder: Path = _BUNDLES) -> None:
        self._clock = clock
        self._names = _names_of(folder)
        self._files = {name: content for name in self._names.values() if (content := _read(folder / name)) is not None}

    def script_url(self, name: str) -> str | None:
        """The path of the script `name` below the root of the site; None if it was not built."""
        return self._url(f"{name}.js")

    def style_url(self, name: str) -> str | None:
        """The path of the styles of the libraries that the script `name` uses; None if it has none."""
        return self._url(f"{name}.css")

    def routes(self) -> list[Route]:
        """Every file under its name with the hash of its content, for anyone, to be kept for good."""
        return [Route(f"{_PATH}/{{name}}", self._send)]

    def _url(self, source: str) -> str | None:
        name = self._names.get(source)
        return f"{_PATH}/{name}" if name in self._files else None

    def _send(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return conditional_response(request, found, now=self._clock())


def _names_of(folder: Path) -> Mapping[str, str]:
    """The names of the built files by those of their sources, from the manifest of the build."""
    try:
        files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
        return {str(source): Path(str(name)).name for source, name in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(file: Path) -> Representation | None:
    try:
        body = file.read_bytes()
    except OSError:
        return None
    media_type = _MEDIA_TYPES.get(file.suffix)
    return Representation.of(body, media_type=media_type, cache_control=_FOREVER) if media_type else None
