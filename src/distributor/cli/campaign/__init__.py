"""`distributor campaign …`"""

from __future__ import annotations

import typer

from distributor.cli.campaign import audit, deliveries, lifecycle, report, review, test

commands = typer.Typer()
for part in (lifecycle, review, test, report, deliveries, audit):
    commands.add_typer(part.commands)
