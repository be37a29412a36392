"""`distributor campaign list | show | watch`: the states and totals of campaigns, once or until they are done."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, err, print_json, print_message, print_rows
from distributor.cli.preview import print_sizes, sizes_as_json
from distributor.domain.campaign import CampaignPurpose, CampaignState, DispatchState
from distributor.domain.schedule import format_time
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.preview import measure_campaign
from distributor.flow.publishing.report import (
    COUNTED,
    CampaignReport,
    DispatchReport,
    newest_campaigns,
    report,
    summarise,
)

# The columns that `summarise` fills.
_TOTALS = ("audience", *COUNTED)

commands = typer.Typer()

CampaignId = Annotated[int, typer.Argument(help="The campaign's number.")]

_NONE_YET = {
    CampaignPurpose.ARTICLES: "No campaigns yet: `distributor campaign create` creates one.",
    CampaignPurpose.CONFIRMATION: "No confirmation mails yet.",
    CampaignPurpose.TEST: "No tests yet: `distributor campaign test` sends one.",
    CampaignPurpose.ACCOUNT: "No mails to users of the team's app yet.",
}
# States that a campaign does not leave by itself.
_AT_REST = frozenset(DispatchState) - {DispatchState.SCHEDULED, DispatchState.RUNNING}


@commands.command("list")
def list_campaigns(
    purpose: Annotated[
        CampaignPurpose,
        typer.Option(
            help="confirmation: the confirmation mails of sign-ups; test: the tests; account: mails to users."
        ),
    ] = CampaignPurpose.ARTICLES,
    state: Annotated[CampaignState | None, typer.Option(help="Only campaigns in this state.")] = None,
    as_json: AsJson = False,
    limit: int = 20,
) -> None:
    """List the newest campaigns with their totals."""
    with open_app() as app:
        newest = newest_campaigns(app, purpose=purpose, state=state, limit=limit)
    rows = [
        (
            one.campaign.id,
            one.campaign.name,
            one.state.value,
            min((time for found in one.dispatches if (time := found.local_time)), default=None),
            *summarise(one.totals).values(),
        )
        for one in newest
    ]
    columns = ("id", "name", "state", "starts_at", *_TOTALS)
    print_rows(columns, rows, as_json=as_json, empty=_NONE_YET[purpose] if state is None else "No such campaigns.")


@commands.command("show")
def show_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Show a campaign: its channels, their states and totals, message sizes, and events such as opens."""
    with open_app() as app:
        result = report(app, campaign_id)
        sizes = measure_campaign(app, campaign_id)
    if as_json:
        print_json(report_as_json(result) | {"sizes": sizes_as_json(sizes)})
        return
    print_report(result)
    print_sizes(sizes)


@commands.command()
def watch(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Watch a campaign until it is done; exit status 4 if anything failed."""
    with open_app() as app:
        result = follow(app, campaign_id)
    if as_json:
        print_json(report_as_json(result))
    else:
        print_report(result)
    if any(one.dispatch.state is not DispatchState.FINISHED for one in result.dispatches):
        raise typer.Exit(4)


def follow(app: AppContext, campaign_id: int, *, patience: float = math.inf) -> CampaignReport:
    """Show the progress of each channel until the campaign is done, paused or failed, or is a draft.

    Returns early when nothing has changed for `patience` seconds.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[state]}"), console=err) as progress:
        result = report(app, campaign_id)
        changed = time.monotonic()
        bars = {
            one.dispatch.id: progress.add_task(one.dispatch.channel_name, total=None, state="")
            for one in result.dispatches
        }
        while True:
            for one in result.dispatches:
                counts = summarise(one.totals)
                progress.update(
                    bars[one.dispatch.id],
                    total=one.dispatch.audience_size,
                    completed=counts["audience"] - counts["pending"] - counts["deferred"],
                    state=_state(one),
                )
            if all(one.dispatch.state in _AT_REST for one in result.dispatches):
                return result
            time.sleep(0.3)
            before, result = result, report(app, campaign_id)
            if result != before:
                changed = time.monotonic()
            if time.monotonic() - changed > patience:
                return result


def print_report(result: CampaignReport) -> None:
    """Print a table of the campaign's channels, and how often recipients opened, clicked and so on."""
    print_message(f"campaign {result.campaign.id}, {result.campaign.name}: {result.state.value}")
    rows = [
        (
            one.dispatch.channel_name,
            one.dispatch.state.value,
            one.dispatch.local_time,
            *summarise(one.totals).values(),
            one.dispatch.reason,
        )
        for one in result.dispatches
    ]
    columns = ("channel", "state", "starts_at", *_TOTALS, "reason")
    print_rows(columns, rows, as_json=False, empty="")
    if result.to_publish:
        print_message(publication_sentence(result))
    for revised in result.revised:
        print_message(revised)
    for one in result.dispatches:
        for reason in _waiting_reasons(one):
            print_message(f"{one.dispatch.channel_name}: {reason}")
    for kind, (total, unique) in result.events.items():
        print_message(f"{kind.value}: {total} in total, of {unique} deliveries")


def publication_sentence(result: CampaignReport) -> str:
    """Which articles the release of a campaign publishes."""
    slugs = result.to_publish
    are, them = ("is", "it") if len(slugs) == 1 else ("are", "them")
    return f"{', '.join(slugs)} {are} not public yet: the release of campaign {result.campaign.id} publishes {them}"


def report_as_json(result: CampaignReport) -> dict[str, Any]:
    """The campaign as a JSON object."""
    return {
        "id": result.campaign.id,
        "name": result.campaign.name,
        "purpose": result.campaign.purpose.value,
        "state": result.state.value,
        "to_publish": list(result.to_publish),
        "revised": list(result.revised),
        "totals": summarise(result.totals),
        "dispatches": [
            {
                "id": one.dispatch.id,
                "channel": one.dispatch.channel_name,
                "kind": one.dispatch.kind,
                "state": one.dispatch.state.value,
                "scheduled_at": one.dispatch.local_time,
                "zone": one.dispatch.zone,
                "reason": one.dispatch.reason,
                "problems": [
                    {"severity": problem.severity.value, "code": problem.code, "message": problem.message}
                    for problem in one.dispatch.problems
                ],
                "totals": summarise(one.totals),
                "next_attempt_at": one.next_attempt_at,
                "waits": [
                    {
                        "route": wait.route.name,
                        "deliveries": wait.deliveries,
                        "reason": wait.route.reason,
                        "since": wait.route.since,
                        "next_probe_at": wait.route.next_probe_at,
                    }
                    for wait in one.waits
                ],
            }
            for one in result.dispatches
        ],
        "events": {
            kind.value: {"total": total, "deliveries": unique} for kind, (total, unique) in result.events.items()
        },
    }


def _state(one: DispatchReport) -> str:
    waiting = sum(wait.deliveries for wait in one.waits)
    return f"{one.dispatch.state.value}, {waiting} wait for routes in backoff" if waiting else one.dispatch.state.value


def _waiting_reasons(one: DispatchReport) -> Iterator[str]:
    for wait in one.waits:
        route = wait.route
        yield (
            f"{wait.deliveries} wait for route {route.name}, in backoff since {format_time(route.since)}; the next "
            f"probe is sent at {format_time(route.next_probe_at)}: {route.reason}"
        )
    if one.next_attempt_at is not None:
        yield f"the next deferred delivery is retried at {format_time(one.next_attempt_at)}"
