"""The importers, found by scanning this folder, and which of them fits the header of a file.

An importer is a module with `NAME`, `COLUMNS` (headers in any spelling, and their targets) and `matches`. It may have
`STATUSES` (words of its own, made by `words_of`), `COLUMN_STATUSES` (the words of one column each), `OPTIONAL` (targets
of columns that may be unused), `SKIPPED_DOMAINS` (domains of addresses that stand for no one, and why), `status_of` and
`IS_ESCAPED`: see `Importer`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType

import distributor.importers as folder
from distributor.domain.errors import InputError
from distributor.importers import csv_file
from distributor.importers.columns import Importer
from distributor.importers.headers import header_key, normalize_header
from distributor.importers.statuses import STATUS_WORDS

CSV = csv_file.NAME
JSONL = "jsonl"


@cache
def all_importers() -> Mapping[str, Importer]:
    """Every importer by its name, in alphabetical order."""
    modules = [
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    ]
    found = sorted((module for module in modules if hasattr(module, "NAME")), key=lambda module: module.NAME)
    skipped = {domain: reason for one in found for domain, reason in getattr(one, "SKIPPED_DOMAINS", {}).items()}
    return {module.NAME: _importer_of(module, skipped) for module in found}


def _importer_of(module: ModuleType, skipped_domains: Mapping[str, str]) -> Importer:
    columns = {**csv_file.COLUMNS, **module.COLUMNS}
    return Importer(
        name=module.NAME,
        columns={header_key(header): target for header, target in columns.items()},
        statuses={**STATUS_WORDS, **getattr(module, "STATUSES", {})},
        column_statuses={**csv_file.COLUMN_STATUSES, **getattr(module, "COLUMN_STATUSES", {})},
        matches=module.matches,
        status_of=getattr(module, "status_of", None),
        skipped_domains=skipped_domains,
        is_escaped=getattr(module, "IS_ESCAPED", False),
        optional=frozenset(getattr(module, "OPTIONAL", ())),
        ambiguous=csv_file.AMBIGUOUS - (set() if module is csv_file else set(map(header_key, module.COLUMNS))),
    )


def find_importer(name: str) -> Importer:
    """The importer with this name. Raises InputError."""
    try:
        return all_importers()[name]
    except KeyError:
        raise InputError(f"unknown format {name!r}; use one of {', '.join(all_importers())}") from None


def detect_importer(headers: Iterable[str], default: str = CSV) -> Importer:
    """The importer that recognises these headers, else the one named `default`."""
    known = frozenset(map(normalize_header, headers))
    return next(
        (importer for importer in all_importers().values() if importer.matches(known)), all_importers()[default]
    )
