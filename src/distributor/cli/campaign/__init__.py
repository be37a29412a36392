"""`distributor campaign …`"""

from __future__ import annotations

import typer

from distributor.cli.campaign import audit, comments, create, deliveries, lifecycle, report, review, test

commands = typer.Typer()
for part in (create, lifecycle, review, test, report, deliveries, audit, comments):
    commands.add_typer(part.commands)
