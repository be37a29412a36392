"""Ghost: the CSV of its members page. Members with `subscribed_to_emails` receive newsletters."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "ghost"
COLUMNS: Mapping[str, str] = {
    "id": "evidence.ghost_id",
    "note": "attributes.note",
    # Empty for members who were never subscribed.
    "subscribed_to_emails": "subscribed",
    "complimentary_plan": "ignore",
    "stripe_customer_id": "ignore",
    "deleted_at": "unsubscribed",
    "tiers": "attributes.tiers",
    "products": "attributes.tiers",
    "gift_id": "ignore",
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "subscribed_to_emails"}
