"""How many newsletters a second go over one connection to a relay that is far away, and what a connection costs.

A proxy delays every byte by half the round trip in each direction. With content, end and next envelope in one group a
mail costs one round trip, so 20 ms would bear 50 mails a second at the most.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from _surroundings import hardware, mail_sink

from distributor.bootstrap import make_site, make_templates
from distributor.channels.api import PostParts, Publications, RenderContext, SendContext
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.relays import Relay
from distributor.channels.email.settings import EmailSettings
from distributor.channels.promises import SAMPLE
from distributor.domain.delivery import Delivery, Verdict
from distributor.domain.rendition import Rendition
from distributor.domain.tokens import TokenSigner
from distributor.flow.journal import WorkerJournal, open_journal
from distributor.mail.smtp.connect import connect
from distributor.mail.smtp.url import SmtpUrl
from distributor.settings import Settings


@dataclass(frozen=True)
class _OneRelay:
    configured_relays: Sequence[Relay]
    bounce_domain: str = ""
    events_from: str = ""


class _Distance:
    """A proxy to a port on this machine that is so many seconds away."""

    def __init__(self, port: int, round_trip: float) -> None:
        self._port = port
        self._one_way = round_trip / 2

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What the handshake of a real connection takes before the first byte can come.
        await asyncio.sleep(2 * self._one_way)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._delay(reader, back), self._delay(there, writer))

    async def _delay(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on every piece as late as it came; pieces do not wait for one another."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        with suppress(ConnectionError):
            while piece := await source.read(1 << 20):
                last = max(last, loop.time() + self._one_way)
                loop.call_at(last, sink.write, piece)
            loop.call_at(last + self._one_way, sink.close)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with mail_sink() as (sink, port), tempfile.TemporaryDirectory() as folder, open_journal(Path(folder)) as journal:
        seconds, set_up, bare = asyncio.run(_measure(arguments, port, journal))
    rate = arguments.mails / seconds
    print(f"{arguments.mails} newsletters into {sink}, {arguments.round_trip_ms:g} ms away")
    print(f"  a second over {arguments.connections} connections {rate:8.1f}")
    print(f"  a second and connection    {rate / arguments.connections:8.1f}")
    print(f"  bare round trips a second  {bare:8.1f}, the most that one connection can bear on this machine now")
    print(f"  making a connection        {set_up * 1000:8.1f} ms, without TLS and login")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=400)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--round-trip-ms", type=float, default=20)
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, port: int, journal: WorkerJournal) -> tuple[float, float, float]:
    """Seconds for all mails, seconds for a connection, and round trips a second of a dialogue that does nothing."""
    async with _Distance(port, arguments.round_trip_ms / 1000) as far:
        url = SmtpUrl.parse(f"smtp://127.0.0.1:{far}")
        # The first one also reads the system's certificates, once for the process.
        await (await connect(url)).quit()
        began = time.perf_counter()
        connection = await connect(url)
        set_up = time.perf_counter() - began
        await connection.quit()
        bare = await _bare_round_trips(far)
        relay = _OneRelay([Relay(name="far", url=url, connections=arguments.connections)])
        rendition, context = _material(journal)
        batch = [_delivery(number) for number in range(1, arguments.mails + 1)]
        began = time.perf_counter()
        async for outcome in send_deliveries(relay, prepare_mail(rendition), batch, context):
            if outcome.verdict is not Verdict.SENT:
                raise SystemExit(f"a mail was {outcome.verdict}: {outcome.reply}")
        return time.perf_counter() - began, set_up, bare


async def _bare_round_trips(port: int, count: int = 100) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    began = time.perf_counter()
    for _ in range(count):
        writer.write(b"NOOP\r\n")
        await reader.readline()
    writer.close()
    return count / (time.perf_counter() - began)


def _material(journal: WorkerJournal) -> tuple[Rendition, SendContext]:
    settings = Settings(_env_file=None, postal_address="1 Bench Street, Benchville", sender="Bench <n@bench.example>")
    site = make_site(settings)
    rendition = EmailChannel(EmailSettings()).render(
        [SAMPLE], RenderContext(site=site, templates=make_templates(settings))
    )
    context = SendContext(
        site=site,
        now=lambda: datetime.now(UTC),
        tokens=TokenSigner(b"a key for measurements only"),
        journal=journal,
        # A channel that sends mail touches neither.
        parts=cast("PostParts", None),
        publications=cast("Publications", None),
    )
    return rendition, context


def _delivery(number: int) -> Delivery:
    return Delivery(
        id=number,
        dispatch_id=1,
        recipient=f"reader{number}@example.net",
        epoch=1,
        attempt=1,
        created_at=datetime.now(UTC),
        fields={"name": "Reader"},
    )


if __name__ == "__main__":
    main()
