"""`distributor generation …`: the histories of the database, one after each restore."""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_message, print_rows
from distributor.domain.errors import StateError
from distributor.flow.operations.lost_mails import find_lost_mails
from distributor.mail.records.sources import parse_record_sources
from distributor.storage import generations

commands = typer.Typer()

_MOST = 1000


@commands.command("list")
def list_generations(as_json: AsJson = False) -> None:
    """List the generations of the database, newest first: each restore begins one, with ids of its own."""
    with open_app() as app, app.database.begin() as connection:
        found = generations.listed(connection)
    print_rows(
        ("number", "beginning", "began_at", "known_until", "source", "sends_since"),
        [
            (
                one.number,
                one.beginning.value,
                one.began_at,
                one.known_until,
                one.source,
                one.sends_since,
            )
            for one in found
        ],
        as_json=as_json,
        empty="",
    )


@commands.command("review")
def review(
    records: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:PATH", help="Count in it the mails of the lost time; as for `campaign audit`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for you since a restore: it may have been sent after the backup.

    `known_until` is the last moment that the backup knows of. `campaign audit` compares a campaign with the logs of
    your mail server and marks what it finds as sent; networks are asked for their posts when a campaign is resumed.
    """
    sources = parse_record_sources(records or [])
    with open_app() as app:
        with app.database.begin() as connection:
            found = generations.held(connection, limit=_MOST)
        counted = find_lost_mails(app, sources)
    print_rows(
        ("campaign", "name", "channel", "state", "known_until", "open", "unknown", "sent"),
        [
            (
                one.campaign_id,
                one.campaign_name,
                one.channel_name,
                one.state.value,
                one.known_until,
                one.open,
                one.unknown,
                one.sent,
            )
            for one in found
        ],
        as_json=as_json,
        empty="Nothing waits because of a restore.",
    )
    for one in counted:
        print_message(
            f"{one.kind}: it has {one.lost} mails that the database does not know, such as of a campaign that was "
            f"scheduled in the backup and has gone out since, and {one.known} that it knows"
        )
    if found and not as_json:
        number = found[0].campaign_id
        print_message(
            f"`distributor campaign audit {number} --records maillog:FILE --resolve` marks as sent what a log has; "
            f"`distributor campaign resume {number} --after-restore` sends the rest, and "
            f"`distributor campaign cancel {number}` ends it"
        )


@commands.command()
def activate() -> None:
    """Let a copy of the database send from now on. What was open in the backup still waits for you."""
    with open_app() as app, app.database.begin() as connection:
        if not generations.let_send(connection, now=app.clock()):
            raise StateError("this database is no copy that waits: it sends already")
    print_message("from now on this database sends; `distributor generation review` shows what waits for you")
