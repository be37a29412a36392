"""`distributor up`: the whole service on one machine."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from distributor.bootstrap import child_environment, make_app_context, open_services
from distributor.cli.channels import configure
from distributor.cli.processes import ChildProcess, ProcessGroup, insist_on_free_port, running_processes, worker_parts
from distributor.cli.sandbox import SandboxPorts, configure_sandbox_channels, sandbox_part, wait_for_sandbox
from distributor.cli.session import say
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.ingest import scan
from distributor.settings import Settings, load_settings
from distributor.storage import channels
from distributor.storage.schema import migrate


def up(
    email_workers: Annotated[int, typer.Option(min=1, help="Processes that send email.")] = 1,
    sandbox_port: Annotated[int, typer.Option(help="Port of the sandbox page.")] = 8025,
    smtp_port: Annotated[int, typer.Option(help="Port of the sandbox's SMTP inbox.")] = 2525,
) -> None:
    """Run the whole service on this machine until it is stopped."""
    settings = load_settings()
    stop = _stop_when_told()
    for port in (settings.port, sandbox_port, smtp_port):
        insist_on_free_port(settings.host, port)
    ready = settings.data_dir / "sandbox.json"
    ready.unlink(missing_ok=True)
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        migrate(app.database)
        parts = [
            ChildProcess(name="web", module="distributor.web"),
            *worker_parts(email_workers=email_workers),
            *inbound_parts(settings),
            sandbox_part(settings.data_dir / "sandbox", ready, http_port=sandbox_port, smtp_port=smtp_port),
        ]
        environment = child_environment(settings, services)
        with running_processes(parts, logs=settings.data_dir / "logs", environment=environment) as crew:
            ports = wait_for_sandbox(ready, crew)
            if _is_first_run(app):
                _furnish(app, settings, ports)
            say(f"Distributor serves {settings.public_url}")
            say(f"the sandbox shows mails and posts on http://{settings.host}:{ports.http}")
            say(f"logs are in {settings.data_dir / 'logs'}; Ctrl-C stops everything")
            _watch(crew, stop)
    say("stopped")


def inbound_parts(settings: Settings) -> list[ChildProcess]:
    """The process that takes mail back, if there is anything for it to do."""
    return (
        [ChildProcess(name="inbound", module="distributor.inbound")]
        if settings.inbound_listen or settings.inbound_mailboxes
        else []
    )


def _furnish(app: AppContext, settings: Settings, ports: SandboxPorts) -> None:
    """Give a new app a channel of each kind and what the content folder holds."""
    configure_sandbox_channels(app, ports)
    if settings.smtp_url is not None:
        configure(app, "email", "email", {"smtp_url": settings.smtp_url.get_secret_value()})
    if settings.content_dir.is_dir():
        scan(app)


def _is_first_run(app: AppContext) -> bool:
    with app.database.begin() as connection:
        return not channels.all_channels(connection)


def _stop_when_told() -> threading.Event:
    """Set by SIGINT and SIGTERM, from now on: whoever is told to stop while starting stops in good order too."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _watch(crew: ProcessGroup, stop: threading.Event) -> None:
    """Keep the processes running until somebody asks to stop."""
    while not stop.wait(1.0):
        for name in crew.revive():
            say(f"{name} had died and was started again; its log says why")
