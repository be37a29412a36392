"""`distributor web | worker | beat | returns`: one process of the service, which this one becomes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def web() -> None:
    """Serve feeds, article pages, tracking and unsubscribe."""
    _become("distributor.web")


def worker(
    queue: Annotated[list[str], typer.Option(help="email, social, feed or default; may be repeated.")],
    concurrency: Annotated[int, typer.Option(min=1, help="How many tasks at once.")] = 1,
) -> None:
    """Do the work of one or more queues."""
    arguments = [argument for name in queue for argument in ("--queue", name)]
    _become("distributor_worker", "work", *arguments, "--concurrency", str(concurrency))


def returns() -> None:
    """Take in what comes back: by LMTP or SMTP, and from mailboxes."""
    _become("distributor.inbound")


def beat() -> None:
    """Tick once a second and ring for what is due."""
    _become("distributor_worker", "beat")


def _become(module: str, *arguments: str) -> None:
    """Go on as another module: the command line knows neither Celery nor the web."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606
