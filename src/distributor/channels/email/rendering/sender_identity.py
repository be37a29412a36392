"""Whose voice a mail speaks in: the list's where it has one of its own, else the channel's, else the site's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.channels.api import Site
from distributor.channels.email.settings import EmailSettings
from distributor.domain.subscriber import MailingList
from distributor.rendering.legible import legible

_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """Who a mail comes from, and on behalf of what. `slug` is that of the list, empty without one.

    `footer` is the list's own, paragraphs of lines, all of it text.
    """

    sender: str
    name: str
    slug: str = ""
    footer: tuple[tuple[str, ...], ...] = ()


def sender_identity_of(site: Site, settings: EmailSettings, list_: MailingList | None) -> SenderIdentity:
    """The voice of a list on a channel of the site."""
    if list_ is None:
        return SenderIdentity(sender=settings.sender or site.sender, name=settings.list_name or site.name)
    return SenderIdentity(
        sender=list_.sender or settings.sender or site.sender,
        name=" ".join(list_.name.split()) or settings.list_name or site.name,
        slug=list_.slug,
        footer=_paragraphs(list_.footer),
    )


def list_label(slug: str) -> str:
    """The part of a List-Id that names the list (RFC 2919 section 2), in ASCII: ``weekly``, ``xn--…`` (RFC 3492)."""
    return slug if slug.isascii() else f"xn--{slug.encode('punycode').decode('ascii')}"


def _paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    """Paragraphs stand apart by empty lines; the lines of one stay lines."""
    paragraphs = _BLANK_LINES.split(legible(text).strip())
    return tuple(tuple(line.strip() for line in paragraph.split("\n")) for paragraph in paragraphs if paragraph.strip())
