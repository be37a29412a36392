"""A cursor on the tokens of a condition: parsers look at the current token, take it or reject it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from distributor.domain.errors import SegmentError
from distributor.domain.segments.limits import (
    DEEPEST,
    LARGEST_COUNT,
    MOST_CONDITIONS,
    MOST_VALUES,
    why_count_is_invalid,
    why_text_is_invalid,
)
from distributor.domain.segments.tokens import Token, TokenKind

# These words join conditions; as values they need quotes.
RESERVED = frozenset({"and", "or", "not"})


class Cursor:
    """Reads tokens from left to right. Words are compared without regard to case; every error names its token."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._conditions = 0
        self._values = 0

    @property
    def token(self) -> Token:
        """The current token."""
        return self._tokens[self._position]

    def is_word(self, *words: str, ahead: int = 0) -> bool:
        """Whether the token that is `ahead` tokens ahead is one of these words."""
        position = min(self._position + ahead, len(self._tokens) - 1)
        token = self._tokens[position]
        return token.kind is TokenKind.WORD and token.text.casefold() in words

    def is_symbol(self, *symbols: str, ahead: int = 0) -> bool:
        """Whether the token that is `ahead` tokens ahead is one of these symbols."""
        position = min(self._position + ahead, len(self._tokens) - 1)
        token = self._tokens[position]
        return token.kind is TokenKind.SYMBOL and token.text in symbols

    def is_number(self) -> bool:
        """Whether the current token is a whole number."""
        return self.token.kind is TokenKind.WORD and self.token.text.isascii() and self.token.text.isdigit()

    def next(self) -> Token:
        """Take the current token."""
        token = self.token
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def take(self, *expected: str) -> str | None:
        """Take the current token if it is one of these words or symbols; returns it in lower case, else None."""
        if not (self.is_word(*expected) or self.is_symbol(*expected)):
            return None
        return self.next().text.casefold()

    def expect(self, *expected: str) -> str:
        """Take one of these words or symbols. Raises SegmentError."""
        taken = self.take(*expected)
        if taken is None:
            raise self.unexpected(choice_of(expected), near=expected)
        return taken

    def expect_text(self, what: str) -> str:
        """Take a text, with quotes or a single word without. Raises SegmentError."""
        token = self.token
        if token.kind not in {TokenKind.WORD, TokenKind.STRING} or self.is_word(*RESERVED):
            hint = "write it between quotes" if token.kind in {TokenKind.WORD, TokenKind.PATH} else ""
            raise self.unexpected(what, hint=hint)
        self.count_value()
        text = token.steps[0] if token.kind is TokenKind.STRING else token.text
        self.reject_if(why_text_is_invalid(text))
        self.next()
        return text

    def expect_count(self, *, most: int = LARGEST_COUNT) -> int:
        """Take a whole number. Raises SegmentError."""
        if not self.is_number():
            raise self.unexpected("a whole number")
        # A number of more digits than any limit is not even read.
        count = int(self.token.text[:20])
        self.reject_if(why_count_is_invalid(count, most=most))
        self.next()
        return count

    def reject_if(self, reason: str | None, hint: str = "") -> None:
        """Raises SegmentError about the current token if there is a reason."""
        if reason is not None:
            raise self.token.error(reason, hint)

    def unexpected(self, what: str, *, near: Iterable[str] = (), hint: str = "") -> SegmentError:
        """The error that something else was expected; `near` are words that the current one may be a misspelling of."""
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
        """Leave a parenthesis or a negation."""
        self._depth -= 1

    def count_condition(self) -> None:
        """Count another condition. Raises SegmentError if there are too many."""
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise self.token.error(
                f"there are more than {MOST_CONDITIONS} conditions", "save some of them as a segment of their own"
            )

    def count_value(self) -> None:
        """Count another value. Raises SegmentError if there are too many."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise self.token.error(
                f"there are more than {MOST_VALUES} values", "add the subscribers to a list, or tag them"
            )


def choice_of(names: Iterable[str]) -> str:
    """The names joined by commas and `or`, for an error message."""
    named = [word if word.isalpha() else f'"{word}"' for word in names]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
