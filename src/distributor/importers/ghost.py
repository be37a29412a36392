"""Ghost: the CSV of its members page. Members with `subscribed_to_emails` receive newsletters."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import UNSUBSCRIBED
from distributor.importers.values import parse_boolean, parse_text

NAME = "ghost"
COLUMNS: Mapping[str, str] = {
    "id": "evidence.ghost_id",
    "email": "email",
    "name": "name",
    "note": "attributes.note",
    "subscribed_to_emails": "source.subscribed",
    "complimentary_plan": "ignore",
    "stripe_customer_id": "ignore",
    "created_at": "evidence.created_at",
    "deleted_at": "source.deleted_at",
    "labels": "tags",
    "tiers": "attributes.tiers",
    "products": "attributes.tiers",
    "gift_id": "ignore",
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "subscribed_to_emails", "complimentary_plan"}


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    if source.get("deleted_at"):
        return UNSUBSCRIBED
    # Ghost leaves the cell empty for members who were never subscribed.
    word = parse_text(source.get("subscribed", "false"))
    is_subscribed = parse_boolean(word)
    if is_subscribed is None:
        raise InputError(f"subscribed_to_emails must be true or false, not {word[:40]!r}")
    return SUBSCRIBED if is_subscribed else UNSUBSCRIBED
