"""Concurrent transactions end as if one had run after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.person import person_of
from distributor.domain.subscriber import Membership
from distributor.flow.app_context import AppContext
from distributor.flow.people.privacy import erase, search_traces
from distributor.storage import (
    audiences,
    consents,
    delivery_queries,
    dispatches,
    lists,
    memberships,
    subscriber_merge,
    subscribers,
)
from distributor.storage.database import Connection
from tests.storage.list_fixtures import (
    BY_FORM,
    BY_IMPORT,
    NOW,
    a_dispatch,
    a_list,
    address,
    an_article,
    mailing,
    on_list,
)

ROUNDS = 5
NEWS = AudiencePlan(lists=("news",))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_confirming_unsubscribing_and_importing_end_as_in_some_order(app: AppContext, number: int) -> None:
    with app.database.begin() as connection:
        person = on_list(connection, "press", "ada")["ada"]
        news = a_list(connection, "news").id
        memberships.request(connection, person, news, BY_FORM, now=NOW)

    def confirm(connection: Connection) -> None:
        subscribers.lock(connection, person)
        memberships.confirm(connection, person, BY_FORM, since=NOW - timedelta(days=1), now=NOW)

    def leave(connection: Connection) -> None:
        subscribers.lock(connection, person)
        memberships.unsubscribe(connection, person, news, BY_FORM, now=NOW)

    def be_imported(connection: Connection) -> None:
        memberships.subscribe(connection, news, [person_of(address("ada"))], BY_IMPORT, now=NOW)

    _at_once(app, confirm, leave, be_imported)
    with app.database.begin() as connection:
        record = [one.action.value for one in consents.of_subscriber(connection, person) if one.list_slug == "news"]
        state = memberships.state_of(connection, person, news)
    # Whoever has left stays away: after leaving neither an import nor an old question brings anybody back.
    assert state is Membership.UNSUBSCRIBED
    assert record in (
        ["requested", "withdrawn"],
        ["requested", "confirmed", "withdrawn"],
        ["requested", "granted", "withdrawn"],
    )


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_releases_of_one_article_send_it_to_no_subscriber_twice(app: AppContext, number: int) -> None:
    with app.database.begin() as connection:
        on_list(connection, "news", *(f"reader{n}" for n in range(20)))
        article = an_article(connection, "hello")
        planned = [a_dispatch(connection, NEWS, [article]) for _ in range(2)]

    def releasing(dispatch_id: int) -> Callable[[Connection], None]:
        def release(connection: Connection) -> None:
            campaign_id = dispatches.find(connection, dispatch_id).campaign_id
            asked = mailing(connection, NEWS, [article], campaign_id=campaign_id)
            audiences.hold(connection, [article])
            audiences.freeze(connection, dispatch_id, asked, now=NOW)

        return release

    _at_once(app, *map(releasing, planned))
    with app.database.begin() as connection:
        frozen = [
            one.recipient
            for dispatch_id in planned
            for one in delivery_queries.listed(connection, dispatch_id, state=None, limit=100)
        ]
    assert len(frozen) == len(set(frozen)) == 20


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_erasure_during_a_release_leaves_no_trace(app: AppContext, number: int) -> None:
    with app.database.begin() as connection:
        person = on_list(connection, "news", "ada", "bo")["ada"]
        dispatch_id = a_dispatch(connection, NEWS)

    def release(connection: Connection) -> None:
        audiences.hold(connection, ())
        audiences.freeze(connection, dispatch_id, mailing(connection, NEWS), now=NOW)

    _at_once(app, release, lambda _: erase(app, person, requested_by="test"))
    assert search_traces(app, address("ada")) == {}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_list_that_is_removed_during_an_import_has_no_members_or_stays(app: AppContext, number: int) -> None:
    with app.database.begin() as connection:
        news = a_list(connection, "news").id

    def come_in(connection: Connection) -> None:
        with suppress(NotFoundError):
            memberships.subscribe(connection, news, [person_of(address("ada"))], BY_IMPORT, now=NOW)

    def remove(connection: Connection) -> None:
        with suppress(StateError):
            lists.remove(connection, "news")

    _at_once(app, come_in, remove)
    with app.database.begin() as connection:
        on_it = len(memberships.members(connection, news, limit=10))
        assert on_it == len(lists.listed(connection))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_opposite_merges_leave_one_subscriber(app: AppContext, number: int) -> None:
    with app.database.begin() as connection:
        people = on_list(connection, "news", "ada", "bo")

    def merging_into(kept: str, merged: str) -> Callable[[Connection], None]:
        return lambda connection: _ignoring_absence(
            lambda: subscriber_merge.merge(connection, kept=people[kept], merged=people[merged], now=NOW)
        )

    _at_once(app, merging_into("ada", "bo"), merging_into("bo", "ada"))
    with app.database.begin() as connection:
        assert lists.counts(connection, lists.find(connection, "news").id)[Membership.SUBSCRIBED] == 1


def _at_once(app: AppContext, *acts: Callable[[Connection], object]) -> None:
    """Run each in a transaction of its own, all starting at the same time."""
    ready = threading.Barrier(len(acts))

    def do(act: Callable[[Connection], object]) -> None:
        with app.database.begin() as connection:
            ready.wait()
            act(connection)

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(do, act) for act in acts]:
            done.result()


def _ignoring_absence(act: Callable[[], object]) -> None:
    with suppress(NotFoundError):
        act()
