"""How servers word their refusals, whoever they are: a table from reasons to patterns, searched from top to bottom.

The order is a part of the table: what names one cause comes before what several share, and a reason may come twice.
Patterns are searched in one line of lower-case text without addresses, and none of them backtracks without a bound.
"""

from __future__ import annotations

from distributor.mail.bounces.phrases.addresses import ADDRESSES
from distributor.mail.bounces.phrases.content import CONTENT
from distributor.mail.bounces.phrases.languages import LANGUAGES
from distributor.mail.bounces.phrases.mailboxes import MAILBOXES
from distributor.mail.bounces.phrases.overrides import OVERRIDES
from distributor.mail.bounces.phrases.phrase import Phrase
from distributor.mail.bounces.phrases.senders import SENDERS
from distributor.mail.bounces.phrases.systems import SYSTEMS

PHRASES: tuple[Phrase, ...] = (*OVERRIDES, *LANGUAGES, *MAILBOXES, *SENDERS, *CONTENT, *ADDRESSES, *SYSTEMS)
