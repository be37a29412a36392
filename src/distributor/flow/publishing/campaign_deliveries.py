"""A page of the deliveries of a campaign, with the totals and reasons that lead to it; and all of them as a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from distributor.domain.campaign import Campaign, Dispatch, Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.flow.app_context import AppContext
from distributor.importers.values import escape_formula
from distributor.storage import campaigns, delivery_pages, delivery_totals, dispatches
from distributor.storage.database import Connection
from distributor.storage.delivery_pages import DeliveryFilter
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.storage.delivery_totals import ReasonCount

# The states of which a reason is known.
REASONED = frozenset({DeliveryState.FAILED, DeliveryState.DEFERRED, DeliveryState.SUPPRESSED})
DELIVERY_COLUMNS = (
    *("id", "channel", "recipient", "subscriber", "state", "reason", "attempts", "reply_code", "reply"),
    *("remote_id", "permalink", "created_at", "first_attempt_at", "next_at", "updated_at"),
)
# So many are read in one transaction: a file of a million deliveries keeps no connection while it is sent.
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """Which deliveries of a campaign are asked for; empty fields select all.

    `person` is the beginning of an address, or a whole account or feed; `event` something that happened to them, with
    `by_people` as far as no known machine caused it, and with `link` a click of this address. The page begins after the
    delivery `after_id`, or ends before `before_id`.
    """

    campaign_id: int
    channel_name: str = ""
    state: DeliveryState | None = None
    reason: str = ""
    person: str = ""
    event: EventKind | None = None
    by_people: bool = False
    link: str = ""
    after_id: int = 0
    before_id: int | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.channel_name or self.state or self.reason or self.person or self.event)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryList:
    """A page. `totals` are those of the chosen channel or of all; `reasons` say how many failed or wait for each,
    or if asked for were suppressed.

    `next_id` is the delivery after which the next page begins, `back_id` that before which the previous one ends; None
    if there is none. `matching_unknown` is how many of unknown outcome the chosen channel or all of them have.
    """

    campaign: Campaign
    dispatches: Mapping[int, Dispatch]
    deliveries: Sequence[DeliveryRecord]
    totals: Totals
    reasons: Mapping[str, int]
    next_id: int | None
    back_id: int | None

    @property
    def matching_unknown(self) -> int:
        return self.totals[DeliveryState.UNKNOWN]

    @property
    def channel_names(self) -> list[str]:
        return [one.channel_name for one in self.dispatches.values()]


def list_deliveries(app: AppContext, query: DeliveryQuery, *, limit: int) -> DeliveryList:
    """At most `limit` deliveries, by the order in which they joined the audience. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, query.campaign_id)
        planned = {one.id: one for one in dispatches.of_campaign(connection, query.campaign_id)}
        chosen = _chosen(planned, query)
        counts = [one for found in delivery_totals.reasons_of_dispatches(connection, chosen).values() for one in found]
        totals = Totals.of_counts((one.state, one.deliveries) for one in counts)
        found, has_next, has_back = _page(connection, query, _filter(query, chosen, totals), limit=limit)
        return DeliveryList(
            campaign=campaign,
            dispatches=planned,
            deliveries=found,
            totals=totals,
            reasons=_reasons(counts, query),
            next_id=found[-1].id if found and has_next else None,
            back_id=found[0].id if found and has_back else None,
        )


def export_deliveries(app: AppContext, query: DeliveryQuery) -> Iterator[bytes]:
    """All deliveries of a query as CSV in pieces; cells that a spreadsheet would run begin with an apostrophe.

    Raises NotFoundError before the first piece.
    """
    with app.database.begin() as connection:
        campaigns.find(connection, query.campaign_id)
        planned = {one.id: one for one in dispatches.of_campaign(connection, query.campaign_id)}
    return _as_csv(app, _filter(query, _chosen(planned, query)), planned, after_id=query.after_id)


def _chosen(planned: Mapping[int, Dispatch], query: DeliveryQuery) -> list[int]:
    """The ids of the dispatches on the channel that is asked for, or of all."""
    return [
        number for number, one in planned.items() if not query.channel_name or one.channel_name == query.channel_name
    ]


def _as_csv(
    app: AppContext, wanted: DeliveryFilter, planned: Mapping[int, Dispatch], *, after_id: int
) -> Iterator[bytes]:
    yield _csv_of([DELIVERY_COLUMNS])
    while True:
        with app.database.begin() as connection:
            found = delivery_pages.page_after(connection, wanted, after_id=after_id, limit=_AT_ONCE)
        if found:
            yield _csv_of(_cells(one, planned[one.dispatch_id].channel_name) for one in found)
        if len(found) < _AT_ONCE:
            return
        after_id = found[-1].id


def _csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([escape_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _cells(one: DeliveryRecord, channel_name: str) -> list[str]:
    values = (
        *(one.id, channel_name, one.recipient, one.subscriber_id, one.state.value, one.reason, one.attempt),
        *(one.reply_code, one.reply, one.remote_id, one.permalink),
        *(at.isoformat() if at else None for at in (one.created_at, one.first_attempt_at, one.next_at, one.updated_at)),
    )
    return ["" if value is None else str(value) for value in values]


def _filter(query: DeliveryQuery, dispatch_ids: Sequence[int], totals: Totals | None = None) -> DeliveryFilter:
    """The filter; states that no delivery is in are not looked for, if the totals are known."""
    wanted = {query.state} if query.state else set(REASONED if query.reason else DeliveryState)
    return DeliveryFilter(
        dispatch_ids=tuple(dispatch_ids),
        states=frozenset(state for state in wanted if totals is None or totals[state]),
        reason=query.reason,
        person=query.person,
        event=query.event,
        by_people=query.by_people,
        link=query.link if query.event is EventKind.CLICK else "",
    )


def _page(
    connection: Connection, query: DeliveryQuery, wanted: DeliveryFilter, *, limit: int
) -> tuple[list[DeliveryRecord], bool, bool]:
    """The deliveries, and whether there are others after and before them."""
    if query.before_id is not None:
        found = delivery_pages.page_before(connection, wanted, before_id=query.before_id, limit=limit + 1)
        return found[-limit:], True, len(found) > limit
    found = delivery_pages.page_after(connection, wanted, after_id=query.after_id, limit=limit + 1)
    return found[:limit], len(found) > limit, query.after_id > 0


def _reasons(counts: Sequence[ReasonCount], query: DeliveryQuery) -> Mapping[str, int]:
    states = REASONED & {query.state} if query.state else REASONED - {DeliveryState.SUPPRESSED}
    counted: Counter[str] = Counter()
    for one in counts:
        if one.state in states and one.reason:
            # Of those that wait for a paused route the totals name the route as well.
            counted[one.reason.partition(":")[0] if one.state is DeliveryState.DEFERRED else one.reason] += (
                one.deliveries
            )
    return dict(counted.most_common())
