"""The bundles of scripts and styles that are built from `frontend/`. Pages work without them."""

from __future__ import annotations


class AssetFiles:
    """The files that were built, by the name of their source."""

    def script_url(self, name: str) -> str | None:
        """The path of the script `name` below the root of the site; None if it was not built."""
        return None
