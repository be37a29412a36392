"""How many newsletters a second go the whole way: from release, through Celery and PostgreSQL, to a recorded outcome.

Each mail has a name, links, and one-click headers of its own. The yardsticks run right before, into the same sink:
Postfix's smtp-source, which sends one text without reading, composing or recording anything; smtplib on one kept
connection, with the finished bytes; and, for signed mails, the bare RSA operations on as many cores as there are.
"""

from __future__ import annotations

import argparse
import smtplib
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from _campaign import (
    sending_installation,
    set_channel,
    start_campaign,
    subscribe_readers,
    wait_for_end,
    write_article,
)
from _surroundings import hardware, mail_sink, program

from distributor.channels.email.composition.samples import compose_sample
from distributor.flow.app_context import AppContext
from distributor.flow.operations.signing_keys import activate_keys, make_keys
from distributor.mail.dkim.keys import Algorithm, make_key
from distributor.storage import delivery_queries, dispatches

# Paragraphs of the article, and so the size of its mails: about 10 and 50 KB.
LENGTHS = (0, 36)
SESSIONS = 20
GREETING = "Hello {{ subscriber.name | default('reader', true) }},"
# What DKIM signs of a newsletter's header.
SIGNED_OCTETS = 1100


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with (
        mail_sink() as (sink, port),
        tempfile.TemporaryDirectory() as folder,
        sending_installation(email_workers=arguments.workers) as app,
    ):
        subscribe_readers(app, arguments.people)
        print(f"{arguments.people} newsletters, {arguments.workers} workers that send, into {sink}")
        articles = [write_article(Path(folder), paragraphs=length) for length in LENGTHS]
        set_channel(app, port, greeting=GREETING)
        unsigned = {article: _send(app, article, port, arguments.people) for article in articles}
        _sign(app)
        rsa = arguments.workers / _seconds_for_rsa(arguments.workers)
        print(f"bare RSA-2048 signatures, {arguments.workers} processes: {rsa:.0f} a second")
        for article in articles:
            rate, _ = _measure(app, article, arguments.people)
            # What is left of the unsigned rate if each mail took an RSA operation more and nothing else.
            allowed = 1 / (1 / unsigned[article] + 1 / rsa)
            print(f"  signed {rate:18.0f} a second; {rate / rsa:.2f} of bare RSA, {rate / allowed:.2f} of RSA on top")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _send(app: AppContext, article: Path, port: int, people: int) -> float:
    """Measure unsigned mails of the article beside the yardsticks; returns their rate."""
    rate, mail = _measure(app, article, people)
    print(f"mails of {len(mail) / 1000:.0f} KB")
    print(f"  the whole way {rate:11.0f} a second")
    loop = _rate_of_smtplib(port, mail, min(people, 10_000))
    print(f"  smtplib {loop:17.0f} a second, ratio {rate / loop:.2f}")
    source = _rate_of_smtp_source(port, len(mail), people)
    if source is None:
        print("  smtp-source is not there: install postfix")
    else:
        print(f"  smtp-source {source:13.0f} a second, ratio {rate / source:.2f}")
    return rate


def _measure(app: AppContext, article: Path, people: int) -> tuple[float, bytes]:
    """Mails a second from the release to the last recorded outcome, and what one of them looks like."""
    dispatch = wait_for_end(app, start_campaign(app, article))
    with app.database.begin() as connection:
        last = delivery_queries.last_change(connection, dispatch.id)
        mail = compose_sample(dispatches.rendition_of(connection, dispatch.id))
    if dispatch.released_at is None or last is None:
        raise SystemExit("the campaign has no recipients")
    return people / (last - dispatch.released_at).total_seconds(), mail


def _rate_of_smtplib(port: int, mail: bytes, count: int) -> float:
    with smtplib.SMTP("127.0.0.1", port) as server:
        started = time.perf_counter()
        for number in range(count):
            server.sendmail("news@bench.example", f"reader{number}@example.org", mail)
        return count / (time.perf_counter() - started)


def _rate_of_smtp_source(port: int, size: int, count: int) -> float | None:
    path = program("smtp-source")
    if path is None:
        return None
    addresses = ("-f", "news@bench.example", "-t", "reader@example.org")
    options = ("-s", SESSIONS, "-m", count, "-l", size, "-d", *addresses, f"127.0.0.1:{port}")
    started = time.perf_counter()
    subprocess.run([path, *map(str, options)], check=True)
    return count / (time.perf_counter() - started)


def _sign(app: AppContext) -> None:
    made = make_keys(app, "mail", selectors=[("bench", Algorithm.RSA)])
    activate_keys(app, "mail", [entry.selector for entry in made], lookup=None)


def _seconds_for_rsa(processes: int, count: int = 3000) -> float:
    """Of one operation in one process, while as many processes do the same."""
    with ProcessPoolExecutor(processes) as pool:
        return max(pool.map(_seconds_of_operation, [count] * processes))


def _seconds_of_operation(count: int) -> float:
    sign, data = make_key(Algorithm.RSA).sign, b"x" * SIGNED_OCTETS
    started = time.perf_counter()
    for _ in range(count):
        sign(data)
    return (time.perf_counter() - started) / count


if __name__ == "__main__":
    main()
