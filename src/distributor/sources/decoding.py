"""From bytes to text: what encoding it is, and a refusal where that cannot be told."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

import regex
from charset_normalizer import CharsetMatch, from_bytes

from distributor.domain.errors import SourceError

_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028]")
_SIGNS = str.maketrans(
    {
        "\u00a0": " ",  # word processors put no-break spaces wherever a text was pasted
        "\u2029": "\n\n",
        "\u200b": None,
        "\u2060": None,
        "\ufeff": None,
    }
)
# What XML 1.0 forbids (section 2.2), the C1 controls, and the last two signs of every plane, which are no characters.
_UNSENDABLE = regex.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\p{Noncharacter_Code_Point}]",
)
# Joiners belong into emoji, Persian or Malayalam; after a space, a Latin letter or a line end they are leftovers.
_STRAY_JOINERS = re.compile(r"(?<![\u0300-\u1fff\u2190-\U0010ffff])[\u200c\u200d]+")
MAX_BYTES = 5 * 1024 * 1024
# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAVE_AS = "save it as text in UTF-8"
# A guess of the detector counts where it found little disorder, and a language it knows.
_MOST_CHAOS = 0.1
_LEAST_COHERENCE = 0.1
_HABITUAL = "cp1252"


def clean(text: str) -> str:
    """`text` with LF line ends and in NFC, without unsendable and invisible signs. Tabs stay."""
    seen = _UNSENDABLE.sub("", _LINE_ENDS.sub("\n", text).translate(_SIGNS))
    return unicodedata.normalize("NFC", _STRAY_JOINERS.sub("", unicodedata.normalize("NFC", seen)))


def count_controls(text: str) -> int:
    """How many signs in `text` are neither text nor white space."""
    return len(_UNSENDABLE.findall(_LINE_ENDS.sub("\n", text)))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Clean text, and what its author should know about how it was read."""

    text: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, path: str) -> Decoded:
    """The text that `data` holds, in UTF-8, UTF-16 or UTF-32 with a mark, or an older encoding that is recognised.

    Raises SourceError if it is empty, too large, binary, damaged, or in an encoding that cannot be told for sure.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(f"larger than {MAX_BYTES // 1024**2} MB; an article is a few KB of text", path=path)
    found = _decode_marked(data, path) or _decode_unicode(data, path) or _decode_older(data, path)
    controls = count_controls(found.text)
    if controls * 10 > len(found.text):
        raise SourceError(f"not text: mostly control characters; {_SAVE_AS}", path=path)
    text = clean(found.text)
    if not text.strip():
        raise SourceError("empty: there is no text in it", path=path)
    removed = (f"{controls} control characters were removed",) if controls else ()
    return Decoded(text, found.warnings + removed)


def _decode_marked(data: bytes, path: str) -> Decoded | None:
    """The text after a byte order mark, which leaves no doubt about the encoding."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data[len(mark) :].decode(encoding))
            except UnicodeDecodeError as error:
                reason = f"damaged: begins with the mark of {encoding} but is not in it (byte {error.start})"
                raise SourceError(f"{reason}; {_SAVE_AS}", path=path) from None
    return None


def _decode_unicode(data: bytes, path: str) -> Decoded | None:
    if b"\0" in data:
        raise SourceError(f"not text: there are NUL bytes in it; {_SAVE_AS}", path=path)
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        if _is_mostly_utf8(data):
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError(f"damaged UTF-8: {error.reason}; {_SAVE_AS}", path=path, line=line) from None
        return None


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether there are as many good sequences of UTF-8 as bad ones: older encodings hardly ever form one."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(not sign.isascii() for sign in text) - bad
    return good >= bad


def _decode_older(data: bytes, path: str) -> Decoded:
    guesses = [guess for guess in from_bytes(data) if guess.chaos <= _MOST_CHAOS]
    encoding = _choose(guesses)
    if encoding is None:
        raise SourceError(f"neither UTF-8 nor another encoding that can be told for sure; {_SAVE_AS}", path=path)
    return Decoded(data.decode(encoding), (f"not in UTF-8; read as {encoding}: check accents and quotation marks",))


def _choose(guesses: list[CharsetMatch]) -> str | None:
    """The encoding to read with: the best guess, or Windows-1252 where nothing is better than that.

    Western encodings differ in a few letters that short texts hardly show, and Windows-1252 is by far the commonest.
    """
    if not guesses:
        return None
    least = min(guess.chaos for guess in guesses)
    leading = [guess for guess in guesses if guess.chaos == least]
    best = max(leading, key=lambda guess: guess.coherence)
    if any(_HABITUAL in guess.could_be_from_charset and guess.coherence == best.coherence for guess in leading):
        return _HABITUAL
    return best.encoding if best.coherence >= _LEAST_COHERENCE else None
