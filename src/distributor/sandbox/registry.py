"""Which emulators there are: the modules of this folder that declare `EMULATOR`, and entry points of other packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import distributor.sandbox as folder
from distributor.plugins import Plugins, load_plugins
from distributor.sandbox.emulator import Emulator

ENTRY_POINT_GROUP = "distributor.emulators"


@cache
def emulators() -> Mapping[str, type[Emulator[Any]]]:
    """Every emulator class by the kind of its channel, in alphabetical order."""
    found = {emulator.kind: emulator for emulator in (*_from_folder(), *_from_entry_points())}
    return dict(sorted(found.items()))


def _from_folder() -> list[type[Emulator[Any]]]:
    names = [module.name for module in pkgutil.iter_modules(folder.__path__) if module.name != "__main__"]
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    return [cast("type[Emulator[Any]]", module.EMULATOR) for module in modules if hasattr(module, "EMULATOR")]


def _from_entry_points() -> list[type[Emulator[Any]]]:
    return [cast("type[Emulator[Any]]", emulator) for emulator in _plugins().classes]


def broken_emulators() -> Mapping[str, str]:
    """The emulators of other packages that cannot be loaded, with the reason."""
    return _plugins().broken


def _plugins() -> Plugins:
    return load_plugins(ENTRY_POINT_GROUP, attributes=("kind", "channel_settings"))
