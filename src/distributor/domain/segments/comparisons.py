"""How conditions compare: `=`, `!=`, `in (…)`, `not in (…)`, `contains`, `is set` …, with the values that follow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from distributor.domain.errors import InputError
from distributor.domain.segments.condition import Condition, Not, Scalar
from distributor.domain.segments.cursor import Cursor, choice_of
from distributor.domain.segments.limits import why_number_is_invalid
from distributor.domain.segments.tokens import TokenKind

T = TypeVar("T")

EQUALS = ("=", "!=", "in", "not in")
LOOKS = ("contains", "starts with", "ends with")
SETS = ("is set", "is not set")

_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,400})?", re.ASCII)
_TRUTHS = {"true": True, "false": False}
_NEGATIONS = {"!=": "=", "not in": "in", "is not set": "is set"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison without its negation, and whether it was negated."""

    name: str
    is_negated: bool

    def applied(self, cursor: Cursor, condition: Condition) -> Condition:
        """The condition, or its negation if the comparison was negated."""
        return negated(cursor, condition) if self.is_negated else condition


def take_comparison(cursor: Cursor, known: tuple[str, ...]) -> Comparison:
    """Take one of the comparisons in `known`. Raises SegmentError."""
    for name in sorted(known, key=lambda name: -name.count(" ")):
        parts = name.split()
        if all(
            cursor.is_word(part, ahead=offset) or cursor.is_symbol(part, ahead=offset)
            for offset, part in enumerate(parts)
        ):
            for _ in parts:
                cursor.next()
            return Comparison(_NEGATIONS.get(name, name), name in _NEGATIONS)
    raise cursor.unexpected(choice_of(known), near=known)


def read_values(cursor: Cursor, comparison: Comparison, read: Callable[[Cursor], T]) -> tuple[T, ...]:
    """The value after `=`, or those in parentheses after `in`. Raises SegmentError."""
    if comparison.name == "=":
        return (read(cursor),)
    cursor.expect("(")
    values = [read(cursor)]
    while cursor.expect(",", ")") == ",":
        values.append(read(cursor))
    return tuple(values)


def read_text(cursor: Cursor, what: str, meaning: Callable[[str], T]) -> T:
    """The value of a text by `meaning`. Raises SegmentError at its position if it has none."""
    token = cursor.token
    text = cursor.expect_text(what)
    try:
        return meaning(text)
    except InputError as error:
        raise token.error(str(error)) from None


def read_scalar(cursor: Cursor) -> Scalar:
    """A number, true, false, or a text, which needs quotes if it looks like one of those. Raises SegmentError."""
    if cursor.token.kind is not TokenKind.WORD:
        return cursor.expect_text("a value")
    if _NUMBER.fullmatch(cursor.token.text):
        return read_number(cursor)
    word = cursor.expect_text("a value")
    return _TRUTHS.get(word.casefold(), word)


def read_number(cursor: Cursor) -> int | float:
    """A number such as 3 or -2.50. Raises SegmentError."""
    written = cursor.token.text
    if cursor.token.kind is not TokenKind.WORD or not _NUMBER.fullmatch(written):
        raise cursor.unexpected("a number such as 3 or -2.5")
    number = float(written) if "." in written else int(written)
    cursor.reject_if(why_number_is_invalid(number))
    cursor.count_value()
    cursor.next()
    return number


def negated(cursor: Cursor, condition: Condition) -> Condition:
    """The negation of the condition. Raises SegmentError if that is nested too deep."""
    cursor.go_deeper()
    cursor.come_back()
    return Not(condition)
