"""One campaign to a million people: how fast it is at its beginning and at its end, what memory the processes that send
take meanwhile, and how long the pages and the API take to answer.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from _campaign import (
    dispatch_of,
    memory_of_workers,
    sending_installation,
    set_channel,
    start_campaign,
    subscribe_readers,
    write_article,
)
from _surroundings import hardware, mail_sink
from sqlalchemy import text

from distributor.domain.api_token import ENTROPY_BYTES, TokenScope, secret_of
from distributor.domain.campaign import DispatchState
from distributor.flow.app_context import AppContext
from distributor.storage import api_tokens

MIB = 1 << 20
# How the time of sending is cut up: the first and the last part are compared, each without its ragged end.
PARTS = 10
LOOK_EVERY_SECONDS = 5.0


@dataclass
class Record:
    """What was seen while the campaign was under way: megabytes by process, seconds by what was asked for."""

    memory: dict[int, list[float]] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    port = _free_port()
    with (
        mail_sink() as (sink, sink_port),
        tempfile.TemporaryDirectory() as folder,
        sending_installation(email_workers=arguments.workers, web_port=port) as app,
    ):
        subscribe_readers(app, arguments.people)
        set_channel(app, sink_port, greeting="Hello {{ subscriber.name | default('reader', true) }},")
        campaign_id = start_campaign(app, write_article(Path(folder), paragraphs=arguments.paragraphs))
        asked = _questions(app, port, campaign_id)
        dispatch_id, record = _watch(app, campaign_id, asked)
        print(f"{arguments.people} newsletters, {arguments.workers} workers that send, into {sink}")
        _print_rates(app, dispatch_id)
    for process, megabytes in sorted(record.memory.items()):
        print(
            f"  process {process}: {megabytes[0]:.0f} MiB at first, {max(megabytes):.0f} at most, {megabytes[-1]:.0f}"
        )
    for name, seconds in record.waits.items():
        ordered = sorted(seconds)
        print(
            f"  {name}: {median(ordered) * 1000:.0f} ms in the middle, "
            f"{ordered[int(len(ordered) * 0.95)] * 1000:.0f} for 19 of 20, {ordered[-1] * 1000:.0f} at most"
        )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--paragraphs", type=int, default=0, help="of the article; each makes a mail 1 KB longer")
    return parser.parse_args()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _questions(app: AppContext, port: int, campaign_id: int) -> Mapping[str, Callable[[], object]]:
    secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
    with app.database.begin() as connection:
        api_tokens.add(connection, secret, name="bench", scopes=frozenset(TokenScope), expires_at=None, now=app.clock())
    root = f"http://127.0.0.1:{port}"
    return {
        "the front page": lambda: _fetch(f"{root}/"),
        "a campaign by the API": lambda: _fetch(f"{root}/api/v1/campaigns/{campaign_id}", secret),
    }


def _fetch(url: str, token: str = "") -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        answer.read()


def _watch(app: AppContext, campaign_id: int, asked: Mapping[str, Callable[[], object]]) -> tuple[int, Record]:
    """Look every few seconds until all is sent; returns the number of the dispatch too."""
    record = Record()
    while (dispatch := dispatch_of(app, campaign_id)).state is not DispatchState.FINISHED:
        time.sleep(LOOK_EVERY_SECONDS)
        if dispatch.state is not DispatchState.RUNNING:
            continue
        for process, size in memory_of_workers(app).items():
            record.memory.setdefault(process, []).append(size / MIB)
        for name, ask in asked.items():
            started = time.perf_counter()
            ask()
            record.waits.setdefault(name, []).append(time.perf_counter() - started)
    return dispatch.id, record


def _print_rates(app: AppContext, dispatch_id: int) -> None:
    with app.database.begin() as connection:
        rates = (
            connection.execute(
                text("""
                    WITH sent AS (
                        SELECT updated_at, ntile(:parts) OVER (ORDER BY updated_at) AS part
                        FROM deliveries WHERE dispatch_id = :dispatch_id AND state = 'sent'
                    )
                    SELECT count(*) / extract(epoch FROM max(updated_at) - min(updated_at)) FROM sent
                    GROUP BY part ORDER BY part
                """),
                {"parts": PARTS, "dispatch_id": dispatch_id},
            )
            .scalars()
            .all()
        )
        whole = connection.execute(
            text("""
                SELECT count(*) / extract(epoch FROM max(d.updated_at) - min(x.released_at))
                FROM deliveries d JOIN dispatches x ON x.id = d.dispatch_id
                WHERE d.dispatch_id = :dispatch_id AND d.state = 'sent'
            """),
            {"dispatch_id": dispatch_id},
        ).scalar_one()
    print(f"  from release to the last outcome {whole:.0f} a second; by tenths {' '.join(f'{r:.0f}' for r in rates)}")
    print(f"  the last tenth was {rates[-1] / rates[0]:.2f} as fast as the first")


if __name__ == "__main__":
    main()
