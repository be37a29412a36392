"""Sendy: the CSV of a list.

Facts: `includes/subscribers/export-csv.php` of Sendy. The file of one state has the state at the end of its name. A
state is never translated; a header is, and old versions write none.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED
from distributor.importers.statuses import BOUNCED, COMPLAINED, PENDING, UNSUBSCRIBED, words_of

NAME = "sendy"
COLUMNS: Mapping[str, str] = {
    # `No` for everyone who has not ticked the box of the form of lists with GDPR fields.
    "gdpr": "confirmed",
    "joined": "evidence.joined_at",
    "added via": "evidence.added_via",
    "opt-in method": "evidence.optin_method",
    "signed up from": "evidence.signed_up_from",
    "ip address": "ip_address",
    "country": "attributes.country",
    **dict.fromkeys(("country code", "last activity"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("active",)),
    (PENDING, ("unconfirmed",)),
    (UNSUBSCRIBED, ("unsubscribed",)),
    (BOUNCED, ("bounced", "soft bounced")),
    (COMPLAINED, ("marked as spam",)),
)


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email", "added_via", "opt_in_method"} or headers >= {"email", "joined", "last_activity"}
