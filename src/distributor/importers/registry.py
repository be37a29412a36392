"""The importers, found by scanning this folder, and which of them fits the header of a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from typing import cast

import distributor.importers as folder
from distributor.domain.errors import InputError
from distributor.importers.columns import Importer, normalize_header

CSV = "csv"
JSONL = "jsonl"


@cache
def all_importers() -> Mapping[str, Importer]:
    """Every importer by its name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    found = {module.NAME: module for module in modules if hasattr(module, "NAME")}
    return cast("Mapping[str, Importer]", dict(sorted(found.items())))


def find_importer(name: str) -> Importer:
    """The importer with this name. Raises InputError."""
    try:
        return all_importers()[name]
    except KeyError:
        raise InputError(f"unknown format {name!r}; use one of {', '.join(all_importers())}") from None


def detect_importer(headers: Iterable[str]) -> Importer:
    """The importer that recognises these headers, else the one for plain CSV."""
    known = frozenset(map(normalize_header, headers))
    return next((importer for importer in all_importers().values() if importer.matches(known)), all_importers()[CSV])
