"""`distributor campaign deliveries | delivery | events | results | retry-failed | …`: what became of deliveries"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId
from distributor.cli.console import ACTOR, AsJson, print_fields, print_json, print_message, print_rows, write_output
from distributor.domain.campaign import FailureCause, FailureChoice, first_removal
from distributor.domain.delivery import DeliveryState, HandSettlement
from distributor.domain.event import EventKind
from distributor.domain.retention import removal_sentence
from distributor.domain.user import Actor
from distributor.flow.delivery.delivery_life import life_of
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.campaign_deliveries import DeliveryQuery, export_deliveries
from distributor.flow.publishing.results import RESULT_COLUMNS, result_rows, results_of
from distributor.flow.publishing.settle_unknown import settle_delivery, settle_unknown
from distributor.storage import campaigns, delivery_queries, dispatches, events

commands = typer.Typer()


@commands.command("deliveries")
def list_deliveries(
    campaign_id: CampaignId,
    state: DeliveryState | None = None,
    channel: Annotated[str | None, typer.Option(help="Only on this channel.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Only to this address, account or feed.")] = None,
    limit: int = 100,
    as_json: AsJson = False,
) -> None:
    """List the deliveries of a campaign: their states, attempts and the server's replies.

    `delayed_at` is when a server last reported that it could not deliver the mail yet; such reports change no state.
    """
    with open_app() as app, app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign.id)
        names = {one.id: one.channel_name for one in planned}
        found = delivery_queries.of_campaign(
            connection, campaign.id, channel_name=channel, state=state, recipient=recipient, limit=limit
        )
        delays = events.last_delays(connection, [record.id for record in found])
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
            delays.get(record.id),
        )
        for record in found
    ]
    columns = ("id", "channel", "recipient", "state", "attempts", "code", "reply", "remote", "updated_at", "delayed_at")
    empty = "No such deliveries; a campaign has none before it starts."
    if (removed_at := first_removal(planned)) is not None:
        empty = f"Campaign {campaign_id}: {removal_sentence(removed_at)}"
        if rows:
            print_message(f"deliveries of campaign {campaign_id} are missing: {removal_sentence(removed_at)}")
    print_rows(columns, rows, as_json=as_json, empty=empty)


@commands.command("export-deliveries")
def export_of_campaign(
    campaign_id: CampaignId,
    state: DeliveryState | None = None,
    channel: Annotated[str, typer.Option(help="Only on this channel.")] = "",
    reason: Annotated[str, typer.Option(help="Only those that failed, wait or were suppressed for this.")] = "",
    person: Annotated[str, typer.Option(help="Only to addresses that begin so, or to this account or feed.")] = "",
    event: Annotated[EventKind | None, typer.Option(help="Only those of which this happened.")] = None,
    by_people: Annotated[
        bool, typer.Option("--by-people", help="With --event: only if no known machine caused it.")
    ] = False,
    link: Annotated[str, typer.Option(help="With --event click: only if this link was followed.")] = "",
    out: Annotated[str, typer.Option(help="A file, or - for standard output.")] = "-",
) -> None:
    """Export the deliveries of a campaign as CSV; without options, all of them.

    Cells that a spreadsheet would run as formulas begin with an apostrophe.
    """
    query = DeliveryQuery(
        campaign_id=campaign_id,
        channel_name=channel,
        state=state,
        reason=reason,
        person=person,
        event=event,
        by_people=by_people,
        link=link,
    )
    with open_app() as app:
        write_output(out, export_deliveries(app, query))
        with app.database.begin() as connection:
            removed_at = first_removal(dispatches.of_campaign(connection, campaign_id))
    if removed_at is not None:
        print_message(f"deliveries of campaign {campaign_id} are missing: {removal_sentence(removed_at)}")


@commands.command("delivery")
def show_delivery(
    delivery_id: Annotated[int, typer.Argument(help="A delivery's number.")], as_json: AsJson = False
) -> None:
    """Show the life of one delivery: its attempts, what was done by hand, and what happened to it afterwards."""
    with open_app() as app:
        life = life_of(app, delivery_id)
    found = life.delivery
    fields: dict[str, object] = {
        "id": found.id,
        "campaign": life.campaign.id,
        "channel": life.dispatch.channel_name,
        "recipient": found.recipient,
        "state": found.state.value,
        "reason": found.reason,
        "attempts": found.attempt,
        "next_at": found.next_at,
        "remote": found.permalink or found.remote_id,
    }
    columns = ("at", "kind", "what", "code", "reply", "by", "reason", "detail")
    moments = [
        (
            *(one.at, one.kind.value, str(one.event or one.state or "")),
            *(one.reply_code, one.reply, one.actor, one.reason, dict(one.detail) or None),
        )
        for one in life.moments
    ]
    if as_json:
        print_json({**fields, "moments": [dict(zip(columns, one, strict=True)) for one in moments]})
        return
    print_fields(fields, as_json=False)
    print_rows(columns, moments, as_json=False, empty="")


@commands.command("settle-unknown")
def settle(
    campaign_id: CampaignId,
    settlement: Annotated[
        HandSettlement, typer.Option("--as", help="What became of them; send_again may bring a mail twice.")
    ],
    reason: Annotated[str, typer.Option(help="How you know; kept in the histories with your name.")],
    channel: Annotated[list[str] | None, typer.Option(help="Only on this channel; may be repeated.")] = None,
    delivery: Annotated[int | None, typer.Option(help="Only the delivery with this number.")] = None,
) -> None:
    """Settle the deliveries of unknown outcome of a campaign by hand."""
    actor = Actor(name=ACTOR)
    with open_app() as app:
        if delivery is None:
            count = settle_unknown(
                app, campaign_id, settlement, reason=reason, actor=actor, channel_names=tuple(channel or ())
            )
        else:
            with app.database.begin() as connection:
                epoch = delivery_queries.find(connection, delivery).epoch
            count = int(settle_delivery(app, delivery, settlement, epoch=epoch, reason=reason, actor=actor))
    print_message(f"{count} deliveries of unknown outcome are settled")


@commands.command("results")
def show_results(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Show what came of a campaign: clicks, opens and more by channel and link, without and with known machines.

    Rates are of what was delivered, with the Wilson interval of 95 %. Opens are an indication.
    """
    with open_app() as app:
        found = results_of(app, campaign_id)
    print_rows(RESULT_COLUMNS, result_rows(found), as_json=as_json, empty="Nothing has gone out yet.")


@commands.command("events")
def list_events(
    delivery_id: Annotated[int, typer.Argument(help="A delivery's number.")], as_json: AsJson = False
) -> None:
    """List the events of a delivery: opens, clicks, delays, bounces, complaints."""
    with open_app() as app, app.database.begin() as connection:
        delivery_queries.find(connection, delivery_id)
        found = events.of_delivery(connection, delivery_id)
    print_rows(
        ("at", "kind", "detail"),
        [(event.at, event.kind.value, dict(event.detail)) for event in found],
        as_json=as_json,
        empty="No events yet.",
    )


@commands.command("retry-failed")
def retry_failed(
    campaign_id: CampaignId,
    channel: Annotated[list[str] | None, typer.Option(help="Only on this channel; may be repeated.")] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Only those that failed for this reason, such as mailboxfull; may be repeated."),
    ] = None,
    failure: Annotated[
        FailureCause | None,
        typer.Option(help="temporary: only those given up on after temporary errors."),
    ] = None,
    delivery: Annotated[
        list[int] | None, typer.Option(help="Only the delivery with this number; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them; retry nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Retry the failed deliveries of a campaign.

    Recipients who may not receive it any more, or who received the article by another campaign since, are skipped.
    """
    choice = FailureChoice(
        channel_names=tuple(channel or ()),
        reasons=tuple(reason or ()),
        delivery_ids=tuple(delivery or ()),
        cause=failure,
    )
    with open_app() as app:
        if dry_run:
            count = campaign_control.count_failed(app, campaign_id, choice)
        else:
            count = campaign_control.retry_failed(app, campaign_id, choice, actor=ACTOR)
    if as_json:
        print_json({"failed": count.failed, **asdict(count)})
        return
    print_message(f"{count.retried} of {count.failed} failed deliveries {'would be' if dry_run else 'are'} retried")
    for number, why in (
        (count.not_selected, "are not selected by the options"),
        (count.not_sendable, "go to recipients who may not receive it any more, or not now"),
        (count.received_since, "go to recipients who received it by another campaign"),
    ):
        if number:
            print_message(f"{number} {why}")
