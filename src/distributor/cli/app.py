"""The command `distributor`: runs a command, and prints errors as messages."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from distributor import __version__
from distributor.cli.commands import CommandGroup
from distributor.domain.errors import DistributorError

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="One article to every channel: newsletters, feeds and social posts, every delivery accounted for.",
)


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
    """Options of `distributor` itself."""


def main() -> None:
    """Run the command line. Exits with 0, or with the exit code of the error (`distributor.domain.errors`)."""
    try:
        app()
    except DistributorError as error:
        _print_error(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _print_error("stopped")
        sys.exit(130)


def _print_error(message: str) -> None:
    Console(stderr=True, highlight=False).print(f"distributor: {message}", markup=False, soft_wrap=True)
