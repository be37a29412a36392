"""Count new events into the totals of their dispatches: who caused each, and whether it is the first of its delivery.

A delivery counts once however often its mail was opened. What came of people and what of known machines is counted side
by side. A bounce that was taken back, because the mail arrived, is taken off again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from distributor.domain.clients import ClientKind, client_of
from distributor.domain.event import EventKind
from distributor.domain.stored_text import stored_key
from distributor.flow.app_context import AppContext
from distributor.storage import event_totals
from distributor.storage.event_totals import (
    STANDS,
    TAKEN_BACK,
    VOID,
    CountedEvent,
    EventTotal,
    HourTotal,
    TotalKey,
    WaitingEvent,
)

_BATCH = 2000
# A page that shows totals counts at most so many first; the scheduler counts the rest.
_MOST_AT_ONCE = 4000
# The hours after a release in which first events are told apart.
_HOURS = 30 * 24
_BY_CLIENTS = frozenset({EventKind.OPEN, EventKind.CLICK})
_PERSON = ClientKind.PERSON.value


def count_events(app: AppContext, *, most: int = _MOST_AT_ONCE) -> int:
    """Count the events that wait, at most so many; returns how many there were."""
    with app.database.begin() as connection:
        if not event_totals.has_waiting(connection):
            return 0
    done = 0
    while done < most:
        with app.database.begin() as connection:
            event_totals.lock(connection)
            batch = event_totals.waiting(connection, limit=_BATCH)
            if batch:
                concerned = {one.delivery_id for one in batch}
                tally = EventTally(
                    event_totals.counted(connection, concerned),
                    event_totals.count_bounces(connection, concerned),
                    kept_for=app.event_retention,
                )
                tally.count(batch)
                event_totals.mark(connection, tally.clients)
                event_totals.add(connection, tally.totals, tally.hours)
        done += len(batch)
        if len(batch) < _BATCH:
            break
    return done


class EventTally:
    """Counts events one after another, given what was `known` of their deliveries before, and how many bounces.

    Events are only `kept_for` a while: of a mail that is older it is not known whether an event is the first.
    """

    def __init__(
        self, known: set[CountedEvent], bounces: Mapping[int, int], *, kept_for: timedelta | None = None
    ) -> None:
        self._kept_for = kept_for
        self._seen: set[tuple[object, ...]] = set()
        self.clients: dict[int, str] = {}
        self.totals: dict[TotalKey, EventTotal] = {}
        self._hours: dict[tuple[int, EventKind, int], tuple[int, int]] = {}
        self._bounces = Counter(bounces)
        for one in known:
            self._note(one.delivery_id, one.kind, stored_key(one.url), one.client)

    @property
    def hours(self) -> list[HourTotal]:
        return [
            HourTotal(dispatch_id=dispatch_id, kind=kind, hour=hour, deliveries=all_, people_deliveries=people)
            for (dispatch_id, kind, hour), (all_, people) in self._hours.items()
        ]

    def count(self, batch: Sequence[WaitingEvent]) -> None:
        """Count these events."""
        for one in batch:
            if one.kind is EventKind.BOUNCE:
                self._count_bounce(one)
            else:
                self._count(one)

    def _count(self, one: WaitingEvent) -> None:
        client = self._client(one)
        is_person = client == _PERSON
        link = stored_key(one.url) if one.kind is EventKind.CLICK else ""
        first, first_person = self._is_first(one, ""), is_person and self._is_first(one, "", _PERSON)
        self._add(TotalKey(one.dispatch_id, one.kind), is_person, first, first_person)
        if link:
            first_link = self._is_first(one, link)
            first_person_link = is_person and self._is_first(one, link, _PERSON)
            self._add(TotalKey(one.dispatch_id, one.kind, link), is_person, first_link, first_person_link)
        if first or first_person:
            self._add_hour(one, first, first_person)
        if first:
            self._count_opened(one)
        self._note(one.delivery_id, one.kind, link, client)
        self.clients[one.id] = client

    def _count_opened(self, one: WaitingEvent) -> None:
        """A delivery is counted as clicked and opened when the second of both comes."""
        other = EventKind.OPEN if one.kind is EventKind.CLICK else EventKind.CLICK
        if one.kind in _BY_CLIENTS and (one.delivery_id, other, "") in self._seen:
            self._plus(TotalKey(one.dispatch_id, EventKind.CLICK), EventTotal(opened=1))

    def _count_bounce(self, one: WaitingEvent) -> None:
        change = -1 if one.client == TAKEN_BACK else 0 if one.is_taken_back else 1
        before = self._bounces[one.delivery_id]
        after = before + change
        deliveries = int(after > 0) - int(before > 0)
        self._bounces[one.delivery_id] = after
        self._plus(
            TotalKey(one.dispatch_id, EventKind.BOUNCE),
            EventTotal(events=change, people_events=change, deliveries=deliveries, people_deliveries=deliveries),
        )
        self.clients[one.id] = STANDS if change > 0 else VOID

    def _client(self, one: WaitingEvent) -> str:
        if one.kind not in _BY_CLIENTS:
            return _PERSON
        return client_of(one.kind, one.user_agent, at=one.at, sent_at=one.sent_at).value

    def _is_first(self, one: WaitingEvent, link: str, *client: str) -> bool:
        if self._kept_for is not None and one.sent_at is not None and one.at - one.sent_at > self._kept_for:
            return False
        return (one.delivery_id, one.kind, link, *client) not in self._seen

    def _note(self, delivery_id: int, kind: EventKind, link: str, client: str) -> None:
        for where in {"", link}:
            self._seen |= {(delivery_id, kind, where), (delivery_id, kind, where, client)}

    def _add(self, key: TotalKey, is_person: bool, first: bool, first_person: bool) -> None:
        self._plus(
            key,
            EventTotal(
                events=1,
                people_events=int(is_person),
                deliveries=int(first),
                people_deliveries=int(first_person),
            ),
        )

    def _plus(self, key: TotalKey, more: EventTotal) -> None:
        self.totals[key] = self.totals.get(key, EventTotal()).plus(more)

    def _add_hour(self, one: WaitingEvent, first: bool, first_person: bool) -> None:
        if one.released_at is None:
            return
        hour = max(0, (one.at - one.released_at) // timedelta(hours=1))
        if hour >= _HOURS:
            return
        key = (one.dispatch_id, one.kind, hour)
        all_, people = self._hours.get(key, (0, 0))
        self._hours[key] = (all_ + int(first), people + int(first_person))
