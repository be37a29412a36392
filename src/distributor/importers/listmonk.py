"""listmonk: the CSV of its subscribers page."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import parse_status
from distributor.importers.values import parse_text

NAME = "listmonk"
COLUMNS: Mapping[str, str] = {
    "uuid": "evidence.listmonk_uuid",
    "email": "email",
    "name": "name",
    "attributes": "attributes",
    "status": "source.status",
    "created_at": "evidence.created_at",
    "updated_at": "ignore",
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"uuid", "email", "name", "attributes", "status"}


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    """`enabled`, `disabled` or `blocklisted`."""
    return parse_status(parse_text(source["status"])) if "status" in source else SUBSCRIBED
