"""In any order of operations no suppressed, unconfirmed or unsubscribed subscriber is in a frozen audience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import NotFoundError
from distributor.domain.person import person_of
from distributor.domain.suppression import LIFTED_BY_CONFIRMING, SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.storage import (
    audiences,
    deliveries,
    delivery_queries,
    dispatches,
    erasure,
    lists,
    memberships,
    subscriber_merge,
    subscribers,
    suppressions,
)
from distributor.storage.database import Connection
from tests.storage.list_fixtures import BY_FORM, BY_IMPORT, NOW, a_dispatch, a_list, address, mailing

NAMES = ("ada", "bo", "cy")
LISTS = ("news", "press")


@dataclass
class Model:
    """The expected state, computed by the rules without SQL."""

    places: dict[tuple[str, str], str] = field(default_factory=dict)
    suppressed: set[tuple[str, str]] = field(default_factory=set)
    disabled: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def reached(self, slug: str) -> set[str]:
        return {
            name
            for name in self.known - self.disabled
            if self.places.get((name, slug)) == "subscribed" and not any(held == name for held, _ in self.suppressed)
        }


Act = Callable[[Connection, Model, str, str], None]


def importing(connection: Connection, model: Model, name: str, slug: str) -> None:
    memberships.subscribe(connection, _id(connection, slug), [person_of(address(name))], BY_IMPORT, now=NOW)
    if (name, "erased") not in model.suppressed:
        model.known.add(name)
        if model.places.get((name, slug)) != "unsubscribed":
            model.places[name, slug] = "subscribed"


def asking(connection: Connection, model: Model, name: str, slug: str) -> None:
    number = subscribers.upsert(connection, [person_of(address(name))], now=NOW)[address(name)]
    memberships.request(connection, number, _id(connection, slug), BY_FORM, now=NOW)
    model.known.add(name)
    if model.places.get((name, slug)) != "subscribed":
        model.places[name, slug] = "pending"


def confirming(connection: Connection, model: Model, name: str, slug: str) -> None:
    number = _number(connection, name)
    if number is None:
        return
    if memberships.confirm(connection, number, BY_FORM, since=NOW - timedelta(days=1), now=NOW):
        suppressions.lift(connection, parse_target(address(name)), reasons=LIFTED_BY_CONFIRMING)
        model.suppressed -= {(name, reason.value) for reason in LIFTED_BY_CONFIRMING}
    for other in LISTS:
        if model.places.get((name, other)) == "pending":
            model.places[name, other] = "subscribed"


def leaving(connection: Connection, model: Model, name: str, slug: str) -> None:
    number = _number(connection, name)
    if number is None:
        return
    memberships.unsubscribe(connection, number, _id(connection, slug), BY_FORM, now=NOW)
    if (name, slug) in model.places:
        model.places[name, slug] = "unsubscribed"


def suppressing(reason: SuppressionReason) -> Act:
    def suppress(connection: Connection, model: Model, name: str, slug: str) -> None:
        suppressions.add(connection, [parse_target(address(name))], reason, now=NOW)
        model.suppressed.add((name, reason.value))

    return suppress


def lifting(connection: Connection, model: Model, name: str, slug: str) -> None:
    suppressions.lift(connection, parse_target(address(name)), reasons=[SuppressionReason.MANUAL])
    model.suppressed.discard((name, "manual"))


def disabling(connection: Connection, model: Model, name: str, slug: str) -> None:
    number = _number(connection, name)
    if number is not None:
        subscribers.change(connection, number, {"status": "disabled"}, now=NOW)
        model.disabled.add(name)


def erasing(connection: Connection, model: Model, name: str, slug: str) -> None:
    number = _number(connection, name)
    person = subscribers.lock(connection, number) if number is not None else None
    if person is not None:
        erasure.erase(connection, person, requested_by="test", now=NOW)
        _forget(model, name)
        model.suppressed.add((name, "erased"))


def merging_the_next(connection: Connection, model: Model, name: str, slug: str) -> None:
    """Merge the next subscriber into this one."""
    other = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
    kept, merged = _number(connection, name), _number(connection, other)
    if kept is None or merged is None:
        return
    subscriber_merge.merge(connection, kept=kept, merged=merged, now=NOW)
    strength = ("unsubscribed", "subscribed", "pending", None)
    for place in LISTS:
        both = (model.places.get((name, place)), model.places.get((other, place)))
        strongest = min(both, key=strength.index)
        if strongest is not None:
            model.places[name, place] = strongest
    if other in model.disabled:
        model.disabled.add(name)
    goes_over = {"complaint", "unsubscribe", "manual"}
    model.suppressed |= {(name, reason) for held, reason in model.suppressed if held == other and reason in goes_over}
    _forget(model, other)


ACTS: tuple[Act, ...] = (
    importing,
    asking,
    confirming,
    leaving,
    *(suppressing(reason) for reason in (SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE)),
    suppressing(SuppressionReason.COMPLAINT),
    lifting,
    disabling,
    erasing,
    merging_the_next,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(NAMES), st.sampled_from(LISTS)), max_size=25))
def test_the_audience_is_what_the_rules_say(app: AppContext, acts: list[tuple[Act, str, str]]) -> None:
    model = Model()
    with app.database.begin() as connection:
        for slug in LISTS:
            a_list(connection, slug)
        for act, name, slug in acts:
            act(connection, model, name, slug)
        for slug in LISTS:
            assert _frozen(connection, slug) == model.reached(slug)
        connection.rollback()


@pytest.mark.parametrize("act", [leaving, erasing, disabling, suppressing(SuppressionReason.COMPLAINT)])
def test_what_happens_after_the_release_is_seen_by_the_claim(app: AppContext, act: Act) -> None:
    with app.database.begin() as connection:
        a_list(connection, "news")
        for name in NAMES:
            importing(connection, Model(), name, "news")
        plan = AudiencePlan(lists=("news",))
        dispatch_id = a_dispatch(connection, plan)
        audience = audiences.freeze(connection, dispatch_id, mailing(connection, plan), now=NOW)
        dispatches.mark_released(connection, {dispatch_id: audience}, now=NOW)
        act(connection, Model(), "bo", "news")
        claimed = deliveries.claim(
            connection, [dispatch_id], worker="w", limit=10, now=NOW, lease_until=NOW + timedelta(minutes=1)
        )
    assert [one.recipient for one in claimed.deliveries] == [address("ada"), address("cy")]
    assert claimed.suppressed == 1


def _frozen(connection: Connection, slug: str) -> set[str]:
    plan = AudiencePlan(lists=(slug,))
    dispatch_id = a_dispatch(connection, plan)
    asked = mailing(connection, plan)
    assert audiences.count(connection, asked, now=NOW) == audiences.freeze(connection, dispatch_id, asked, now=NOW)
    found = delivery_queries.listed(connection, dispatch_id, state=None, limit=100)
    return {one.recipient.split("@")[0] for one in found}


def _forget(model: Model, name: str) -> None:
    model.known.discard(name)
    model.disabled.discard(name)
    for slug in LISTS:
        model.places.pop((name, slug), None)


def _number(connection: Connection, name: str) -> int | None:
    try:
        return subscribers.find(connection, address(name)).id
    except NotFoundError:
        return None


def _id(connection: Connection, slug: str) -> int:
    return lists.find(connection, slug).id
