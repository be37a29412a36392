"""Conditions on attributes as SQL. Whatever an attribute contains, no comparison fails or is NULL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, false, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Numeric, Text

from distributor.domain.rendition import Json
from distributor.domain.segments.condition import (
    AttributeCompares,
    AttributeDated,
    AttributeHas,
    AttributeIs,
    AttributeIsSet,
    AttributeMatches,
    Leaf,
    OrderOperator,
    Scalar,
)
from distributor.storage import tables
from distributor.storage.segment_sql.context import Context
from distributor.storage.segment_sql.people import matches

_ATTRIBUTES = tables.subscribers.c.attributes
_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)"
_Value = ColumnElement[Any]
_COMPARE: Mapping[OrderOperator, Callable[[_Value, _Value], ColumnElement[bool]]] = {
    OrderOperator.LESS: lambda left, right: left < right,
    OrderOperator.AT_MOST: lambda left, right: left <= right,
    OrderOperator.MORE: lambda left, right: left > right,
    OrderOperator.AT_LEAST: lambda left, right: left >= right,
}


def _attribute_is(condition: AttributeIs, _context: Context) -> ColumnElement[bool]:
    # The index on attributes supports containment.
    contained = [_ATTRIBUTES.contains(_nested(condition.path, value)) for value in condition.values]
    numbers = [_numeric(value) for value in condition.values if type(value) in {int, float}]
    if not numbers:
        return or_(*contained)
    return or_(*contained, func.coalesce(_number_as_written(condition.path).in_(numbers), false()))


def _attribute_compares(condition: AttributeCompares, _context: Context) -> ColumnElement[bool]:
    number = case(
        (_is_of_type(condition.path, "number"), cast(_text_of(condition.path), Numeric)),
        else_=_number_as_written(condition.path),
    )
    return func.coalesce(_COMPARE[condition.order](number, _numeric(condition.number)), false())


def _attribute_matches(condition: AttributeMatches, _context: Context) -> ColumnElement[bool]:
    return func.coalesce(
        and_(
            _is_of_type(condition.path, "string"),
            matches(_text_of(condition.path), condition.match, condition.text),
        ),
        false(),
    )


def _attribute_has(condition: AttributeHas, _context: Context) -> ColumnElement[bool]:
    return _ATTRIBUTES.contains(_nested(condition.path, [condition.value]))


def _attribute_is_set(condition: AttributeIsSet, _context: Context) -> ColumnElement[bool]:
    value = _value(condition.path)
    return func.coalesce(and_(func.jsonb_typeof(value) != "null", value != literal("", JSONB)), false())


def _attribute_dated(condition: AttributeDated, context: Context) -> ColumnElement[bool]:
    text = _text_of(condition.path)
    first, last = condition.window.days(context.now)
    is_date = and_(_is_of_type(condition.path, "string"), text.regexp_match(literal(_DATE, Text)))
    # Days with years of four digits sort as texts do, so an invalid day is compared and never cast.
    day = func.left(text, 10).collate("C")
    return func.coalesce(
        and_(
            is_date,
            *([day >= _day(first)] if first is not None else []),
            *([day <= _day(last)] if last is not None else []),
        ),
        false(),
    )


def _value(path: tuple[str, ...]) -> ColumnElement[Any]:
    """The value at the path as JSON; NULL if there is none. A step names a member of an object, never of a list."""
    value: ColumnElement[Any] = _ATTRIBUTES
    for step in path:
        value = value.op("->", return_type=JSONB())(literal(step, Text))
    return value


def _text_of(path: tuple[str, ...]) -> ColumnElement[Any]:
    """The text at the path, or any other value as text."""
    holder = _value(path[:-1])
    return holder.op("->>", return_type=Text())(literal(path[-1], Text))


def _is_of_type(path: tuple[str, ...], kind: str) -> ColumnElement[bool]:
    return func.jsonb_typeof(_value(path)) == kind


def _number_as_written(path: tuple[str, ...]) -> ColumnElement[Any]:
    """The number in the text at the path; NULL if it is none."""
    text = _text_of(path)
    return case((text.regexp_match(literal(_NUMBER, Text)), cast(text, Numeric)))


def _numeric(number: Scalar) -> ColumnElement[Any]:
    """The number in decimal as written: 0.1, not the nearest binary fraction."""
    return literal(Decimal(repr(number)), Numeric)


def _day(day: date) -> ColumnElement[Any]:
    return literal(day.isoformat(), Text)


def _nested(path: tuple[str, ...], value: Json) -> Json:
    for step in reversed(path):
        value = {step: value}
    return value


ATTRIBUTES: Mapping[type[Leaf], Callable[[Any, Context], ColumnElement[bool]]] = {
    AttributeIs: _attribute_is,
    AttributeCompares: _attribute_compares,
    AttributeMatches: _attribute_matches,
    AttributeHas: _attribute_has,
    AttributeIsSet: _attribute_is_set,
    AttributeDated: _attribute_dated,
}
