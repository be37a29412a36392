"""What is known of people: fields, attributes, tags, lists, topics, and other segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from distributor.domain.segments.comparisons import (
    EQUALS,
    LOOKS,
    SETS,
    Comparison,
    read_number,
    read_scalar,
    read_text,
    read_values,
    take_comparison,
)
from distributor.domain.segments.condition import (
    AttributeCompares,
    AttributeDated,
    AttributeHas,
    AttributeIs,
    AttributeIsSet,
    AttributeMatches,
    ChoseTopic,
    Condition,
    Created,
    Everyone,
    Field,
    FieldIs,
    FieldIsSet,
    FieldMatches,
    InSegment,
    MailStatus,
    OnList,
    OrderOperator,
    StatusIs,
    TagIs,
    TextMatch,
)
from distributor.domain.segments.cursor import Cursor
from distributor.domain.segments.field_values import read_field_value, read_slug, read_topic
from distributor.domain.segments.limits import MOST_STEPS, why_text_is_invalid
from distributor.domain.segments.parse_window import WINDOWS, begins_window, parse_window, parse_window_if_any
from distributor.domain.subscriber import Membership


def parse_attribute(cursor: Cursor) -> Condition:
    """`attributes.city = "Graz"` and the like; the current token is the path. Raises SegmentError."""
    path = cursor.token.steps
    cursor.reject_if(f"a path has more than {MOST_STEPS} steps" if len(path) > MOST_STEPS else None)
    for step in path:
        cursor.reject_if(why_text_is_invalid(step))
    cursor.next()
    if begins_window(cursor):
        return AttributeDated(path=path, window=parse_window(cursor))
    comparison = take_comparison(cursor, (*EQUALS, *OrderOperator, *LOOKS, "has", *SETS, *WINDOWS))
    return comparison.applied(cursor, _ATTRIBUTE[comparison.name](cursor, path, comparison))


def _attribute_is(cursor: Cursor, path: tuple[str, ...], comparison: Comparison) -> Condition:
    return AttributeIs(path=path, values=read_values(cursor, comparison, read_scalar))


def _attribute_compares(cursor: Cursor, path: tuple[str, ...], comparison: Comparison) -> Condition:
    return AttributeCompares(path=path, order=OrderOperator(comparison.name), number=read_number(cursor))


def _attribute_matches(cursor: Cursor, path: tuple[str, ...], comparison: Comparison) -> Condition:
    return AttributeMatches(path=path, match=TextMatch(comparison.name), text=cursor.expect_text("a text"))


def _attribute_has(cursor: Cursor, path: tuple[str, ...], _: Comparison) -> Condition:
    return AttributeHas(path=path, value=read_scalar(cursor))


def _attribute_is_set(_: Cursor, path: tuple[str, ...], __: Comparison) -> Condition:
    return AttributeIsSet(path=path)


def _field(field: Field, cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, (*EQUALS, *LOOKS, *SETS))
    if comparison.name == "is set":
        return comparison.applied(cursor, FieldIsSet(field=field))
    if comparison.name in LOOKS:
        return FieldMatches(field=field, match=TextMatch(comparison.name), text=cursor.expect_text("a text"))
    read = partial(read_text, what=f"a {field.value}", meaning=partial(read_field_value, field))
    return comparison.applied(cursor, FieldIs(field=field, values=read_values(cursor, comparison, read)))


def _everyone(_: Cursor) -> Condition:
    return Everyone()


def _created(cursor: Cursor) -> Condition:
    return Created(window=parse_window(cursor))


def _status(cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, EQUALS)
    return comparison.applied(cursor, StatusIs(values=read_values(cursor, comparison, _mail_status)))


def _mail_status(cursor: Cursor) -> MailStatus:
    return MailStatus(cursor.expect(*MailStatus))


def _tag(cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, EQUALS)
    return comparison.applied(cursor, TagIs(tags=read_values(cursor, comparison, lambda at: at.expect_text("a tag"))))


def _list(cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, EQUALS)
    return comparison.applied(cursor, OnList(lists=read_values(cursor, comparison, partial(_slug, what="a list"))))


def _topic(cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, EQUALS)
    topics = read_values(cursor, comparison, lambda at: read_text(at, "a topic", read_topic))
    list_slug = _slug(cursor, what="a list") if cursor.take("on") else None
    return comparison.applied(cursor, ChoseTopic(topics=topics, list_slug=list_slug))


def _segment(cursor: Cursor) -> Condition:
    comparison = take_comparison(cursor, ("=", "!="))
    return comparison.applied(cursor, InSegment(slug=_slug(cursor, what="a segment")))


def parse_membership(state: Membership, preposition: str, cursor: Cursor) -> Condition:
    """`subscribed to news since 2026-01-01`, after its first word. Raises SegmentError."""
    cursor.expect(preposition)
    return OnList(lists=_lists(cursor), state=state, window=parse_window_if_any(cursor))


def _lists(cursor: Cursor) -> tuple[str, ...]:
    """One list, several in parentheses, or `any list`."""
    if cursor.is_word("any") and cursor.is_word("list", ahead=1):
        cursor.next()
        cursor.next()
        return ()
    among = Comparison("in" if cursor.is_symbol("(") else "=", is_negated=False)
    return read_values(cursor, among, partial(_slug, what="a list"))


def _slug(cursor: Cursor, *, what: str) -> str:
    return read_text(cursor, what, read_slug)


_ATTRIBUTE: Mapping[str, Callable[[Cursor, tuple[str, ...], Comparison], Condition]] = {
    "=": _attribute_is,
    "in": _attribute_is,
    "has": _attribute_has,
    "is set": _attribute_is_set,
    **dict.fromkeys(OrderOperator, _attribute_compares),
    **dict.fromkeys(TextMatch, _attribute_matches),
}

PEOPLE: Mapping[str, Callable[[Cursor], Condition]] = {
    "everyone": _everyone,
    **{field.value: partial(_field, field) for field in Field},
    "status": _status,
    "created": _created,
    "tag": _tag,
    "list": _list,
    "topic": _topic,
    "segment": _segment,
    "subscribed": partial(parse_membership, Membership.SUBSCRIBED, "to"),
    "pending": partial(parse_membership, Membership.PENDING, "on"),
}
