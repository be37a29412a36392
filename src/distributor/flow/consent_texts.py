"""The texts people agree to. The pages that show them and the consent records both take them from here.

`words` are those of the page: a record has the text in the language that it was shown in.
"""

from __future__ import annotations

from collections.abc import Iterable

from distributor.channels.api import Site
from distributor.domain.subscriber import MailingList
from distributor.rendering.words import Words

ONE_CLICK = "One-click unsubscribe in a mail program (RFC 8058)"
UNSUBSCRIBE_BY_MAIL = "A mail from this mailbox that asks to unsubscribe from the list"
SPAM_COMPLAINT = "A report of the mailbox's provider that a mail from the list was marked as spam"
LIST_DESELECTED = "My choices, saved with this list no longer ticked"


def sign_up_statement(words: Words, site: Site) -> str:
    """The text below the lists on every sign-up form."""
    return words.text("consent.statement", site=site.name)


def sign_up_consent(words: Words, site: Site, chosen: MailingList) -> str:
    """The consent to one list on a sign-up form: its label as shown beside the checkbox, and the promise."""
    return f"{_label(chosen)}\n\n{sign_up_statement(words, site)}"


def confirmation_consent(words: Words, site: Site, chosen: Iterable[MailingList]) -> str:
    """The consent of a subscriber who follows the confirmation link and presses the button."""
    labels = "\n".join(map(_label, chosen))
    return f"{words.text('confirm.button')}\n{labels}\n\n{sign_up_statement(words, site)}"


def preference_consent(words: Words, site: Site, chosen: MailingList) -> str:
    """The consent of a subscriber who selects a list on the preference page."""
    return f"{_label(chosen)}\n\n{sign_up_statement(words, site)}"


def resubscribe_consent(words: Words, site: Site, chosen: MailingList) -> str:
    """The consent of a subscriber who unsubscribed by mistake and subscribes again."""
    asked = f"{words.text('unsubscribe.mistake')}\n{words.text('unsubscribe.resubscribe')}"
    return f"{asked}\n\n{chosen.name}\n\n{sign_up_statement(words, site)}"


def _label(chosen: MailingList) -> str:
    return f"{chosen.name}: {chosen.description}" if chosen.description else chosen.name
