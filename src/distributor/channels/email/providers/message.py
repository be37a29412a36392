"""A composed mail as the APIs want it: taken apart again, so that what was composed once is what everybody sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from functools import cached_property

from distributor.domain.errors import InputError

_SIGNATURES = re.compile(rb"\A(?:DKIM-Signature:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([\w-]+)@[^<>\r\n]+>", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(r"\r?\n(?=[ \t])")
# What an API has fields of its own for, or writes itself.
_OWN_FIELDS = frozenset({"from", "to", "reply-to", "subject", "date", "mime-version", "dkim-signature", "message-id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An address, and the name that is shown for it, which may be empty."""

    name: str
    address: str

    def __str__(self) -> str:
        """As it is written in a header field, but with any script in the name."""
        name = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{self.address}>' if name else self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAttachment:
    """A file that goes along; one with a `content_id` is shown inside the HTML."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True)
class Mail:
    """A composed mail to `recipient`, the address of the envelope; `content` is its bytes, signed if they are."""

    recipient: str
    content: bytes = field(repr=False)

    @cached_property
    def mark(self) -> str:
        """What finds the delivery again when the provider tells of it: the token of its Message-ID."""
        found = _MESSAGE_ID.search(self.content)
        if found is None:
            raise InputError("the mail has no Message-ID of ours")
        return found[1].decode("ascii")

    @property
    def unsigned(self) -> bytes:
        """The mail without the DKIM signatures that it begins with."""
        return _SIGNATURES.sub(b"", self.content)

    @property
    def message_id(self) -> str:
        return str(self._message["Message-ID"]).strip()

    @property
    def sender(self) -> Recipient:
        return self._people("From")[0]

    @property
    def to(self) -> Recipient:
        """Who gets it, by the name that the mail gives them."""
        named = self._people("To")
        return Recipient(name=named[0].name if named else "", address=self.recipient)

    @property
    def reply_to(self) -> tuple[Recipient, ...]:
        return self._people("Reply-To")

    @property
    def subject(self) -> str:
        return str(self._message["Subject"] or "")

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @property
    def headers(self) -> Iterator[tuple[str, str]]:
        """All other fields in their encoded form, in one line each."""
        for name, value in self._message.raw_items():
            if name.lower() not in _OWN_FIELDS and not name.lower().startswith("content-"):
                yield name, _FOLD.sub("", str(value)).strip()

    @property
    def attachments(self) -> Iterator[ProviderAttachment]:
        """Files, whether they are shown inside the HTML or not."""
        for part in self._message.walk():
            if part.is_multipart() or part in self._bodies:
                continue
            content = part.get_payload(decode=True)
            yield ProviderAttachment(
                name=part.get_filename() or "attachment",
                media_type=part.get_content_type(),
                content=content if isinstance(content, bytes) else b"",
                content_id=str(part.get("Content-ID", "")).strip().strip("<>"),
            )

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @cached_property
    def _bodies(self) -> list[EmailMessage]:
        found = (self._message.get_body((kind,)) for kind in ("plain", "html"))
        return [part for part in found if isinstance(part, EmailMessage)]

    def _body(self, kind: str) -> str:
        part = self._message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else ""

    def _people(self, name: str) -> tuple[Recipient, ...]:
        value = self._message[name]
        addresses: tuple[HeaderAddress, ...] = value.addresses if value is not None else ()
        return tuple(Recipient(name=one.display_name, address=one.addr_spec) for one in addresses)
