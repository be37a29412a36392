"""SMTP replies (RFC 5321 section 4.2), parsed from the bytes of a connection as they arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from distributor.domain.errors import ServiceError

# RFC 5321 section 4.5.3.1.5 allows 512 bytes per line; some servers send more, none this much.
_MAX_LINE_BYTES = 8192
_MAX_LINES = 256

_LINE = re.compile(rb"([2-5]\d\d)(?!\d)(-?)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class SmtpSessionError(ServiceError):
    """The session failed: connection lost, timeout, closed with a 421, or no valid SMTP. A new session may succeed.

    `reply` is the reply that ended it, if there was one.
    """

    def __init__(self, reason: str, *, reply: SmtpReply | None = None) -> None:
        self.reply = reply
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A reply: its code, and the text of each line without the code. The text is untrusted."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text in one line; the enhanced status code, if there is one, appears once, at the beginning."""
        first, *others = self.lines
        return " ".join(line for line in (first, *(_ENHANCED.sub("", line, count=1) for line in others)) if line)

    @property
    def enhanced_status(self) -> str | None:
        """The enhanced status code (RFC 3463), as in ``5.1.1``."""
        found = _ENHANCED.match(self.lines[0])
        return found[1] if found else None

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_negative(self) -> bool:
        return self.code >= 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class SmtpReplyParser:
    """Parses replies from bytes as they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = 0

    @property
    def unread(self) -> int:
        """How many bytes have arrived that are not part of a returned reply."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> SmtpReply | None:
        """The next complete reply, or None if more bytes are needed. Raises SmtpSessionError for an invalid reply."""
        while True:
            end = self._buffer.find(b"\n")
            if end > _MAX_LINE_BYTES or (end < 0 and len(self._buffer) > _MAX_LINE_BYTES):
                raise SmtpSessionError(f"the server sent a line of more than {_MAX_LINE_BYTES} bytes")
            if end < 0:
                return None
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            reply = self._add(line)
            if reply is not None:
                return reply

    def _add(self, line: bytes) -> SmtpReply | None:
        code, is_continued, text = _read_line(line)
        if not code or (self._lines and code != self._code):
            raise SmtpSessionError(f"the server sent {_printable(line[:80])!r} instead of a reply")
        if len(self._lines) == _MAX_LINES:
            raise SmtpSessionError(f"the server sent a reply of more than {_MAX_LINES} lines")
        self._code = code
        self._lines.append(text)
        if is_continued:
            return None
        reply = SmtpReply(code, tuple(self._lines))
        self._lines.clear()
        return reply


# Servers send the same few lines over and over, and parsing lines is most of the work of reading a reply.
@lru_cache(maxsize=256)
def _read_line(line: bytes) -> tuple[int, bool, str]:
    """The code, whether more lines follow, and the text; a code of 0 for an invalid line."""
    parts = _LINE.fullmatch(line)
    return (int(parts[1]), bool(parts[2]), _printable(parts[3])) if parts else (0, False, "")


def _printable(raw: bytes) -> str:
    return _UNPRINTABLE.sub(" ", raw.decode("utf-8", "replace")).strip()
