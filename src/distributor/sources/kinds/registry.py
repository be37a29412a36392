"""Which kinds of source there are: the modules of this folder, and the entry points of other packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import BaseModel

import distributor.sources.kinds as folder
from distributor.described_settings import SettingDescription, describe_model, parse_model
from distributor.domain.errors import NotFoundError
from distributor.plugins import Plugins, load_plugins
from distributor.sources.kinds.api import SourceKind

ENTRY_POINT_GROUP = "distributor.sources"


@cache
def kinds() -> Mapping[str, type[SourceKind]]:
    """Every kind by its name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    ours = [cast("type[SourceKind]", module.KIND) for module in modules if hasattr(module, "KIND")]
    others = [cast("type[SourceKind]", kind) for kind in _plugins().classes]
    return dict(sorted((kind.kind, kind) for kind in (*ours, *others)))


def kind_of(name: str) -> type[SourceKind]:
    """The kind called `name`. Raises NotFoundError."""
    try:
        return kinds()[name]
    except KeyError:
        raise NotFoundError("kind of source", name, hint=f"installed are {', '.join(kinds())}") from None


def broken_kinds() -> Mapping[str, str]:
    """The kinds of other packages that cannot be loaded, with the reason. They do not keep the others from working."""
    return _plugins().broken


def parse_settings(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    """The settings of a source of this kind. Raises InvalidSettingsError, and NotFoundError for the kind."""
    return parse_model(kind_of(kind).settings_model, settings, f"settings of a source of kind {kind}")


def make_source(kind: str, settings: Mapping[str, Any]) -> SourceKind:
    """The source of this kind with these settings. Raises InvalidSettingsError, and NotFoundError for the kind."""
    return kind_of(kind)(parse_settings(kind, settings))


def describe_settings(kind: str) -> list[SettingDescription]:
    """The settings of this kind, those that are required first. Raises NotFoundError."""
    return describe_model(kind_of(kind).settings_model)


def _plugins() -> Plugins:
    return load_plugins(ENTRY_POINT_GROUP, attributes=("kind", "settings_model", "interval", "read"))
