"""Writes header fields as bytes, folded and encoded (RFC 5322, RFC 2047), safe against header injection.

The standard library encodes long URIs and writes encoded words longer than RFC 2047 allows, hence this module. Every
function returns a complete field with its CRLF, and raises InputError naming the field for an invalid value.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from distributor.domain.errors import InputError
from distributor.mail.address import Mailbox

# RFC 5322 recommends 78 characters, RFC 2047 section 2 requires 76 for a line with an encoded word: one limit for both.
_LINE = 76
_MAX_LINE_BYTES = 998
_MAX_ENCODED_WORD = 75

# C0, DEL, C1 (with NEL), the Unicode line ends, and halves of surrogate pairs.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_WORDS = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]+")
# The characters that RFC 2047 section 5 (3) allows unencoded in a phrase, the strictest of its three cases.
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_QUOTED_PAIRS = re.compile(r'(["\\])')
_ESCAPE = r"\\\1"
_CHARSET = "utf-8''"
_Q = {byte: chr(byte) if byte in _Q_PLAIN else "_" if byte == 0x20 else f"={byte:02X}" for byte in range(256)}


def text_field(name: str, text: str) -> bytes:
    """An unstructured field (Subject): plain if possible, else encoded words throughout."""
    _reject_controls(name, text)
    first = _columns_after(name)
    plain = _WORDS.fullmatch(text) and "=?" not in text and max(map(len, text.split(" "))) <= first
    return _fold(name, text.split(" ") if plain else _encoded_words(text, first))


def mailbox_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """A field of mailboxes (From, Reply-To, To). A non-ASCII local part is written in UTF-8, which needs SMTPUTF8."""
    parts: list[str] = []
    for place, mailbox in enumerate(mailboxes):
        comma = "," if place + 1 < len(mailboxes) else ""
        spec = mailbox.address.spec
        parts += [*_phrase(name, mailbox.name), f"<{spec}>{comma}"] if mailbox.name else [f"{spec}{comma}"]
    return _fold(name, parts)


def identity_field(name: str, phrase: str, identity: str) -> bytes:
    """A phrase and an identity in angle brackets (List-Id, RFC 2919)."""
    return _fold(name, [*_phrase(name, phrase), f"<{_ascii(name, identity)}>"])


def uri_field(name: str, *uris: str) -> bytes:
    """URIs in angle brackets, the preferred one first (List-Unsubscribe etc., RFC 2369): neither encoded nor folded."""
    for uri in uris:
        if not _URI.fullmatch(uri):
            raise InputError(f"{name}: {uri!r} is not a URI of printable ASCII characters; percent-encode the others")
    return _fold(name, [f"<{uri}>," for uri in uris[:-1]] + [f"<{uris[-1]}>"])


def ascii_field(name: str, value: str) -> bytes:
    """A structured field whose value is already in its final form (Date, Message-ID, Content-Type)."""
    return _fold(name, _ascii(name, value).split(" "))


def parameter_field(name: str, value: str, parameters: Mapping[str, str]) -> bytes:
    """A value with parameters (Content-Disposition), quoted if possible, else encoded and split (RFC 2231)."""
    pieces = [piece for key, text in parameters.items() for piece in _parameter(name, key, text)]
    return _fold(name, [f"{_ascii(name, value)};", *(f"{piece};" for piece in pieces[:-1]), pieces[-1]])


def _parameter(name: str, key: str, text: str) -> list[str]:
    _reject_controls(name, text)
    quoted = f'{key}="{_QUOTED_PAIRS.sub(_ESCAPE, text)}"'
    if text.isascii() and len(quoted) < _LINE - 1:
        return [quoted]
    chars = [quote(char, safe="").encode("ascii") for char in text]
    pieces = [piece.decode("ascii") for piece in _pack(chars, _LINE - len(f" {key}*00*=utf-8'';"))]
    if len(pieces) == 1:
        return [f"{key}*=utf-8''{pieces[0]}"]
    return [f"{key}*{number}*={'' if number else _CHARSET}{piece}" for number, piece in enumerate(pieces)]


def _ascii(name: str, value: str) -> str:
    if not _WORDS.fullmatch(value):
        raise InputError(f"{name}: {value!r} has to be printable ASCII words separated by single spaces")
    return value


def _reject_controls(name: str, text: str) -> None:
    found = CONTROL.search(text)
    if found:
        raise InputError(f"{name}: the control character U+{ord(found[0]):04X} in {text!r} has to be removed")


def _phrase(name: str, text: str) -> list[str]:
    """RFC 5322 section 3.2.5: nothing, or atoms, or a quoted string, or encoded words."""
    _reject_controls(name, text)
    if not text:
        return []
    first = _columns_after(name)
    if text.isascii() and "=?" not in text:
        if _ATOMS.fullmatch(text) and max(map(len, text.split(" "))) <= first:
            return text.split(" ")
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if len(quoted) <= first:
            return [quoted]
    return _encoded_words(text, first)


def _columns_after(name: str) -> int:
    return _LINE - len(name) - len(": ")


def _encoded_words(text: str, first: int) -> list[str]:
    """`text` as encoded words, in Q if most of it stays readable, each at most `first` columns long."""
    raw = [char.encode() for char in text]
    quoted = ["".join(map(_Q.__getitem__, char)).encode("ascii") for char in raw]
    room = min(_MAX_ENCODED_WORD, first) - len("=?utf-8?q??=")
    if sum(map(len, quoted)) <= 2 * sum(map(len, raw)):
        return [f"=?utf-8?q?{word.decode('ascii')}?=" for word in _pack(quoted, room)]
    return [f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in _pack(raw, room // 4 * 3)]


def _pack(chars: Iterable[bytes], room: int) -> Iterator[bytes]:
    """Join characters to runs of at most `room` bytes without splitting a character."""
    run = bytearray()
    for char in chars:
        if len(run) + len(char) > room:
            yield bytes(run)
            run.clear()
        run += char
    yield bytes(run)


def _fold(name: str, parts: Sequence[str]) -> bytes:
    """Fold the field between its parts; the first part stays on the line of the name."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is not the name of a header field")
    lines = [f"{name}: {parts[0]}"]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) > _LINE:
            lines.append("")
        lines[-1] += f" {part}"
    # Final check against header injection, for values of every kind.
    for line in lines:
        _reject_controls(name, line)
    raw = [line.rstrip(" ").encode() for line in lines]
    if max(map(len, raw)) > _MAX_LINE_BYTES:
        raise InputError(
            f"{name}: a part is longer than a line of a message may be ({_MAX_LINE_BYTES} bytes): shorten it"
        )
    return b"\r\n".join(raw) + b"\r\n"
