"""`distributor channel lanes …`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show_rows
from distributor.flow.delivery.paused_routes import resume_routes
from distributor.storage import channels, paused_routes

commands = typer.Typer(no_args_is_help=True, help="Ways from relays to destinations that are paused for a refusal.")

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.")]


@commands.command("list")
def list_lanes(name: ChannelName, as_json: AsJson = False) -> None:
    """Every paused lane, how many deliveries wait for it, why, and when one mail will try it again."""
    with installation_at_hand() as app, app.database.begin() as connection:
        waits = paused_routes.waits(connection, channels.find(connection, name).id)
    show_rows(
        ("route", "waiting", "since", "next_probe_at", "probes", "reason"),
        [
            (
                wait.route.name,
                wait.deliveries,
                wait.route.since,
                wait.route.next_probe_at,
                wait.route.probes,
                wait.route.reason,
            )
            for wait in waits
        ],
        as_json=as_json,
        empty=f"Nothing of channel {name!r} is paused.",
    )


@commands.command("resume")
def resume_lanes(
    name: ChannelName,
    lane: Annotated[str, typer.Argument(help="RELAY or RELAY/DESTINATION as listed; left out: all of them.")] = "",
) -> None:
    """Let paused lanes go on; what waited for them is sent at once."""
    with installation_at_hand() as app:
        count = resume_routes(app, name, lane)
    say(f"{count} lanes go on")
