"""What origins say of mail to somebody, in words. A word that nobody knows is refused: it may mean `no`."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.importing import WELCOME, ImportedStatus
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.suppression import SuppressionReason

GONE = ImportedStatus(state=Membership.UNSUBSCRIBED)
BOUNCED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.HARD_BOUNCE,))
COMPLAINED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.COMPLAINT,))
BLOCKED = ImportedStatus(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.IMPORTED,))
WAITING = ImportedStatus(state=Membership.PENDING)
DISABLED = ImportedStatus(state=Membership.UNSUBSCRIBED, status=SubscriberStatus.DISABLED)

_WORDS: Mapping[str, ImportedStatus] = {
    **dict.fromkeys(
        ("", "subscribed", "active", "enabled", "confirmed", "opted in", "opted_in", "yes", "true", "1"), WELCOME
    ),
    **dict.fromkeys(("pending", "unconfirmed", "waiting"), WAITING),
    **dict.fromkeys(
        ("unsubscribed", "opted out", "opted_out", "inactive", "deleted", "archived", "no", "false", "0"), GONE
    ),
    **dict.fromkeys(("bounced", "cleaned", "hard_bounce", "hard bounced", "undeliverable"), BOUNCED),
    **dict.fromkeys(("complained", "complaint", "spam", "abuse"), COMPLAINED),
    **dict.fromkeys(("blocklisted", "blacklisted", "blocked", "suppressed"), BLOCKED),
    "disabled": DISABLED,
}


def standing_named(word: str) -> ImportedStatus:
    """Raises InputError for a word that is not known."""
    try:
        return _WORDS[word.strip().casefold()]
    except KeyError:
        raise InputError(
            f"{word[:40]!r} is no state that is known; use subscribed, pending, unsubscribed, bounced, complained, "
            "disabled or blocklisted"
        ) from None
