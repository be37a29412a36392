"""The tokens of a condition's text, each with its position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import NoReturn

import regex

from distributor.domain.errors import SegmentError
from distributor.domain.segments.limits import LONGEST_TEXT

_STRING = r'"(?:[^"\\\r\n]|\\[^\r\n])*+"' + r"|'(?:[^'\\\r\n]|\\[^\r\n])*+'"
_NAME = r"[\p{L}\p{M}\p{N}_-]+"
_TOKEN = regex.compile(
    rf"(?P<space>\s+)"
    rf"|(?P<string>{_STRING})"
    rf"|(?P<path>(?i:attributes)(?:\.(?:{_NAME}|{_STRING}))+)"
    r"|(?P<word>[\p{L}\p{M}\p{N}_.@+:/#%~*-]+)"
    r"|(?P<symbol><=|>=|!=|[=<>(),])"
)
_STEP = regex.compile(rf"\.(?:(?P<name>{_NAME})|(?P<string>{_STRING}))")
_ESCAPE = regex.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_LONGEST_SHOWN = 60
_LINE_END = regex.compile(r"\r\n|\n|\r")
_HINTS = {
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
    "“": 'write a straight quote: "',
    "”": 'write a straight quote: "',
    "„": 'write a straight quote: "',
    "‘": "write a straight quote: '",
    "’": "write a straight quote: '",
}


class TokenKind(StrEnum):
    WORD = "word"
    STRING = "string"
    PATH = "path"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the text. `text` is as written, `steps` what it means: a string's text, or the steps of a path."""

    kind: TokenKind
    text: str
    line: int
    column: int
    offset: int
    steps: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The token as error messages show it."""
        if self.kind is TokenKind.END:
            return "the end"
        shortened = self.text if len(self.text) <= _LONGEST_SHOWN else f"{self.text[:_LONGEST_SHOWN]}…"
        return shortened if self.kind is TokenKind.STRING else f'"{shortened}"'

    def error(self, reason: str, hint: str = "") -> SegmentError:
        """The error at this position."""
        return SegmentError(
            reason, hint=hint, line=self.line, column=self.column, offset=self.offset, length=len(self.text)
        )


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, the last one of kind END. Raises SegmentError."""
    if len(text) > LONGEST_TEXT:
        raise SegmentError(
            f"the condition is longer than {LONGEST_TEXT} characters", hint="save parts of it as segments"
        )
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    line, line_start, offset = 1, 0, 0
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        piece = found.group() if found else text[offset]
        kind = found.lastgroup if found else None
        if kind == "space":
            for end in _LINE_END.finditer(piece):
                line, line_start = line + 1, offset + end.end()
        else:
            token = Token(
                kind=TokenKind(kind or "symbol"), text=piece, line=line, column=offset - line_start + 1, offset=offset
            )
            yield _with_meaning(token) if found else _reject(token)
        offset += len(piece)
    yield Token(kind=TokenKind.END, text="", line=line, column=offset - line_start + 1, offset=offset)


def _reject(token: Token) -> NoReturn:
    if token.text in {'"', "'"}:
        raise token.error(f"the quote {token.text} opened here is not closed")
    raise token.error(f"{token.text!r} has no meaning here", _HINTS.get(token.text, "write it between quotes"))


def _with_meaning(token: Token) -> Token:
    """The same token with its escapes read."""
    if token.kind is TokenKind.STRING:
        return replace(token, steps=(_unescape(token.text, token, 0),))
    if token.kind is TokenKind.PATH:
        steps = _STEP.finditer(token.text, pos=len("attributes"))
        return replace(token, steps=tuple(map(partial(_read_step, token), steps)))
    return token


def _read_step(token: Token, step: regex.Match[str]) -> str:
    return step["name"] or _unescape(step["string"], token, step.start("string"))


def _unescape(quoted: str, token: Token, start: int) -> str:
    """The text between the quotes. `start` is its offset in the token, for the position of an invalid escape."""

    def read(found: regex.Match[str]) -> str:
        code, character = found.groups()
        if code:
            return chr(int(code, 16))
        if character not in _ESCAPED:
            before = start + 1 + found.start()
            raise SegmentError(
                f"{found.group()} is no escape",
                hint=r"after a backslash there may be another, a quote, n, r, t, or u and four digits",
                line=token.line,
                column=token.column + before,
                offset=token.offset + before,
                length=2,
            )
        return _ESCAPED[character]

    return _ESCAPE.sub(read, quoted[1:-1])
