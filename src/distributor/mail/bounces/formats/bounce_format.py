"""The format of a bounce notice that is no delivery status report (RFC 3464), or contains more than one.

A format is recognized by its author and a marker in its text. It defines where the recipients are found, if not where
most systems put them, and what the system's own sentences mean; replies of other servers are matched by `phrases`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from distributor.mail.bounces.address_search import ADDRESS
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A sentence of the mail system itself, and the reason it stands for."""

    reason: Reason
    pattern: LazyPattern


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceFormat:
    """`author` is searched in the `identity_fields` of a mail, `marker` in its notice; both have to match.

    `recipients` are patterns whose group is an address, searched after `recipients_after` if that matches;
    `default_reason` is the reason of a notice that gives none; `has_transcript`: the notice may be only an SMTP
    transcript; `is_receipt`: it is sent as a disposition notification (RFC 8098).
    """

    name: str
    author: LazyPattern
    marker: LazyPattern
    recipients: tuple[LazyPattern, ...] = ()
    recipients_after: LazyPattern | None = None
    hints: tuple[Hint, ...] = field(default=())
    default_reason: Reason | None = None
    is_receipt: bool = False
    has_transcript: bool = False


def address_patterns(*patterns: str) -> tuple[LazyPattern, ...]:
    """Patterns in which the word ADDRESS stands for an address, their only group."""
    return tuple(
        LazyPattern(pattern.replace("ADDRESS", f"({ADDRESS})"), re.IGNORECASE | re.MULTILINE) for pattern in patterns
    )


def any_of(*patterns: str) -> LazyPattern:
    """A pattern that matches any of these, multi-line and case-insensitive."""
    return LazyPattern("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def hint_table(table: dict[Reason, tuple[str, ...]]) -> tuple[Hint, ...]:
    """Hints from a table, in its order."""
    return tuple(Hint(reason=reason, pattern=any_of(*patterns)) for reason, patterns in table.items())


# The mailboxes and names that mail systems use in From.
SYSTEM = (
    r"^from: ?(?:.{0,80}(?:\b|_))?(?:mailer-?daemon|post[-_]?master|mail(?:er)? ?deliver"
    r"|(?:e?mail )?delivery ?(?:sub)?"
    r"(?:system|service|agent|status|reports?|notif)|(?:system|mail|e-?mail) administrator"
    r"|mail ?system|mdaemon|mailserver"
    r"|microsoft (?:outlook|exchange)|undeliver|bounce[sd]?\b|mmdf|double-bounce|interscan"
    r"|postoffice|jetmail|virus_?wall|anti_?virus|mail_service|imss@|ndr@)|^from: ?<?>?$"
)
BY_SYSTEM = any_of(SYSTEM)
# Or a program with another name, recognized by the fields of RFC 3834 or an empty return path.
BY_PROGRAM = any_of(SYSTEM, r"^auto-submitted: auto-", r"^x-failed-recipients: .", r"^return-path: <>$")
BY_ANYONE = any_of("")
