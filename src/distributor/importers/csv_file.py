"""CSV from any source: columns are recognised by their usual names."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.rendition import Json
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.statuses import parse_status
from distributor.importers.values import parse_text

NAME = "csv"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        ("email", "e_mail", "email_address", "e_mail_address", "mail", "e_mail_adresse", "address"), "email"
    ),
    **dict.fromkeys(("name", "full_name", "fullname"), "name"),
    **dict.fromkeys(("first_name", "firstname", "given_name", "fname", "vorname"), "first_name"),
    **dict.fromkeys(("last_name", "lastname", "family_name", "surname", "lname", "nachname"), "last_name"),
    **dict.fromkeys(("language", "lang", "locale"), "language"),
    **dict.fromkeys(("zone", "timezone", "time_zone"), "zone"),
    **dict.fromkeys(("tags", "labels"), "tags"),
    "attributes": "attributes",
    **dict.fromkeys(("status", "state", "subscription_status"), "source.status"),
}


def matches(headers: frozenset[str]) -> bool:
    """Never: it is the importer for files that no other importer recognises."""
    return False


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    return parse_status(parse_text(source["status"])) if "status" in source else SUBSCRIBED
