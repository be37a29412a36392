"""A tolerant parser for received messages: header fields and parts in order, from bytes that may be malformed.

The standard library's parser is not used: it recurses as deep as a message nests, decodes with any codec that a message
names, and loses the parts of messages with broken MIME, as many bounce reports have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile, zip_longest
from urllib.parse import unquote_to_bytes

from distributor.mail.mime.decoding import decode_header_text, decode_text, decode_transfer_encoding, html_to_text

# The report on a delivery comes first; the rest is the returned message.
MAX_MESSAGE_BYTES = 1_000_000
_MAX_TEXT = 200_000
_MAX_FIELDS = 500
MAX_PARTS = 100
_MAX_DEPTH = 8

_FIELD = re.compile(rb"([A-Za-z0-9][!-9;-~]{0,76})[ \t]*:(.*)", re.DOTALL)
_LIKELY_DELIMITER = re.compile(rb"^(--[^\s][^\n]{1,99}?)[ \t]*\n(?=content-)", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;]+))")
# Where the name of a file is, the usual place first.
_NAMES = (("content-disposition", "filename"), ("content-type", "name"))
_RETURNED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/partial", "message/global"}
)


class HeaderFields:
    """Header fields (RFC 5322) in order, found by name; several may have the same name."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return any(one == name for one, _ in self._fields)

    def all(self, name: str) -> list[str]:
        """The decoded values of the fields called `name` (given in lower case)."""
        return [decode_header_text(value) for one, value in self._fields if one == name]

    def get(self, name: str) -> str:
        """The first of these values, or an empty string."""
        return next(iter(self.all(name)), "")

    def names(self) -> list[str]:
        """The names in lower case, in order."""
        return [name for name, _ in self._fields]


@dataclass(frozen=True)
class MessagePart:
    """A leaf part of a message: its own header fields and its encoded body."""

    fields: HeaderFields
    body: bytes
    parent: str = ""

    @cached_property
    def content_type(self) -> str:
        """Type and subtype in lower case; `text/plain` if it is missing or invalid (RFC 2045 section 5.2)."""
        declared = self.fields.get("content-type").split(";")[0].strip().lower()
        return declared if re.fullmatch(r"[a-z]+/[\w.+-]+", declared) else "text/plain"

    @property
    def is_returned_mail(self) -> bool:
        """Whether this is the returned message or its header, by its content type or by its header fields."""
        if not self.parent:
            return False
        return self.content_type in _RETURNED or (
            "from" in self.fields and ("to" in self.fields or "subject" in self.fields)
        )

    @property
    def content(self) -> bytes:
        """Its body without its transfer encoding."""
        return decode_transfer_encoding(self.body, self.fields.get("content-transfer-encoding"))

    @property
    def disposition(self) -> str:
        """How it wants to be shown (RFC 2183): `inline` or `attachment` in lower case; empty if it says nothing."""
        return self.fields.get("content-disposition").split(";")[0].strip().lower()

    @property
    def file_name(self) -> str:
        """The name of the file that it is, also in the form of RFC 2231; empty without one."""
        return next(filter(None, map(self._file_name, _NAMES)), "")

    def decoded(self, data: bytes) -> str:
        """A text of this part in the charset that it says it has."""
        return decode_text(data, parameter(self.fields.get("content-type"), "charset"))

    @cached_property
    def text(self) -> str:
        """The decoded text; HTML is converted to plain text."""
        text = self.decoded(self.content[:_MAX_TEXT])
        return html_to_text(text) if self.content_type == "text/html" else text

    def _file_name(self, place: tuple[str, str]) -> str:
        field, name = place
        value = self.fields.get(field)
        if plain := parameter(value, name):
            return plain
        # Long names are in pieces, and those in another script are percent-encoded (RFC 2231, sections 3 and 4).
        pieces = [parameter(value, f"{name}*")]
        if not pieces[0]:
            numbered = (parameter(value, f"{name}*{at}*") or parameter(value, f"{name}*{at}") for at in range(20))
            pieces = list(takewhile(bool, numbered))
        joined = "".join(pieces)
        charset, quote, rest = joined.partition("'")
        encoded = rest.partition("'")[2] if quote else joined
        return decode_text(unquote_to_bytes(encoded), charset if quote else "utf-8")


@dataclass(frozen=True)
class ReceivedMessage:
    """A received message: its header fields, its leaf parts in order, and its whole body."""

    fields: HeaderFields
    parts: tuple[MessagePart, ...]
    body: bytes

    @property
    def content_type(self) -> str:
        """The whole Content-Type in lower case, with its parameters."""
        return self.fields.get("content-type").lower()


def parse_message(raw: bytes, *, max_bytes: int = MAX_MESSAGE_BYTES) -> ReceivedMessage:
    """Parse the first bytes of a message. Accepts any bytes: what is not valid MIME is plain text.

    It has at most MAX_PARTS parts, and those that are nested more deeply than others may be are left whole.
    """
    lines = raw[:max_bytes].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"").lstrip(b"\n ")
    fields, body = split_header(_without_mbox_line(lines))
    return ReceivedMessage(
        fields=fields, parts=tuple(islice(_leaves(MessagePart(fields, body), 0), MAX_PARTS)), body=body
    )


def split_header(data: bytes) -> tuple[HeaderFields, bytes]:
    """The header fields before the first blank line, and the rest. Lines that are no fields are skipped."""
    head, _, body = data.partition(b"\n\n")
    if data.startswith(b"\n"):
        return HeaderFields([]), data[1:]
    fields: list[tuple[str, bytes]] = []
    for line in head.split(b"\n"):
        # Some programs do not indent a line that they fold after a semicolon.
        if fields and (line[:1] in (b" ", b"\t") or fields[-1][1].endswith(b";")):
            name, value = fields[-1]
            if len(value) < 8000:
                fields[-1] = (name, value + b" " + line.strip())
            continue
        found = _FIELD.fullmatch(line)
        if found and len(fields) < _MAX_FIELDS:
            fields.append((found[1].decode("ascii").lower(), found[2].strip()))
    if not fields:
        return HeaderFields([]), data
    return HeaderFields(fields), body


def parameter(value: str, name: str) -> str:
    """A parameter of a Content-Type, or an empty string."""
    for found in _PARAMETER.finditer(value):
        if found[1].lower() == name:
            return found[2] if found[2] is not None else found[3]
    return ""


def _without_mbox_line(data: bytes) -> bytes:
    if data.startswith((b"From ", b">From ")):
        return data.partition(b"\n")[2].lstrip(b"\n")
    return data


def _leaves(part: MessagePart, depth: int) -> Iterator[MessagePart]:
    if not part.content_type.startswith("multipart/") or depth >= _MAX_DEPTH:
        yield part
        return
    boundary = parameter(part.fields.get("content-type"), "boundary").strip()
    for piece in islice(_split(part.body, b"--" + boundary.encode("utf-8", "replace")), MAX_PARTS):
        fields, body = split_header(piece)
        if any(name.startswith("content-") for name in fields.names()) or "from" in fields:
            yield from _leaves(MessagePart(fields, body, part.content_type), depth + 1)
        else:
            yield MessagePart(HeaderFields([]), piece, part.content_type)


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The pieces between the boundary lines, or lines that look like one; without any, the body is one piece."""
    delimiters = _delimiters(body, boundary) if boundary != b"--" else []
    if not delimiters and (likely := _LIKELY_DELIMITER.search(body)):
        delimiters = _delimiters(body, likely[1])
    if not delimiters:
        yield body
    for delimiter, following in zip_longest(delimiters, delimiters[1:]):
        if delimiter[1] is None:
            yield body[delimiter.end() + 1 : following.start() if following else len(body)]


def _delimiters(body: bytes, boundary: bytes) -> list[re.Match[bytes]]:
    return list(re.finditer(rb"^" + re.escape(boundary) + rb"(--)?[ \t]*$", body, re.MULTILINE))
