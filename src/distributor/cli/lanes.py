"""`distributor channel lanes …`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.channels.lanes import Lane
from distributor.cli.session import AsJson, installation_at_hand, say, show_rows
from distributor.flow.pauses import resume_by_hand
from distributor.storage import channels, lanes

commands = typer.Typer(no_args_is_help=True, help="Ways from relays to destinations that are paused for a refusal.")

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.")]


@commands.command("list")
def list_lanes(name: ChannelName, as_json: AsJson = False) -> None:
    """Every paused lane, why, and when one mail will try it again."""
    with installation_at_hand() as installation, installation.database.begin() as connection:
        paused = lanes.paused(connection, channels.find(connection, name).id)
    show_rows(
        ("lane", "since", "next_probe_at", "probes", "reason"),
        [
            (str(Lane(one.relay, one.destination)), one.since, one.next_probe_at, one.probes, one.reason)
            for one in paused
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
    with installation_at_hand() as installation:
        count = resume_by_hand(installation, name, lane)
    say(f"{count} lanes go on")
