"""The words with which services describe a subscription. An unknown word is refused: it may mean `no`."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.subscriber_import import SUBSCRIBED, ImportedStatus
from distributor.domain.suppression import SuppressionReason

UNSUBSCRIBED = ImportedStatus(state=Membership.UNSUBSCRIBED)
BOUNCED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.HARD_BOUNCE,))
COMPLAINED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.COMPLAINT,))
BLOCKLISTED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.IMPORTED,))
PENDING = ImportedStatus(state=Membership.PENDING)
DISABLED = ImportedStatus(state=Membership.UNSUBSCRIBED, status=SubscriberStatus.DISABLED)

_STATUS_OF_WORD: Mapping[str, ImportedStatus] = {
    **dict.fromkeys(
        ("", "subscribed", "active", "enabled", "confirmed", "opted in", "opted_in", "yes", "true", "1"), SUBSCRIBED
    ),
    **dict.fromkeys(("pending", "unconfirmed", "waiting"), PENDING),
    **dict.fromkeys(
        ("unsubscribed", "opted out", "opted_out", "inactive", "deleted", "archived", "no", "false", "0"), UNSUBSCRIBED
    ),
    **dict.fromkeys(("bounced", "cleaned", "hard_bounce", "hard bounced", "undeliverable"), BOUNCED),
    **dict.fromkeys(("complained", "complaint", "spam", "abuse"), COMPLAINED),
    **dict.fromkeys(("blocklisted", "blacklisted", "blocked", "suppressed"), BLOCKLISTED),
    "disabled": DISABLED,
}


def parse_status(word: str) -> ImportedStatus:
    """The status that a word means. Raises InputError for an unknown word."""
    try:
        return _STATUS_OF_WORD[word.strip().casefold()]
    except KeyError:
        raise InputError(
            f"unknown status {word[:40]!r}; use subscribed, pending, unsubscribed, bounced, complained, disabled or "
            "blocklisted"
        ) from None
