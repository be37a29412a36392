"""`distributor up`: the whole service on one machine."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from distributor.bootstrap import (
    child_environment,
    make_app_context,
    migrate_database,
    open_services,
    this_process,
)
from distributor.cli.console import print_message
from distributor.cli.process_group import (
    ChildProcess,
    ProcessGroup,
    running_processes,
    worker_processes,
)
from distributor.cli.sandbox import (
    SANDBOX_HOST,
    SandboxPorts,
    configure_sandbox_channels,
    sandbox_process,
    wait_for_sandbox,
)
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.flow.operations.processes import reporting
from distributor.flow.publishing.ingest import scan
from distributor.listening import free_port, local_url, require_free_port
from distributor.settings import Settings, address_problems, load_settings
from distributor.storage import channels


def up(
    email_workers: Annotated[int, typer.Option(min=1, help="Processes that send email.")] = 1,
    sandbox_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the sandbox page; 0: a free one.")
    ] = 8025,
    smtp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the sandbox's SMTP inbox; 0: a free one.")
    ] = 2525,
) -> None:
    """Run the whole service on this machine until it is stopped."""
    settings = _with_port(load_settings())
    stop = _stop_event()
    for host, port, setting in (
        (settings.host, settings.port, "another DISTRIBUTOR_PORT"),
        (SANDBOX_HOST, sandbox_port, "another --sandbox-port"),
        (SANDBOX_HOST, smtp_port, "another --smtp-port"),
        *((*address, "another DISTRIBUTOR_INBOUND_LISTEN") for address in [settings.inbound_address] if address),
    ):
        require_free_port(host, port, setting=setting)
    ports_file = settings.data_dir / "sandbox.json"
    ports_file.unlink(missing_ok=True)
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        if (backup := migrate_database(settings, app.database)) is not None:
            print_message(f"the database was migrated to a new schema; before, it was backed up to {backup}")
        processes = [
            ChildProcess(name="web", module="distributor.web"),
            *worker_processes(email_workers=email_workers),
            *inbound_processes(settings),
            sandbox_process(settings.data_dir / "sandbox", ports_file, http_port=sandbox_port, smtp_port=smtp_port),
        ]
        environment = child_environment(settings, services)
        with (
            reporting(services.database_url, this_process(settings, services, "up")),
            running_processes(processes, logs=settings.data_dir / "logs", environment=environment) as group,
        ):
            ports = wait_for_sandbox(ports_file, group)
            if _is_first_run(app):
                _set_up(app, settings, ports)
            _print_addresses(settings, ports)
            print_message(f"logs are in {settings.data_dir / 'logs'}; Ctrl-C stops everything")
            _watch(group, stop)
    print_message("stopped")


def _with_port(settings: Settings) -> Settings:
    """The settings with a free port in place of port 0, so that links in mails and feeds lead to it."""
    return settings if settings.port else settings.model_copy(update={"port": free_port(settings.host)})


def _print_addresses(settings: Settings, ports: SandboxPorts) -> None:
    print_message(f"articles and feeds, as the public sees them: {settings.site_url}")
    if settings.site_url != settings.local_url:
        print_message(f"the web server listens on {settings.local_url}")
    for problem in address_problems(settings):
        print_message(f"note: {problem}")
    print_message(f"the documentation of the API: {settings.local_url}/api/docs")
    print_message(f"mails and posts that were sent to the sandbox: {local_url(SANDBOX_HOST, ports.http)}")


def inbound_processes(settings: Settings) -> list[ChildProcess]:
    """The process that receives inbound mail, if it is configured to listen or to poll mailboxes."""
    return (
        [ChildProcess(name="inbound", module="distributor.inbound")]
        if settings.inbound_listen or settings.inbound_mailboxes
        else []
    )


def _set_up(app: AppContext, settings: Settings, ports: SandboxPorts) -> None:
    """Configure a channel of each kind and import the articles of the content folder."""
    configure_sandbox_channels(app, ports)
    if settings.smtp_url is not None:
        configure(app, "email", "email", {"smtp_url": settings.smtp_url.get_secret_value()})
    if settings.content_dir.is_dir():
        scan(app)


def _is_first_run(app: AppContext) -> bool:
    with app.database.begin() as connection:
        return not channels.all_channels(connection)


def _stop_event() -> threading.Event:
    """An event that SIGINT and SIGTERM set from now on, so that a stop while starting is clean too."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _watch(group: ProcessGroup, stop: threading.Event) -> None:
    """Restart processes that die, until `stop` is set."""
    while not stop.wait(1.0):
        for name in group.restart_dead():
            print_message(f"{name} had died and is restarted; see its log")
