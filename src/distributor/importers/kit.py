"""Kit, formerly ConvertKit: the CSV of its subscribers page, and its API's subscribers as CSV.

Facts: https://help.kit.com "The subscriber profile page & status", the API's `state` of a subscriber
(https://developers.kit.com/api-reference/subscribers/list-subscribers). The page has one list for each state, which may
be exported alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED
from distributor.importers.statuses import (
    BOUNCED,
    COMPLAINED,
    PENDING,
    UNSUBSCRIBED,
    words_of,
)

NAME = "kit"
COLUMNS: Mapping[str, str] = {
    "state": "status",
    **dict.fromkeys(("id", "subscriber id"), "evidence.kit_id"),
    "added at": "evidence.added_at",
    "referrer": "evidence.referrer",
    **dict.fromkeys(
        ("subscriber score", "last opened", "last clicked", "location", "fields", "referring subscriber"), "ignore"
    ),
}
STATUSES = words_of(
    # Cold subscribers confirmed, and have not opened a mail for 90 days; they are still subscribed.
    (SUBSCRIBED, ("active", "confirmed", "cold")),
    # They have not clicked the link of the double opt-in.
    (PENDING, ("inactive", "unconfirmed")),
    (UNSUBSCRIBED, ("cancelled", "canceled")),
    (BOUNCED, ("bounced",)),
    (COMPLAINED, ("complained",)),
)


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"email_address", "state", "created_at"} or headers >= {"email", "subscriber_score"}
