"""The command `distributor`: every command in one place, and the door where errors become sentences."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from distributor import __version__
from distributor.cli import (
    articles,
    audit,
    bounces,
    campaigns,
    channels,
    lists,
    maintenance,
    people_transfer,
    render,
    returns,
    segments,
    serve,
    subscribers,
    suppressions,
    tokens,
)
from distributor.cli import demo as demonstration
from distributor.cli.session import err
from distributor.domain.errors import DistributorError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="One article to every channel: newsletters, feeds and social posts, every delivery accounted for.",
)
app.command("demo")(demonstration.demo)
app.command("up")(serve.up)
app.command("web")(serve.web)
app.command("worker")(serve.worker)
app.command("beat")(serve.beat)
app.command("returns")(serve.returns)
app.command("migrate")(maintenance.migrate_database)
app.command("doctor")(maintenance.doctor)
app.command("backup")(maintenance.backup)
app.command("restore")(maintenance.restore)
app.command("render")(render.render)
app.add_typer(articles.commands, name="article")
campaigns.commands.command("audit")(audit.audit)
app.add_typer(campaigns.commands, name="campaign")
returns.commands.add_typer(bounces.commands)
app.add_typer(returns.commands, name="bounce")
subscribers.commands.add_typer(people_transfer.commands)
app.add_typer(subscribers.commands, name="subscriber")
app.add_typer(lists.commands, name="list")
app.add_typer(segments.commands, name="segment")
app.add_typer(suppressions.commands, name="suppression")
app.add_typer(channels.commands, name="channel")
app.add_typer(tokens.commands, name="token")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"distributor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command line. Ends with 0, or with the exit code of the error (`distributor.domain.errors`)."""
    try:
        app()
    except DistributorError as error:
        err.print(f"distributor: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("distributor: stopped", markup=False)
        sys.exit(130)
