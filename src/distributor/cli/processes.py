"""`distributor web | worker | beat | inbound`: the processes of the service, each run in place of this one."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def web() -> None:
    """Run the web server: feeds, article pages, tracking, unsubscribe and the API."""
    _exec("distributor.web")


def worker(
    queue: Annotated[
        list[str],
        typer.Option(help="email, social, feed, urgent, background, or default for the last two; may be repeated."),
    ],
    concurrency: Annotated[int, typer.Option(min=1, help="How many tasks run at once.")] = 1,
) -> None:
    """Run a Celery worker for one or more queues."""
    arguments = [argument for name in queue for argument in ("--queue", name)]
    _exec("distributor_worker", "work", *arguments, "--concurrency", str(concurrency))


def beat() -> None:
    """Run the scheduler, which enqueues every second what is due."""
    _exec("distributor_worker", "beat")


def inbound() -> None:
    """Receive bounces, complaints and replies by LMTP or SMTP and from mailboxes."""
    _exec("distributor.inbound")


def _exec(module: str, *arguments: str) -> None:
    """Replace this process: so the command line imports neither Celery nor the web framework."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606
