"""JSON lines from anywhere, one object to a line, with the names that our own export writes."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.importing import ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers import csv_file, distributor_export

NAME = "jsonl"
COLUMNS: Mapping[str, str] = {**csv_file.COLUMNS, **distributor_export.COLUMNS}


def is_from_here(headers: frozenset[str]) -> bool:
    """It has no header to be known by."""
    return False


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    return distributor_export.standing_of(said)
