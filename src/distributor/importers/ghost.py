"""Ghost: the CSV of its members page. A newsletter is for those with `subscribed_to_emails`."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers.statuses import GONE
from distributor.importers.values import is_true, text_of

NAME = "ghost"
COLUMNS: Mapping[str, str] = {
    "id": "evidence.ghost_id",
    "email": "email",
    "name": "name",
    "note": "attributes.note",
    "subscribed_to_emails": "said.subscribed",
    "complimentary_plan": "ignore",
    "stripe_customer_id": "ignore",
    "created_at": "evidence.created_at",
    "deleted_at": "said.deleted_at",
    "labels": "tags",
    "tiers": "attributes.tiers",
    "products": "attributes.tiers",
    "gift_id": "ignore",
}


def is_from_here(headers: frozenset[str]) -> bool:
    return headers >= {"email", "subscribed_to_emails", "complimentary_plan"}


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    if said.get("deleted_at"):
        return GONE
    # An empty cell is how Ghost writes `no` for members whom it was never asked for.
    word = text_of(said.get("subscribed", "false"))
    is_subscribed = is_true(word)
    if is_subscribed is None:
        raise InputError(f"subscribed_to_emails is {word[:40]!r}, neither true nor false")
    return WELCOME if is_subscribed else GONE
