"""Common phrases in the replies of servers: a table from reasons to patterns, searched from top to bottom.

The order matters: phrases of a single cause come before ambiguous ones, and a reason may occur more than once. Patterns
are searched in normalized text (`classify.normalize_text`), and none of them has unbounded backtracking.
"""

from __future__ import annotations

from distributor.mail.bounces.phrases.addresses import ADDRESSES, UNKNOWN_USERS
from distributor.mail.bounces.phrases.content import CONTENT
from distributor.mail.bounces.phrases.languages import LANGUAGES
from distributor.mail.bounces.phrases.mailboxes import MAILBOXES
from distributor.mail.bounces.phrases.overrides import EXPIRY, OVERRIDES
from distributor.mail.bounces.phrases.phrase import Phrase
from distributor.mail.bounces.phrases.senders import SENDERS
from distributor.mail.bounces.phrases.systems import SYSTEMS

PHRASES: tuple[Phrase, ...] = (
    *OVERRIDES,
    *LANGUAGES,
    *MAILBOXES,
    *SENDERS,
    *UNKNOWN_USERS,
    *CONTENT,
    *ADDRESSES,
    *EXPIRY,
    *SYSTEMS,
)
