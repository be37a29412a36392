"""How servers word their refusals, whoever they are: a table from reasons to patterns, searched from top to bottom.

The order is a part of the table: what names one cause comes before what several share, and a reason may come twice.
Patterns are searched in one line of lower-case text without addresses, and none of them backtracks without a bound.
"""

from __future__ import annotations

from distributor.channels.email.returns.wording.addresses import ADDRESSES
from distributor.channels.email.returns.wording.content import CONTENT
from distributor.channels.email.returns.wording.languages import LANGUAGES
from distributor.channels.email.returns.wording.mailboxes import MAILBOXES
from distributor.channels.email.returns.wording.particular import PARTICULAR
from distributor.channels.email.returns.wording.phrase import Phrase
from distributor.channels.email.returns.wording.senders import SENDERS
from distributor.channels.email.returns.wording.systems import SYSTEMS

PHRASES: tuple[Phrase, ...] = (*PARTICULAR, *LANGUAGES, *MAILBOXES, *SENDERS, *CONTENT, *ADDRESSES, *SYSTEMS)
