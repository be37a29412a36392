"""The format of a notice that is no report of RFC 3464, or says more than one.

A format is told by its author and a mark in its text. It says where the recipients stand, if not where most systems put
them, and what the system's own sentences mean; what another server said is judged by `phrases`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from distributor.mail.bounces.address_search import ADDRESS
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A sentence of a mail system itself, and the reason it gives."""

    reason: Reason
    pattern: LazyPattern


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceFormat:
    """`author` is searched in the identity of a mail (`plain.identity`), `mark` in its notice; both must be found.

    `recipients` are patterns whose group is an address, sought after `beginning` where that is found; `silence` is the
    reason of a notice that gives none; `has_transcript` says that the notice may be nothing but a transcript,
    `is_receipt` that it comes as a receipt of reading (RFC 8098).
    """

    name: str
    author: LazyPattern
    mark: LazyPattern
    recipients: tuple[LazyPattern, ...] = ()
    beginning: LazyPattern | None = None
    hints: tuple[Hint, ...] = field(default=())
    silence: Reason | None = None
    is_receipt: bool = False
    has_transcript: bool = False


def address_patterns(*patterns: str) -> tuple[LazyPattern, ...]:
    """Patterns in which the word ADDRESS stands for an address, as their only group."""
    return tuple(
        LazyPattern(pattern.replace("ADDRESS", f"({ADDRESS})"), re.IGNORECASE | re.MULTILINE) for pattern in patterns
    )


def any_of(*patterns: str) -> LazyPattern:
    """A pattern that finds any of these, line by line and whatever the case."""
    return LazyPattern("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def hint_table(table: dict[Reason, tuple[str, ...]]) -> tuple[Hint, ...]:
    """Hints out of a table, in its order."""
    return tuple(Hint(reason=reason, pattern=any_of(*patterns)) for reason, patterns in table.items())


# The mailbox or the name in From by which programs sign notices.
SYSTEM = (
    r"^from: ?(?:.{0,80}(?:\b|_))?(?:mailer-?daemon|post[-_]?master|mail(?:er)? ?deliver"
    r"|(?:e?mail )?delivery ?(?:sub)?"
    r"(?:system|service|agent|status|reports?|notif)|(?:system|mail|e-?mail) administrator"
    r"|mail ?system|mdaemon|mailserver"
    r"|microsoft (?:outlook|exchange)|undeliver|bounce[sd]?\b|mmdf|double-bounce|interscan"
    r"|postoffice|jetmail|virus_?wall|anti_?virus|mail_service|imss@|ndr@)|^from: ?<?>?$"
)
BY_SYSTEM = any_of(SYSTEM)
# Or a program of another name, which says by the fields of RFC 3834 or an empty return path that it is one.
BY_PROGRAM = any_of(SYSTEM, r"^auto-submitted: auto-", r"^x-failed-recipients: .", r"^return-path: <>$")
BY_ANYONE = any_of("")
