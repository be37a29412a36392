"""`distributor test-group …`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import ACTOR, AsJson, print_message, print_rows
from distributor.flow.publishing import test_groups as groups
from distributor.storage import test_groups

commands = typer.Typer()

GroupId = Annotated[int, typer.Argument(help="The group's number, as `test-group list` shows it.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="Where its tests go.")]


@commands.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List the test groups by name."""
    with open_app() as app, app.database.begin() as connection:
        found = test_groups.all_groups(connection)
    print_rows(
        ("id", "name", "addresses", "changed_by", "changed_at"),
        [
            (
                one.id,
                one.name,
                list(one.addresses) if as_json else " ".join(one.addresses),
                one.changed_by,
                one.changed_at,
            )
            for one in found
        ],
        as_json=as_json,
        empty="No test groups yet: `distributor test-group create NAME ADDRESS...` creates one.",
    )


@commands.command("create")
def create(name: Name, addresses: Addresses) -> None:
    """Create a test group."""
    with open_app() as app:
        made = groups.add_group(app, name, addresses, actor=ACTOR)
    print_message(f"test group {made.id}, {made.name}, has {len(made.addresses)} addresses")


@commands.command("change")
def change(group_id: GroupId, name: Name, addresses: Addresses) -> None:
    """Replace the name and the addresses of a test group."""
    with open_app() as app:
        with app.database.begin() as connection:
            version = test_groups.find(connection, group_id).version
        made = groups.change_group(app, group_id, name, addresses, version=version, actor=ACTOR)
    print_message(f"test group {made.id}, {made.name}, has {len(made.addresses)} addresses")


@commands.command("remove")
def remove(group_id: GroupId) -> None:
    """Remove a test group; tests that were sent to it stay."""
    with open_app() as app:
        groups.remove_group(app, group_id)
    print_message(f"test group {group_id} is removed")
