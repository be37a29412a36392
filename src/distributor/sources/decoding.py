"""Decodes the bytes of an article: detects the encoding, and refuses what cannot be decoded reliably."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

import regex

from distributor.domain.byte_order_marks import BYTE_ORDER_MARKS
from distributor.domain.encodings.detection import ByteWords, has_japanese_shifts, likely_readings, utf_16_without_mark
from distributor.domain.encodings.labels import CODECS
from distributor.domain.errors import SourceError

_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028]")
_REPLACEMENTS = str.maketrans(
    {
        "\u00a0": " ",  # word processors add no-break spaces to pasted text
        "\u2029": "\n\n",
        "\u200b": None,
        "\u2060": None,
        "\ufeff": None,
    }
)
# What XML 1.0 forbids (section 2.2), the C1 controls, and the noncharacters of Unicode.
_NOT_TEXT = regex.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\p{Noncharacter_Code_Point}]",
)
# Joiners are needed in emoji, Persian or Malayalam; after a space, a Latin letter or a line end they are leftovers.
_STRAY_JOINERS = re.compile(r"(?<![\u0300-\u1fff\u2190-\U0010ffff])[\u200c\u200d]+")
MAX_BYTES = 5 * 1024 * 1024
_SAVE_AS = "save it as text in UTF-8"


def normalize_text(text: str) -> str:
    """`text` in NFC with LF line ends, without control and invisible characters. Tabs stay."""
    cleaned = _NOT_TEXT.sub("", _LINE_ENDS.sub("\n", text).translate(_REPLACEMENTS))
    return unicodedata.normalize("NFC", _STRAY_JOINERS.sub("", unicodedata.normalize("NFC", cleaned)))


def count_control_characters(text: str) -> int:
    """How many characters of `text` are neither text nor white space."""
    return len(_NOT_TEXT.findall(_LINE_ENDS.sub("\n", text)))


@dataclass(frozen=True, slots=True)
class DecodedText:
    """Normalized text, and warnings for the author about how it was decoded."""

    text: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, path: str) -> DecodedText:
    """Decode UTF-8, UTF-16 or UTF-32 with a byte order mark, or an older encoding that is detected.

    Raises SourceError if the data is empty, too large, binary, damaged, or in an encoding that cannot be detected.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(f"larger than {MAX_BYTES // 1024**2} MB; an article is a few KB of text", path=path)
    found = _decode_marked(data, path) or _decode_unicode(data, path) or _decode_older(data, path)
    controls = count_control_characters(found.text)
    if controls * 10 > len(found.text):
        raise SourceError(f"not text: mostly control characters; {_SAVE_AS}", path=path)
    text = normalize_text(found.text)
    if not text.strip():
        raise SourceError("empty: there is no text in it", path=path)
    removed = (f"{controls} control characters were removed",) if controls else ()
    return DecodedText(text, found.warnings + removed)


def _decode_marked(data: bytes, path: str) -> DecodedText | None:
    """The text after a byte order mark, or None without one."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return DecodedText(data[len(mark) :].decode(encoding))
            except UnicodeDecodeError as error:
                reason = f"damaged: starts with the byte order mark of {encoding} but is not valid (byte {error.start})"
                raise SourceError(f"{reason}; {_SAVE_AS}", path=path) from None
    return None


def _decode_unicode(data: bytes, path: str) -> DecodedText | None:
    if unmarked := utf_16_without_mark(data) or (data.isascii() and has_japanese_shifts(data) and "iso-2022-jp"):
        with suppress(UnicodeDecodeError):
            text = data.decode(CODECS[unmarked])
            if not count_control_characters(text):
                return DecodedText(text, (f"not in UTF-8; read as {unmarked}",))
    if b"\0" in data:
        raise SourceError(f"not text: contains NUL bytes; {_SAVE_AS}", path=path)
    try:
        return DecodedText(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        if _is_mostly_utf8(data):
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError(f"damaged UTF-8: {error.reason}; {_SAVE_AS}", path=path, line=line) from None
        return None


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether at least half of the sequences are valid UTF-8: text in older encodings rarely forms one."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - bad
    return good >= bad


def _decode_older(data: bytes, path: str) -> DecodedText:
    words = ByteWords()
    words.add(data)
    readings = likely_readings(words.found())
    if not readings or readings[0].encoding not in CODECS:
        raise SourceError(f"not in UTF-8, and the encoding cannot be detected; {_SAVE_AS}", path=path)
    encoding, *others = (reading.encoding for reading in readings)
    text = data.decode(CODECS[encoding], "replace")
    others_too = f" (it may be {' or '.join(others)})" if others else ""
    return DecodedText(text, (f"not in UTF-8; read as {encoding}{others_too}: check accents and quotation marks",))
