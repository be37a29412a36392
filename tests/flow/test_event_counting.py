"""The totals of events equal a count of the events, however and whenever they come and are taken back."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.clients import ClientKind, client_of
from distributor.domain.event import Event, EventKind
from distributor.domain.stored_text import stored_key
from distributor.flow.event_counting import count_events
from distributor.flow.operations.scheduler import run_scheduler
from distributor.storage import bounce_events, delivery_queries, event_totals, events
from distributor.storage.event_totals import EventTotal, TotalKey
from tests.flow.campaign_harness import CampaignHarness

PERSON, ROBOT = "Mozilla/5.0 (X11) Firefox/145.0", "somebot/1.0"
URLS = ("https://a.example/", "https://b.example/" + "long/" * 200)
DELIVERIES = 3

Happening = tuple[EventKind, int, str, str, int]
happening: st.SearchStrategy[Happening] = st.tuples(
    st.sampled_from(EventKind),
    st.integers(0, DELIVERIES - 1),
    st.sampled_from(URLS),
    st.sampled_from([PERSON, ROBOT]),
    st.integers(0, 80),
)
# Something happens, is counted, or the bounces of a delivery are taken back.
act: st.SearchStrategy[Happening | str | int] = st.one_of(happening, st.just("count"), st.integers(0, DELIVERIES - 1))


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(act, max_size=25))
def test_the_totals_are_what_a_count_gives(harness: CampaignHarness, acts: list[Happening | str | int]) -> None:
    app, now = harness.app, harness.app.clock()
    with app.database.begin() as connection:
        for table in ("campaigns", "events", "event_totals", "event_hours"):
            connection.execute(text(f"DELETE FROM {table}"))
    harness.channel("mail", "scripted")
    campaign_id = harness.plan_and_run("mail")
    with app.database.begin() as connection:
        found = delivery_queries.of_campaign(connection, campaign_id, limit=9)
    ids = [one.id for one in found]
    for number, one in enumerate(acts):
        if one == "count":
            count_events(app)
            continue
        with app.database.begin() as connection:
            if isinstance(one, int):
                until = now + timedelta(days=9)
                bounce_events.take_back(connection, ids[one], until=until, detail={"taken_back": "click"})
            elif isinstance(one, tuple):
                happened = event_of(one, ids, now, key=f"{campaign_id} {number}")
                events.record(connection, [happened])
    run_scheduler(app)
    with app.database.begin() as connection:
        assert not event_totals.has_waiting(connection)
        (dispatch_id,) = {one.dispatch_id for one in found}
        stored = {one.id: one for one in found}
        every = [event for number in ids for event in events.of_delivery(connection, number)]
        totals = event_totals.of_dispatches(connection, [dispatch_id]) | event_totals.of_links(
            connection, [dispatch_id]
        )
        hours = event_totals.hours_of(connection, [dispatch_id], EventKind.CLICK)
    assert {key: one for key, one in totals.items() if one != EventTotal()} == counted_plainly(
        dispatch_id, every, {number: one.first_attempt_at for number, one in stored.items()}
    )
    assert sum(one.deliveries for one in hours) == len({e.delivery_id for e in every if e.kind is EventKind.CLICK})


def event_of(happened: Happening, ids: list[int], now: datetime, *, key: str) -> Event:
    kind, which, url, agent, hours = happened
    detail = {"url": url, "user_agent": agent} if kind in (EventKind.OPEN, EventKind.CLICK) else {}
    at = now + timedelta(hours=hours, minutes=1)
    return Event(delivery_id=ids[which], kind=kind, at=at, key=key, detail=detail)


def counted_plainly(
    dispatch_id: int, every: list[Event], sent_at: dict[int, datetime | None]
) -> dict[TotalKey, EventTotal]:
    """The rules once more, in plain Python."""
    groups: dict[TotalKey, list[tuple[int, bool]]] = defaultdict(list)
    for event in every:
        if event.kind is EventKind.BOUNCE and "taken_back" in event.detail:
            continue
        is_person = event.kind not in (EventKind.OPEN, EventKind.CLICK) or (
            client_of(event.kind, str(event.detail["user_agent"]), at=event.at, sent_at=sent_at[event.delivery_id])
            is ClientKind.PERSON
        )
        links = {"", str(event.detail.get("url", ""))} if event.kind is EventKind.CLICK else {""}
        for link in links:
            groups[TotalKey(dispatch_id, event.kind, stored_key(link))].append((event.delivery_id, is_person))
    opened = {event.delivery_id for event in every if event.kind is EventKind.OPEN}
    return {
        key: EventTotal(
            events=len(group),
            people_events=sum(is_person for _, is_person in group),
            deliveries=len({number for number, _ in group}),
            people_deliveries=len({number for number, is_person in group if is_person}),
            opened=len({number for number, _ in group} & opened)
            if key == TotalKey(dispatch_id, EventKind.CLICK)
            else 0,
        )
        for key, group in groups.items()
    }
