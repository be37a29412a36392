"""Decodes message text, even if it is declared incorrectly: that may garble characters, but nothing is raised."""

from __future__ import annotations

import binascii
import codecs
import html
import re
from email.errors import HeaderParseError
from email.header import decode_header

# Text codecs only: a charset name in a message must not select any other of Python's codecs.
_CHARSETS = re.compile(
    r"ascii|utf-(7|8|8-sig|16|16-be|16-le)|iso8859-\d{1,2}|cp\d{3,4}|koi8-[rut]|mac-\w+|gb2312|gbk|gb18030|hz|big5\w*"
    r"|iso2022_(jp|kr)\w*|euc_(jp|kr)\w*|euc_jis_2004|shift_jis\w*|johab|tis-620|ptcp154"
)
_ALIASES = {"unicode-1-1-utf-7": "utf-7", "x-sjis": "cp932", "shift_jis": "cp932", "iso-2022-jp": "iso2022_jp_ext"}
_JAPANESE = re.compile(r"jis|iso2022_jp|euc_jp|cp932")
_WORD = re.compile(r"=\?[^?\s]{1,40}\?[bBqQ]\?[^?\s]{0,1000}\?=")
_QUOTED = re.compile(rb"=(?:([0-9A-Fa-f]{2})|[ \t]*\n)")
_INVISIBLE = re.compile(r"<!--.*?(?:-->|\Z)|<(style|script|head)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_NEW_LINE = re.compile(r"<(?:br|/?(?:p|div|tr|table|li|ul|h[1-6]|blockquote|pre|hr))\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0\u200b]+")
_MAX_HEADER = 4000


def decode_transfer_encoding(body: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding (RFC 2045 section 6). Broken base64 is decoded as far as possible."""
    encoding = encoding.strip().lower()
    if encoding == "quoted-printable":
        return _QUOTED.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"", body)
    if encoding == "base64":
        chars = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        chars = chars[: len(chars) - (len(chars) % 4 == 1)]
        return binascii.a2b_base64(chars + b"=" * (-len(chars) % 4))
    return body


def decode_text(data: bytes, charset: str) -> str:
    """Decode bytes declared as `charset`; if they are not, with the most likely charset."""
    for codec in _candidates(charset):
        try:
            return data.decode(codec)
        except (UnicodeError, ValueError):
            continue
    return data.decode("latin-1")


def decode_header_text(data: bytes) -> str:
    """The text of a header field with its encoded words (RFC 2047) decoded, in one line."""
    text = decode_text(data[:_MAX_HEADER], "utf-8")
    if "=?" in text:
        text = re.sub(r"(\?=)\s+(=\?)", r"\1\2", text)
        text = _WORD.sub(lambda found: _decode_word(found[0]), text)
    return " ".join(text.split())


def html_to_text(source: str) -> str:
    """The visible text of HTML, line by line."""
    seen = _TAG.sub(" ", _NEW_LINE.sub("\n", _INVISIBLE.sub(" ", source)))
    lines = (_SPACES.sub(" ", line).strip() for line in html.unescape(seen).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _candidates(charset: str) -> list[str]:
    name = charset.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    try:
        name = codecs.lookup(name).name if name else "utf-8"
    except (LookupError, ValueError, UnicodeError):
        name = "utf-8"
    if not _CHARSETS.fullmatch(name):
        name = "utf-8"
    japanese = ["iso2022_jp_ext", "euc_jp", "cp932"] if _JAPANESE.search(name) else []
    return [name, "utf-8", *japanese]


def _decode_word(word: str) -> str:
    try:
        [(data, charset)] = decode_header(word)
    except (ValueError, HeaderParseError, binascii.Error):
        return word
    if isinstance(data, str):
        return data
    return decode_text(data, charset or "utf-8")
