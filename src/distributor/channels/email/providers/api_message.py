"""A composed mail taken apart again for APIs that want its parts, so that a mail is composed in one place only."""

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
# Fields that an API takes as members of its own, or writes itself.
_SEPARATE_FIELDS = frozenset(
    {"from", "to", "reply-to", "subject", "date", "mime-version", "dkim-signature", "message-id"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAddress:
    """An email address, and the display name for it, which may be empty."""

    name: str
    email: str

    def __str__(self) -> str:
        """As in a header field, but with the name not encoded."""
        name = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{name}" <{self.email}>' if name else self.email


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAttachment:
    """An attached file; one with a `content_id` is shown inside the HTML."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True)
class ApiMessage:
    """A composed mail to `recipient`, the address of the envelope; `content` is its bytes, signed or not."""

    recipient: str
    content: bytes = field(repr=False)

    @cached_property
    def delivery_token(self) -> str:
        """The token of its Message-ID, by which the provider's webhook names the delivery. Raises InputError."""
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
    def sender(self) -> NamedAddress:
        return self._addresses("From")[0]

    @property
    def to(self) -> NamedAddress:
        """The recipient, with the display name that the mail has for it."""
        named = self._addresses("To")
        return NamedAddress(name=named[0].name if named else "", email=self.recipient)

    @property
    def reply_to(self) -> tuple[NamedAddress, ...]:
        return self._addresses("Reply-To")

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
        """All other fields in their encoded form, unfolded."""
        for name, value in self._message.raw_items():
            if name.lower() not in _SEPARATE_FIELDS and not name.lower().startswith("content-"):
                yield name, _FOLD.sub("", str(value)).strip()

    @property
    def attachments(self) -> Iterator[ApiAttachment]:
        """Files, whether they are shown inside the HTML or not."""
        for part in self._message.walk():
            if part.is_multipart() or part in self._bodies:
                continue
            content = part.get_payload(decode=True)
            yield ApiAttachment(
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
        found = (self._message.get_body((subtype,)) for subtype in ("plain", "html"))
        return [part for part in found if isinstance(part, EmailMessage)]

    def _body(self, subtype: str) -> str:
        part = self._message.get_body((subtype,))
        return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else ""

    def _addresses(self, field_name: str) -> tuple[NamedAddress, ...]:
        value = self._message[field_name]
        addresses: tuple[HeaderAddress, ...] = value.addresses if value is not None else ()
        return tuple(NamedAddress(name=one.display_name, email=one.addr_spec) for one in addresses)
