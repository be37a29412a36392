"""JSON lines from any source, one object per line, with the names that our own export writes."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import ImportedStatus
from distributor.importers import csv_file, distributor_export

NAME = "jsonl"
COLUMNS: Mapping[str, str] = {**csv_file.COLUMNS, **distributor_export.COLUMNS}


def matches(headers: frozenset[str]) -> bool:
    """Never: JSON lines have no header."""
    return False


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    return distributor_export.status_of(source)
