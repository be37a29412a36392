"""Which origins there are, found by scanning this folder, and which of them a header is from."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

import distributor.importers as folder
from distributor.domain.errors import InputError
from distributor.importers.columns import Origin, folded

PLAIN = "csv"
LINES = "jsonl"


@cache
def origins() -> Mapping[str, Origin]:
    """Every origin by its name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    found = {module.NAME: module for module in modules if hasattr(module, "NAME")}
    return cast("Mapping[str, Origin]", dict(sorted(found.items())))


def origin_named(name: str) -> Origin:
    """Raises InputError."""
    try:
        return origins()[name]
    except KeyError:
        raise InputError(f"{name!r} is no format; there is {', '.join(origins())}") from None


def origin_of(headers: Iterable[str]) -> Origin:
    """The origin that knows these headers for its own, else plain CSV."""
    known = frozenset(map(folded, headers))
    return next((origin for origin in origins().values() if origin.is_from_here(known)), origins()[PLAIN])
