"""The top-level commands, each in the module of its name, which is imported when the command is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: Mapping[str, str] = {
    "demo": "Send one article on every channel to the sandbox and account for every delivery.",
    "up": "Run the whole service on this machine until it is stopped.",
    "web": "Run the web server: feeds, article pages, tracking, unsubscribe and the API.",
    "worker": "Run a Celery worker for one or more queues.",
    "beat": "Run the scheduler, which enqueues every second what is due.",
    "inbound": "Receive bounces, complaints and replies by LMTP or SMTP and from mailboxes.",
    "migrate": "Migrate the database to the schema of this version.",
    "doctor": "Check the configuration, the servers, and the DNS records of the senders.",
    "backup": "Write the whole database to a file.",
    "restore": "Restore the database from a backup.",
    "render": "Render an article file for every channel.",
    "article": "Add, list, publish and withdraw articles.",
    "campaign": "Send articles, and see what happened to every delivery.",
    "bounce": "Process and list bounces, complaints and unsubscribe mails.",
    "subscriber": "Manage subscribers.",
    "list": "Manage the lists that people subscribe to.",
    "segment": "Save conditions on subscribers as segments, and count them.",
    "suppression": "Manage the addresses and domains that get no mail from any list.",
    "channel": "Configure the channels that campaigns are sent on.",
    "quarantine": "List, retry and discard items that could not be processed.",
    "token": "Manage the tokens that let other programs use the API.",
}
"""The help line of each command, in the order of `distributor --help`."""

# Commands that share a module: the others have one of their own name.
_MODULES: Mapping[str, str] = {
    "restore": "backup",
    "web": "processes",
    "worker": "processes",
    "beat": "processes",
    "inbound": "processes",
}


class CommandGroup(TyperGroup):
    """The group of all top-level commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, summary in COMMANDS.items():
            self.add_command(_LazyCommand(name, help=summary))


class _LazyCommand(TyperCommand):
    """A command of which only the help line is known until it is called."""

    # Typer carries its own copy of Click, whose types have no public names.
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _load(str(self.name)).make_context(info_name, args, parent, **extra)


def _load(name: str) -> Any:
    """The command of this name: the Typer group `commands` of its module, or the function named like the command."""
    module = importlib.import_module(f"distributor.cli.{_MODULES.get(name, name)}")
    group = getattr(module, "commands", None)
    if group is not None:
        parent = typer.Typer(no_args_is_help=True, help=COMMANDS[name])
        parent.add_typer(group)
        return typer.main.get_group(parent)
    single = typer.Typer(add_completion=False)
    single.command()(getattr(module, name))
    return typer.main.get_command(single)
