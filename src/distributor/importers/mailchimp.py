"""Mailchimp: the CSV files of an audience export, for subscribed, unsubscribed, cleaned and other contacts.

Mailchimp writes one file for each status: known by the name of the file and by columns that only that file fills. The
columns in capitals are always called so; the others are the owner's merge fields with labels of their own.
Facts: https://mailchimp.com/help/view-export-contacts.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import COMPLAINED, PENDING, UNSUBSCRIBED

NAME = "mailchimp"
COLUMNS: Mapping[str, str] = {
    "address": "ignore",
    "optin_time": "evidence.optin_time",
    "optin_ip": "evidence.optin_ip",
    "confirm_time": "evidence.confirm_time",
    "confirm_ip": "evidence.confirm_ip",
    "leid": "evidence.mailchimp_id",
    "unsub_time": "unsubscribed",
    "unsub_reason": "status.unsub_reason",
    # What the subscriber ticked in a form with GDPR fields, in the language of the account.
    **dict.fromkeys(
        ("marketing permissions", "Erlaubnis zum Marketing", "Autorisations marketing"), "status.permission"
    ),
    **dict.fromkeys(("Permisos de marketing", "Permessi di marketing", "Permissões de marketing"), "status.permission"),
    **dict.fromkeys(("Marketingtoestemmingen", "gdpr permissions"), "status.permission"),
    "clean_time": "bounced",
    "cleaned_time": "bounced",
    **dict.fromkeys(("unsub_campaign_title", "unsub_campaign_id", "unsub_reason_other"), "ignore"),
    **dict.fromkeys(("clean_campaign_title", "clean_campaign_id", "last_changed", "euid", "notes", "region"), "ignore"),
    # Of text messages.
    **dict.fromkeys(("sms phone number", "sms marketing status", "sms subscriber status", "sms_optin_time"), "ignore"),
}
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.unsub_reason": {"": SUBSCRIBED, "spam": COMPLAINED, "abuse": COMPLAINED, ANY: UNSUBSCRIBED},
    # The labels of the boxes that are ticked. Mailchimp sends to the others as well, unless the owner leaves them out.
    "status.permission": {
        "": PENDING,
        **dict.fromkeys(("no", "nein", "non", "false", "0"), UNSUBSCRIBED),
        ANY: SUBSCRIBED,
    },
}
# Audiences without GDPR fields have the column too.
OPTIONAL = frozenset({"status.permission"})
# Any three of them, as people delete columns.
_FIXED = frozenset(
    (
        *("member_rating", "optin_time", "optin_ip", "confirm_time", "confirm_ip", "gmtoff", "dstoff"),
        *("last_changed", "leid", "euid", "unsub_time"),
    )
)


def matches(headers: frozenset[str]) -> bool:
    return len(headers & _FIXED) > 2
