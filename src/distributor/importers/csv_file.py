"""CSV from anywhere: the columns are known by the names that are usual for them."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.rendition import Json
from distributor.importers.statuses import standing_named
from distributor.importers.values import text_of

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
    **dict.fromkeys(("status", "state", "subscription_status"), "said.status"),
}


def is_from_here(headers: frozenset[str]) -> bool:
    """Whatever no other origin knows."""
    return False


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    return standing_named(text_of(said["status"])) if "status" in said else WELCOME
