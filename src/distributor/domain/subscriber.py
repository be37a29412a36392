"""Subscriber, list and membership: who gets mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json


class SubscriberStatus(StrEnum):
    """Whether a subscriber gets mail at all. DISABLED is set by the team; unsubscribes are memberships."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Membership(StrEnum):
    """The state of a subscriber on a list. PENDING: signed up and not confirmed yet."""

    PENDING = "pending"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


class ListVisibility(StrEnum):
    """Whether the public pages show a list and accept sign-ups for it."""

    PUBLIC = "public"
    PRIVATE = "private"


class OptIn(StrEnum):
    """Whether a sign-up is enough, or must be confirmed by a confirmation mail."""

    SINGLE = "single"
    DOUBLE = "double"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person. `key` is the email address without regard to case, unique; `email` is what mail is sent to.

    `zone` is an IANA time zone and `language` a BCP 47 tag, or empty. `attributes` is a JSON object.
    """

    id: int
    key: str
    email: str
    name: str
    language: str
    zone: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    paused_until: datetime | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Validated input about a subscriber, made by `person_of`. Empty values change nothing in a known subscriber."""

    key: str
    email: str
    name: str = ""
    language: str = ""
    zone: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The membership of a subscriber on a list. `topics` are the slugs of the chosen tags; None means every article."""

    list: MailingList
    state: Membership
    topics: tuple[str, ...] | None
    state_changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingList:
    """A mailing list. `topics` are the slugs of the tags it offers.

    `sender` and `footer` are its own, or empty for the site's.
    """

    id: int
    slug: str
    name: str
    description: str = ""
    visibility: ListVisibility = ListVisibility.PRIVATE
    opt_in: OptIn = OptIn.DOUBLE
    sender: str = ""
    footer: str = ""
    topics: tuple[str, ...] = ()
