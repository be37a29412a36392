"""A mail, opened: its header fields and its parts in order, from octets that may be broken in any way.

The standard library's parser is not used: it recurses as deep as a mail nests, decodes by any codec that a mail names,
and gives up the parts of mails whose MIME is broken, which is what many reports are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest

from distributor.mail.mime.decoding import decode_header_text, decode_text, decode_transfer_encoding, html_to_text

# What is told about a delivery stands in the beginning; the rest is the mail that came back.
MAX_MESSAGE_BYTES = 1_000_000
_LONGEST_TEXT = 200_000
_MOST_FIELDS = 500
_MOST_PARTS = 100
_DEEPEST = 8

_FIELD = re.compile(rb"([A-Za-z0-9][!-9;-~]{0,76})[ \t]*:(.*)", re.DOTALL)
_LIKELY_FENCE = re.compile(rb"^(--[^\s][^\n]{1,99}?)[ \t]*\n(?=content-)", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;]+))")
_RETURNED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/partial", "message/global"}
)


class HeaderFields:
    """Header fields (RFC 5322): several of one name in order, looked up by name whatever its case."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return any(one == name for one, _ in self._fields)

    def all(self, name: str) -> list[str]:
        """The decoded values of the fields called `name` (given in lower case)."""
        return [decode_header_text(value) for one, value in self._fields if one == name]

    def get(self, name: str) -> str:
        """The first of them, or nothing."""
        return next(iter(self.all(name)), "")

    def names(self) -> list[str]:
        """The names in lower case, in order."""
        return [name for name, _ in self._fields]


@dataclass(frozen=True)
class MessagePart:
    """A leaf of a mail: its own header fields and its octets as they were sent."""

    fields: HeaderFields
    body: bytes
    parent: str = ""

    @cached_property
    def content_type(self) -> str:
        """Type and subtype in lower case; `text/plain` where nothing sensible is said (RFC 2045 section 5.2)."""
        said = self.fields.get("content-type").split(";")[0].strip().lower()
        return said if re.fullmatch(r"[a-z]+/[\w.+-]+", said) else "text/plain"

    @property
    def is_returned_mail(self) -> bool:
        """Whether this is the mail that came back, or its header: said so, or seen by the fields it begins with."""
        if not self.parent:
            return False
        return self.content_type in _RETURNED or (
            "from" in self.fields and ("to" in self.fields or "subject" in self.fields)
        )

    @cached_property
    def text(self) -> str:
        """The decoded text; HTML as a reader sees it."""
        octets = decode_transfer_encoding(self.body, self.fields.get("content-transfer-encoding"))[:_LONGEST_TEXT]
        text = decode_text(octets, parameter(self.fields.get("content-type"), "charset"))
        return html_to_text(text) if self.content_type == "text/html" else text


@dataclass(frozen=True)
class ReceivedMessage:
    """A mail: its header fields, the content type it claims, and its leaves in order."""

    fields: HeaderFields
    parts: tuple[MessagePart, ...]
    body: bytes

    @property
    def content_type(self) -> str:
        """The whole Content-Type in lower case, with its parameters."""
        return self.fields.get("content-type").lower()


def parse_message(raw: bytes) -> ReceivedMessage:
    """Open a mail. Anything is a mail: what cannot be understood is text."""
    lines = raw[:MAX_MESSAGE_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"").lstrip(b"\n ")
    fields, body = split_header(_without_mbox_line(lines))
    return ReceivedMessage(
        fields=fields, parts=tuple(islice(_leaves(MessagePart(fields, body), 0), _MOST_PARTS)), body=body
    )


def split_header(octets: bytes) -> tuple[HeaderFields, bytes]:
    """The header fields before the first blank line, and what follows it. Lines that are no fields are passed over."""
    head, _, body = octets.partition(b"\n\n")
    if octets.startswith(b"\n"):
        return HeaderFields([]), octets[1:]
    fields: list[tuple[str, bytes]] = []
    for line in head.split(b"\n"):
        # Some programs forget to indent what they fold after a semicolon.
        if fields and (line[:1] in (b" ", b"\t") or fields[-1][1].endswith(b";")):
            name, value = fields[-1]
            if len(value) < 8000:
                fields[-1] = (name, value + b" " + line.strip())
            continue
        found = _FIELD.fullmatch(line)
        if found and len(fields) < _MOST_FIELDS:
            fields.append((found[1].decode("ascii").lower(), found[2].strip()))
    if not fields:
        return HeaderFields([]), octets
    return HeaderFields(fields), body


def parameter(value: str, name: str) -> str:
    """A parameter of a Content-Type, or nothing."""
    for found in _PARAMETER.finditer(value):
        if found[1].lower() == name:
            return found[2] if found[2] is not None else found[3]
    return ""


def _without_mbox_line(octets: bytes) -> bytes:
    if octets.startswith((b"From ", b">From ")):
        return octets.partition(b"\n")[2].lstrip(b"\n")
    return octets


def _leaves(part: MessagePart, depth: int) -> Iterator[MessagePart]:
    if not part.content_type.startswith("multipart/") or depth >= _DEEPEST:
        yield part
        return
    boundary = parameter(part.fields.get("content-type"), "boundary").strip()
    for piece in islice(_split(part.body, b"--" + boundary.encode("utf-8", "replace")), _MOST_PARTS):
        fields, body = split_header(piece)
        if any(name.startswith("content-") for name in fields.names()) or "from" in fields:
            yield from _leaves(MessagePart(fields, body, part.content_type), depth + 1)
        else:
            yield MessagePart(HeaderFields([]), piece, part.content_type)


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The pieces between the lines that are the boundary, or else look like one; without any, all is one piece."""
    fences = _fences(body, boundary) if boundary != b"--" else []
    if not fences and (likely := _LIKELY_FENCE.search(body)):
        fences = _fences(body, likely[1])
    if not fences:
        yield body
    for fence, following in zip_longest(fences, fences[1:]):
        if fence[1] is None:
            yield body[fence.end() + 1 : following.start() if following else len(body)]


def _fences(body: bytes, boundary: bytes) -> list[re.Match[bytes]]:
    return list(re.finditer(rb"^" + re.escape(boundary) + rb"(--)?[ \t]*$", body, re.MULTILINE))
