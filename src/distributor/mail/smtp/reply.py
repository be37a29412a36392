"""SMTP replies (RFC 5321 section 4.2) out of the bytes of a connection, however these are cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from distributor.domain.errors import ServiceError

# RFC 5321 section 4.5.3.1.5 says 512 octets a line; some servers need more, none needs this much.
_LONGEST_LINE = 8192
_MOST_LINES = 256

_LINE = re.compile(rb"([2-5]\d\d)(?!\d)(-?)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class SmtpSessionError(ServiceError):
    """The session cannot go on: lost, too slow, closed with a 421, or not SMTP at all. Another one may do better.

    `reply` is what the server said to it, if it said something.
    """

    def __init__(self, reason: str, *, reply: SmtpReply | None = None) -> None:
        self.reply = reply
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A reply: its code and, line by line, the server's words without it. They are a stranger's text."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words in one line; the enhanced status code, if there is one, stands once and first."""
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
    """Takes bytes as they arrive and gives replies as they become complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = 0

    @property
    def unread(self) -> int:
        """How many bytes have arrived beyond the replies already given."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> SmtpReply | None:
        """The next reply, or None until more bytes have been fed. Raises SmtpSessionError for what is no reply."""
        while True:
            end = self._buffer.find(b"\n")
            if end > _LONGEST_LINE or (end < 0 and len(self._buffer) > _LONGEST_LINE):
                raise SmtpSessionError(f"the server sent a line of more than {_LONGEST_LINE} octets")
            if end < 0:
                return None
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            reply = self._add(line)
            if reply is not None:
                return reply

    def _add(self, line: bytes) -> SmtpReply | None:
        code, goes_on, text = _read_line(line)
        if not code or (self._lines and code != self._code):
            raise SmtpSessionError(f"the server sent {_printable(line[:80])!r} where a reply was due")
        if len(self._lines) == _MOST_LINES:
            raise SmtpSessionError(f"the server sent a reply of more than {_MOST_LINES} lines")
        self._code = code
        self._lines.append(text)
        if goes_on:
            return None
        reply = SmtpReply(code, tuple(self._lines))
        self._lines.clear()
        return reply


# Servers say the same few lines all day, and taking them apart is most of the work of reading a reply.
@lru_cache(maxsize=256)
def _read_line(line: bytes) -> tuple[int, bool, str]:
    """The code, whether more lines follow, and the words; a code of 0 for what is no line of a reply."""
    parts = _LINE.fullmatch(line)
    return (int(parts[1]), bool(parts[2]), _printable(parts[3])) if parts else (0, False, "")


def _printable(raw: bytes) -> str:
    return _UNPRINTABLE.sub(" ", raw.decode("utf-8", "replace")).strip()
