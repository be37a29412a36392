"""Which kinds of channel there are: the modules of this folder, and the entry points of other packages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

import distributor.channels as folder
from distributor.channels.api import Channel, KindPresentation, PresentedKind, RequiringChannel
from distributor.described_settings import SettingDescription, describe_model, parse_model
from distributor.domain.errors import NotFoundError
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
    """The channel of this kind with these settings. Raises InputError naming what is wrong with which of them."""
    return kind_of(kind)(parse_settings(kind, settings))


def parse_settings(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    """The settings of a channel of this kind. Raises InputError naming what is wrong with which of them."""
    return parse_model(kind_of(kind).settings_model, settings, f"settings of a channel of kind {kind}")


def describe_settings(kind: str) -> list[SettingDescription]:
    """The settings of this kind, those that are required first. Raises NotFoundError."""
    channel = kind_of(kind)
    groups = channel.required_settings() if issubclass(channel, RequiringChannel) else ()
    return describe_model(channel.settings_model, groups)


def present(kind: str) -> KindPresentation:
    """A kind in words; one that has none is called by its name. Raises NotFoundError."""
    channel = kind_of(kind)
    if isinstance(channel, PresentedKind):
        return channel.presentation()
    return KindPresentation(title=kind.replace("_", " ").capitalize(), sentence="")


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
