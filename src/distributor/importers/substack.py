"""Substack: the `email_list` of its full export, and the CSV of its subscribers page."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import UNSUBSCRIBED
from distributor.importers.values import parse_boolean, parse_text

NAME = "substack"
COLUMNS: Mapping[str, str] = {
    "email": "email",
    "name": "name",
    "email_disabled": "source.disabled",
    "created_at": "evidence.created_at",
    "start_date": "evidence.created_at",
    "plan": "attributes.plan",
    "stripe_plan": "attributes.plan",
    "type": "attributes.subscription",
    "country": "attributes.country",
    "expiry": "ignore",
    "active_subscription": "ignore",
}
_EMAIL_LIST_HEADERS = frozenset({"email", "active_subscription", "email_disabled"})
_SUBSCRIBERS_PAGE_HEADERS = frozenset({"email", "stripe_plan"})


def matches(headers: frozenset[str]) -> bool:
    return headers >= _EMAIL_LIST_HEADERS or headers >= _SUBSCRIBERS_PAGE_HEADERS


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    """A subscriber who has disabled email reads on the site only."""
    word = parse_text(source.get("disabled", "false"))
    is_disabled = parse_boolean(word)
    if is_disabled is None:
        raise InputError(f"email_disabled must be true or false, not {word[:40]!r}")
    return UNSUBSCRIBED if is_disabled else SUBSCRIBED
