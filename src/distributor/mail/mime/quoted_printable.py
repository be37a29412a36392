"""Quoted-printable (RFC 2045 section 6.7) in segments that are encoded separately and can be concatenated.

A segment that does not end with a line break is closed by a soft line break, which decoders remove. So every segment
starts in the first column, and no line is longer than 76 characters. No line begins with a dot either: some relays lose
it, and SMTP would have to double it in each message (RFC 5321 section 4.5.2).
"""

from __future__ import annotations

import re
from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"

# At most as many at a time as fit on one line when encoded.
_FIRST_DOTS = re.compile(rb"^\.{1,20}", re.MULTILINE)


def encode_segment(text: str) -> bytes:
    """Encode a segment that is followed by another. Line breaks in `text` are LF, in the result CRLF."""
    # The extra character makes the encoder keep one column free on the last line, for the "=" of the soft line break.
    encoded = _with_crlf(b2a_qp(f"{text}x".encode())[:-1])
    return encoded if not encoded or encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def encode_last_segment(text: str) -> bytes:
    """Encode the segment that ends a body."""
    return _with_crlf(b2a_qp(text.encode()))


def _with_crlf(encoded: bytes) -> bytes:
    while encoded.startswith(b".") or b"\n." in encoded:
        encoded = _FIRST_DOTS.sub(_encode_dots, encoded)
    return encoded.replace(b"\n", b"\r\n")


def _encode_dots(dots: re.Match[bytes]) -> bytes:
    """On a line of their own, because the rest of their line may be a full line."""
    ends_line = dots.string[dots.end() : dots.end() + 1] in (b"", b"\n")
    return b"=2E" * len(dots[0]) + (b"" if ends_line else b"=\n")
