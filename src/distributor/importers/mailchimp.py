"""Mailchimp: the CSV files of an audience export, for subscribed, unsubscribed, cleaned and other contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from distributor.domain.errors import InputError
from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers.statuses import BOUNCED, GONE, standing_named
from distributor.importers.values import moment_of, text_of

NAME = "mailchimp"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("email_address", "email"), "email"),
    **dict.fromkeys(("first_name", "fname"), "first_name"),
    **dict.fromkeys(("last_name", "lname"), "last_name"),
    "timezone": "zone",
    "tags": "tags",
    "status": "said.status",
    "optin_time": "evidence.optin_time",
    "optin_ip": "evidence.optin_ip",
    "confirm_time": "evidence.confirm_time",
    "confirm_ip": "evidence.confirm_ip",
    "leid": "evidence.mailchimp_id",
    "unsub_time": "said.unsub_time",
    "unsub_reason": "evidence.unsub_reason",
    "clean_time": "said.clean_time",
}


def is_from_here(headers: frozenset[str]) -> bool:
    return headers >= {"member_rating", "optin_time", "confirm_time"}


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    """A file of its own for each standing: its name says which, and what only such a file has filled in."""
    file = text_of(said["file"]).casefold().replace("-", "")
    word = text_of(said.get("status", "")).casefold().replace("-", "")
    if file.startswith("nonsubscribed") or word in {"nonsubscribed", "transactional"}:
        raise InputError("a contact at Mailchimp who never subscribed: there is no consent to rely on")
    if said.get("clean_time") or word == "cleaned" or file.startswith("cleaned"):
        return replace(BOUNCED, left_at=moment_of(said.get("clean_time", "")))
    if said.get("unsub_time") or file.startswith("unsubscribed"):
        return replace(GONE, left_at=moment_of(said.get("unsub_time", "")))
    return standing_named(word) if word else WELCOME
