"""Substack: the `email_list` of its full export, and the CSV of its subscribers page."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers.statuses import GONE
from distributor.importers.values import is_true, text_of

NAME = "substack"
COLUMNS: Mapping[str, str] = {
    "email": "email",
    "name": "name",
    "email_disabled": "said.disabled",
    "created_at": "evidence.created_at",
    "start_date": "evidence.created_at",
    "plan": "attributes.plan",
    "stripe_plan": "attributes.plan",
    "type": "attributes.subscription",
    "country": "attributes.country",
    "expiry": "ignore",
    "active_subscription": "ignore",
}
_OF_THE_LIST = frozenset({"email", "active_subscription", "email_disabled"})
_OF_THE_PAGE = frozenset({"email", "stripe_plan"})


def is_from_here(headers: frozenset[str]) -> bool:
    return headers >= _OF_THE_LIST or headers >= _OF_THE_PAGE


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    """Who has switched email off reads on the site only."""
    word = text_of(said.get("disabled", "false"))
    is_disabled = is_true(word)
    if is_disabled is None:
        raise InputError(f"email_disabled is {word[:40]!r}, neither true nor false")
    return GONE if is_disabled else WELCOME
