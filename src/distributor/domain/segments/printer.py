"""A condition as text that the parser reads as the same condition."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import singledispatch

import regex

from distributor.domain.segments.condition import (
    And,
    AttributeCompares,
    AttributeDated,
    AttributeHas,
    AttributeIs,
    AttributeIsSet,
    AttributeMatches,
    Bound,
    ChoseTopic,
    Condition,
    Created,
    Engaged,
    EngagedWithLast,
    Everyone,
    FieldIs,
    FieldIsSet,
    FieldMatches,
    InSegment,
    Not,
    OnList,
    Or,
    Scalar,
    StatusIs,
    TagIs,
)
from distributor.domain.segments.cursor import RESERVED
from distributor.domain.segments.instants import write_instant
from distributor.domain.segments.window import Ago, Instant, TimeWindow
from distributor.domain.subscriber import Membership

# What needs no quotes: it is one word, begins with a letter and cannot be taken for another token.
_BARE = regex.compile(r"\p{L}[\p{L}\p{M}\p{N}_@+-]*(?:\.[\p{L}\p{M}\p{N}_@+-]+)*")
_BARE_STEP = regex.compile(r"[\p{L}\p{M}\p{N}_-]+")
_UNPRINTABLE = regex.compile(r'["\\]|[\p{C}\p{Zl}\p{Zp}--\p{Co}]', regex.V1)
_BEFORE_LIST = {Membership.SUBSCRIBED: "to", Membership.PENDING: "on", Membership.UNSUBSCRIBED: "from"}


@singledispatch
def print_condition(condition: Condition) -> str:
    """The condition as text; `parse` returns the same tree for it."""
    raise TypeError(f"{condition!r} is no condition")


@print_condition.register
def _(condition: And) -> str:
    return " and ".join(map(_operand, condition.conditions))


@print_condition.register
def _(condition: Or) -> str:
    return " or ".join(
        f"({print_condition(one)})" if isinstance(one, Or) else print_condition(one) for one in condition.conditions
    )


@print_condition.register
def _(condition: Not) -> str:
    return f"not {_operand(condition.condition)}"


@print_condition.register
def _(_condition: Everyone) -> str:
    return "everyone"


@print_condition.register
def _(condition: FieldIs) -> str:
    return f"{condition.field} {_among(map(_text, condition.values))}"


@print_condition.register
def _(condition: FieldMatches) -> str:
    return f"{condition.field} {condition.match} {_text(condition.text)}"


@print_condition.register
def _(condition: FieldIsSet) -> str:
    return f"{condition.field} is set"


@print_condition.register
def _(condition: StatusIs) -> str:
    return f"status {_among(map(_text, condition.values))}"


@print_condition.register
def _(condition: Created) -> str:
    return f"created {_window(condition.window)}"


@print_condition.register
def _(condition: AttributeIs) -> str:
    return f"{_path(condition.path)} {_among(map(_scalar, condition.values))}"


@print_condition.register
def _(condition: AttributeCompares) -> str:
    return f"{_path(condition.path)} {condition.order} {_scalar(condition.number)}"


@print_condition.register
def _(condition: AttributeMatches) -> str:
    return f"{_path(condition.path)} {condition.match} {_quoted(condition.text)}"


@print_condition.register
def _(condition: AttributeHas) -> str:
    return f"{_path(condition.path)} has {_scalar(condition.value)}"


@print_condition.register
def _(condition: AttributeIsSet) -> str:
    return f"{_path(condition.path)} is set"


@print_condition.register
def _(condition: AttributeDated) -> str:
    return f"{_path(condition.path)} {_window(condition.window)}"


@print_condition.register
def _(condition: TagIs) -> str:
    return f"tag {_among(map(_text, condition.tags))}"


@print_condition.register
def _(condition: OnList) -> str:
    if condition.lists and condition.state is Membership.SUBSCRIBED and condition.window is None:
        return f"list {_among(map(_text, condition.lists))}"
    where = (
        _among(map(_text, condition.lists)).removeprefix("= ").removeprefix("in ") if condition.lists else "any list"
    )
    when = f" {_window(condition.window)}" if condition.window else ""
    return f"{condition.state} {_BEFORE_LIST[condition.state]} {where}{when}"


@print_condition.register
def _(condition: ChoseTopic) -> str:
    where = f" on {_text(condition.list_slug)}" if condition.list_slug is not None else ""
    return f"topic {_among(map(_text, condition.topics))}{where}"


@print_condition.register
def _(condition: Engaged) -> str:
    parts = (
        condition.action,
        f"a link with {_quoted(condition.link)}" if condition.link is not None else "",
        f"at least {condition.at_least} times" if condition.at_least > 1 else "",
        f"in campaign {condition.campaign}" if condition.campaign is not None else "",
        _window(condition.window) if condition.window else "",
    )
    return " ".join(filter(None, parts))


@print_condition.register
def _(condition: EngagedWithLast) -> str:
    shares = {
        (Bound.AT_LEAST, condition.last): "all",
        (Bound.AT_LEAST, 1): "any",
        (Bound.AT_MOST, 0): "none",
    }
    share = shares.get((condition.bound, condition.count), f"{condition.bound} {condition.count}")
    return f"{condition.action} {share} of the last {condition.last}"


@print_condition.register
def _(condition: InSegment) -> str:
    return f"segment = {_text(condition.slug)}"


def _operand(condition: Condition) -> str:
    """An operand of `and` or `not`."""
    printed = print_condition(condition)
    return f"({printed})" if isinstance(condition, And | Or) else printed


def _among(printed: Iterable[str]) -> str:
    values = list(printed)
    return f"= {values[0]}" if len(values) == 1 else f"in ({', '.join(values)})"


def _path(path: tuple[str, ...]) -> str:
    return ".".join(("attributes", *(step if _BARE_STEP.fullmatch(step) else _quoted(step) for step in path)))


def _scalar(value: Scalar) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def _text(text: str) -> str:
    return text if _BARE.fullmatch(text) and text.casefold() not in RESERVED else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{_UNPRINTABLE.sub(_escape, text)}"'


def _escape(found: regex.Match[str]) -> str:
    character = found.group()
    if character in {'"', "\\"}:
        return f"\\{character}"
    # A character beyond the first plane has no short escape and is written as it is.
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else character


def _window(window: TimeWindow) -> str:
    if window.before is None and isinstance(window.since, Ago):
        return f"in the last {_span(window.since)}"
    if window.since is None and isinstance(window.before, Ago):
        return f"more than {_span(window.before)} ago"
    since = f"since {_printed_instant(window.since)}" if window.since is not None else ""
    before = f"before {_printed_instant(window.before)}" if window.before is not None else ""
    return f"{since} {before}".strip()


def _printed_instant(instant: Instant) -> str:
    return f"{_span(instant)} ago" if isinstance(instant, Ago) else write_instant(instant)


def _span(span: Ago) -> str:
    return f"{span.count} {span.unit if span.count != 1 else span.unit.removesuffix('s')}"
