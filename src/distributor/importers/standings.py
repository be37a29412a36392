"""What origins say of mail to somebody, in words. A word that nobody knows is refused: it may mean `no`."""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import InputError
from distributor.domain.importing import WELCOME, Standing
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.suppression import SuppressionReason

GONE = Standing(state=Membership.UNSUBSCRIBED)
BOUNCED = Standing(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.HARD_BOUNCE,))
COMPLAINED = Standing(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.COMPLAINT,))
BLOCKED = Standing(state=Membership.UNSUBSCRIBED, reasons=(SuppressionReason.IMPORTED,))
WAITING = Standing(state=Membership.PENDING)
DISABLED = Standing(state=Membership.UNSUBSCRIBED, status=SubscriberStatus.DISABLED)

_WORDS: Mapping[str, Standing] = {
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


def standing_named(word: str) -> Standing:
    """Raises InputError for a word that is not known."""
    try:
        return _WORDS[word.strip().casefold()]
    except KeyError:
        raise InputError(
            f"{word[:40]!r} is no state that is known; use subscribed, pending, unsubscribed, bounced, complained, "
            "disabled or blocklisted"
        ) from None
