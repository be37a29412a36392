"""`distributor totals verify`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_message, print_rows
from distributor.flow.operations.recounting import verify_totals

commands = typer.Typer()


@commands.command("verify")
def verify(
    mend: Annotated[
        bool, typer.Option("--mend", help="Store what was counted; the service may run meanwhile.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Name every total that is not what a count gives; exit status 1 if there is one and it is not mended."""
    with open_app() as app:
        found = verify_totals(app, mend=mend)
    print_rows(
        ("dispatch", "kind", "detail", "number", "stored", "counted"),
        [(one.dispatch_id, one.kind, one.detail, one.number, one.stored, one.counted) for one in found],
        as_json=as_json,
        empty="All totals are what a count gives.",
    )
    if not found:
        return
    if not mend:
        print_message(f"differences: {len(found)}; `distributor totals verify --mend` stores what was counted")
        raise typer.Exit(1)
    print_message(f"differences: {len(found)}, which are mended: the totals are what was counted")
