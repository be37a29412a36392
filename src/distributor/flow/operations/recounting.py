"""Recounting: compare the totals that are kept of each dispatch with a count of its deliveries and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from distributor.flow.app_context import AppContext
from distributor.storage import event_totals, recounts
from distributor.storage.database import Connection
from distributor.storage.event_totals import EventTotal

# Dispatches that one statement counts.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalDifference:
    """A total of a dispatch that is not what a count gives.

    `kind` is a state of deliveries or a kind of events, `detail` the reason or the link, and `number` what was counted
    of it, such as `deliveries` or `people_events`.
    """

    dispatch_id: int
    kind: str
    detail: str
    number: str
    stored: int
    counted: int


def verify_totals(app: AppContext, *, mend: bool = False) -> list[TotalDifference]:
    """Every difference between the totals and a count; with `mend` the totals are what was counted from here on.

    The service may run meanwhile. Totals of events outlive the events: of a dispatch that may have lost some because of
    their age only what is too low is a difference. How they spread over the hours is not compared.
    """
    since = None if app.event_retention is None else app.clock() - app.event_retention
    with app.database.begin() as connection:
        every = recounts.dispatch_ids(connection)
        released = recounts.with_events(connection, since=since)
    found: list[TotalDifference] = []
    for ids in _parts(every):
        with app.database.begin() as connection:
            if mend:
                recounts.lock(connection)
            found += (
                TotalDifference(
                    dispatch_id=one.dispatch_id,
                    kind=one.state.value,
                    detail=one.reason,
                    number="deliveries",
                    stored=one.stored,
                    counted=one.counted,
                )
                for one in recounts.delivery_differences(connection, ids, mend=mend)
            )
    for ids in _parts(list(released)):
        with app.database.begin() as connection:
            found += _of_events(connection, ids, released, mend=mend)
    return found


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _of_events(
    connection: Connection, ids: Sequence[int], has_all: Mapping[int, bool], *, mend: bool
) -> Iterator[TotalDifference]:
    event_totals.lock(connection)
    counted = recounts.count_events(connection, ids)
    stored = event_totals.of_dispatches(connection, ids) | event_totals.of_links(connection, ids)
    for key in sorted(counted.keys() | stored.keys(), key=lambda one: (one.dispatch_id, one.kind, one.link)):
        before, after = stored.get(key, EventTotal()), counted.get(key, EventTotal())
        if not has_all[key.dispatch_id]:
            after = after.at_least(before)
        if before == after:
            continue
        if mend:
            event_totals.add(connection, {key: after.minus(before)}, [])
        for field in fields(EventTotal):
            was, now = getattr(before, field.name), getattr(after, field.name)
            if was != now:
                yield TotalDifference(
                    dispatch_id=key.dispatch_id,
                    kind=key.kind.value,
                    detail=key.link,
                    number=field.name,
                    stored=was,
                    counted=now,
                )
