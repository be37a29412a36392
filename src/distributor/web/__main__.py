"""`python -m distributor.web`: the web server as a process."""

from __future__ import annotations

import sys

import structlog

from distributor.bootstrap import open_installation
from distributor.domain.errors import DistributorError
from distributor.logs import configure_logs
from distributor.settings import load_settings
from distributor.storage.schema import check_schema, migrate
from distributor.web.app import serve


def main() -> None:
    """Serve until told to stop. An embedded database is brought to the present schema first."""
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        with open_installation(settings) as installation:
            (check_schema if settings.database_url else migrate)(installation.database)
            serve(installation, host=settings.host, port=settings.port)
    except DistributorError as error:
        structlog.get_logger("web").error("cannot serve", reason=str(error))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
