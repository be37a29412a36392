"""Substack: the `email_list` of its full export, and the CSV of its subscribers page.

Facts: https://support.substack.com "How do I use the subscriber dashboard on Substack?".
"""

from __future__ import annotations

from collections.abc import Mapping

NAME = "substack"
COLUMNS: Mapping[str, str] = {
    # A subscriber who has disabled email reads on the site only.
    "email_disabled": "unsubscribed",
    "start_date": "evidence.created_at",
    "plan": "attributes.plan",
    "stripe_plan": "attributes.plan",
    **dict.fromkeys(("type", "subscription type"), "attributes.subscription"),
    "country": "attributes.country",
    # Of the paid subscription.
    **dict.fromkeys(("active_subscription", "expiry", "expiration date", "first_payment_at", "cancel date"), "ignore"),
    **dict.fromkeys(("paid upgrade date", "stripe_connected_customer_id", "revenue", "bestseller tier"), "ignore"),
    **dict.fromkeys(
        (
            "subscription source",
            "subscriptions gifted",
            "unsubscribe attribution",
            "activity",
            "state/province",
            "days active",
            "last email open",
        ),
        "ignore",
    ),
    **dict.fromkeys(("emails received", "emails dropped", "emails opened", "links clicked", "comments"), "ignore"),
}
SKIPPED_DOMAINS: Mapping[str, str] = {
    "deletion-request.substack.com": "the address stands for a person who asked Substack for deletion"
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "email_disabled"} or headers >= {"email", "stripe_plan"}
