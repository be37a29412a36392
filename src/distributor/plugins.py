"""The classes that other packages bring under an entry point group; one that cannot be loaded stops no other."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """The classes of a group, and by the names of the other entry points why they could not be loaded."""

    classes: tuple[type, ...]
    broken: Mapping[str, str]


def load_plugins(group: str, *, attributes: tuple[str, ...]) -> Plugins:
    """Load every entry point of a group, which must be a class with these attributes."""
    classes: list[type] = []
    broken: dict[str, str] = {}
    for point in entry_points(group=group):
        try:
            classes.append(_load(point, attributes))
        except (Exception, SystemExit) as error:
            # The code of another package: an import may raise anything, and even end the process.
            broken[point.name] = f"{point.value} cannot be loaded: {type(error).__name__}: {error}"
    return Plugins(classes=tuple(classes), broken=broken)


def _load(point: EntryPoint, attributes: tuple[str, ...]) -> type:
    found = point.load()
    if not inspect.isclass(found):
        raise TypeError("it is not a class")
    if missing := [name for name in attributes if not hasattr(found, name)]:
        raise TypeError(f"the class has no {', '.join(missing)}")
    return found
