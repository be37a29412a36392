"""Wording: the sentences people agree to, in the one place where the pages and the record of consent take them from."""

from __future__ import annotations

from collections.abc import Iterable

from distributor.channels.api import Site
from distributor.domain.subscriber import MailingList

LEAVING = "Unsubscribe"
LEAVING_EVERYTHING = "Unsubscribe from everything"
LEAVING_BY_MAIL = "A mail from this mailbox that asks to be taken off the list"
COMPLAINING = "A report of the mailbox's provider that a mail from the list was marked as spam"
LEAVING_A_LIST = "My choices, saved with this list no longer ticked"


def promise(site: Site) -> str:
    """What everybody who signs up is told, below the lists to choose from."""
    return (
        f"I would like {site.name} to send me mail from the lists I have chosen. "
        "I can change my choice or leave at any time, by a link at the end of every mail."
    )


def signing_up(site: Site, chosen: MailingList) -> str:
    """What is kept for one list: its label, as it stood beside the box that was ticked, and the promise."""
    return f"{_label(chosen)}\n\n{promise(site)}"


def confirming(site: Site, chosen: Iterable[MailingList]) -> str:
    """What is kept of somebody who follows the link in their mailbox and presses the button."""
    return f"Yes, send me mail from:\n{_labels(chosen)}\n\n{promise(site)}"


def choosing(site: Site, chosen: MailingList) -> str:
    """What is kept of somebody who ticks a list among their choices."""
    return f"{_label(chosen)}\n\n{promise(site)}"


def returning(site: Site, chosen: MailingList) -> str:
    """What is kept of somebody who has left and says that this was a mistake."""
    return f"That was a mistake: subscribe me again\n\n{_label(chosen)}\n\n{promise(site)}"


def _labels(chosen: Iterable[MailingList]) -> str:
    return "\n".join(_label(one) for one in chosen)


def _label(chosen: MailingList) -> str:
    return f"{chosen.name}: {chosen.description}" if chosen.description else chosen.name
