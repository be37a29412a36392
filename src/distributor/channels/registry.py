"""Which kinds of channel there are: the modules of this folder, and the entry points of other packages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

import distributor.channels as folder
from distributor.channels.api import Channel
from distributor.domain.errors import InputError, NotFoundError
from distributor.plugins import Plugins, load_plugins

ENTRY_POINT_GROUP = "distributor.channels"


@cache
def kinds() -> Mapping[str, type[Channel]]:
    """Every kind by its name, in alphabetical order."""
    found = {channel.kind: channel for channel in (*_from_folder(), *_from_entry_points())}
    return dict(sorted(found.items()))


def kind_of(name: str) -> type[Channel]:
    """The kind called `name`. Raises NotFoundError."""
    try:
        return kinds()[name]
    except KeyError:
        raise NotFoundError("kind of channel", name, hint=f"installed are {', '.join(kinds())}") from None


def make_channel(kind: str, settings: Mapping[str, Any]) -> Channel:
    """The channel of this kind with these settings. Raises InputError naming the first key that is wrong."""
    channel = kind_of(kind)
    try:
        return channel(channel.settings_model.model_validate(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"settings of a channel of kind {kind}: {key}: {first['msg']}") from None


def template_folders() -> list[Path]:
    """The folders `templates` beside the modules of kinds from other packages."""
    files = [inspect.getsourcefile(channel) for channel in _from_entry_points()]
    folders = [Path(file).parent / "templates" for file in files if file]
    return [folder for folder in folders if folder.is_dir()]


def _from_folder() -> list[type[Channel]]:
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    return [cast("type[Channel]", module.CHANNEL) for module in modules if hasattr(module, "CHANNEL")]


def broken_kinds() -> Mapping[str, str]:
    """The kinds of other packages that cannot be loaded, with the reason. They do not keep the others from working."""
    return _plugins().broken


def _from_entry_points() -> list[type[Channel]]:
    return [cast("type[Channel]", channel) for channel in _plugins().classes]


def _plugins() -> Plugins:
    return load_plugins(ENTRY_POINT_GROUP, attributes=("kind", "settings_model", "capabilities"))
