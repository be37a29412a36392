"""The top-level commands, each in the module of its name, which is imported when the command is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from distributor.validation_messages import sentence_of

COMMANDS: Mapping[str, str] = {
    "demo": "Send one article on every channel to the sandbox and account for every delivery.",
    "up": "Run the whole service on this machine until it is stopped.",
    "web": "Run the web server: feeds, article pages, tracking, unsubscribe and the API.",
    "worker": "Run a Celery worker for one or more queues.",
    "beat": "Run the scheduler, which enqueues every second what is due.",
    "inbound": "Receive bounces, complaints and replies by LMTP or SMTP and from mailboxes.",
    "migrate": "Migrate the database to the schema of this version.",
    "doctor": "Check the configuration, the servers, and the DNS records of the senders.",
    "attention": "List what needs a person, the most urgent first.",
    "backup": "Write the whole database to a file.",
    "restore": "Restore the database from a backup.",
    "generation": "Show the restores of the database, and what waits since then.",
    "render": "Render an article file for every channel.",
    "source": "Add, read, try and pause the sources of articles.",
    "article": "Add, list, publish and withdraw articles.",
    "tag": "Rename and merge tags, set their hashtags and synonyms, and suggest some.",
    "campaign": "Send articles, and see what happened to every delivery.",
    "test-group": "Manage the groups of addresses that tests of campaigns are sent to.",
    "bounce": "Process and list bounces, complaints and unsubscribe mails.",
    "subscriber": "Manage subscribers.",
    "list": "Manage the lists that people subscribe to.",
    "segment": "Save conditions on subscribers as segments, and count them.",
    "suppression": "Manage the addresses and domains that get no mail from any list.",
    "channel": "Configure the channels that campaigns are sent on.",
    "sandbox": "Let channels send to a sandbox that runs by itself.",
    "quarantine": "List, retry and discard items that could not be processed.",
    "totals": "Count deliveries and events anew, and compare that with the totals that are kept.",
    "token": "Manage the tokens that let other programs use the API.",
    "user": "Manage the users of the team's app.",
}
"""The help line of each command, in the order of `distributor --help`."""

# Commands that share a module: the others have one of their own name.
_MODULES: Mapping[str, str] = {
    "restore": "backup",
    "web": "processes",
    "worker": "processes",
    "beat": "processes",
    "inbound": "processes",
    "test-group": "test_group",
}


# What a value looks like, by Typer's names, which are those of Python's types. A flag has no value.
_VALUE_FORMS: Mapping[str, str] = {
    "bool": "",
    "datetime": "TIME",
    "float": "NUMBER",
    "float range": "NUMBER",
    "int": "NUMBER",
    "int range": "NUMBER",
    "integer range": "NUMBER",
    "path": "PATH",
    "str": "TEXT",
}


class CommandGroup(TyperGroup):
    """The group of all top-level commands. Their help and their errors name no types of Python."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, summary in COMMANDS.items():
            self.add_command(_LazyCommand(name, help=summary))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                error.message = f"{sentence_of(cause.errors()[0]).rstrip('.')}."
            raise


def _show_value_form(parameter_class: type[TyperArgument | TyperOption]) -> None:
    """Let the help of every command show what a value looks like instead of ``<str>`` and ``<list[int]>``."""
    show_type: Callable[..., str | None] = parameter_class.display_type_rich

    def show(parameter: TyperArgument | TyperOption, ctx: Any) -> str | None:
        shown = show_type(parameter, ctx)
        if shown is None or not shown.startswith("<"):
            return shown
        name = shown.strip("<>.").removeprefix("list[").removesuffix("]")
        return _VALUE_FORMS.get(name, name)

    # Typer has no other way: it makes the option --help itself, anew for each command.
    parameter_class.display_type_rich = show  # type: ignore[method-assign,assignment]


_show_value_form(TyperArgument)
_show_value_form(TyperOption)


class _LazyCommand(TyperCommand):
    """A command of which only the help line is known until it is called."""

    # Typer carries its own copy of Click, whose types have no public names.
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load_command(str(self.name)).make_context(info_name, args, parent, **extra)


def load_command(name: str) -> Any:
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
