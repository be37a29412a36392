"""The texts people agree to. The pages that show them and the consent records both take them from here."""

from __future__ import annotations

from collections.abc import Iterable

from distributor.channels.api import Site
from distributor.domain.subscriber import MailingList

UNSUBSCRIBE = "Unsubscribe"
UNSUBSCRIBE_FROM_ALL = "Unsubscribe from everything"
UNSUBSCRIBE_BY_MAIL = "A mail from this mailbox that asks to unsubscribe from the list"
SPAM_COMPLAINT = "A report of the mailbox's provider that a mail from the list was marked as spam"
LIST_DESELECTED = "My choices, saved with this list no longer ticked"


def sign_up_statement(site: Site) -> str:
    """The text below the lists on every sign-up form."""
    return (
        f"I would like {site.name} to send me mail from the lists I have chosen. "
        "I can change my choice or leave at any time, by a link at the end of every mail."
    )


def sign_up_consent(site: Site, chosen: MailingList) -> str:
    """The consent to one list on a sign-up form: its label as shown beside the checkbox, and the promise."""
    return f"{_label(chosen)}\n\n{sign_up_statement(site)}"


def confirmation_consent(site: Site, chosen: Iterable[MailingList]) -> str:
    """The consent of a subscriber who follows the confirmation link and presses the button."""
    return f"Yes, send me mail from:\n{_labels(chosen)}\n\n{sign_up_statement(site)}"


def preference_consent(site: Site, chosen: MailingList) -> str:
    """The consent of a subscriber who selects a list on the preference page."""
    return f"{_label(chosen)}\n\n{sign_up_statement(site)}"


def resubscribe_consent(site: Site, chosen: MailingList) -> str:
    """The consent of a subscriber who unsubscribed by mistake and subscribes again."""
    return f"That was a mistake: subscribe me again\n\n{_label(chosen)}\n\n{sign_up_statement(site)}"


def _labels(chosen: Iterable[MailingList]) -> str:
    return "\n".join(_label(one) for one in chosen)


def _label(chosen: MailingList) -> str:
    return f"{chosen.name}: {chosen.description}" if chosen.description else chosen.name
