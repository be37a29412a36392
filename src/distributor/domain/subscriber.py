"""Subscriber, List and their membership: who gets mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Membership(StrEnum):
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person. `key` is the address without regard to case, unique; `address` is what mail is sent to."""

    id: int
    key: str
    address: str
    name: str
    language: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """A list people are on."""

    id: int
    slug: str
    name: str
