"""The command `distributor`, and the door where errors become sentences."""

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
    """Options of the command itself."""


def main() -> None:
    """Run the command line. Ends with 0, or with the exit code of the error (`distributor.domain.errors`)."""
    try:
        app()
    except DistributorError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("stopped")
        sys.exit(130)


def _complain(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(f"distributor: {sentence}", markup=False, soft_wrap=True)
