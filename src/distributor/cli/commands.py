"""Which commands there are. Each is imported when it is called: the list of them is there at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """What the list says of a command, and where it is: a function, or the groups and functions below its name."""

    summary: str
    places: tuple[str, ...]


COMMANDS: Mapping[str, CommandEntry] = {
    "demo": CommandEntry(
        "Send one article on every channel to the sandbox and account for every delivery.", ("demo:demo",)
    ),
    "up": CommandEntry("Run the whole service on this machine until it is stopped.", ("up:up",)),
    "web": CommandEntry("Serve feeds, article pages, tracking and unsubscribe.", ("single:web",)),
    "worker": CommandEntry("Do the work of one or more queues.", ("single:worker",)),
    "beat": CommandEntry("Tick once a second and ring for what is due.", ("single:beat",)),
    "returns": CommandEntry("Take in what comes back: by LMTP or SMTP, and from mailboxes.", ("single:returns",)),
    "migrate": CommandEntry("Bring the database to the schema of this version.", ("maintenance:migrate_database",)),
    "doctor": CommandEntry("Check this app, and what the DNS says of its senders.", ("maintenance:doctor",)),
    "backup": CommandEntry("Write the whole database to a file.", ("maintenance:backup",)),
    "restore": CommandEntry("Bring back a backup.", ("maintenance:restore",)),
    "render": CommandEntry("Show what every channel would say about an article in a file.", ("render:render",)),
    "article": CommandEntry("Bring articles in and look at them.", ("articles:commands",)),
    "campaign": CommandEntry("Send articles out, and know what became of them.", ("campaigns:commands", "audit:audit")),
    "bounce": CommandEntry("What comes back by mail.", ("returns:commands", "bounces:commands")),
    "subscriber": CommandEntry("People who get mail.", ("subscribers:commands", "people_transfer:commands")),
    "list": CommandEntry("Lists that people subscribe to.", ("lists:commands",)),
    "segment": CommandEntry(
        "People by what is known of them and what they did, saved by name.", ("segments:commands",)
    ),
    "suppression": CommandEntry(
        "Addresses and domains that get no mail, whatever list they are on.", ("suppressions:commands",)
    ),
    "channel": CommandEntry("Where campaigns go: the configured channels.", ("channels:commands",)),
    "token": CommandEntry("Keys that let other programs use the API.", ("tokens:commands",)),
}


class CommandGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, entry in COMMANDS.items():
            self.add_command(_Deferred(name, entry))


class _Deferred(TyperCommand):
    """A command of which only the list's line is known until somebody calls it."""

    def __init__(self, name: str, entry: CommandEntry) -> None:
        super().__init__(name, help=entry.summary)
        self._entry = entry

    # Typer carries its own copy of Click, whose types have no public names.
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return _command(self._entry).make_context(info_name, args, parent, **extra)


def _command(entry: CommandEntry) -> Any:
    found = [_named(place) for place in entry.places]
    if not any(isinstance(one, typer.Typer) for one in found):
        (function,) = found
        return typer.main.get_command(_holding(function))
    group = typer.Typer(no_args_is_help=True, help=entry.summary)
    for one in found:
        group.add_typer(one if isinstance(one, typer.Typer) else _holding(one))
    return typer.main.get_group(group)


def _holding(function: Any) -> typer.Typer:
    commands = typer.Typer(add_completion=False)
    commands.command()(function)
    return commands


def _named(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(f"distributor.cli.{module}"), name)
