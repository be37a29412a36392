"""`distributor campaign test`"""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId, follow, print_report, report_as_json
from distributor.cli.console import ACTOR, AsJson, print_json, print_message, print_rows
from distributor.domain.delivery import DeliveryState
from distributor.flow.publishing.send_test import MAX_ADDRESSES, AskedTest, send_test
from distributor.flow.publishing.test_groups import addresses_of
from distributor.storage import delivery_queries

# Without a worker nothing happens for ever.
_PATIENCE_SECONDS = 60
_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED})

commands = typer.Typer()


@commands.command("test")
def send(
    campaign_id: CampaignId,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help=f"Where the test mail goes; up to {MAX_ADDRESSES} times."),
    ] = None,
    group: Annotated[
        int | None, typer.Option(help="Also to the addresses of this test group, as `test-group list` numbers it.")
    ] = None,
    seen_by: Annotated[
        str, typer.Option("--as", metavar="ADDRESS", help="As this subscriber would get it, with their merge fields.")
    ] = "",
    channel: Annotated[str, typer.Option(help="The campaign's channel to test; default: the one that fits.")] = "",
    via: Annotated[
        str, typer.Option(metavar="CHANNEL", help="Send it over this channel of the same kind: a test account.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send a test of a campaign to the team, and wait for the outcome; exit status 4 if it did not arrive.

    It is marked as a test and counts nowhere. Its links to unsubscribe change nothing.
    """
    with open_app() as app:
        addresses = (*(addresses_of(app, group) if group is not None else ()), *(to or ()))
        asked = AskedTest(channel_name=channel, via=via, addresses=addresses, seen_by=seen_by)
        result = follow(app, send_test(app, campaign_id, asked, actor=ACTOR), patience=_PATIENCE_SECONDS)
        with app.database.begin() as connection:
            sent = delivery_queries.of_campaign(connection, result.campaign.id, limit=MAX_ADDRESSES)
    if as_json:
        print_json(
            report_as_json(result)
            | {
                "deliveries": [
                    {
                        "recipient": one.recipient,
                        "state": one.state.value,
                        "permalink": one.permalink,
                        "reply": one.reply,
                    }
                    for one in sent
                ]
            }
        )
    else:
        print_report(result)
        rows = [(one.recipient, one.state.value, one.permalink or one.reply) for one in sent]
        print_rows(("recipient", "state", "result"), rows, as_json=False, empty="")
    if any(one.state not in _ARRIVED for one in sent):
        if any(one.state is DeliveryState.PENDING for one in sent):
            print_message(f"not sent yet; is a worker running? `distributor campaign watch {result.campaign.id}` waits")
        raise typer.Exit(4)
