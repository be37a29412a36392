"""Buttondown: the CSV files of its export (Settings, Exports), and its API's subscribers as CSV.

Facts: https://docs.buttondown.com/api-subscribers-introduction, https://docs.buttondown.com/api-subscribers-type
(`type`). Most types tell what a subscriber pays. Older exports call two columns `email` and `subscriber_type`; people
who left are in a file of their own, `unsubscribers.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import (
    BLOCKLISTED,
    BOUNCED,
    COMPLAINED,
    PENDING,
    UNSUBSCRIBED,
    words_of,
)

NAME = "buttondown"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("type", "subscriber type"), "status"),
    "undeliverability date": "bounced",
    "undeliverability reason": "status.undeliverability_reason",
    **dict.fromkeys(("unsubscription date", "unsubscription at"), "unsubscribed"),
    "id": "evidence.buttondown_id",
    "source": "evidence.source",
    "referrer url": "evidence.referrer",
    "ip address": "ip_address",
    "metadata": "attributes",
    "notes": "attributes.notes",
    # A bounce of the last mail is no judgement of Buttondown: `undeliverability_date` is.
    **dict.fromkeys(("last bounce date", "last bounce reason"), "ignore"),
    **dict.fromkeys(("churn date", "upgrade date", "gift expiration date", "gift message", "gift email"), "ignore"),
    **dict.fromkeys(("secondary id", "absolute url", "email transitions", "avatar url", "risk score"), "ignore"),
    **dict.fromkeys(("stripe customer", "stripe customer id", "stripe coupon", "purchased by"), "ignore"),
    **dict.fromkeys(("commenting disabled", "firewall", "import"), "ignore"),
    **dict.fromkeys(("utm campaign", "utm medium", "utm source"), "ignore"),
    **dict.fromkeys(("last opened date", "last clicked date", "open rate", "click rate"), "ignore"),
}
STATUSES = words_of(
    # `churning` and `paused` are about the payment, `unpaid` readers have not bought anything yet.
    (SUBSCRIBED, ("regular", "premium", "gifted", "trialed", "unpaid", "churning", "paused", "past due")),
    (PENDING, ("unactivated",)),
    (UNSUBSCRIBED, ("unsubscribed", "removed")),
    (BOUNCED, ("undeliverable", "malformed")),
    (COMPLAINED, ("complained",)),
    (BLOCKLISTED, ("spammy", "blocked", "disposable")),
)
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.undeliverability_reason": {"": SUBSCRIBED, ANY: BOUNCED}
}


def matches(headers: frozenset[str]) -> bool:
    has_address = "email_address" in headers or "email" in headers
    return has_address and ("subscriber_type" in headers or headers >= {"type", "creation_date"})
