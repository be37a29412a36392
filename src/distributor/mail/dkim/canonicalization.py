"""What a signature is made over: header fields in the relaxed form, the body in the simple one (RFC 6376 section 3.4).

Our bodies are quoted-printable, so a relay has no reason to touch them, and the simple form costs no time at all.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_CRLF = b"\r\n"


def split_message(message: bytes) -> tuple[bytes, int]:
    """The header without its last CRLF, and where the body begins. A message may end with its header."""
    end = message.find(b"\r\n\r\n")
    if end < 0:
        return message.removesuffix(_CRLF), len(message)
    return message[:end], end + 4


def split_fields(header: bytes) -> list[bytes]:
    """The fields one by one, folds included, without the CRLF at the end of each."""
    return _FIELD_END.split(header)


# The mails of a campaign differ in three or four of twenty fields.
@lru_cache(maxsize=1024)
def relaxed_field(field: bytes) -> tuple[bytes, bytes]:
    """The name of a field in lower case, and the field as it is signed: unfolded, with single blanks, and its CRLF."""
    name, _, value = field.partition(b":")
    name = name.rstrip(b" \t").lower()
    return name, b"%b:%b\r\n" % (name, _BLANKS.sub(b" ", value.replace(_CRLF, b"")).strip(b" "))


class BodyPrefix:
    """How many bodies begin, hashed once: on a processor that hashes slowly this takes a good part of the time."""

    def __init__(self, octets: bytes = b"") -> None:
        self._octets = octets
        self._digest = hashlib.sha256(octets)

    def hash_of(self, message: bytes, start: int) -> tuple[hashlib._Hash, int]:
        """The hash of what was recognized from `start` on, and where it ends; of nothing if it begins otherwise."""
        if message.startswith(self._octets, start):
            return self._digest.copy(), start + len(self._octets)
        return hashlib.sha256(), start


NO_PREFIX = BodyPrefix()


def body_digest(message: bytes, start: int, *, opening: BodyPrefix = NO_PREFIX) -> bytes:
    """SHA-256 of the body that begins at `start`: it ends with exactly one CRLF, and so does an empty one."""
    end = len(message)
    while end - 4 >= start and message[end - 4 : end] == b"\r\n\r\n":
        end -= 2
    digest, known = opening.hash_of(message, start)
    if known > end:
        digest, known = hashlib.sha256(), start
    digest.update(memoryview(message)[known:end])
    if end - start < 2 or message[end - 2 : end] != _CRLF:
        digest.update(_CRLF)
    return digest.digest()
