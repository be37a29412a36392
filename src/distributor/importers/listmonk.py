"""listmonk: the CSV of its subscribers page."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers.statuses import standing_named
from distributor.importers.values import text_of

NAME = "listmonk"
COLUMNS: Mapping[str, str] = {
    "uuid": "evidence.listmonk_uuid",
    "email": "email",
    "name": "name",
    "attributes": "attributes",
    "status": "said.status",
    "created_at": "evidence.created_at",
    "updated_at": "ignore",
}


def is_from_here(headers: frozenset[str]) -> bool:
    return headers >= {"uuid", "email", "name", "attributes", "status"}


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    """`enabled`, `disabled` or `blocklisted`."""
    return standing_named(text_of(said["status"])) if "status" in said else WELCOME
