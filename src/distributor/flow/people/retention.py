"""Retain: what is kept only for a time is taken away when that is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from distributor.domain.consent import CONFIRM_WITHIN
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_files import ImportFiles
from distributor.storage import audience_lock, erasure, events, memberships

# Whoever brought people in has corrected by then what was wrong with some of them; the rest is somebody's address.
BAD_ROWS_FOR = timedelta(days=30)
_EVENTS_AT_ONCE = 10_000
_PEOPLE_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeCount:
    """How many events, how many people who never confirmed, and the bad rows of how many imports."""

    events: int
    people: int
    bad_rows: int


def purge_expired(app: AppContext) -> PurgeCount:
    """Take away old events, unconfirmed requests and files of bad rows, in small steps until nothing old is left."""
    files = ImportFiles(app.imports_dir)
    return PurgeCount(
        events=_forget_events(app),
        people=_forget_unconfirmed(app),
        bad_rows=files.discard_bad_rows(before=app.clock() - BAD_ROWS_FOR),
    )


def _forget_events(app: AppContext) -> int:
    if app.event_retention is None:
        return 0
    moment = app.clock() - app.event_retention
    total = 0
    while True:
        with app.database.begin() as connection:
            gone = events.delete_before(connection, moment, limit=_EVENTS_AT_ONCE)
        total += gone
        if gone < _EVENTS_AT_ONCE:
            return total


def _forget_unconfirmed(app: AppContext) -> int:
    now = app.clock()
    total = 0
    while True:
        with app.database.begin() as connection:
            audience_lock.lock_exclusive(connection)
            people = memberships.delete_unconfirmed(connection, before=now - CONFIRM_WITHIN, limit=_PEOPLE_AT_ONCE)
            for subscriber_id in people:
                erasure.delete_subscriber(connection, subscriber_id, now=now)
        total += len(people)
        if len(people) < _PEOPLE_AT_ONCE:
            return total
