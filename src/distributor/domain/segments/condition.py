"""Condition: who belongs to a segment, as a tree. docs/reference/segments.md says in words what each kind means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from distributor.domain.segments.window import TimeWindow
from distributor.domain.subscriber import Membership


class Field(StrEnum):
    """A text field that every subscriber has. EMAIL is compared by the key of the address."""

    NAME = "name"
    EMAIL = "email"
    DOMAIN = "domain"
    LANGUAGE = "language"
    ZONE = "zone"


class TextMatch(StrEnum):
    """How a text is searched, without regard to case."""

    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"


class OrderOperator(StrEnum):
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


class MailStatus(StrEnum):
    """Whether a subscriber gets mail now; everyone has exactly one of these."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Action(StrEnum):
    """What a subscriber did with a mail, or what happened to a mail to them."""

    MAILED = "mailed"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    BOUNCED_SOFTLY = "bounced softly"
    BOUNCED_HARD = "bounced hard"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


class Bound(StrEnum):
    AT_LEAST = "at least"
    AT_MOST = "at most"


Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every subscriber to whom the condition does not apply, also because the value is not known."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Everyone:
    """Every subscriber, whatever their status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldIs:
    """The field is one of these values. A language also stands for its variants: `de` for `de-AT`."""

    field: Field
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMatches:
    field: Field
    match: TextMatch
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldIsSet:
    """The field is not empty."""

    field: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusIs:
    values: tuple[MailStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The subscriber was created in this window."""

    window: TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeIs:
    """The attribute at `path` is one of these. A text that reads as a number also equals that number."""

    path: tuple[str, ...]
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCompares:
    """The attribute is a number, or a text that reads as one, in this order to `number`."""

    path: tuple[str, ...]
    order: OrderOperator
    number: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeMatches:
    """The attribute is a text with `text` in it."""

    path: tuple[str, ...]
    match: TextMatch
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeHas:
    """The attribute is a list that holds `value`."""

    path: tuple[str, ...]
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeIsSet:
    """The attribute exists, and is neither null nor an empty text."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeDated:
    """The attribute is a text that begins with a date, YYYY-MM-DD, inside the window; days are those of UTC."""

    path: tuple[str, ...]
    window: TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class TagIs:
    """The subscriber has one of these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnList:
    """In this state on one of these lists, since a time in the window. No slugs mean any list."""

    lists: tuple[str, ...]
    state: Membership = Membership.SUBSCRIBED
    window: TimeWindow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoseTopic:
    """Subscribed to the list, or to any, and chose one of these topics there; `every article` is no such choice."""

    topics: tuple[str, ...]
    list_slug: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged:
    """This happened at least so many times.

    `link` is a part of the URL that was clicked; `campaign` restricts it to the campaign with this id.
    """

    action: Action
    at_least: int = 1
    link: str | None = None
    campaign: int | None = None
    window: TimeWindow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagedWithLast:
    """This happened with so many of the last mails. AT_MOST only applies to subscribers who got that many mails."""

    action: Action
    bound: Bound
    count: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InSegment:
    """The subscribers of another saved segment."""

    slug: str


Leaf: TypeAlias = (
    Everyone
    | FieldIs
    | FieldMatches
    | FieldIsSet
    | StatusIs
    | Created
    | AttributeIs
    | AttributeCompares
    | AttributeMatches
    | AttributeHas
    | AttributeIsSet
    | AttributeDated
    | TagIs
    | OnList
    | ChoseTopic
    | Engaged
    | EngagedWithLast
    | InSegment
)
Condition: TypeAlias = And | Or | Not | Leaf


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every condition in the tree that holds no other, from left to right."""
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case And(conditions) | Or(conditions):
                waiting.extend(reversed(conditions))
            case Not(inner):
                waiting.append(inner)
            case leaf:
                yield leaf


def depends_on_addresses(condition: Condition) -> bool:
    """Whether who is in it depends on parts of addresses, so that counting would reveal them one by one.

    Segments that it refers to are not looked into.
    """
    return any(isinstance(leaf, FieldIs | FieldMatches) and leaf.field is Field.EMAIL for leaf in leaves(condition))


def segments_named(condition: Condition) -> frozenset[str]:
    """The slugs of the segments that the condition refers to."""
    return frozenset(leaf.slug for leaf in leaves(condition) if isinstance(leaf, InSegment))


def lists_named(condition: Condition) -> frozenset[str]:
    """The slugs of the lists that the condition refers to."""
    named: set[str] = set()
    for leaf in leaves(condition):
        if isinstance(leaf, OnList):
            named.update(leaf.lists)
        elif isinstance(leaf, ChoseTopic) and leaf.list_slug is not None:
            named.add(leaf.list_slug)
    return frozenset(named)


def topics_named(condition: Condition) -> frozenset[str]:
    """The slugs of the topics that the condition refers to."""
    return frozenset(slug for leaf in leaves(condition) if isinstance(leaf, ChoseTopic) for slug in leaf.topics)
