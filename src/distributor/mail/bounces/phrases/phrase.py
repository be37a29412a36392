"""A row of the phrase tables, and the sub-patterns that the tables share."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern that stands for a reason; with `command`, only in reply to that command.

    A text that `unless` matches has a subject for which the pattern is not specific.
    """

    reason: Reason
    pattern: LazyPattern
    command: SmtpCommand | None = None
    unless: LazyPattern | None = None

    def matches(self, text: str, command: SmtpCommand | None) -> bool:
        """Whether a normalized text, in reply to `command`, has this phrase."""
        return (
            self.command in (None, command)
            and self.pattern.search(text) is not None
            and (self.unless is None or self.unless.search(text) is None)
        )


def phrase(reason: Reason, *patterns: str, command: SmtpCommand | None = None, unless: str = "") -> Phrase:
    """A phrase from alternative patterns, which are searched in normalized text."""
    return Phrase(reason, LazyPattern("|".join(patterns)), command, LazyPattern(unless) if unless else None)


# Words for a mailbox or its storage.
BOX = (
    r"(?:mail ?-?box|in ?box|mail ?drop|mail ?folder|mail ?dir|account|user|recipient|customer|member"
    r"|addressee|disk|disc|storage|store|mail ?store)"
)
# Words for a recipient. Addresses are replaced by "…" before the search.
PERSON = (
    r"(?:user(?: ?name| ?id)?s?|recipients?|rcpts?|mail ?-?box(?:es)?|mail ?drop|accounts?|address(?:es)?|addressees?"
    r"|e-?mail(?: address(?:es)?| accounts?)?|login|destinataire|alias(?:es)?|local[- ]?part|person|people|customer"
    r"|subscriber|…)"
)
# Words for a disabled mailbox.
PAUSED = (
    r"(?:disabled|suspended|inactive|inactivated|locked|frozen|deactivated|de-activated|closed|discontinued|terminated"
    r"|expired|not (?:been )?(?:active|activated)|no longer active|archived|on hold|dormant|cancell?ed|deprovisioned"
    r"|unavailable for delivery)"
)
# Up to five words, none of which names something else that may be unknown.
GAP = r"(?: (?!server|domain|host|system|mx|sender|exchanger)\S+){0,5}"
NOT = r"(?:not|n't|isn't|aren't|wasn't|weren't)"
LISTS = r"(?:black ?-?list|block ?-?list|deny ?-?list|reject ?-?list|bad ?list)"
