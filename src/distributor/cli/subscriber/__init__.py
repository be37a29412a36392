"""`distributor subscriber …`"""

from __future__ import annotations

import typer

from distributor.cli.subscriber import import_export, records

commands = typer.Typer()
for part in (records, import_export):
    commands.add_typer(part.commands)
