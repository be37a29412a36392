"""Merging two subscribers who are one person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.person import person_of
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.storage import consents, lists, memberships, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.subscriber_merge import likely_duplicates, merge
from tests.storage.list_fixtures import BY_FORM, LATER, NOW, a_list, address, number_of, on_list


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as opened:
        yield opened


def test_the_kept_record_is_filled_in_from_the_other(connection: Connection) -> None:
    subscribers.upsert(
        connection,
        [
            person_of(address("ada"), name="Ada", attributes={"city": "Graz"}, tags=["vip"]),
            person_of(address("a.lovelace"), name="Countess", language="en", attributes={"city": "Wien", "age": 36}),
        ],
        now=NOW,
    )
    kept = merge(connection, kept=number_of(connection, "ada"), merged=number_of(connection, "a.lovelace"), now=LATER)
    assert (kept.name, kept.language, kept.attributes, kept.tags) == (
        "Ada",
        "en",
        {"city": "Graz", "age": 36},
        ("vip",),
    )
    with pytest.raises(NotFoundError):
        number_of(connection, "a.lovelace")


def test_lists_and_records_of_consent_go_over_with_the_address_they_were_given_under(connection: Connection) -> None:
    people = on_list(connection, "news", "ada") | on_list(connection, "press", "lovelace")
    merge(connection, kept=people["ada"], merged=people["lovelace"], now=LATER)
    assert _states(connection, people["ada"]) == {"news": "subscribed", "press": "subscribed"}
    record = consents.of_subscriber(connection, people["ada"])
    assert [(one.list_slug, one.detail) for one in record] == [
        ("news", {}),
        ("press", {"merged_from": address("lovelace")}),
    ]


@pytest.mark.parametrize("leaver", ["ada", "lovelace"])
def test_unsubscribed_with_either_address_is_unsubscribed(connection: Connection, leaver: str) -> None:
    people = on_list(connection, "news", "ada", "lovelace")
    memberships.unsubscribe(connection, people[leaver], lists.find(connection, "news").id, BY_FORM, now=NOW)
    merge(connection, kept=people["ada"], merged=people["lovelace"], now=LATER)
    assert _states(connection, people["ada"]) == {"news": "unsubscribed"}


def test_a_subscribed_membership_wins_over_a_pending_one(connection: Connection) -> None:
    people = on_list(connection, "news", "lovelace") | on_list(connection, "press", "ada")
    memberships.request(connection, people["ada"], a_list(connection, "news").id, BY_FORM, now=NOW)
    merge(connection, kept=people["ada"], merged=people["lovelace"], now=LATER)
    assert _states(connection, people["ada"]) == {"news": "subscribed", "press": "subscribed"}


def test_a_complaint_goes_over_and_a_bounce_does_not(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "lovelace")
    other = parse_target(address("lovelace"))
    for reason in (SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE):
        suppressions.add(connection, [other], reason, now=NOW)
    merge(connection, kept=people["ada"], merged=people["lovelace"], now=LATER)
    found = suppressions.matching(connection, parse_target(address("ada")))
    assert [one.reason for one in found] == [SuppressionReason.COMPLAINT]


def test_a_subscriber_cannot_be_merged_with_itself_or_an_unknown_one(connection: Connection) -> None:
    people = on_list(connection, "news", "ada")
    with pytest.raises(InputError, match="name two subscribers"):
        merge(connection, kept=people["ada"], merged=people["ada"], now=NOW)
    with pytest.raises(NotFoundError, match="no subscriber 4711"):
        merge(connection, kept=people["ada"], merged=4711, now=NOW)


def _states(connection: Connection, number: int) -> dict[str, str]:
    assert all(
        memberships.state_of(connection, number, place.list.id) is not Membership.PENDING
        for place in memberships.of_subscriber(connection, number)
    )
    return {place.list.slug: place.state.value for place in memberships.of_subscriber(connection, number)}


def test_addresses_that_lead_to_one_mailbox_are_named_and_left_alone(connection: Connection) -> None:
    addresses = ["ada@example.org", "ada+news@example.org", "a.da@gmail.com", "ADA+x@googlemail.com", "bo@example.org"]
    subscribers.upsert(connection, [person_of(one) for one in [*addresses, "a.da@example.org"]], now=NOW)
    assert likely_duplicates(connection, limit=10) == [
        ("ada@example.org", ["ada+news@example.org", "ada@example.org"]),
        ("ada@gmail.com", ["a.da@gmail.com", "ADA+x@googlemail.com"]),
    ]
