"""`python -m distributor.inbound`: what takes mail back, as a process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

import structlog

from distributor.bootstrap import open_app_context
from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.flow.app_context import AppContext
from distributor.inbound.poller import go_rounds, open_mailbox
from distributor.inbound.server import ReturnsServer
from distributor.logs import configure_logs
from distributor.settings import Settings, load_settings
from distributor.storage.schema import check_schema, migrate

_log = structlog.get_logger("receiving")


def main() -> None:
    """Serve until told to stop. An embedded database is brought to the present schema first."""
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        with open_app_context(settings) as app:
            (check_schema if settings.database_url else migrate)(app.database)
            asyncio.run(_serve(app, settings))
    except DistributorError as error:
        _log.error("cannot take mail back", reason=str(error))
        sys.exit(error.exit_code)


async def _serve(app: AppContext, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    urls = settings.returns_mailboxes.get_secret_value().split() if settings.returns_mailboxes else []
    for url in urls:
        open_mailbox(url)
    rounds = [asyncio.create_task(go_rounds(app, url, every_seconds=settings.returns_poll_seconds)) for url in urls]
    if settings.returns_listen:
        with _listen(settings.returns_listen) as listening:
            server = ReturnsServer(app, name=socket.gethostname())
            await server.start(listening)
            _log.info("listening", address=settings.returns_listen)
            await stop.wait()
            await server.stop()
    elif rounds:
        await stop.wait()
    else:
        raise ConfigurationError(
            "set DISTRIBUTOR_RETURNS_LISTEN or DISTRIBUTOR_RETURNS_MAILBOXES: nothing is to be done"
        )
    for task in rounds:
        task.cancel()


def _listen(place: str) -> socket.socket:
    """A listening socket. Raises ConfigurationError."""
    host, _, port = place.rpartition(":")
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=_family(host), backlog=128)
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"DISTRIBUTOR_RETURNS_LISTEN={place!r}: cannot listen there ({error}); "
            "write HOST:PORT, such as 127.0.0.1:2424"
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


if __name__ == "__main__":
    main()
