"""`distributor campaign audit`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.delivery import DeliveryState
from distributor.flow.operations import audit as auditing
from distributor.flow.operations.audit import Audit
from distributor.mail.records.sources import parse_record_sources


def audit(
    campaign_id: Annotated[int, typer.Argument(help="The campaign's number.")],
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PATH",
            help="A record of all mails that were taken: inbox:FOLDER of .eml files, maildir:FOLDER, mbox:FILE, "
            "maillog:FILE of Postfix, ids:FILE of Message-IDs; may be repeated.",
        ),
    ] = None,
    settle: Annotated[
        bool, typer.Option("--settle", help="Write down as sent what is unknown and shows in the evidence.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="How many differences to name; all are counted.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Compare the ledger with the evidence: journals, posts, what recipients did, and records of others.

    Exit status 4 if they differ.
    """
    records = parse_record_sources(evidence or [])
    with installation_at_hand() as app:
        made = auditing.audit(app, campaign_id, records)
        settled = auditing.settle_found(app, made) if settle else 0
    if as_json:
        show(_told(made, settled=settled, limit=limit))
    else:
        _print(made, settled=settled, limit=limit)
    if made.counts.total():
        raise typer.Exit(4)


def _print(made: Audit, *, settled: int, limit: int) -> None:
    show_rows(
        ("state", "deliveries", "in_the_records"),
        [(state.value, made.states[state], made.seen[state]) for state in DeliveryState if made.states[state]],
        as_json=False,
        empty="No deliveries: the campaign has not been released yet.",
    )
    for witness in made.witnesses:
        say(
            f"{witness.kind}: {witness.mails} mails, {witness.of_campaign} of this campaign, "
            f"{witness.of_others} of others, {witness.foreign} not from here"
        )
    if made.is_at_work:
        say("the campaign is still being sent: what is under way is left out")
    if settled:
        say(f"{settled} deliveries of unknown outcome are settled as sent")
    if not made.counts:
        say("no difference")
        return
    show_rows(
        ("difference", "delivery", "channel", "recipient", "state", "evidence"),
        [
            (one.kind.value, one.delivery_id, one.channel, one.recipient, one.state, one.evidence)
            for one in made.differences[:limit]
        ],
        as_json=False,
        empty="",
    )
    say("differences: " + ", ".join(f"{count} {kind}" for kind, count in made.counts.items()))


def _told(made: Audit, *, settled: int, limit: int) -> dict[str, Any]:
    return {
        "campaign": made.campaign_id,
        "is_at_work": made.is_at_work,
        "states": {
            state.value: {"deliveries": made.states[state], "in_the_records": made.seen[state]}
            for state in DeliveryState
            if made.states[state]
        },
        "evidence": [
            {
                "kind": witness.kind,
                "mails": witness.mails,
                "of_this_campaign": witness.of_campaign,
                "of_others": witness.of_others,
                "foreign": witness.foreign,
            }
            for witness in made.witnesses
        ],
        "settled": settled,
        "counts": {kind.value: count for kind, count in made.counts.items()},
        "differences": [
            {
                "kind": one.kind.value,
                "delivery": one.delivery_id,
                "channel": one.channel or None,
                "recipient": one.recipient or None,
                "state": one.state.value if one.state else None,
                "evidence": one.evidence,
            }
            for one in made.differences[:limit]
        ],
    }
