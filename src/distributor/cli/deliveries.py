"""`distributor campaign deliveries`, `events` and `retry-failed`: what became of each, and what failed once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.campaign import FailureCause, FailureChoice
from distributor.domain.delivery import DeliveryState
from distributor.flow.publishing import campaign_control
from distributor.storage import campaigns, delivery_queries, dispatches, events

commands = typer.Typer()

CampaignId = Annotated[int, typer.Argument(help="The campaign's number.")]


@commands.command("deliveries")
def list_deliveries(
    campaign_id: CampaignId,
    state: DeliveryState | None = None,
    channel: Annotated[str | None, typer.Option(help="Only on this channel.")] = None,
    to: Annotated[str | None, typer.Option(help="Only to this address, account or feed.")] = None,
    limit: int = 100,
    as_json: AsJson = False,
) -> None:
    """Who received it, who did not, and what the other side said."""
    with installation_at_hand() as app, app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        names = {one.id: one.channel_name for one in dispatches.of_campaign(connection, campaign.id)}
        found = delivery_queries.of_campaign(
            connection, campaign.id, channel_name=channel, state=state, recipient=to, limit=limit
        )
    rows = [
        (
            record.id,
            names[record.dispatch_id],
            record.recipient,
            record.state.value,
            record.attempt,
            record.reply_code,
            record.reply,
            record.permalink or record.remote_id,
            record.updated_at,
        )
        for record in found
    ]
    columns = ("id", "channel", "recipient", "state", "attempts", "code", "reply", "remote", "updated_at")
    show_rows(columns, rows, as_json=as_json, empty="No such deliveries; there are none before the release.")


@commands.command("events")
def list_events(
    delivery_id: Annotated[int, typer.Argument(help="A delivery's number.")], as_json: AsJson = False
) -> None:
    """What happened to one delivery afterwards."""
    with installation_at_hand() as app, app.database.begin() as connection:
        delivery_queries.find(connection, delivery_id)
        happened = events.of_delivery(connection, delivery_id)
    show_rows(
        ("at", "kind", "detail"),
        [(event.at, event.kind.value, dict(event.detail)) for event in happened],
        as_json=as_json,
        empty="Nothing has happened to it yet.",
    )


@commands.command("retry-failed")
def retry_failed(
    campaign_id: CampaignId,
    channel: Annotated[list[str] | None, typer.Option(help="Only on this channel; may be repeated.")] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Only what failed for this reason, such as mailboxfull; may be repeated.")
    ] = None,
    cause: Annotated[
        FailureCause | None,
        typer.Option(help="temporary: only what was given up on after trouble that may have passed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send the failed deliveries of a campaign again.

    Passed over are people who may not be written to any more, and who got the article by another campaign since.
    """
    choice = FailureChoice(channel_names=tuple(channel or ()), reasons=tuple(reason or ()), cause=cause)
    with installation_at_hand() as app:
        act = campaign_control.count_failed if dry_run else campaign_control.retry_failed
        count = act(app, campaign_id, choice)
    if as_json:
        show({"failed": count.failed, **asdict(count)})
        return
    say(f"{count.again} of {count.failed} failed deliveries {'would be' if dry_run else 'are'} sent again")
    for number, why in (
        (count.not_meant, "are not meant by this"),
        (count.held_back, "go to people who may not be written to any more, or not now"),
        (count.got_since, "go to people who got it by another campaign"),
    ):
        if number:
            say(f"{number} {why}")
