"""What is shown of a campaign: once, or again and again until it is done."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distributor.cli.session import err, say, show_rows
from distributor.domain.campaign import DispatchState
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.report import CampaignReport, DispatchReport, report, summarise

_DONE = frozenset({DispatchState.FINISHED, DispatchState.FAILED, DispatchState.CANCELLED})


def follow(app: AppContext, campaign_id: int, *, patience: float = math.inf) -> CampaignReport:
    """Show the progress of each channel until the campaign is done or waits for somebody.

    Gives up when nothing has changed for `patience` seconds.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[state]}"), console=err) as progress:
        told = report(app, campaign_id)
        changed = time.monotonic()
        bars = {
            one.dispatch.id: progress.add_task(one.dispatch.channel_name, total=None, state="")
            for one in told.dispatches
        }
        while True:
            for one in told.dispatches:
                counts = summarise(one.totals)
                progress.update(
                    bars[one.dispatch.id],
                    total=one.dispatch.audience_size,
                    completed=counts["audience"] - counts["pending"] - counts["deferred"],
                    state=_state(one),
                )
            if all(one.dispatch.state in _DONE | {DispatchState.PAUSED} for one in told.dispatches):
                return told
            time.sleep(0.3)
            before, told = told, report(app, campaign_id)
            if told != before:
                changed = time.monotonic()
            if time.monotonic() - changed > patience:
                return told


def print_report(told: CampaignReport) -> None:
    """The campaign for people: its channels as a table, and what recipients did."""
    say(f"campaign {told.campaign.id}, {told.campaign.name}: {told.state.value}")
    rows = [
        (one.dispatch.channel_name, one.dispatch.state.value, *summarise(one.totals).values(), one.dispatch.reason)
        for one in told.dispatches
    ]
    columns = ("channel", "state", "audience", "sent", "deferred", "failed", "suppressed", "unknown", "pending", "why")
    show_rows(columns, rows, as_json=False, empty="")
    for one in told.dispatches:
        for sentence in _what_holds_back(one):
            say(f"{one.dispatch.channel_name}: {sentence}")
    for kind, (total, unique) in told.events.items():
        say(f"{kind.value}: {total} in all, of {unique} deliveries")


def as_json(told: CampaignReport) -> dict[str, Any]:
    """The campaign for programs."""
    return {
        "id": told.campaign.id,
        "name": told.campaign.name,
        "purpose": told.campaign.purpose.value,
        "state": told.state.value,
        "totals": summarise(told.totals),
        "dispatches": [
            {
                "id": one.dispatch.id,
                "channel": one.dispatch.channel_name,
                "kind": one.dispatch.kind,
                "state": one.dispatch.state.value,
                "scheduled_at": one.dispatch.scheduled_at,
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
            for one in told.dispatches
        ],
        "events": {kind.value: {"total": total, "deliveries": unique} for kind, (total, unique) in told.events.items()},
    }


def _state(one: DispatchReport) -> str:
    waiting = sum(wait.deliveries for wait in one.waits)
    return f"{one.dispatch.state.value}, {waiting} wait for paused routes" if waiting else one.dispatch.state.value


def _what_holds_back(one: DispatchReport) -> Iterator[str]:
    for wait in one.waits:
        route = wait.route
        yield (
            f"{wait.deliveries} wait for {route.name}, which is paused since {_moment(route.since)} and tried again by "
            f"one of them at {_moment(route.next_probe_at)}: {route.reason}"
        )
    if one.next_attempt_at is not None:
        yield f"the next of those deferred is tried again at {_moment(one.next_attempt_at)}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
