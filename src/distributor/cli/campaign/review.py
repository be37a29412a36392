"""`distributor campaign review`: what a campaign would send on each channel, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId
from distributor.cli.console import ACTOR, AsJson, print_json, print_message, print_rows
from distributor.domain.campaign_review import CampaignReview, DispatchReview, counted, joined
from distributor.domain.problems import Problem, ReviewProblem, Severity
from distributor.domain.schedule import spell_time
from distributor.flow.publishing import life_cycle

commands = typer.Typer()


@commands.command()
def review(
    campaign_id: CampaignId,
    links: Annotated[bool, typer.Option(help="Ask whether links and images answer: up to 15 seconds.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show what a campaign would send on each channel, to whom and when, and what is wrong.

    Exit status 4 if there is a blocker, a problem that keeps the campaign from being sent.
    """
    with open_app() as app:
        result = life_cycle.review(app, campaign_id, actor=ACTOR, with_links=links)
    if as_json:
        print_json(review_as_json(result))
    else:
        print_review(result)
    if result.blockers:
        raise typer.Exit(4)


def print_review(result: CampaignReview) -> None:
    """Print the table of channels, every problem, and the sentence."""
    zones = {str(one.local_time.tzinfo) for one in result.dispatches if one.local_time}
    one_zone = zones.pop() if len(zones) == 1 else ""
    rows = [
        (
            one.channel_name,
            spell_time(one.local_time).removesuffix(one_zone).rstrip() if one.local_time else "no time",
            f"{one.recipients:,}",
            *([one.cost or ""] if result.costs else []),
            _problem_counts(one),
        )
        for one in result.dispatches
    ]
    starts_at = f"starts at ({one_zone})" if one_zone else "starts_at"
    columns = ("channel", starts_at, "recipients", *(["cost"] if result.costs else []), "problems")
    print_rows(columns, rows, as_json=False, empty="no channel")
    channels: dict[Problem, list[str]] = {}
    for found in (*result.blockers, *result.warnings):
        channels.setdefault(found.problem, []).append(found.channel_name)
    for problem, names in channels.items():
        print_message(f"{_WORDS[problem.severity]}: {ReviewProblem(joined(names), problem)}")
    print_message(result.sentence)


def review_as_json(result: CampaignReview) -> dict[str, Any]:
    """The review as a JSON object."""
    return {
        "campaign": result.campaign_id,
        "made_at": result.made_at,
        "sentence": result.sentence,
        "articles": [{"slug": slug, "revision": revision} for slug, revision in result.revisions.items()],
        "to_publish": list(result.to_publish),
        "blockers": len(result.blockers),
        "warnings": len(result.warnings),
        "already_received": result.received,
        "costs": [{"amount": str(one.amount), "currency": one.currency} for one in result.costs],
        "problems": [_problem_as_json(problem) for problem in result.problems],
        "dispatches": [
            {
                "id": one.dispatch_id,
                "channel": one.channel_name,
                "kind": one.kind,
                "scheduled_at": one.local_time,
                "zone": one.zone,
                "recipients": one.recipients,
                "cost": {"amount": str(one.cost.amount), "currency": one.cost.currency} if one.cost else None,
                "digest": one.rendition.digest if one.rendition else None,
                "problems": [_problem_as_json(problem) for problem in one.problems],
            }
            for one in result.dispatches
        ],
    }


_WORDS = {Severity.BLOCK: "blocker", Severity.WARN: "warning"}


def _problem_counts(one: DispatchReview) -> str:
    counts = [
        (sum(problem.severity is severity for problem in one.problems), word) for severity, word in _WORDS.items()
    ]
    return ", ".join(counted(number, word) for number, word in counts if number)


def _problem_as_json(problem: Problem) -> dict[str, str]:
    return {
        "severity": problem.severity.value,
        "code": problem.code,
        "message": problem.message,
        "where": problem.where,
    }
