"""How long it takes to count segments of three conditions over many subscribers, against counting all subscribers.

The subscribers are inserted in a database of its own, which takes minutes at full size; `--people 20000` is quick.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from _subscribers import insert_subscribers
from _surroundings import hardware

from distributor.domain.segments.parser import parse
from distributor.embedded import Tuning, running_services
from distributor.storage import segments
from distributor.storage.database import Connection, Database
from distributor.storage.schema import migrate

SEGMENTS = (
    "clicked in the last 90 days and tag = vip and list = news",
    'clicked at least 2 times in the last 90 days and language = en and attributes.plan = "pro"',
    "never opened in the last 90 days and status = active and created more than 1 year ago",
    "opened none of the last 3 and tag = vip and list = news",
)
ROUNDS = 7


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        running_services(Path(folder), tuning=Tuning.TEST_SPEED) as services,
    ):
        database = Database(services.database_url)
        migrate(database)
        started = time.perf_counter()
        insert_subscribers(services.database_url, people=arguments.people, events=arguments.events)
        taken = time.perf_counter() - started
        print(f"  {arguments.people:,} subscribers and {arguments.events:,} events, made in {taken:.0f} s")
        with database.begin() as connection:
            _measure(connection)
        database.close()


def _measure(connection: Connection) -> None:
    now = datetime.now(UTC)
    yardstick, everyone = _milliseconds(connection, "everyone", now)
    for condition in SEGMENTS:
        taken, people = _milliseconds(connection, condition, now)
        print(f"  {taken:7.0f} ms, {taken / yardstick:5.1f} times the yardstick, {people:9,} people: {condition}")
    print(f"  {yardstick:7.0f} ms, the yardstick, {everyone:9,} people: everyone")


def _milliseconds(connection: Connection, expression: str, now: datetime) -> tuple[float, int]:
    """The median of some rounds after one that warms up, and how many people there are."""
    condition = parse(expression)
    people = segments.count(connection, condition, now=now)
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        segments.count(connection, condition, now=now)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), people


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=None, help="default: ten for each of the people")
    arguments = parser.parse_args()
    if arguments.events is None:
        arguments.events = 10 * arguments.people
    return arguments


if __name__ == "__main__":
    main()
