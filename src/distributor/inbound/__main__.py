"""`python -m distributor.inbound`: the process that receives bounces, complaints and unsubscribe mails."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

import structlog

from distributor.bootstrap import open_process
from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.flow.app_context import AppContext
from distributor.inbound.poller import open_mailbox, poll_forever
from distributor.inbound.server import InboundServer
from distributor.listening import listen
from distributor.logs import configure_logs
from distributor.settings import Settings, load_settings

_log = structlog.get_logger("distributor.inbound")


def main() -> None:
    """Serve until SIGTERM or SIGINT. The schema of an embedded database is migrated first."""
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        with open_process(settings, "inbound") as app:
            asyncio.run(_serve(app, settings))
    except DistributorError as error:
        _log.error("inbound.cannot_start", reason=str(error))
        sys.exit(error.exit_code)


async def _serve(app: AppContext, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    urls = settings.inbound_mailboxes.get_secret_value().split() if settings.inbound_mailboxes else []
    for url in urls:
        open_mailbox(url)
    pollers = [
        asyncio.create_task(poll_forever(app, url, interval_seconds=settings.inbound_poll_seconds)) for url in urls
    ]
    if settings.inbound_address is not None:
        host, port = settings.inbound_address
        with listen(host, port, setting="another DISTRIBUTOR_INBOUND_LISTEN") as listener:
            server = InboundServer(app, name=socket.gethostname())
            await server.start(listener)
            _log.info("inbound.listening", address=settings.inbound_listen)
            await stop.wait()
            await server.stop()
    elif pollers:
        await stop.wait()
    else:
        raise ConfigurationError(
            "set DISTRIBUTOR_INBOUND_LISTEN or DISTRIBUTOR_INBOUND_MAILBOXES: no inbound mail is configured"
        )
    for task in pollers:
        task.cancel()


if __name__ == "__main__":
    main()
