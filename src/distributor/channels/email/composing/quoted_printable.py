"""Quoted-printable (RFC 2045 section 6.7) in stretches that are encoded apart and can then be put together.

A stretch that does not end with a line end is closed by a soft line break, which a decoder takes out again. So every
stretch starts in the first column, whatever stands before it, and no line grows beyond 76 characters.
"""

from __future__ import annotations

from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"


def encode_stretch(text: str) -> bytes:
    """A stretch to be followed by another. Line ends in `text` are LF; in the result they are CRLF."""
    # The extra letter makes the encoder keep one column free on the last line, for the sign of the soft break.
    encoded = b2a_qp(f"{text}x".encode())[:-1].replace(b"\n", b"\r\n")
    return encoded if not encoded or encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def encode_last_stretch(text: str) -> bytes:
    """The stretch that ends a body."""
    return b2a_qp(text.encode()).replace(b"\n", b"\r\n")
