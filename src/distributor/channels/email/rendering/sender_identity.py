"""Who a mail is from: the sender of the list if it has its own, else that of the channel, else that of the site."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.channels.api import Site
from distributor.channels.email.settings import EmailSettings
from distributor.domain.subscriber import MailingList
from distributor.rendering.sanitize import printable

_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """The sender of a mail with its postal address, and the name of what it is sent for. `slug` is that of the list.

    Without a list, `slug` is empty. `footer` is the list's own: paragraphs of lines of plain text.
    """

    sender: str
    postal_address: str
    name: str
    slug: str = ""
    footer: tuple[tuple[str, ...], ...] = ()


def sender_identity_of(site: Site, settings: EmailSettings, list_: MailingList | None) -> SenderIdentity:
    """The identity of a list on a channel of the site."""
    postal_address = settings.postal_address if settings.postal_address.strip() else site.postal_address
    if list_ is None:
        return SenderIdentity(
            sender=settings.sender or site.sender,
            postal_address=postal_address,
            name=settings.list_name or site.name,
        )
    return SenderIdentity(
        sender=list_.sender or settings.sender or site.sender,
        postal_address=postal_address,
        name=" ".join(list_.name.split()) or settings.list_name or site.name,
        slug=list_.slug,
        footer=_paragraphs(list_.footer),
    )


def _paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    """Blank lines separate paragraphs; line breaks inside one are kept."""
    paragraphs = _BLANK_LINES.split(printable(text).strip())
    return tuple(tuple(line.strip() for line in paragraph.split("\n")) for paragraph in paragraphs if paragraph.strip())
