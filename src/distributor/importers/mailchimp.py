"""Mailchimp: the CSV files of an audience export, for subscribed, unsubscribed, cleaned and other contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import BOUNCED, UNSUBSCRIBED, parse_status
from distributor.importers.values import parse_text, parse_time

NAME = "mailchimp"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("email_address", "email"), "email"),
    **dict.fromkeys(("first_name", "fname"), "first_name"),
    **dict.fromkeys(("last_name", "lname"), "last_name"),
    "timezone": "zone",
    "tags": "tags",
    "status": "source.status",
    "optin_time": "evidence.optin_time",
    "optin_ip": "evidence.optin_ip",
    "confirm_time": "evidence.confirm_time",
    "confirm_ip": "evidence.confirm_ip",
    "leid": "evidence.mailchimp_id",
    "unsub_time": "source.unsub_time",
    "unsub_reason": "evidence.unsub_reason",
    "clean_time": "source.clean_time",
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"member_rating", "optin_time", "confirm_time"}


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    """Mailchimp writes one file for each status: known by the name of the file and by columns only that file fills."""
    file = parse_text(source["file"]).casefold().replace("-", "")
    word = parse_text(source.get("status", "")).casefold().replace("-", "")
    if file.startswith("nonsubscribed") or word in {"nonsubscribed", "transactional"}:
        raise InputError("never subscribed at Mailchimp: there is no consent to rely on")
    if source.get("clean_time") or word == "cleaned" or file.startswith("cleaned"):
        return replace(BOUNCED, unsubscribed_at=parse_time(source.get("clean_time", "")))
    if source.get("unsub_time") or file.startswith("unsubscribed"):
        return replace(UNSUBSCRIBED, unsubscribed_at=parse_time(source.get("unsub_time", "")))
    return parse_status(word) if word else SUBSCRIBED
