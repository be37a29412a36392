"""Quoted-printable (RFC 2045 section 6.7) in stretches that are encoded apart and can then be put together.

A stretch that does not end with a line end is closed by a soft line break, which a decoder takes out again. So every
stretch starts in the first column, whatever stands before it, and no line grows beyond 76 characters. No line begins
with a dot either: some relays lose one, and SMTP would have to double it in each mail (RFC 5321 section 4.5.2).
"""

from __future__ import annotations

import re
from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"

# So few at a time that they fit on a line of their own.
_FIRST_DOTS = re.compile(rb"^\.{1,20}", re.MULTILINE)


def encode_segment(text: str) -> bytes:
    """A stretch to be followed by another. Line ends in `text` are LF; in the result they are CRLF."""
    # The extra letter makes the encoder keep one column free on the last line, for the sign of the soft break.
    encoded = _with_crlf(b2a_qp(f"{text}x".encode())[:-1])
    return encoded if not encoded or encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def encode_last_segment(text: str) -> bytes:
    """The stretch that ends a body."""
    return _with_crlf(b2a_qp(text.encode()))


def _with_crlf(encoded: bytes) -> bytes:
    while encoded.startswith(b".") or b"\n." in encoded:
        encoded = _FIRST_DOTS.sub(_hide_dots, encoded)
    return encoded.replace(b"\n", b"\r\n")


def _hide_dots(dots: re.Match[bytes]) -> bytes:
    """On a line of their own, because the rest of their line may fill one."""
    ends_line = dots.string[dots.end() : dots.end() + 1] in (b"", b"\n")
    return b"=2E" * len(dots[0]) + (b"" if ends_line else b"=\n")
