"""Memberships: every change has its record of consent, and no one is subscribed without one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from distributor.domain.person import person_of
from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.storage import consents, lists, memberships, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.subscribers import Search
from tests.storage.list_fixtures import BY_FORM, BY_IMPORT, LATER, NOW, a_list, address, number_of, on_list


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as opened:
        yield opened


def test_an_import_subscribes_with_the_consent_that_was_stated(connection: Connection) -> None:
    number = on_list(connection, "news", "ada")["ada"]
    record = consents.of_subscriber(connection, number)
    assert [(one.action, one.method, one.text) for one in record] == [("granted", "import", "They agreed on paper.")]


def test_importing_the_same_people_again_adds_nothing(connection: Connection) -> None:
    number = on_list(connection, "news", "ada")["ada"]
    news = lists.find(connection, "news")
    assert memberships.subscribe(connection, news.id, [person_of(address("ada"))], BY_IMPORT, now=LATER) == 0
    assert len(consents.of_subscriber(connection, number)) == 1


def test_an_address_in_other_letter_case_is_the_same_person(connection: Connection) -> None:
    on_list(connection, "news", "ada")
    news = lists.find(connection, "news")
    assert memberships.subscribe(connection, news.id, [person_of("ADA@Example.ORG")], BY_IMPORT, now=LATER) == 0
    assert lists.counts(connection, news.id)[Membership.SUBSCRIBED] == 1


def test_an_import_does_not_subscribe_those_who_unsubscribed(connection: Connection) -> None:
    number = on_list(connection, "news", "ada")["ada"]
    news = lists.find(connection, "news")
    assert memberships.unsubscribe(connection, number, news.id, BY_FORM, now=NOW)
    assert memberships.subscribe(connection, news.id, [person_of(address("ada"))], BY_IMPORT, now=LATER) == 0
    assert memberships.state_of(connection, number, news.id) is Membership.UNSUBSCRIBED


def test_an_import_does_not_add_those_who_were_erased(connection: Connection) -> None:
    news = a_list(connection, "news")
    suppressions.add(connection, [parse_target(address("ada"))], SuppressionReason.ERASED, now=NOW)
    people = [person_of(address("ada")), person_of(address("bo"))]
    assert memberships.subscribe(connection, news.id, people, BY_IMPORT, now=NOW) == 1
    assert subscribers.search(connection, Search(), limit=10) == [subscribers.find(connection, address("bo"))]


def test_a_request_has_to_be_confirmed_and_then_is_a_valid_consent(connection: Connection) -> None:
    number = on_list(connection, "press", "ada")["ada"]
    news = a_list(connection, "news")
    assert memberships.request(connection, number, news.id, BY_FORM, topics=("lupus",), now=NOW)
    assert memberships.state_of(connection, number, news.id) is Membership.PENDING
    assert memberships.confirm(connection, number, BY_FORM, since=NOW - timedelta(days=30), now=LATER) == [news]
    assert memberships.state_of(connection, number, news.id) is Membership.SUBSCRIBED
    place = next(one for one in memberships.of_subscriber(connection, number) if one.list == news)
    assert place.topics == ("lupus",)
    actions = [one.action.value for one in consents.of_subscriber(connection, number)]
    assert actions == ["granted", "requested", "confirmed"]


def test_confirming_twice_is_the_same_as_once(connection: Connection) -> None:
    number = on_list(connection, "press", "ada")["ada"]
    memberships.request(connection, number, a_list(connection, "news").id, BY_FORM, now=NOW)
    assert len(memberships.confirm(connection, number, BY_FORM, since=NOW, now=LATER)) == 1
    assert memberships.confirm(connection, number, BY_FORM, since=NOW, now=LATER) == []


def test_a_request_that_is_too_old_cannot_be_confirmed(connection: Connection) -> None:
    number = on_list(connection, "press", "ada")["ada"]
    memberships.request(connection, number, a_list(connection, "news").id, BY_FORM, now=NOW)
    assert memberships.confirm(connection, number, BY_FORM, since=LATER, now=LATER) == []


def test_no_one_can_be_stored_as_subscribed_without_a_consent(connection: Connection) -> None:
    number = on_list(connection, "press", "ada")["ada"]
    news = a_list(connection, "news")
    with pytest.raises(DBAPIError, match="memberships_consent_check"):
        connection.execute(
            text(
                "INSERT INTO memberships (list_id, subscriber_id, state, state_changed_at) "
                "VALUES (:list_id, :number, 'subscribed', now())"
            ),
            {"list_id": news.id, "number": number},
        )
    connection.rollback()


@pytest.mark.parametrize("change", ["UPDATE consents SET at = now()", "DELETE FROM consents"])
def test_a_record_of_consent_cannot_be_changed(connection: Connection, change: str) -> None:
    on_list(connection, "news", "ada")
    with pytest.raises(DBAPIError, match="consents are append-only"):
        connection.execute(text(change))
    connection.rollback()


def test_each_consent_text_is_stored_once_with_its_hash(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo")
    texts = {one.text_hash for number in people.values() for one in consents.of_subscriber(connection, number)}
    assert len(texts) == 1
    assert connection.execute(text("SELECT count(*) FROM consent_texts")).scalar_one() == 1


def test_unconfirmed_sign_ups_are_deleted_with_their_subscribers(connection: Connection) -> None:
    people = on_list(connection, "press", "ada")
    news = a_list(connection, "news")
    numbers = subscribers.upsert(connection, [person_of(address("eve"))], now=NOW)
    for number in (people["ada"], numbers[address("eve")]):
        memberships.request(connection, number, news.id, BY_FORM, now=NOW)
    eve = number_of(connection, "eve")
    assert memberships.unconfirmed(connection, before=NOW, after_id=0, limit=10) == []
    found = memberships.unconfirmed(connection, before=LATER, after_id=0, limit=10)
    assert eve in found
    assert memberships.unconfirmed(connection, before=LATER, after_id=found[-1], limit=10) == []
    assert [one for one in found if memberships.delete_unconfirmed(connection, one, before=LATER)] == [eve]
    assert memberships.state_of(connection, people["ada"], news.id) is None
