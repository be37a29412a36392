"""A place in the tokens of a condition: what parsers look at, take, and complain about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from distributor.domain.errors import SegmentError
from distributor.domain.segments.limits import (
    DEEPEST,
    LARGEST_COUNT,
    MOST_CONDITIONS,
    MOST_VALUES,
    complaint_about_count,
    complaint_about_text,
)
from distributor.domain.segments.tokens import Token, TokenKind

# What joins conditions is no value, unless it stands between quotes.
RESERVED = frozenset({"and", "or", "not"})


class Cursor:
    """Reads tokens from left to right. Words are taken without regard to case; every complaint names its token."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._conditions = 0
        self._values = 0

    @property
    def token(self) -> Token:
        """The token here."""
        return self._tokens[self._place]

    def is_word(self, *words: str, ahead: int = 0) -> bool:
        """Whether one of these words stands here, or so many tokens ahead."""
        place = min(self._place + ahead, len(self._tokens) - 1)
        token = self._tokens[place]
        return token.kind is TokenKind.WORD and token.text.casefold() in words

    def is_sign(self, *signs: str, ahead: int = 0) -> bool:
        """Whether one of these signs stands here, or so many tokens ahead."""
        place = min(self._place + ahead, len(self._tokens) - 1)
        token = self._tokens[place]
        return token.kind is TokenKind.SIGN and token.text in signs

    def is_number(self) -> bool:
        """Whether a whole number stands here."""
        return self.token.kind is TokenKind.WORD and self.token.text.isascii() and self.token.text.isdigit()

    def next(self) -> Token:
        """Take the token here, whatever it is."""
        token = self.token
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def take(self, *wanted: str) -> str | None:
        """Take one of these words or signs, if it stands here, in lower case."""
        if not (self.is_word(*wanted) or self.is_sign(*wanted)):
            return None
        return self.next().text.casefold()

    def expect(self, *wanted: str) -> str:
        """Take one of these words or signs. Raises SegmentError."""
        taken = self.take(*wanted)
        if taken is None:
            raise self.unexpected(choice_of(wanted), near=wanted)
        return taken

    def expect_text(self, what: str) -> str:
        """Take a text, with quotes or a single word without. Raises SegmentError."""
        token = self.token
        if token.kind not in {TokenKind.WORD, TokenKind.STRING} or self.is_word(*RESERVED):
            hint = "write it between quotes" if token.kind in {TokenKind.WORD, TokenKind.PATH} else ""
            raise self.unexpected(what, hint=hint)
        self.count_value()
        text = token.steps[0] if token.kind is TokenKind.STRING else token.text
        self.complain(complaint_about_text(text))
        self.next()
        return text

    def expect_count(self, *, most: int = LARGEST_COUNT) -> int:
        """Take a whole number. Raises SegmentError."""
        if not self.is_number():
            raise self.unexpected("a whole number")
        # A number of more digits than any limit is not even read.
        count = int(self.token.text[:20])
        self.complain(complaint_about_count(count, most=most))
        self.next()
        return count

    def complain(self, complaint: str | None, hint: str = "") -> None:
        """Raises SegmentError about the token here, if there is something to complain about."""
        if complaint is not None:
            raise self.token.error(complaint, hint)

    def unexpected(self, what: str, *, near: Iterable[str] = (), hint: str = "") -> SegmentError:
        """That something else was expected here; `near` are words that the one here may be a slip of."""
        similar = difflib.get_close_matches(self.token.text.casefold(), list(near), n=2, cutoff=0.6)
        if similar and self.token.kind is TokenKind.WORD:
            hint = f"did you mean {' or '.join(similar)}?"
        return self.token.error(f"expected {what} but found {self.token.shown}", hint)

    def go_deeper(self) -> None:
        """Enter a parenthesis or a negation. Raises SegmentError."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.token.error(
                f"conditions are nested more than {DEEPEST} deep here", "save the inner ones as a segment of their own"
            )

    def come_back(self) -> None:
        """Leave what was entered."""
        self._depth -= 1

    def count_condition(self) -> None:
        """Begin another condition. Raises SegmentError."""
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise self.token.error(
                f"there are more than {MOST_CONDITIONS} conditions", "save some of them as a segment of their own"
            )

    def count_value(self) -> None:
        """Take another value into account. Raises SegmentError."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise self.token.error(f"there are more than {MOST_VALUES} values", "put the people on a list, or tag them")


def choice_of(wanted: Iterable[str]) -> str:
    """The alternatives as a sentence names them."""
    named = [word if word.isalpha() else f'"{word}"' for word in wanted]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
