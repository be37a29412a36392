"""`distributor up`: the whole service on one machine."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import (
    child_environment,
    make_app_context,
    migrate_embedded,
    open_services,
    require_generation,
    this_process,
)
from distributor.cli.console import print_message
from distributor.cli.first_start import is_first_start, set_up, unused_settings
from distributor.cli.process_group import (
    ChildProcess,
    ProcessGroup,
    running_processes,
    worker_processes,
)
from distributor.cli.sandbox import (
    move_sandbox_channels,
    read_ports,
    remember_sandbox,
    sandbox_process,
    wait_for_sandbox,
)
from distributor.domain.errors import ConfigurationError, StateError
from distributor.domain.sandbox_ports import SANDBOX_HOST, SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.operations.processes import reporting, split_by_life
from distributor.flow.operations.site import use_site_address
from distributor.flow.team.links import first_owner_link
from distributor.listening import free_port, local_url, require_free_port
from distributor.settings import Settings, address_problems, changed_settings, load_settings, unknown_settings
from distributor.storage import processes
from distributor.storage.schema import check_schema, is_empty


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
    _require_free_ports(settings, sandbox_port, smtp_port)
    ports_file = settings.data_dir / "sandbox.json"
    with open_services(settings) as services:
        app = make_app_context(settings, services)
        # Of another database only an empty one gets its schema here: processes elsewhere may work with it.
        if settings.database_url is not None and not is_empty(app.database):
            check_schema(app.database)
        elif (backup := migrate_embedded(settings, app.database)) is not None:
            print_message(f"the database was migrated to a new schema; before, it was backed up to {backup}")
        _require_no_other(app)
        require_generation(app)
        former_ports_file = _set_aside(ports_file)
        children = [
            ChildProcess(name="web", module="distributor.web"),
            *worker_processes(email_workers=email_workers),
            *inbound_processes(settings),
            sandbox_process(settings.data_dir / "sandbox", ports_file, http_port=sandbox_port, smtp_port=smtp_port),
        ]
        environment = child_environment(settings, services)
        with (
            reporting(services.database_url, this_process(settings, services, "up")),
            running_processes(children, logs=settings.data_dir / "logs", environment=environment) as group,
        ):
            ports = wait_for_sandbox(ports_file, group)
            _prepare_channels(app, settings, ports, read_ports(former_ports_file))
            former_ports_file.unlink(missing_ok=True)
            _print_addresses(settings, ports)
            _print_team_app(app)
            for problem in (*unknown_settings(), *address_problems(settings), *unused_settings(app, settings)):
                print_message(f"note: {problem}")
            print_message(f"logs are in {settings.data_dir / 'logs'}; Ctrl-C stops everything")
            _watch(group, stop)
    print_message("stopped")


def _with_port(settings: Settings) -> Settings:
    """The settings with a free port in place of port 0, so that links in mails and feeds lead to it."""
    return settings if settings.port else settings.model_copy(update={"port": free_port(settings.host)})


def _require_free_ports(settings: Settings, sandbox_port: int, smtp_port: int) -> None:
    taken: set[int] = set()
    for host, port, setting in (
        (settings.host, settings.port, "another DISTRIBUTOR_PORT"),
        (SANDBOX_HOST, sandbox_port, "another --sandbox-port"),
        (SANDBOX_HOST, smtp_port, "another --smtp-port"),
        *((*address, "another DISTRIBUTOR_INBOUND_LISTEN") for address in [settings.inbound_address] if address),
    ):
        if port in taken:
            raise ConfigurationError(f"port {port} is chosen for two servers: choose {setting}")
        require_free_port(host, port, setting=setting)
        taken |= {port} - {0}


def _require_no_other(app: AppContext) -> None:
    """Raises StateError if another `up` runs on this machine with the same database: each would run every process."""
    with app.database.begin() as connection:
        running, _ = split_by_life(processes.all_reported(connection))
    for process in running:
        if process.kind == "up" and process.host == socket.gethostname():
            raise StateError(f"`distributor up` works with this database already, as {process.title}: stop it first")


def _set_aside(ports_file: Path) -> Path:
    """Rename the file with the ports of the last start, unless an interrupted start has left one already."""
    former = ports_file.with_name("sandbox.former.json")
    if ports_file.exists() and not former.exists():
        ports_file.rename(former)
    ports_file.unlink(missing_ok=True)
    return former


def _print_addresses(settings: Settings, ports: SandboxPorts) -> None:
    print_message(f"articles and feeds, as the public sees them: {settings.site_url}")
    if settings.site_url != settings.local_url:
        print_message(f"the web server listens on {settings.local_url}")
    print_message(f"the documentation of the API: {settings.local_url}/api/docs")
    print_message(f"mails and posts that were sent to the sandbox: {local_url(SANDBOX_HOST, ports.http)}")


def _print_team_app(app: AppContext) -> None:
    """Where the team signs in; until there is an owner, the link that makes one, which is another at each start."""
    if link := first_owner_link(app):
        print_message(f"set up the owner's account of the team's app, with this link within a day: {link}")
    else:
        print_message(f"the team's app: {app.site.public_url}/app")


def inbound_processes(settings: Settings) -> list[ChildProcess]:
    """The process that receives inbound mail, if it is configured to listen or to poll mailboxes."""
    return (
        [ChildProcess(name="inbound", module="distributor.inbound")]
        if settings.inbound_listen or settings.inbound_mailboxes
        else []
    )


def _prepare_channels(
    app: AppContext, settings: Settings, ports: SandboxPorts, former_ports: SandboxPorts | None
) -> None:
    """At the first start create channels; later let those that send to the sandbox find it on its new ports."""
    if is_first_start(app):
        set_up(app, settings, ports)
        return
    remember_sandbox(app, ports)
    if former_ports is not None and (moved := move_sandbox_channels(app, former_ports, ports)):
        print_message(f"the sandbox has other ports than before, and its channels follow: {', '.join(moved)}")
    for name in use_site_address(app):
        print_message(f"channel {name!r} has the postal address of the site now, in place of the sandbox's made-up one")


def _stop_event() -> threading.Event:
    """An event that SIGINT and SIGTERM set from now on, so that a stop while starting is clean too."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _watch(group: ProcessGroup, stop: threading.Event) -> None:
    """Restart processes that die, and say so when the settings change, until `stop` is set."""
    announced: list[str] = []
    while not stop.wait(1.0):
        changed = changed_settings()
        if changed and changed != announced:
            print_message(
                f"note: the settings have changed since the start ({', '.join(changed)}): start `distributor up` again "
                "for them to take effect"
            )
        announced = changed
        with suppress(OSError):
            # Without room for a copy it is tried again.
            group.shorten_logs()
        for name in group.restart_dead():
            print_message(f"{name} had died and is restarted; see its log")
