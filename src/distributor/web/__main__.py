"""`python -m distributor.web`: the web server as a process."""

from __future__ import annotations

import sys

import structlog

from distributor.bootstrap import open_process
from distributor.domain.errors import ConfigurationError, DistributorError
from distributor.logs import configure_logs
from distributor.settings import Settings, load_settings
from distributor.web.app import serve
from distributor.web.beat_watch import watching_beat
from distributor.web.config import WebConfig


def main() -> None:
    """Serve until SIGTERM or SIGINT. An embedded database is migrated first."""
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        if settings.port == 0 and not settings.public_url:
            raise ConfigurationError(
                "with DISTRIBUTOR_PORT=0 the web server takes a free port, which other processes cannot know for their "
                "links: set DISTRIBUTOR_PUBLIC_URL as well, or use `distributor up`"
            )
        with open_process(settings, "web") as app, watching_beat(app):
            serve(app, _config(settings), host=settings.host, port=settings.port, on_listening=_log_address)
    except DistributorError as error:
        structlog.get_logger("web").error("cannot serve", reason=str(error))
        sys.exit(error.exit_code)


def _log_address(url: str) -> None:
    structlog.get_logger("web").info("web.listening", address=url)


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
