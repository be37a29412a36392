"""The copy of a file that is read: in UTF-8 with LF or CRLF line ends, whatever it was, made piece by piece."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from charset_normalizer import from_bytes

from distributor.domain.errors import InputError

# What the encoding is told by, in octets.
_SAMPLE = 64 * 1024
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HABITUAL = "cp1252"
# A guess of the detector counts where it found little disorder.
_MOST_CHAOS = 0.1
_LITTLE = 0.02
_ERRORS = "distributor.mark_damage"
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "raw-unicode-escape", "unicode-escape", "utf-7"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied: the encoding it was in, its size now in octets, and the SHA-256 of what it was."""

    encoding: str
    size: int
    digest: str


def copy_as_utf8(pieces: Iterable[bytes], target: BinaryIO, *, encoding: str = "") -> Copied:
    """Copy a file in some encoding, or in one that is recognised, to `target` in UTF-8.

    What is not in that encoding becomes an octet that UTF-8 does not have, so that the line with it is refused later
    and no other. Raises InputError for an encoding that is unknown or cannot be told.
    """
    digest = hashlib.sha256()
    stream = iter(pieces)
    sample = _take_sample(stream)
    chosen, mark = _encoding_of(sample, encoding)
    has_lone_returns = _ends_lines_with_returns(sample, chosen)
    decoder = codecs.getincrementaldecoder(chosen)(errors=_ERRORS)
    size = 0
    for piece, is_last in _with_last(chain([sample], stream)):
        digest.update(piece)
        body, mark = piece[len(mark) :], b""
        if chosen == "utf-8" and not has_lone_returns:
            size += target.write(body)
            continue
        text = decoder.decode(body, is_last)
        if has_lone_returns:
            text = text.replace("\r", "\n")
        size += target.write(text.encode("utf-8", "surrogateescape"))
    return Copied(encoding=chosen, size=size, digest=digest.hexdigest())


def _take_sample(stream: Iterator[bytes]) -> bytes:
    sample = b""
    while len(sample) < _SAMPLE and (piece := next(stream, b"")):
        sample += piece
    return sample


def _with_last(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece, none of them large, and whether it is the last."""
    held = next(pieces, b"")
    for piece in pieces:
        yield held, False
        held = piece
    yield held, True


def _encoding_of(sample: bytes, stated: str) -> tuple[str, bytes]:
    """The name of the codec, and the byte order mark to leave out."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            if stated and not _is_same(stated, encoding):
                raise InputError(f"the file begins with the mark of {encoding} and is stated to be in {stated}")
            return encoding, mark
    if stated:
        return _known(stated), b""
    if _is_utf8(sample):
        return "utf-8", b""
    return _recognised(sample), b""


def _known(stated: str) -> str:
    try:
        found = codecs.lookup(stated)
    except (LookupError, ValueError):
        raise InputError(f"{stated!r} is no encoding; state one such as utf-8, cp1252 or utf-16") from None
    # Python counts things such as base64 and rot13 among its codecs.
    if not found._is_text_encoding or found.name in _NO_CHARSETS:
        raise InputError(f"{stated!r} is no encoding of text; state one such as utf-8, cp1252 or utf-16")
    return found.name


def _is_same(stated: str, encoding: str) -> bool:
    return encoding.startswith(_known(stated).removesuffix("-sig"))


def _is_utf8(sample: bytes) -> bool:
    """Whether most sequences beyond ASCII are good UTF-8: other encodings hardly ever form one by chance."""
    # Not final: the sample may end in the middle of a letter.
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(sample)
    bad = text.count("\ufffd")
    good = sum(not sign.isascii() for sign in text) - bad
    return bad == 0 or good > bad


def _recognised(sample: bytes) -> str:
    if b"\0" in sample:
        raise InputError("the file is no text: there are NUL bytes in it; if it is UTF-16, state that as its encoding")
    guesses = [guess for guess in from_bytes(sample[:_SAMPLE]) if guess.chaos <= _MOST_CHAOS]
    if not guesses:
        raise InputError("neither UTF-8 nor another encoding that can be told for sure: state which one it is")
    least = min(guess.chaos for guess in guesses)
    likely = [guess for guess in guesses if guess.chaos <= least + _LITTLE and guess.coherence > 0] or guesses
    # Western encodings differ in letters that few names have, and Windows-1252 is by far the commonest of them.
    if any(guess.encoding == _HABITUAL or _HABITUAL in guess.could_be_from_charset for guess in likely):
        return _HABITUAL
    return max(likely, key=lambda guess: guess.coherence).encoding


def _ends_lines_with_returns(sample: bytes, encoding: str) -> bool:
    """Whether lines end with CR alone, as they did on old Macs."""
    text = sample.decode(encoding, "replace")
    return "\r" in text and "\n" not in text


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # As a surrogate that is written out as the octet FF.
    return "\udcff", error.end


codecs.register_error(_ERRORS, _mark_damage)
