"""A line in the tables of wordings: the words of servers that mean one reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import Command


@dataclass(frozen=True, slots=True)
class Phrase:
    """Any of these words means this reason; some do so only in answer to a command."""

    reason: Reason
    pattern: re.Pattern[str]
    command: Command | None = None


def phrase(reason: Reason, *patterns: str, command: Command | None = None) -> Phrase:
    """A phrase out of patterns that are searched in one line of lower-case text without addresses."""
    return Phrase(reason, re.compile("|".join(patterns)), command)
