"""What is kept of a verdict about a recipient, and whether it speaks against the address."""

from __future__ import annotations

from distributor.domain.rendition import Json
from distributor.mail.bounces import ReasonScope, RecipientReport

# What is wrong with us or with what we wrote says nothing about who should have got it.
_NOT_THEIRS = frozenset({ReasonScope.SENDER, ReasonScope.CONTENT})


def speaks_against(told: RecipientReport) -> bool:
    """Whether a failure that is not hard counts against the address: a full mailbox does, a blocked sender does not."""
    return not told.is_hard and told.scope not in _NOT_THEIRS


def detail_of(told: RecipientReport) -> dict[str, Json]:
    """The verdict as it is kept with the event; what was not told is left out."""
    known: dict[str, Json] = {
        "hard": told.is_hard or None,
        "reason": told.reason.value if told.reason else None,
        "status": told.status,
        "code": told.reply_code,
        "scope": told.scope.value if told.scope else None,
    }
    return {name: value for name, value in known.items() if value}
