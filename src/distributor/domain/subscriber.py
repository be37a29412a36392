"""Subscriber, List and their membership: who gets mail, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json


class SubscriberStatus(StrEnum):
    """Whether somebody gets any mail at all. Disabled is our decision; leaving and suppression are kept elsewhere."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Membership(StrEnum):
    """What somebody is to a list: PENDING has asked for it and not confirmed yet."""

    PENDING = "pending"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


class Frequency(StrEnum):
    """How often somebody wants mail from a list."""

    EVERY_ARTICLE = "every_article"
    DAILY = "daily"
    WEEKLY = "weekly"


class ListVisibility(StrEnum):
    """Whether strangers see a list and can subscribe to it."""

    PUBLIC = "public"
    PRIVATE = "private"


class OptIn(StrEnum):
    """Whether signing up is enough, or has to be confirmed from the mailbox."""

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
    """Somebody as others tell us of them; made by `person_of`. Empty values say nothing and change nothing."""

    key: str
    email: str
    name: str = ""
    language: str = ""
    zone: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Somebody's place on a list. `topics` are the slugs of the tags chosen; None means every article."""

    list: MailingList
    state: Membership
    topics: tuple[str, ...] | None
    frequency: Frequency
    state_changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingList:
    """A list people are on. `topics` are the slugs of the tags they are offered.

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
