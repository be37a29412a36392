"""Retention: remove what has passed its retention time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog

from distributor.domain.consent import CONFIRM_WITHIN
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.event_counting import count_events
from distributor.flow.people.delivery_retention import (
    IsOver,
    move_past_deliveries,
    remove_past_attachments,
    remove_past_renditions,
)
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.quarantine import ItemGuard
from distributor.storage import (
    audience_lock,
    campaign_audits,
    delivery_totals,
    erasure,
    events,
    heartbeats,
    memberships,
    notices,
    postmaster_mails,
    quarantine,
)

# Long enough to correct the rejected rows of an import; they contain email addresses.
BAD_ROWS_FOR = timedelta(days=30)
# Long enough to answer them; people write them, with addresses in them.
POSTMASTER_MAILS_FOR = timedelta(days=90)
# Longer than a campaign that finished is news, so that it is not told again.
NOTICES_FOR = timedelta(days=90)
# Longer than anybody compares two audits of a campaign; the last of each stays.
AUDITS_FOR = timedelta(days=90)
# How quickly a campaign went is only of interest while it goes.
PROGRESS_FOR = timedelta(days=30)
_FORGET_AFTER = timedelta(days=1)
_EVENTS_AT_ONCE = 10_000
_PEOPLE_AT_ONCE = 1_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeCount:
    """How many events, subscribers who never confirmed, files of rejected rows, mails to postmaster and audits were
    deleted, how many deliveries became past ones, and of how many campaigns attachments were deleted, and renditions.

    `is_complete` is False if the time was up before everything was.
    """

    events: int
    people: int
    bad_rows: int
    postmaster_mails: int
    audits: int
    deliveries: int
    attachments: int
    renditions: int
    is_complete: bool = True


def purge_expired(app: AppContext, *, until: datetime | None = None) -> PurgeCount:
    """Remove what has passed its retention time, in small transactions, until that time if one is given.

    What cannot be removed is in quarantine, does not stop the others, and is tried again by the next purge.
    """
    guard, began = ItemGuard(app, QuarantineLoop.PURGE), time.monotonic()
    counts: Counter[str] = Counter()

    def is_over() -> bool:
        return until is not None and app.clock() >= until

    with app.database.begin() as connection:
        # Both are tried again at least every hour, unless they are gone.
        loops = (QuarantineLoop.PURGE, QuarantineLoop.MAILBOX)
        quarantine.discard_not_due(connection, loops, before=app.clock() - _FORGET_AFTER)
        heartbeats.forget_workers(connection, before=app.clock() - _FORGET_AFTER)
        notices.purge(connection, before=app.clock() - NOTICES_FOR)
    with guard.item("totals"):
        # Events are in the totals before they go.
        while count_events(app) and not is_over():
            pass
    for step, purge in _STEPS.items():
        with guard.item(step):
            counts[step] = purge(app, guard, is_over)
    count = PurgeCount(**{step: counts[step] for step in _STEPS}, is_complete=not is_over())
    log.info("purge.finished", **asdict(count), seconds=round(time.monotonic() - began, 3))
    return count


def _purge_events(app: AppContext, _: ItemGuard, is_over: IsOver) -> int:
    if app.event_retention is None:
        return 0
    before = app.clock() - app.event_retention
    total = 0
    while not is_over():
        with app.database.begin() as connection:
            deleted = events.delete_before(connection, before, limit=_EVENTS_AT_ONCE)
        total += deleted
        if deleted < _EVENTS_AT_ONCE:
            break
    return total


def _purge_postmaster_mails(app: AppContext, _: ItemGuard, _is_over: IsOver) -> int:
    with app.database.begin() as connection:
        return postmaster_mails.delete_before(connection, app.clock() - POSTMASTER_MAILS_FOR)


def _purge_unconfirmed(app: AppContext, guard: ItemGuard, _is_over: IsOver) -> int:
    now = app.clock()
    before = now - CONFIRM_WITHIN
    total, last_id = 0, 0
    while True:
        with app.database.begin() as connection:
            people = memberships.unconfirmed(connection, before=before, after_id=last_id, limit=_PEOPLE_AT_ONCE)
        for subscriber_id in people:
            with guard.item(f"subscriber {subscriber_id}"), app.database.begin() as connection:
                audience_lock.lock_exclusive(connection)
                if memberships.delete_unconfirmed(connection, subscriber_id, before=before):
                    erasure.delete_subscriber(connection, subscriber_id, now=now)
                    total += 1
        if len(people) < _PEOPLE_AT_ONCE:
            return total
        last_id = people[-1]


def _purge_bad_rows(app: AppContext, guard: ItemGuard, _is_over: IsOver) -> int:
    total = 0
    for path in ImportFiles(app.imports_dir).old_bad_rows(before=app.clock() - BAD_ROWS_FOR):
        with guard.item(path.name):
            path.unlink(missing_ok=True)
            total += 1
    return total


def _purge_audits(app: AppContext, _: ItemGuard, _is_over: IsOver) -> int:
    with app.database.begin() as connection:
        delivery_totals.forget_progress(connection, before=app.clock() - PROGRESS_FOR)
        return campaign_audits.delete_before(connection, app.clock() - AUDITS_FOR)


_STEPS: Mapping[str, Callable[[AppContext, ItemGuard, IsOver], int]] = {
    "events": _purge_events,
    "people": _purge_unconfirmed,
    "bad_rows": _purge_bad_rows,
    "postmaster_mails": _purge_postmaster_mails,
    "audits": _purge_audits,
    "deliveries": move_past_deliveries,
    "attachments": remove_past_attachments,
    "renditions": remove_past_renditions,
}
