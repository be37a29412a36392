"""Many small campaigns that are due at the same moment: how late each begins, while opens are counted and a file of
subscribers is imported.

Each campaign is an article of its own to two people. It is late by the time from when it was due until its first mail
began. Half of the measurements are of campaigns that were prepared before they were due; in the other half the same
number is planned so shortly before that all of them still have to be prepared. The yardstick is what one process needs
for the same number of bare release transactions and of mails by smtplib, one after another.
"""

from __future__ import annotations

import argparse
import itertools
import smtplib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from _campaign import sending_installation, set_channel
from _surroundings import hardware, mail_sink
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import Person
from distributor.domain.subscriber_import import ImportPlan
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import add_file
from distributor.flow.feedback.tracking import note_open
from distributor.flow.people.import_people import cancel_import, plan_import
from distributor.flow.publishing.plan import plan
from distributor.storage import lists, memberships

# What runs meanwhile.
OPENS_A_SECOND = 200
IMPORTED_PEOPLE = 300_000
# Campaigns planned shortly before are due after so long.
SHORTLY = timedelta(seconds=3)
# Pieces of work of a campaign: prepare (if it is not prepared yet), release, deliver.
_STEPS = {True: 2, False: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What happened meanwhile: opens noted and counted, people imported, messages put on the queues."""

    noted: int
    counted: int
    imported: int
    messages: int


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with (
        mail_sink() as (sink, sink_port),
        tempfile.TemporaryDirectory() as folder,
        sending_installation(email_workers=arguments.workers) as app,
    ):
        print(f"campaigns of two people each, workers as `distributor up` starts them, into {sink}")
        set_channel(app, sink_port)
        _make_lists(app)
        numbers = itertools.count()
        first = _plan(app, Path(folder), 1, numbers)
        _set_due(app, first, timedelta())
        _wait_for_mails(app, first)
        print(
            f"  smtplib, one connection for each two mails: {_seconds_of_smtplib(sink_port, 100) / 100 * 1000:.1f} ms"
        )
        for count in arguments.campaigns:
            for is_prepared in (True, False):
                chosen = _plan(app, Path(folder), count, numbers)
                if is_prepared:
                    _prepare(app, chosen)
                with _meanwhile(app, Path(folder), first[0], busy=not arguments.quiet) as seen:
                    _set_due(app, chosen, SHORTLY)
                    late = _wait_for_mails(app, chosen)
                _print(count, late, seen(), is_prepared=is_prepared)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, nargs="+", default=[100, 300, 500])
    parser.add_argument(
        "--workers", type=int, default=1, help="that send email, as --email-workers of `distributor up`"
    )
    parser.add_argument("--quiet", action="store_true", help="no opens and no import meanwhile")
    return parser.parse_args()


def _make_lists(app: AppContext) -> None:
    with app.database.begin() as connection:
        chosen = lists.add(connection, slug="pair", name="Pair")
        lists.add(connection, slug="imported", name="Imported")
        memberships.subscribe(
            connection,
            chosen.id,
            [Person(key=f"{name}@example.org", email=f"{name}@example.org", name=name) for name in ("ada", "bo")],
            ConsentEvidence(method=ConsentMethod.PERSON, text="They are made up."),
            now=app.clock(),
        )


def _plan(app: AppContext, folder: Path, count: int, numbers: Iterator[int]) -> list[int]:
    """The campaigns, planned for tomorrow."""
    made = []
    for _ in range(count):
        number = next(numbers)
        file = folder / f"note-{number}.md"
        file.write_text(f"---\ntitle: Note {number}\n---\n\nSomething [to read](https://bench.example/{number}).\n")
        made.append(
            plan(
                app,
                CampaignPlan(
                    name=f"note {number}",
                    article_slugs=(add_file(app, file).slug,),
                    channel_names=("mail",),
                    audience=AudiencePlan(lists=("pair",), repeats=True),
                    starts_at=app.clock() + timedelta(days=1),
                ),
            )
        )
    return made


def _set_due(app: AppContext, campaigns: list[int], within: timedelta) -> None:
    with app.database.begin() as connection:
        connection.execute(
            text("UPDATE dispatches SET scheduled_at = :at WHERE campaign_id = ANY(:campaigns)"),
            {"at": app.clock() + within, "campaigns": campaigns},
        )


def _prepare(app: AppContext, campaigns: list[int]) -> None:
    """Bring them near enough to be prepared, and wait until they are, before any is due."""
    waiting = text("SELECT count(*) FROM dispatches WHERE campaign_id = ANY(:campaigns) AND prepared_at IS NULL")
    while True:
        _set_due(app, campaigns, timedelta(seconds=110))
        time.sleep(0.5)
        with app.database.begin() as connection:
            if not connection.execute(waiting, {"campaigns": campaigns}).scalar_one():
                return


def _wait_for_mails(app: AppContext, campaigns: list[int]) -> list[float]:
    """By how many seconds each was late, once the first mail of each has begun."""
    query = text("""
        SELECT extract(epoch FROM min(d.first_attempt_at) - min(x.scheduled_at)) AS late
        FROM dispatches x JOIN deliveries d ON d.dispatch_id = x.id
        WHERE x.campaign_id = ANY(:campaigns) GROUP BY x.id HAVING min(d.first_attempt_at) IS NOT NULL
    """)
    while True:
        time.sleep(0.5)
        with app.database.begin() as connection:
            late = [float(number) for number in connection.execute(query, {"campaigns": campaigns}).scalars()]
        if len(late) == len(campaigns):
            return sorted(late)


@contextmanager
def _meanwhile(app: AppContext, folder: Path, campaign_id: int, *, busy: bool) -> Iterator[Callable[[], Surroundings]]:
    """Note opens of a campaign and import a file for as long as this is open; yields what tells how far that got."""
    stop = threading.Event()
    noted: list[int] = []
    messages = _messages(app)
    import_id = _start_import(app, folder) if busy else 0
    opens = threading.Thread(target=_note_opens, args=(app, campaign_id, stop, noted))
    if busy:
        opens.start()
    before = _stored_opens(app)
    try:
        yield lambda: Surroundings(
            noted=sum(noted),
            counted=_stored_opens(app) - before,
            imported=_imported(app, import_id),
            messages=_messages(app) - messages,
        )
    finally:
        stop.set()
        if busy:
            opens.join()
            cancel_import(app, import_id)


def _start_import(app: AppContext, folder: Path) -> int:
    mark = time.time_ns()
    file = folder / "people.csv"
    with file.open("w") as lines:
        lines.write("email,name\n")
        lines.writelines(f"reader{number}.{mark}@example.net,Reader\n" for number in range(IMPORTED_PEOPLE))
    asked = ImportPlan(list_slug="imported", basis="They are made up.")
    return plan_import(app, asked, name="people.csv", pieces=[file.read_bytes()]).id


def _note_opens(app: AppContext, campaign_id: int, stop: threading.Event, noted: list[int]) -> None:
    with app.database.begin() as connection:
        delivery_id = connection.execute(
            text(
                "SELECT min(d.id) FROM deliveries d JOIN dispatches x ON x.id = d.dispatch_id WHERE campaign_id = :id"
            ),
            {"id": campaign_id},
        ).scalar_one()
    token = app.tokens.mint(Purpose.OPEN, delivery_id)
    while not stop.wait(0.1):
        noted.extend(int(note_open(app, token, {"user_agent": "Bench/1.0"})) for _ in range(OPENS_A_SECOND // 10))


def _stored_opens(app: AppContext) -> int:
    with app.database.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM events WHERE kind = 'open'")).scalar_one())


def _imported(app: AppContext, import_id: int) -> int:
    with app.database.begin() as connection:
        found = connection.execute(text("SELECT line FROM imports WHERE id = :id"), {"id": import_id})
        return int(found.scalar_one_or_none() or 0)


def _messages(app: AppContext) -> int:
    """How many messages have been put on the queues since Redis was started."""
    return int(app.redis.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


def _seconds_of_smtplib(port: int, pairs: int) -> float:
    started = time.perf_counter()
    for _ in range(pairs):
        with smtplib.SMTP("127.0.0.1", port) as server:
            for number in range(2):
                server.sendmail("news@bench.example", f"reader{number}@example.org", b"Subject: x\r\n\r\nx\r\n")
    return time.perf_counter() - started


def _print(count: int, late: list[float], seen: Surroundings, *, is_prepared: bool) -> None:
    pieces = count * _STEPS[is_prepared]
    print(
        f"{count} campaigns, {'prepared before' if is_prepared else 'planned shortly before'}: "
        f"median {median(late):.1f} s late, last {late[-1]:.1f} s; "
        f"{seen.messages} messages for {pieces} pieces of work; "
        f"meanwhile {seen.counted} of {seen.noted} opens counted, {seen.imported} people imported",
        flush=True,
    )


if __name__ == "__main__":
    main()
