"""The processes around the tasks: `python -m distributor_worker work --queue email`, and `… beat`."""

from __future__ import annotations

import argparse
import os
import sys

import structlog

from distributor.bootstrap import child_environment, open_services, require_schema, this_process
from distributor.domain.errors import DistributorError
from distributor.flow.delivery.recovery import recover_journals
from distributor.flow.jobs import consumed_queues, is_background
from distributor.flow.operations.processes import reporting
from distributor.logs import configure_logs
from distributor.settings import load_settings
from distributor_worker.beat import run_beat
from distributor_worker.celery_app import app_context, celery, connect_broker

_BACKGROUND_NICENESS = 10


def main() -> None:
    """Run a worker or a beat until SIGTERM or SIGINT."""
    arguments = _parse()
    settings = load_settings()
    configure_logs(settings.log_level)
    try:
        with open_services(settings) as services:
            os.environ.update(child_environment(settings, services))
            load_settings.cache_clear()
            connect_broker(services.redis_url)
            require_schema(settings, app_context().database)
            if arguments.what == "beat":
                with reporting(services.database_url, this_process(settings, services, "beat")):
                    run_beat()
            else:
                name = f"worker {', '.join(arguments.queue)}"
                with reporting(services.database_url, this_process(settings, services, "worker", name=name)):
                    _work(arguments.queue, arguments.concurrency)
    except DistributorError as error:
        structlog.get_logger(__name__).error("worker.cannot_start", reason=str(error))
        sys.exit(error.exit_code)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m distributor_worker")
    parser.add_argument("what", choices=["work", "beat"])
    parser.add_argument("--queue", action="append", default=[])
    parser.add_argument("--concurrency", type=int, default=1)
    return parser.parse_args()


def _work(queues: list[str], concurrency: int) -> None:
    if all(is_background(queue) for queue in consumed_queues(queues)):
        # On a machine whose processors are busy, what has no time leaves them to what has one.
        os.nice(_BACKGROUND_NICENESS)
    # Journals of dead workers on this machine are recovered before any task starts. The child processes open
    # connections of their own: none may be shared across the fork.
    app = app_context()
    recover_journals(app)
    app.database.close()
    app_context.cache_clear()
    celery.worker_main(
        [
            "worker",
            f"--queues={','.join(consumed_queues(queues))}",
            f"--concurrency={concurrency}",
            f"--hostname={'-'.join(queues)}@%h-{id(celery):x}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=WARNING",
        ]
    )


if __name__ == "__main__":
    main()
