"""A secret address: mails that are sent to it become articles.

Nothing about the address is stored, it is signed (mail.article_address). Who may write there is decided by the field
From, which anybody can write: SPF, DKIM and DMARC are not checked here, so the address has to stay secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import getaddresses
from typing import ClassVar

from pydantic import BaseModel, Field, field_validator

from distributor.domain.address import mailbox_key
from distributor.domain.errors import AddressError, SourceError
from distributor.mail.address import Address
from distributor.mail.bounces.formats.plain_text import is_from_mail_system
from distributor.mail.bounces.kinds.autoreply import read_autoreply
from distributor.mail.mime.received_message import ReceivedMessage
from distributor.sources.items import ReadItem
from distributor.sources.kinds.api import Reading
from distributor.sources.kinds.mail_article import clean_subject, parse_mail, read_mail_article

_MESSAGE_ID = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


class UnwantedMailError(SourceError):
    """A mail that no person wrote, such as a bounce or an automatic answer: it is not kept."""


class MailboxSettings(BaseModel, extra="forbid"):
    """Settings of an address for mails."""

    allowed_senders: str = Field(
        "",
        title="Senders",
        description="addresses and domains that may write there, with commas; empty: whoever knows the address",
    )
    domain: str = Field(
        "", title="Domain", description="of the address, if not the bounce domain of a channel", max_length=253
    )
    number: int = Field(
        0, title="Number", description="raise it for a new address; the one before is refused then", ge=0, le=10**6
    )

    @field_validator("allowed_senders")
    @classmethod
    def _are_senders(cls, value: str) -> str:
        for one in _listed(value):
            if mailbox_key(one) is None and not _DOMAIN.fullmatch(one.removeprefix("@").lower()):
                raise ValueError(f"{one!r} is no address and no domain: write ann@example.org, example.org")
        return value

    @field_validator("domain")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        try:
            return Address.parse(f"a@{value.strip()}").domain if value.strip() else ""
        except AddressError as error:
            raise ValueError(error.reason) from None


class MailboxSource:
    """Articles that people send by mail."""

    kind: ClassVar[str] = "mailbox"
    title: ClassVar[str] = "Mail"
    sentence: ClassVar[str] = "Mails to a secret address, with their images or a document."
    settings_model: ClassVar[type[BaseModel]] = MailboxSettings
    interval: ClassVar[timedelta] = timedelta(days=1)
    is_local: ClassVar[bool] = False

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._allowed = frozenset(
            mailbox_key(one) or one.removeprefix("@").lower() for one in _listed(settings.allowed_senders)
        )

    @property
    def address(self) -> str:
        """Empty: it is signed for the source, which knows its own id only when it is stored."""
        return ""

    def read(self, reading: Reading) -> Iterator[ReadItem]:
        """Nothing: it waits for mails."""
        yield from ()

    def receive_mail(self, raw: bytes, reading: Reading) -> ReadItem:
        message = parse_mail(raw)
        _require_person(message)
        self._require_allowed(message)
        # Without what relays add on the way, so that a copy of a mail is the same.
        stable = "\n".join(message.fields.get(name) for name in ("from", "date", "subject"))
        digest = hashlib.sha256(stable.encode("utf-8", "replace") + b"\n\n" + message.body).hexdigest()
        found = _MESSAGE_ID.search(message.fields.get("message-id"))
        return reading.item(
            found[1] if found else digest, digest, lambda: read_mail_article(message, options=reading.options)
        )

    def _require_allowed(self, message: ReceivedMessage) -> None:
        """Raises SourceError for a sender who may not write here."""
        senders = [address for _, address in getaddresses(message.fields.all("from")) if address]
        if len(senders) != 1 or (key := mailbox_key(senders[0])) is None:
            if self._allowed:
                raise SourceError("the mail does not say who sent it: its field From is not one address")
            return
        if self._allowed and self._allowed.isdisjoint({key, key.rpartition("@")[2]}):
            subject = clean_subject(message.fields.get("subject"))[:80]
            raise SourceError(
                f"{senders[0]} may not send articles here (subject: {subject!r}): add the address or its domain to "
                "allowed_senders, and try the mail again"
            )


KIND = MailboxSource


def _listed(text: str) -> list[str]:
    return [one for one in re.split(r"[\s,;]+", text.strip()) if one]


def _require_person(message: ReceivedMessage) -> None:
    """Raises UnwantedMailError for a report, a bounce and an automatic answer (RFC 3464, RFC 8098, RFC 3834)."""
    fields = message.fields
    is_bounce = message.content_type.startswith("multipart/report") or is_from_mail_system(message)
    if is_bounce or fields.get("return-path").strip() == "<>":
        raise UnwantedMailError("a mail server sent it: it is a bounce or another report, and no article")
    if fields.get("auto-submitted").lower().startswith("auto-replied") or read_autoreply(message) is not None:
        raise UnwantedMailError("it is an automatic answer, and no article")
