"""Retention: delete what has passed its retention time."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog

from distributor.domain.consent import CONFIRM_WITHIN
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_files import ImportFiles
from distributor.storage import audience_lock, erasure, events, memberships, postmaster_mails

# Long enough to correct the rejected rows of an import; they contain email addresses.
BAD_ROWS_FOR = timedelta(days=30)
# Long enough to answer them; people write them, with addresses in them.
POSTMASTER_MAILS_FOR = timedelta(days=90)
_EVENTS_AT_ONCE = 10_000
_PEOPLE_AT_ONCE = 1_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeCount:
    """How many events, subscribers who never confirmed, files of rejected rows and mails to postmaster were deleted."""

    events: int
    people: int
    bad_rows: int
    postmaster_mails: int


def purge_expired(app: AppContext) -> PurgeCount:
    """Delete old events, unconfirmed sign-ups, rejected rows and mails to postmaster, in small transactions."""
    files, began = ImportFiles(app.imports_dir), time.monotonic()
    count = PurgeCount(
        events=_purge_events(app),
        people=_purge_unconfirmed(app),
        bad_rows=files.discard_bad_rows(before=app.clock() - BAD_ROWS_FOR),
        postmaster_mails=_purge_postmaster_mails(app),
    )
    log.info("purge.finished", **asdict(count), seconds=round(time.monotonic() - began, 3))
    return count


def _purge_events(app: AppContext) -> int:
    if app.event_retention is None:
        return 0
    before = app.clock() - app.event_retention
    total = 0
    while True:
        with app.database.begin() as connection:
            deleted = events.delete_before(connection, before, limit=_EVENTS_AT_ONCE)
        total += deleted
        if deleted < _EVENTS_AT_ONCE:
            return total


def _purge_postmaster_mails(app: AppContext) -> int:
    with app.database.begin() as connection:
        return postmaster_mails.delete_before(connection, app.clock() - POSTMASTER_MAILS_FOR)


def _purge_unconfirmed(app: AppContext) -> int:
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
