"""A line in the tables of wordings: the words of servers that mean one reason."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand


@dataclass(frozen=True, slots=True)
class Phrase:
    """Any of these words means this reason; some do so only in answer to a command."""

    reason: Reason
    pattern: LazyPattern
    command: SmtpCommand | None = None


def phrase(reason: Reason, *patterns: str, command: SmtpCommand | None = None) -> Phrase:
    """A phrase out of patterns that are searched in one line of lower-case text without addresses."""
    return Phrase(reason, LazyPattern("|".join(patterns)), command)


# Where mail is kept, and so may run out of room.
BOX = (
    r"(?:mail ?-?box|in ?box|mail ?drop|mail ?folder|mail ?dir|account|user|recipient|customer|member"
    r"|addressee|disk|disc|storage|store|mail ?store)"
)
# Who mail is for. An address is blotted out before words are searched, and stands as "…".
PERSON = (
    r"(?:user(?: ?name| ?id)?s?|recipients?|rcpts?|mail ?-?box(?:es)?|mail ?drop|accounts?|address(?:es)?|addressees?"
    r"|e-?mail(?: address(?:es)?| accounts?)?|login|destinataire|alias(?:es)?|local[- ]?part|person|people|customer"
    r"|subscriber|…)"
)
# What a mailbox is that sleeps.
PAUSED = (
    r"(?:disabled|suspended|inactive|inactivated|locked|frozen|deactivated|de-activated|closed|discontinued|terminated"
    r"|expired|not (?:been )?(?:active|activated)|no longer active|archived|on hold|dormant|cancell?ed|deprovisioned"
    r"|unavailable for delivery)"
)
# Up to five words, none of which names another thing that may be unknown.
GAP = r"(?: (?!server|domain|host|system|mx|sender|exchanger)\S+){0,5}"
NOT = r"(?:not|n't|isn't|aren't|wasn't|weren't)"
LISTS = r"(?:black ?-?list|block ?-?list|deny ?-?list|reject ?-?list|bad ?list)"
