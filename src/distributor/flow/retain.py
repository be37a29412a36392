"""Retain: what is kept only for a time is taken away when that is over."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.domain.consent import CONFIRM_WITHIN
from distributor.flow.installation import Installation
from distributor.storage import erasing, events, memberships, presence

_EVENTS_AT_ONCE = 10_000
_PEOPLE_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many events, and how many people who never confirmed."""

    events: int
    people: int


def forget(installation: Installation) -> Forgotten:
    """Take away old events and unconfirmed requests, in small transactions until nothing old is left."""
    return Forgotten(events=_forget_events(installation), people=_forget_unconfirmed(installation))


def _forget_events(installation: Installation) -> int:
    if installation.event_retention is None:
        return 0
    moment = installation.clock() - installation.event_retention
    total = 0
    while True:
        with installation.database.begin() as connection:
            gone = events.forget_before(connection, moment, limit=_EVENTS_AT_ONCE)
        total += gone
        if gone < _EVENTS_AT_ONCE:
            return total


def _forget_unconfirmed(installation: Installation) -> int:
    now = installation.clock()
    total = 0
    while True:
        with installation.database.begin() as connection:
            presence.let_go(connection)
            people = memberships.drop_unconfirmed(connection, before=now - CONFIRM_WITHIN, limit=_PEOPLE_AT_ONCE)
            for subscriber_id in people:
                erasing.forget(connection, subscriber_id, now=now)
        total += len(people)
        if len(people) < _PEOPLE_AT_ONCE:
            return total
