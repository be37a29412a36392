"""`distributor campaign audit`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId
from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.domain.delivery import DeliveryState
from distributor.domain.retention import removal_sentence
from distributor.flow.operations import audit as auditing
from distributor.flow.operations.audit import Audit
from distributor.mail.records.sources import parse_record_sources

commands = typer.Typer()


@commands.command("audit")
def audit_campaign(
    campaign_id: CampaignId,
    records: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PATH",
            help="Messages that a server accepted: inbox:FOLDER of .eml files, maildir:FOLDER, mbox:FILE, "
            "maillog:FILE of Postfix, ids:FILE of Message-IDs; may be repeated.",
        ),
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Mark unknown deliveries as sent that are in the records.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="How many differences to list; all are counted.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Compare the delivery states with journals, posts, events and the records given; exit status 4 if they differ."""
    sources = parse_record_sources(records or [])
    with open_app() as app:
        result = auditing.audit(app, campaign_id, sources)
        resolved = auditing.settle_found(app, result) if resolve else 0
    if as_json:
        print_json(_audit_as_json(result, resolved=resolved, limit=limit))
    else:
        _print(result, resolved=resolved, limit=limit)
    if result.counts.total():
        raise typer.Exit(4)


def _print(result: Audit, *, resolved: int, limit: int) -> None:
    print_rows(
        ("state", "deliveries", "in_the_records"),
        [
            (state.value, result.states[state], result.recorded[state])
            for state in DeliveryState
            if result.states[state]
        ],
        as_json=False,
        empty="No deliveries: the campaign has not been released yet.",
    )
    for record in result.records:
        print_message(
            f"{record.kind}: {record.messages} messages, {record.of_campaign} of this campaign, "
            f"{record.of_others} of others, {record.foreign} that this system did not send"
        )
    if result.removed_at is not None:
        print_message(f"{result.past} of its deliveries are past ones: {removal_sentence(result.removed_at)}")
    if result.is_running:
        print_message("the campaign is still running: deliveries in progress are left out")
    if resolved:
        print_message(f"{resolved} unknown deliveries are marked as sent")
    if result.taken_back:
        listed = ", ".join(f"{number} ({evidence})" for number, evidence in list(result.taken_back.items())[:limit])
        print_message(f"bounces taken back, because the message arrived: {len(result.taken_back)}: delivery {listed}")
    if not result.counts:
        print_message("no differences")
        return
    print_rows(
        ("difference", "delivery", "channel", "recipient", "state", "evidence"),
        [
            (one.kind.value, one.delivery_id, one.channel, one.recipient, one.state, one.evidence)
            for one in result.differences[:limit]
        ],
        as_json=False,
        empty="",
    )
    print_message("differences: " + ", ".join(f"{count} {kind}" for kind, count in result.counts.items()))


def _audit_as_json(result: Audit, *, resolved: int, limit: int) -> dict[str, Any]:
    return {
        "campaign": result.campaign_id,
        "is_running": result.is_running,
        "states": {
            state.value: {"deliveries": result.states[state], "in_the_records": result.recorded[state]}
            for state in DeliveryState
            if result.states[state]
        },
        "records": [
            {
                "kind": record.kind,
                "messages": record.messages,
                "of_this_campaign": record.of_campaign,
                "of_others": record.of_others,
                "foreign": record.foreign,
            }
            for record in result.records
        ],
        "taken_back": [
            {"delivery": number, "evidence": evidence} for number, evidence in list(result.taken_back.items())[:limit]
        ],
        "past": result.past,
        "removed_at": result.removed_at.isoformat() if result.removed_at else None,
        "resolved": resolved,
        "counts": {kind.value: count for kind, count in result.counts.items()},
        "differences": [
            {
                "kind": one.kind.value,
                "delivery": one.delivery_id,
                "channel": one.channel or None,
                "recipient": one.recipient or None,
                "state": one.state.value if one.state else None,
                "evidence": one.evidence,
            }
            for one in result.differences[:limit]
        ],
    }
