"""Substack: the `email_list` of its full export, and the CSV of its subscribers page."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "substack"
COLUMNS: Mapping[str, str] = {
    # A subscriber who has disabled email reads on the site only.
    "email_disabled": "unsubscribed",
    "start_date": "evidence.created_at",
    "plan": "attributes.plan",
    "stripe_plan": "attributes.plan",
    "type": "attributes.subscription",
    "country": "attributes.country",
    # Of the paid subscription.
    "expiry": "ignore",
    "active_subscription": "ignore",
    "first_payment_at": "ignore",
}
SKIPPED_DOMAINS: Mapping[str, str] = {
    "deletion-request.substack.com": "the address stands for a person who asked Substack for deletion"
}
_EMAIL_LIST_HEADERS = frozenset({"email", "active_subscription", "email_disabled"})
_SUBSCRIBERS_PAGE_HEADERS = frozenset({"email", "stripe_plan"})


def matches(headers: frozenset[str]) -> bool:
    return headers >= _EMAIL_LIST_HEADERS or headers >= _SUBSCRIBERS_PAGE_HEADERS
