"""phpList: the export of its subscribers, with the headers of the page or the names in its database.

Facts: `admin/structure.php` and `admin/actions/export.php` of phpList. Older versions say `user` for subscriber.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.importers.consent import ANY
from distributor.importers.statuses import UNSUBSCRIBED

NAME = "phplist"
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("confirmed", "is this subscriber confirmed", "is this user confirmed"), "confirmed"),
    **dict.fromkeys(("blacklisted", "is this subscriber blacklisted", "is this user blacklisted"), "blocklisted"),
    **dict.fromkeys(("disabled", "is this account disabled?"), "disabled"),
    "list membership": "status.lists",
    "id": "evidence.phplist_id",
    "entered": "evidence.entered_at",
    "foreign key": "evidence.foreign_key",
    # Whether the subscriber confirmed by a mail, or an administrator did: they are subscribed in both cases.
    **dict.fromkeys(
        ("optedin", "did this subscriber manually confirm", "did this user manually confirm"), "evidence.opted_in"
    ),
    # All that ever came back; phpList takes back the confirmation of those who bounce too often.
    **dict.fromkeys(("bouncecount", "number of bounces"), "ignore"),
    **dict.fromkeys(("htmlemail", "send this subscriber html emails", "send this user html emails"), "ignore"),
    **dict.fromkeys(("modified", "last modified", "uniqid", "unique id", "uuid", "subscribepage"), "ignore"),
    **dict.fromkeys(("rssfrequency", "rss frequency", "extradata", "additional data", "foreignkey"), "ignore"),
    **dict.fromkeys(("password", "passwordchanged"), "ignore"),
    **dict.fromkeys(("ip", "change summary", "change detail"), "ignore"),
}
# Who has left every list is kept.
COLUMN_STATUSES: Mapping[str, Mapping[str, ImportedStatus | None]] = {
    "status.lists": {"": UNSUBSCRIBED, "no lists": UNSUBSCRIBED, ANY: SUBSCRIBED}
}


def matches(headers: frozenset[str]) -> bool:
    own = {f"is_this_{someone}_{state}" for someone in ("subscriber", "user") for state in ("confirmed", "blacklisted")}
    return headers >= {"email", "confirmed", "blacklisted"} or (
        "email" in headers and not headers.isdisjoint({*own, "list_membership"})
    )
