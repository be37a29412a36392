"""Mailchimp: the CSV files of an audience export, for subscribed, unsubscribed, cleaned and other contacts.

Mailchimp writes one file for each status: known by the name of the file and by columns that only that file fills. The
columns in capitals are always called so; the others are the owner's merge fields with labels of their own.
Facts: https://mailchimp.com/help/view-export-contacts.
"""

from __future__ import annotations

from collections.abc import Mapping

NAME = "mailchimp"
COLUMNS: Mapping[str, str] = {
    "address": "ignore",
    "optin_time": "evidence.optin_time",
    "optin_ip": "evidence.optin_ip",
    "confirm_time": "evidence.confirm_time",
    "confirm_ip": "evidence.confirm_ip",
    "leid": "evidence.mailchimp_id",
    "unsub_time": "unsubscribed",
    "unsub_reason": "evidence.unsub_reason",
    "clean_time": "bounced",
    "cleaned_time": "bounced",
    **dict.fromkeys(("unsub_campaign_title", "unsub_campaign_id", "unsub_reason_other"), "ignore"),
    **dict.fromkeys(("clean_campaign_title", "clean_campaign_id", "last_changed", "euid", "notes", "region"), "ignore"),
    # Of text messages.
    **dict.fromkeys(("sms phone number", "sms marketing status", "sms subscriber status", "sms_optin_time"), "ignore"),
}
# Any three of them, as people delete columns.
_FIXED = frozenset(
    (
        *("member_rating", "optin_time", "optin_ip", "confirm_time", "confirm_ip", "gmtoff", "dstoff"),
        *("last_changed", "leid", "euid", "unsub_time"),
    )
)


def matches(headers: frozenset[str]) -> bool:
    return len(headers & _FIXED) > 2
