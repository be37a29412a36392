"""`python -m distributor.web`: the web server as a process."""

from __future__ import annotations

import sys

import structlog

from distributor.bootstrap import open_process
from distributor.domain.errors import DistributorError
from distributor.logs import configure_logs
from distributor.settings import Settings, load_settings
from distributor.web.app import serve
from distributor.web.config import WebConfig


def main() -> None:
    """Serve until SIGTERM or SIGINT. An embedded database is migrated first."""
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        with open_process(settings, "web") as app:
            serve(app, _config(settings), host=settings.host, port=settings.port)
    except DistributorError as error:
        structlog.get_logger("web").error("cannot serve", reason=str(error))
        sys.exit(error.exit_code)


def _config(settings: Settings) -> WebConfig:
    return WebConfig(
        sign_ups_per_address=settings.sign_ups_per_address,
        sign_ups_per_network=settings.sign_ups_per_network,
        sign_ups_per_list=settings.sign_ups_per_list,
        challenge_cost=settings.challenge_cost,
        trusted_proxies=settings.trusted_proxies,
    )


if __name__ == "__main__":
    main()
