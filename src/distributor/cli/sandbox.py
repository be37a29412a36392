"""`distributor sandbox …`, and the sandbox as a process of `demo` and `up`, with channels that send to it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.channels.registry import kinds
from distributor.cli.console import print_message
from distributor.cli.process_group import ChildProcess, ProcessGroup
from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.domain.sandbox_ports import SANDBOX_HOST, SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import change, configure
from distributor.flow.operations.site import MADE_UP_ADDRESS
from distributor.sandbox.registry import emulators
from distributor.sandbox.smtp_server import email_channel_settings
from distributor.storage import channels, site_settings

_START_SECONDS = 30.0


commands = typer.Typer()


@commands.command("connect")
def connect(
    host: Annotated[str, typer.Option(help="Name or address of the machine that the sandbox runs on.")] = SANDBOX_HOST,
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of its page.")] = 8025,
    smtp_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of its SMTP inbox.")] = 2525,
) -> None:
    """Create a channel of each kind that sends to a running sandbox; channels that exist are left as they are."""
    with open_app() as app:
        with app.database.begin() as connection:
            existing = {record.name for record in channels.all_channels(connection)}
        created = configure_sandbox_channels(
            app, SandboxPorts(host=host, http=http_port, smtp=smtp_port), existing=existing
        )
    if existing:
        print_message(f"left as they are: {', '.join(sorted(existing))}")
    print_message(f"send to the sandbox: {', '.join(created) or 'none is new'}")


def sandbox_process(folder: Path, ports_file: Path, *, http_port: int, smtp_port: int) -> ChildProcess:
    """The sandbox as a process; it writes its ports to `ports_file` once it listens."""
    return ChildProcess(
        name="sandbox",
        module="distributor.sandbox",
        arguments=(
            *("--folder", str(folder)),
            *("--http-port", str(http_port)),
            *("--smtp-port", str(smtp_port)),
            *("--ports-file", str(ports_file)),
        ),
    )


def wait_for_sandbox(ports_file: Path, group: ProcessGroup) -> SandboxPorts:
    """The ports of the sandbox, once it listens. Raises ServiceError if it does not."""
    deadline = time.monotonic() + _START_SECONDS
    while not ports_file.exists():
        group.raise_if_dead()
        if time.monotonic() > deadline:
            raise ServiceError(f"the sandbox did not start within {_START_SECONDS:.0f} s; see its log in {group.logs}")
        time.sleep(0.05)
    ports = read_ports(ports_file)
    if ports is None:
        raise ServiceError(f"the sandbox wrote no ports to {ports_file}; see its log in {group.logs}")
    return ports


def read_ports(ports_file: Path) -> SandboxPorts | None:
    """The ports that a sandbox has written to this file; None if none has, or the file is damaged."""
    try:
        ports = json.loads(ports_file.read_text())
        return SandboxPorts(http=ports["http_port"], smtp=ports["smtp_port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def configure_sandbox_channels(app: AppContext, ports: SandboxPorts, *, existing: Collection[str] = ()) -> list[str]:
    """Configure one channel of each kind that has an emulator, and the feeds, but for `existing`; returns their names.

    A site without a postal address gets a made-up one for the mails of the sandbox, which no one else receives.
    """
    settings = _sandbox_channel_settings(ports)
    if not app.site.postal_address.strip():
        settings["email"]["postal_address"] = MADE_UP_ADDRESS
    created = {kind: values for kind, values in settings.items() if kind not in existing}
    for kind, values in created.items():
        configure(app, kind, kind, values)
    remember_sandbox(app, ports)
    return list(created)


def remember_sandbox(app: AppContext, ports: SandboxPorts) -> None:
    """Let every process know where the sandbox is."""
    with app.database.begin() as connection:
        site_settings.remember_sandbox(connection, ports, now=app.clock())


def move_sandbox_channels(app: AppContext, former: SandboxPorts, ports: SandboxPorts) -> list[str]:
    """Let the channels that send to the sandbox at its former ports send to it at these; returns their names.

    A channel whose addresses have been changed since is left as it is, and so is one that cannot be decrypted.
    """
    before, after = _sandbox_channel_settings(former), _sandbox_channel_settings(ports)
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    moved = []
    for record in records:
        changed = {
            key: value for key, value in after.get(record.kind, {}).items() if value != before[record.kind].get(key)
        }
        with suppress(ConfigurationError):
            stored = {**record.settings, **(app.vault.open(record.sealed) if record.sealed is not None else {})}
            if changed and all(stored.get(key) == before[record.kind][key] for key in changed):
                change(app, record.name, changed)
                moved.append(record.name)
    return moved


def _sandbox_channel_settings(ports: SandboxPorts) -> dict[str, dict[str, Any]]:
    """The settings of a channel of each kind that lead to the sandbox, by kind."""
    url = f"http://{ports.host}:{ports.http}"
    settings = {
        "email": email_channel_settings(f"smtp://{ports.host}:{ports.smtp}"),
        # Feeds are served by Distributor itself.
        "feed": {},
    }
    known = kinds()
    emulated = {kind: emulator for kind, emulator in emulators().items() if kind in known}
    return settings | {kind: emulator.channel_settings(f"{url}/{kind}") for kind, emulator in emulated.items()}
