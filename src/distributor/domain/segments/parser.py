"""A condition's text as a tree: `tag = vip and (clicked in the last 90 days or attributes.plan = "pro")`.

Written by hand and not with a parser generator: its errors are the interface. They name the place, what may stand there
in the words of the language, and the word that was perhaps meant, which a generator's list of terminals does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from distributor.domain.segments.condition import And, Condition, Not, Or
from distributor.domain.segments.cursor import Cursor
from distributor.domain.segments.parse_engagement import ENGAGEMENT
from distributor.domain.segments.parse_people import PEOPLE, parse_attribute
from distributor.domain.segments.tokens import TokenKind, tokenize

_LEAVES: Mapping[str, Callable[[Cursor], Condition]] = {**PEOPLE, **ENGAGEMENT}


def parse(text: str) -> Condition:
    """The condition in `text`. `not` binds closest, then `and`, then `or`. Raises SegmentError."""
    cursor = Cursor(tokenize(text))
    condition = _any_of(cursor)
    if cursor.token.kind is not TokenKind.END:
        raise cursor.unexpected("and, or, or the end", near=("and", "or"), hint=_too_much(cursor))
    return condition


def _any_of(cursor: Cursor) -> Condition:
    conditions = [_all_of(cursor)]
    while cursor.take("or"):
        conditions.append(_all_of(cursor))
    return Or(tuple(conditions)) if len(conditions) > 1 else conditions[0]


def _all_of(cursor: Cursor) -> Condition:
    conditions = [_one(cursor)]
    while cursor.take("and"):
        conditions.append(_one(cursor))
    return And(tuple(conditions)) if len(conditions) > 1 else conditions[0]


def _one(cursor: Cursor) -> Condition:
    if cursor.is_word("not"):
        cursor.go_deeper()
        cursor.next()
        condition: Condition = Not(_one(cursor))
        cursor.come_back()
        return condition
    if cursor.is_symbol("("):
        cursor.go_deeper()
        cursor.next()
        condition = _any_of(cursor)
        if not cursor.take(")"):
            raise cursor.unexpected('and, or, or ")"', near=("and", "or"), hint=_too_much(cursor))
        cursor.come_back()
        return condition
    return _leaf(cursor)


def _leaf(cursor: Cursor) -> Condition:
    cursor.count_condition()
    if cursor.token.kind is TokenKind.PATH:
        return parse_attribute(cursor)
    if cursor.token.text.casefold() in {"attributes", "attributes."}:
        raise cursor.token.error("expected the name of an attribute", "write it after a dot: attributes.city")
    if not cursor.is_word(*_LEAVES):
        raise cursor.unexpected("a condition", near=(*_LEAVES, "not", "attributes"), hint=_example(cursor))
    return _LEAVES[cursor.next().text.casefold()](cursor)


def _too_much(cursor: Cursor) -> str:
    if cursor.token.kind is TokenKind.END:
        return ""
    if cursor.is_symbol(")"):
        return "no parenthesis is open here"
    return "a value of several words needs quotes, and several values need in (…)"


def _example(cursor: Cursor) -> str:
    if cursor.token.kind is TokenKind.END:
        return "for example: tag = vip"
    return "it begins with a word such as tag, list, attributes.city or clicked"
