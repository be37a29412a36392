"""Mailchimp: the CSV files of an audience export, for subscribed, unsubscribed, cleaned and other contacts.

Mailchimp writes one file for each status: known by the name of the file and by columns that only that file fills.
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
}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"member_rating", "optin_time", "confirm_time"}
