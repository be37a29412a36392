"""Ghost: the CSV of its members page. Members with `subscribed_to_emails` receive newsletters.

Facts: `core/server/services/members/exporter` of Ghost.
"""

from __future__ import annotations

from collections.abc import Mapping

NAME = "ghost"
COLUMNS: Mapping[str, str] = {
    "id": "evidence.ghost_id",
    "note": "attributes.note",
    # Empty for members who were never subscribed.
    "subscribed_to_emails": "subscribed",
    # Ghost disables the mail of addresses that bounced or complained.
    "email_disabled": "blocklisted",
    # Free, paid or comped.
    "status": "attributes.membership",
    "deleted_at": "unsubscribed",
    "tiers": "attributes.tiers",
    "products": "attributes.tiers",
    **dict.fromkeys(("complimentary_plan", "comped", "stripe_customer_id", "gift_id", "uuid", "updated_at"), "ignore"),
    **dict.fromkeys(("email_count", "email_opened_count", "email_open_rate", "last_seen_at", "geolocation"), "ignore"),
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "subscribed_to_emails"}
