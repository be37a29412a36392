"""A reference evaluation of every kind of condition, in plain Python over plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import singledispatch
from typing import Any

from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.segments.condition import (
    Action,
    And,
    AttributeCompares,
    AttributeDated,
    AttributeHas,
    AttributeIs,
    AttributeIsSet,
    AttributeMatches,
    Bound,
    ChoseTopic,
    Created,
    Engaged,
    EngagedWithLast,
    Everyone,
    Field,
    FieldIs,
    FieldIsSet,
    FieldMatches,
    MailStatus,
    Not,
    OnList,
    Or,
    OrderOperator,
    StatusIs,
    TagIs,
    TextMatch,
)
from distributor.domain.segments.window import TimeWindow
from tests.storage.sample_subscribers import CONFIRMATION, NOW, SampleEvent, SampleMail, SampleSubscriber

MISSING = object()
LOOK: Mapping[TextMatch, Callable[[str, str], bool]] = {
    TextMatch.CONTAINS: lambda text, part: part.lower() in text.lower(),
    TextMatch.STARTS_WITH: lambda text, part: text.lower().startswith(part.lower()),
    TextMatch.ENDS_WITH: lambda text, part: text.lower().endswith(part.lower()),
}
COMPARE: Mapping[OrderOperator, Callable[[Decimal, Decimal], bool]] = {
    OrderOperator.LESS: lambda left, right: left < right,
    OrderOperator.AT_MOST: lambda left, right: left <= right,
    OrderOperator.MORE: lambda left, right: left > right,
    OrderOperator.AT_LEAST: lambda left, right: left >= right,
}
MEANT: Mapping[Action, Callable[[SampleEvent], bool]] = {
    Action.OPENED: lambda happening: happening.kind is EventKind.OPEN,
    Action.CLICKED: lambda happening: happening.kind is EventKind.CLICK,
    Action.BOUNCED: lambda happening: happening.kind is EventKind.BOUNCE,
    Action.BOUNCED_SOFTLY: lambda happening: happening.detail.get("hard") is False,
    Action.BOUNCED_HARD: lambda happening: happening.detail.get("hard") is True,
    Action.COMPLAINED: lambda happening: happening.kind is EventKind.COMPLAINT,
    Action.UNSUBSCRIBED: lambda happening: happening.kind is EventKind.UNSUBSCRIBE,
}
WERE_SENT = {DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED}


@singledispatch
def matches(condition: Any, person: SampleSubscriber) -> bool:
    """Whether the condition selects this subscriber, at NOW."""
    raise TypeError(condition)


@matches.register
def _(condition: And, person: SampleSubscriber) -> bool:
    return all(matches(one, person) for one in condition.conditions)


@matches.register
def _(condition: Or, person: SampleSubscriber) -> bool:
    return any(matches(one, person) for one in condition.conditions)


@matches.register
def _(condition: Not, person: SampleSubscriber) -> bool:
    return not matches(condition.condition, person)


@matches.register
def _(_: Everyone, __: SampleSubscriber) -> bool:
    return True


def field_of(person: SampleSubscriber, field: Field) -> str:
    text: str = getattr(person, "key" if field is Field.EMAIL else field.value)
    return text


@matches.register
def _(condition: FieldIs, person: SampleSubscriber) -> bool:
    text = field_of(person, condition.field)
    if condition.field is Field.LANGUAGE:
        return any(f"{text.lower()}-".startswith(f"{value}-") for value in condition.values)
    return text in condition.values


@matches.register
def _(condition: FieldMatches, person: SampleSubscriber) -> bool:
    return LOOK[condition.match](field_of(person, condition.field), condition.text)


@matches.register
def _(condition: FieldIsSet, person: SampleSubscriber) -> bool:
    return field_of(person, condition.field) != ""


@matches.register
def _(condition: StatusIs, person: SampleSubscriber) -> bool:
    is_paused = person.paused_until is not None and person.paused_until > NOW
    active = MailStatus.PAUSED if is_paused else MailStatus.ACTIVE
    return (MailStatus.DISABLED if person.status == "disabled" else active) in condition.values


def inside(instant: Any, window: TimeWindow | None) -> bool:
    since, until = window.bounds(NOW) if window else (None, None)
    return (since is None or since <= instant) and (until is None or instant < until)


@matches.register
def _(condition: Created, person: SampleSubscriber) -> bool:
    return inside(person.created_at, condition.window)


def value_at(person: SampleSubscriber, path: tuple[str, ...]) -> Any:
    value: Any = person.attributes
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return MISSING
        value = value[step]
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_of(value: Any) -> Decimal | None:
    if is_number(value):
        return Decimal(repr(value))
    is_written = isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value, re.ASCII)
    return Decimal(value) if is_written else None


def same(value: Any, wanted: Any) -> bool:
    if is_number(value) and is_number(wanted):
        return Decimal(repr(value)) == Decimal(repr(wanted))
    return type(value) is type(wanted) and bool(value == wanted)


@matches.register
def _(condition: AttributeIs, person: SampleSubscriber) -> bool:
    value = value_at(person, condition.path)
    return any(
        same(value, wanted) or (is_number(wanted) and number_of(value) == Decimal(repr(wanted)))
        for wanted in condition.values
    )


@matches.register
def _(condition: AttributeCompares, person: SampleSubscriber) -> bool:
    number = number_of(value_at(person, condition.path))
    return number is not None and COMPARE[condition.order](number, Decimal(repr(condition.number)))


@matches.register
def _(condition: AttributeMatches, person: SampleSubscriber) -> bool:
    value = value_at(person, condition.path)
    return isinstance(value, str) and LOOK[condition.match](value, condition.text)


@matches.register
def _(condition: AttributeHas, person: SampleSubscriber) -> bool:
    value = value_at(person, condition.path)
    return isinstance(value, list) and any(same(one, condition.value) for one in value)


@matches.register
def _(condition: AttributeIsSet, person: SampleSubscriber) -> bool:
    value = value_at(person, condition.path)
    return value is not MISSING and value is not None and value != ""


@matches.register
def _(condition: AttributeDated, person: SampleSubscriber) -> bool:
    value = value_at(person, condition.path)
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", value, re.ASCII | re.DOTALL):
        return False
    first, last = condition.window.days(NOW)
    day = value[:10]
    return (first is None or first.isoformat() <= day) and (last is None or day <= last.isoformat())


@matches.register
def _(condition: TagIs, person: SampleSubscriber) -> bool:
    return not set(condition.tags).isdisjoint(person.tags)


@matches.register
def _(condition: OnList, person: SampleSubscriber) -> bool:
    return any(
        (not condition.lists or place.list_slug in condition.lists)
        and place.state == condition.state
        and inside(place.state_changed_at, condition.window)
        for place in person.places
    )


@matches.register
def _(condition: ChoseTopic, person: SampleSubscriber) -> bool:
    return any(
        place.state == "subscribed"
        and condition.list_slug in {None, place.list_slug}
        and not set(condition.topics).isdisjoint(place.topics or ())
        for place in person.places
    )


def is_mail(mail: SampleMail) -> bool:
    return mail.state in WERE_SENT and mail.campaign != CONFIRMATION


@matches.register
def _(condition: Engaged, person: SampleSubscriber) -> bool:
    mails = [mail for mail in person.mails if condition.campaign in {None, mail.campaign}]
    if condition.action is Action.MAILED:
        found = sum(is_mail(mail) and inside(mail.created_at, condition.window) for mail in mails)
        return found >= condition.at_least
    found = sum(
        MEANT[condition.action](happening)
        and (condition.link is None or condition.link.lower() in happening.detail.get("url", "").lower())
        and inside(happening.at, condition.window)
        for mail in mails
        for happening in mail.happenings
    )
    return found >= condition.at_least


@matches.register
def _(condition: EngagedWithLast, person: SampleSubscriber) -> bool:
    mails = [mail for mail in person.mails if is_mail(mail)][-condition.last :]
    engaged = sum(any(MEANT[condition.action](happening) for happening in mail.happenings) for mail in mails)
    if condition.bound is Bound.AT_LEAST:
        return engaged >= condition.count
    return len(mails) == condition.last and engaged <= condition.count
