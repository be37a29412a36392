"""Copies a file of any encoding, chunk by chunk, to UTF-8 with LF or CRLF line ends."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from charset_normalizer import from_bytes

from distributor.domain.byte_order_marks import BYTE_ORDER_MARKS
from distributor.domain.errors import InputError

# The encoding is detected from this many bytes.
_SAMPLE_BYTES = 64 * 1024
_MOST_COMMON = "cp1252"
# Guesses of charset-normalizer with more disorder ("chaos", 0 to 1) than this are discarded.
_MAX_CHAOS = 0.1
# Guesses this close to the best one are compared by language.
_CHAOS_TOLERANCE = 0.02
_ERROR_HANDLER = "distributor.mark_undecodable"
_NOT_CHARSETS = frozenset({"idna", "punycode", "undefined", "raw-unicode-escape", "unicode-escape", "utf-7"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Utf8Copy:
    """A finished copy: the original encoding, the size of the copy in bytes, and the SHA-256 of the original in hex."""

    encoding: str
    size: int
    digest: str


def copy_as_utf8(chunks: Iterable[bytes], target: BinaryIO, *, encoding: str = "") -> Utf8Copy:
    """Copy a file to `target` in UTF-8, from the encoding given or the one detected.

    A byte that cannot be decoded becomes one that is invalid in UTF-8, so that only the line with it is refused later.
    Raises InputError for an encoding that is unknown or cannot be detected.
    """
    digest = hashlib.sha256()
    stream = iter(chunks)
    sample = _take_sample(stream)
    source_encoding, mark = _choose_encoding(sample, encoding)
    has_lone_returns = _ends_lines_with_returns(sample, source_encoding)
    decoder = codecs.getincrementaldecoder(source_encoding)(errors=_ERROR_HANDLER)
    size = 0
    for chunk, is_last in _with_last(chain([sample], stream)):
        digest.update(chunk)
        body, mark = chunk[len(mark) :], b""
        if source_encoding == "utf-8" and not has_lone_returns:
            size += target.write(body)
            continue
        text = decoder.decode(body, is_last)
        if has_lone_returns:
            text = text.replace("\r", "\n")
        size += target.write(text.encode("utf-8", "surrogateescape"))
    return Utf8Copy(encoding=source_encoding, size=size, digest=digest.hexdigest())


def _take_sample(stream: Iterator[bytes]) -> bytes:
    sample = b""
    while len(sample) < _SAMPLE_BYTES and (chunk := next(stream, b"")):
        sample += chunk
    return sample


def _with_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each chunk, and whether it is the last."""
    previous = next(chunks, b"")
    for chunk in chunks:
        yield previous, False
        previous = chunk
    yield previous, True


def _choose_encoding(sample: bytes, given: str) -> tuple[str, bytes]:
    """The name of the codec, and the byte order mark to skip."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            if given and not _is_same(given, encoding):
                raise InputError(
                    f"the file starts with the byte order mark of {encoding}, but the encoding given is {given}"
                )
            return encoding, mark
    if given:
        return _codec_name(given), b""
    if _is_utf8(sample):
        return "utf-8", b""
    return _detect(sample), b""


def _codec_name(given: str) -> str:
    try:
        found = codecs.lookup(given)
    except (LookupError, ValueError):
        raise InputError(f"{given!r} is not an encoding; give one such as utf-8, cp1252 or utf-16") from None
    # Codecs such as base64 and rot13 do not decode text.
    if not found._is_text_encoding or found.name in _NOT_CHARSETS:
        raise InputError(f"{given!r} is not a text encoding; give one such as utf-8, cp1252 or utf-16")
    return found.name


def _is_same(given: str, encoding: str) -> bool:
    return encoding.startswith(_codec_name(given).removesuffix("-sig"))


def _is_utf8(sample: bytes) -> bool:
    """Whether most non-ASCII sequences are valid UTF-8: text in other encodings rarely forms one by chance."""
    # Not final: the sample may end in the middle of a character.
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(sample)
    bad = text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - bad
    return bad == 0 or good > bad


def _detect(sample: bytes) -> str:
    if b"\0" in sample:
        raise InputError("the file is not text: it contains NUL bytes; if it is UTF-16, give that as its encoding")
    guesses = [guess for guess in from_bytes(sample[:_SAMPLE_BYTES]) if guess.chaos <= _MAX_CHAOS]
    if not guesses:
        raise InputError("the file is not in UTF-8 and its encoding cannot be detected: give its encoding")
    least = min(guess.chaos for guess in guesses)
    likely = [guess for guess in guesses if guess.chaos <= least + _CHAOS_TOLERANCE and guess.coherence > 0] or guesses
    # Western encodings differ in letters that few names contain, and Windows-1252 is by far the most common.
    if any(guess.encoding == _MOST_COMMON or _MOST_COMMON in guess.could_be_from_charset for guess in likely):
        return _MOST_COMMON
    return max(likely, key=lambda guess: guess.coherence).encoding


def _ends_lines_with_returns(sample: bytes, encoding: str) -> bool:
    """Whether lines end with CR alone, as on classic Mac OS."""
    text = sample.decode(encoding, "replace")
    return "\r" in text and "\n" not in text


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # A lone surrogate, which the handler `surrogateescape` encodes as the byte FF.
    return "\udcff", error.end


codecs.register_error(_ERROR_HANDLER, _mark_undecodable)
