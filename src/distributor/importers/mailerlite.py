"""MailerLite: the CSV of its subscribers page, of the new and of the classic one, and its API's subscribers as CSV.

Facts: https://www.mailerlite.com/help/subscriber-statuses-explained, https://developers.mailerlite.com (`status` of a
subscriber). `Subscriber` is the address and `Subscribed` a time; the owner chooses the columns.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED
from distributor.importers.statuses import BOUNCED, COMPLAINED, PENDING, UNSUBSCRIBED, words_of

NAME = "mailerlite"
COLUMNS: Mapping[str, str] = {
    "subscriber": "email",
    # MailerLite calls the given name so.
    "name": "first_name",
    "type": "status",
    **dict.fromkeys(("subscribed", "subscribed at"), "evidence.subscribed_at"),
    "ip address": "ip_address",
    **dict.fromkeys(("source", "signup source"), "evidence.source"),
    "groups": "tags",
    "company": "attributes.company",
    "country": "attributes.country",
    "city": "attributes.city",
    "state": "attributes.state",
    **dict.fromkeys(
        ("id", "subscriber id", "updated at", "resubscribed", "location", "phone", "zip", "z i p"), "ignore"
    ),
    **dict.fromkeys(("sent", "opened", "clicked", "opens", "clicks", "opens count", "clicks count"), "ignore"),
    **dict.fromkeys(("open rate", "click rate", "last opened", "last clicked"), "ignore"),
}
STATUSES = words_of(
    (SUBSCRIBED, ("active",)),
    (PENDING, ("unconfirmed",)),
    (UNSUBSCRIBED, ("unsubscribed", "deleted", "forgotten", "inactive")),
    (BOUNCED, ("bounced",)),
    # They marked a mail as junk.
    (COMPLAINED, ("junk", "spam")),
)


def matches(headers: frozenset[str]) -> bool:
    return (headers >= {"subscriber"} and not headers.isdisjoint({"subscribed", "sent", "opened", "clicked"})) or (
        headers >= {"email", "subscribed_at", "opted_in_at"}
    )
