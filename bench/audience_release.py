"""A million subscribers: searching while typing, counting an audience, and releasing a campaign to all of it.

The release is compared with bare INSERT … SELECTs of the same columns: into a table with the same indexes, and
into one without any.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import psycopg
from _subscribers import insert_subscribers
from _surroundings import hardware

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.embedded import running_services
from distributor.storage import audiences, campaigns, channels, dispatches, subscribers
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection, Database
from distributor.storage.schema import migrate
from distributor.storage.subscribers import Search

TYPED = ("r", "re", "read", "reader1", "reader 77", "host12", "city 19", "zzz", "vienna", "reader999999")
_YARDSTICK = """
    INSERT INTO {} (dispatch_id, subscriber_id, list_id, recipient, fields, state, created_at, updated_at)
    SELECT 1, id, 1, email, jsonb_build_object('name', name, 'email', email), 'pending', now(), now()
    FROM subscribers LIMIT {}
"""
# The list that most subscribers are on.
_PLAN = AudiencePlan(lists=("news",), except_lists=("offers",), repeats=True)
_ALL = AudiencePlan(lists=("news",), repeats=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(hardware())
    with _filled(people=asked.people) as (database, url):
        _print_searches(database)
        _print_counts(database)
        _print_release(database, url)


@contextmanager
def _filled(*, people: int) -> Iterator[tuple[Database, str]]:
    with tempfile.TemporaryDirectory() as folder, running_services(Path(folder)) as services:
        database = Database(services.database_url)
        migrate(database)
        insert_subscribers(services.database_url, people=people, events=1000)
        yield database, services.database_url
        database.close()


def _print_searches(database: Database) -> None:
    print(f"{'typed':>14} {'found':>6} {'median ms':>10} {'worst ms':>9}")
    for words in TYPED:
        with database.begin() as connection:
            search = partial(subscribers.search, connection, Search(words=words), limit=20)
            found = len(search())
            taken = [_seconds(search) for _ in range(7)]
        print(f"{words:>14} {found:>6} {1000 * median(taken):>10.1f} {1000 * max(taken):>9.1f}")


def _print_counts(database: Database) -> None:
    for name, plan in (("news", _ALL), ("news, not offers", _PLAN)):
        with database.begin() as connection:
            asked = AudienceQuery(plan=plan, article_ids=(), tag_slugs=())
            count = partial(audiences.count, connection, asked, now=datetime.now(UTC))
            people = count()
            taken = _seconds(count)
        print(f"audience {name}: {people} people counted in {1000 * taken:.0f} ms")


def _print_release(database: Database, url: str) -> None:
    now = datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as connection:
        # The subscribers were inserted without checks; a release has to make this one.
        connection.execute("ALTER TABLE deliveries ADD FOREIGN KEY (dispatch_id) REFERENCES dispatches (id)")
    with database.begin() as connection:
        dispatch_id = _a_dispatch(connection, now)
        people: list[int] = []
        asked = AudienceQuery(plan=_ALL, article_ids=(), tag_slugs=())
        audiences.hold(connection, ())
        taken = _seconds(lambda: people.append(audiences.freeze(connection, dispatch_id, asked, now=now)))
    rate = people[0] / taken
    print(f"release: {people[0]} deliveries in {taken:.1f} s, {rate:,.0f}/s")
    for name, like in (("the same indexes", "INCLUDING ALL"), ("no index", "INCLUDING DEFAULTS INCLUDING IDENTITY")):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS yardstick")
            connection.execute(f"CREATE TABLE yardstick (LIKE deliveries {like})")
            bare = _seconds(lambda: connection.execute(_YARDSTICK.format("yardstick", people[0])))
        print(f"bare INSERT … SELECT, {name}: {people[0] / bare:,.0f}/s; ratio {bare / taken:.2f}")


def _a_dispatch(connection: Connection, now: datetime) -> int:
    channel = channels.find(connection, "mail")
    campaign_id = campaigns.add(
        connection,
        CampaignPlan(name="bench", article_slugs=(), channel_names=(), audience=_ALL),
        article_ids=[],
        now=now,
    )
    return dispatches.add(connection, campaign_id, channel.id, scheduled_at=now, zone="UTC")


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
