"""Search for subscribers by the beginnings of words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from distributor.domain.person import person_of
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.flow.app_context import AppContext
from distributor.storage import lists, memberships, subscribers
from distributor.storage.database import Connection
from distributor.storage.subscribers import Search
from tests.storage.list_fixtures import BY_FORM, NOW, address, number_of, on_list

PEOPLE = (
    person_of("anna.smith@example.org", name="Anna Smith", attributes={"city": "Graz", "age": 40}, tags=["vip"]),
    person_of("b.o'neil@example.com", name="Bo O'Neil", attributes={"city": "Groß Gerau"}),
    person_of("carla+news@mail.example", name="Carla Šmídová", attributes={"pets": ["Anny"]}, tags=["vip", "press"]),
    person_of("δοκιμή@example.org", name="Δοκιμή"),
)


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as opened:
        subscribers.upsert(opened, PEOPLE, now=NOW)
        yield opened


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("a", "anna carla"),
        ("ann", "anna carla"),
        ("anna.s", "anna"),
        ("ANNA smi", "anna"),
        ("smith anna", "anna"),
        ("example.org", "anna δοκιμή"),
        ("anna.smith@example.org", "anna"),
        ("šmíd", "carla"),
        ("gra", "anna"),
        ("neil", "b"),
        ("o'neil", "b"),
        ("δοκ", "δοκιμή"),
        ("carla+news", "carla"),
        ("nobody", ""),
        ("@", ""),
        ("", "anna b carla δοκιμή"),
    ],
)
def test_the_beginnings_of_words_find_people(connection: Connection, words: str, found: str) -> None:
    keys = [one.key for one in subscribers.search(connection, Search(words=words), limit=10)]
    assert [name for key in keys for name in found.split() if key.startswith(name)] == found.split()
    assert len(keys) == len(found.split())


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30).filter(lambda words: "\x00" not in words))
def test_nothing_that_is_typed_breaks_the_search(connection: Connection, words: str) -> None:
    subscribers.search(connection, Search(words=words), limit=3)


def test_people_are_found_by_attribute_tag_and_status(connection: Connection) -> None:
    anna = number_of_key(connection, "anna.smith@example.org")
    subscribers.change(connection, anna, {"status": SubscriberStatus.DISABLED}, now=NOW)
    assert _found(connection, Search(attributes={"city": "Graz"})) == [anna]
    assert _found(connection, Search(attributes={"age": "40"})) == []
    assert len(_found(connection, Search(tag="vip"))) == 2
    assert _found(connection, Search(tag="vip", status=SubscriberStatus.DISABLED)) == [anna]


def test_people_are_found_by_their_membership(connection: Connection) -> None:
    on_list(connection, "news", "dee", "eve")
    news = lists.find(connection, "news").id
    memberships.unsubscribe(connection, number_of(connection, "dee"), news, BY_FORM, now=NOW)
    assert _found(connection, Search(list_id=news)) == [number_of(connection, "eve")]
    assert _found(connection, Search(list_id=news, state=Membership.UNSUBSCRIBED)) == [number_of(connection, "dee")]


def test_pages_follow_each_other_without_gap_or_repetition(connection: Connection) -> None:
    subscribers.upsert(connection, [person_of(address(f"reader{n}"), tags=["many"]) for n in range(25)], now=NOW)
    # Far beyond what is looked at one by one.
    connection.execute(text("ALTER TABLE subscribers ALTER COLUMN id RESTART WITH 1000000"))
    subscribers.upsert(connection, [person_of(address(f"reader{n}"), tags=["many"]) for n in range(25, 40)], now=NOW)
    seen: list[int] = []
    while page := _found(connection, Search(words="reader", tag="many"), after_id=seen[-1] if seen else 0):
        seen += page
    assert len(seen) == len(set(seen)) == 40
    assert seen == sorted(seen)


def _found(connection: Connection, asked: Search, *, after_id: int = 0) -> list[int]:
    return [one.id for one in subscribers.search(connection, asked, limit=7, after_id=after_id)]


def number_of_key(connection: Connection, key: str) -> int:
    return subscribers.find(connection, key).id
