"""Canonicalization (RFC 6376 section 3.4): `relaxed` for header fields, `simple` for the body.

Bodies are sent quoted-printable, so a relay has no reason to change them, and `simple` costs no time.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_CRLF = b"\r\n"


def split_message(message: bytes) -> tuple[bytes, int]:
    """The header without its last CRLF, and the index where the body begins. A message may have no body."""
    end = message.find(b"\r\n\r\n")
    if end < 0:
        return message.removesuffix(_CRLF), len(message)
    return message[:end], end + 4


def split_fields(header: bytes) -> list[bytes]:
    """The header fields, still folded, each without its final CRLF."""
    return _FIELD_END.split(header)


# The messages of a campaign differ in three or four of about twenty fields.
@lru_cache(maxsize=1024)
def relaxed_field(field: bytes) -> tuple[bytes, bytes]:
    """The field name in lower case, and the field in relaxed form: unfolded, with single spaces, ending with CRLF."""
    name, _, value = field.partition(b":")
    name = name.rstrip(b" \t").lower()
    return name, b"%b:%b\r\n" % (name, _BLANKS.sub(b" ", value.replace(_CRLF, b"")).strip(b" "))


class BodyPrefix:
    """The bytes that many bodies begin with, hashed once: this saves much time where SHA-256 is slow."""

    def __init__(self, prefix: bytes = b"") -> None:
        self._prefix = prefix
        self._digest = hashlib.sha256(prefix)

    def hash_of(self, message: bytes, start: int) -> tuple[hashlib._Hash, int]:
        """The hash of the prefix and the index after it, if the body at `start` begins with it; else an empty hash."""
        if message.startswith(self._prefix, start):
            return self._digest.copy(), start + len(self._prefix)
        return hashlib.sha256(), start


NO_PREFIX = BodyPrefix()


def body_digest(message: bytes, start: int, *, body_prefix: BodyPrefix = NO_PREFIX) -> bytes:
    """SHA-256 of the body that begins at `start`, in simple form: it ends with exactly one CRLF, even if empty."""
    end = len(message)
    while end - 4 >= start and message[end - 4 : end] == b"\r\n\r\n":
        end -= 2
    digest, hashed = body_prefix.hash_of(message, start)
    if hashed > end:
        digest, hashed = hashlib.sha256(), start
    digest.update(memoryview(message)[hashed:end])
    if end - start < 2 or message[end - 2 : end] != _CRLF:
        digest.update(_CRLF)
    return digest.digest()
