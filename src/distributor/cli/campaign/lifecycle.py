"""`distributor campaign approve | schedule | reschedule | undo | history | preview | pause | resume | cancel`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId, publication_sentence, report_as_json
from distributor.cli.campaign.review import print_review, review_as_json
from distributor.cli.console import ACTOR, AsJson, print_json, print_message, print_rows
from distributor.cli.preview import LayoutOption, write_preview
from distributor.domain.campaign import CampaignState
from distributor.domain.campaign_review import CampaignReview
from distributor.domain.errors import InputError
from distributor.domain.schedule import StartTimes, format_time, parse_start_times, spell_delay, zone_named
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.preview import preview_campaign
from distributor.flow.publishing.report import CampaignReport, report, summarise
from distributor.storage import campaigns, dispatches

commands = typer.Typer()

At = Annotated[str | None, typer.Option(help="When to start: +10m, or a time such as '2027-03-01 09:00'.")]
Now = Annotated[bool, typer.Option("--now", help="Send it after a confirmation, and a while in which `undo` works.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for the confirmation of --now.")]
ZoneName = Annotated[str | None, typer.Option("--zone", help="Time zone of the times: Europe/Berlin, +10:00, UTC+2.")]
ChannelAt = Annotated[
    list[str] | None,
    typer.Option(help="CHANNEL=TIME for a channel with its own time; +2h counts from --at, '+2h after mail' from it."),
]
Links = Annotated[bool, typer.Option(help="Ask whether links and images answer: up to 15 seconds.")]
Without = Annotated[
    list[str] | None,
    typer.Option(metavar="CHANNEL", help="Leave this channel out of the campaign, such as one that is blocked."),
]


@commands.command("schedule")
def schedule_draft(
    campaign_id: CampaignId,
    at: At = None,
    now: Now = False,
    yes: Yes = False,
    zone: ZoneName = None,
    channel_at: ChannelAt = None,
    without: Without = None,
    links: Links = True,
    as_json: AsJson = False,
) -> None:
    """Review a draft on all channels and schedule it; exit status 4 if the review finds what blocks it.

    Without --at and --now at the times it has.
    """
    with open_app() as app:
        with app.database.begin() as connection:
            names = [one.channel_name for one in dispatches.of_campaign(connection, campaign_id)]
        start = start_times(app, at, channel_at, names, zone=zone, now=now, yes=yes)
        life_cycle.arrange(
            app,
            campaign_id,
            actor=ACTOR,
            start=start,
            zone=str(zone_named(zone)) if zone else "",
            without=without or (),
        )
        review = review_and_schedule(app, campaign_id, now=now, yes=yes, links=links, as_json=as_json)
        result = report(app, campaign_id)
    print_result(result, review, start, as_json=as_json)


@commands.command()
def reschedule(
    campaign_id: CampaignId,
    at: Annotated[str, typer.Option(help="When to start: +10m, or a time such as '2027-03-01 09:00'.")],
    zone: ZoneName = None,
    channel_at: ChannelAt = None,
) -> None:
    """Change the times of a campaign on the channels that are not released; one that was scheduled is reviewed again.

    Exit status 4 if the review finds what blocks it: it is a draft then.
    """
    with open_app() as app:
        with app.database.begin() as connection:
            names = [one.channel_name for one in dispatches.of_campaign(connection, campaign_id)]
        start = start_times(app, at, channel_at, names, zone=zone)
        assert start is not None, "there is a time"  # noqa: S101
        review = life_cycle.reschedule(app, campaign_id, start, actor=ACTOR, zone=str(zone_named(zone)) if zone else "")
        result = report(app, campaign_id)
    for note in start.notes:
        print_message(note)
    if review is not None:
        print_review(review)
    print_next_step(result)


@commands.command()
def approve(campaign_id: CampaignId, links: Links = True) -> None:
    """Approve a draft, or a campaign that waits for a person, as it is now; exit status 4 if it is blocked."""
    with open_app() as app:
        review = life_cycle.review(app, campaign_id, actor=ACTOR, with_links=links)
        print_review(review)
        life_cycle.approve(app, campaign_id, actor=ACTOR)
        result = report(app, campaign_id)
    print_message(f"campaign {campaign_id} is approved")
    print_next_step(result)


@commands.command()
def history(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Show what happened to a campaign: edits, reviews, decisions and releases, with who made them and when."""
    with open_app() as app, app.database.begin() as connection:
        events = campaigns.history(connection, campaigns.find(connection, campaign_id).id)
    print_rows(
        ("at", "action", "by", "version", "detail"),
        [(one.created_at, one.action.value, one.actor, one.version, one.detail) for one in events],
        as_json=as_json,
        empty="",
    )


@commands.command()
def undo(campaign_id: CampaignId) -> None:
    """Make a campaign that is scheduled, and not released on any channel, a draft again."""
    with open_app() as app:
        life_cycle.undo(app, campaign_id, actor=ACTOR)
    print_message(f"campaign {campaign_id} is a draft again, nothing of it was sent")


@commands.command("preview")
def preview(
    campaign_id: CampaignId,
    email: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="As this subscriber receives it.")
    ] = None,
    layout: LayoutOption = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out"),
) -> None:
    """Write the renditions of a campaign on each of its channels as files; with --layout as its mails would look so.

    They are the stored ones once the campaign is rendered, else what it would render now. Exit status 4 if a check
    finds a blocking problem.
    """
    with open_app() as app:
        result = preview_campaign(app, campaign_id, email=email, layout=layout)
    write_preview(result, out)


@commands.command()
def pause(campaign_id: CampaignId) -> None:
    """Pause a campaign: what is being sent is finished, and a second later nothing else begins."""
    with open_app() as app:
        count = campaign_control.pause(app, campaign_id, actor=ACTOR)
    print_message(f"{count} dispatches are paused; `distributor campaign resume {campaign_id}` resumes them")


@commands.command()
def resume(
    campaign_id: CampaignId,
    without: Without = None,
    after_restore: Annotated[
        bool,
        typer.Option("--after-restore", help="It waits since the database was restored: let the rest go on."),
    ] = False,
) -> None:
    """Resume a campaign that is paused, was too late, or waits for a person; what is not released is reviewed again."""
    with open_app() as app:
        review = campaign_control.resume(
            app, campaign_id, without=without or (), after_restore=after_restore, actor=ACTOR
        )
    if review is not None:
        print_review(review)
    print_message(f"campaign {campaign_id} is resumed")


@commands.command()
def cancel(campaign_id: CampaignId) -> None:
    """Cancel a campaign for good; what was sent stays sent."""
    with open_app() as app:
        unsent = campaign_control.cancel(app, campaign_id, actor=ACTOR)
        sent = summarise(report(app, campaign_id).totals)["sent"]
    print_message(f"cancelled: {sent} had been sent, {unsent} will not be")


def start_times(
    app: AppContext,
    at: str | None,
    channel_at: list[str] | None,
    channels: Sequence[str],
    *,
    zone: str | None,
    now: bool = False,
    yes: bool = False,
) -> StartTimes | None:
    """The times that the options name; None without --at and --now."""
    if now and (at or channel_at):
        raise InputError("--now is for all channels at once: leave out --at and --channel-at")
    if now and not yes and not sys.stdin.isatty():
        raise InputError("--now asks before it sends, and there is no terminal: add --yes to send without asking")
    if now:
        return StartTimes.at_once(app.clock(), undo_window=app.undo_window)
    if at is not None and at.strip().casefold() == "now":
        raise InputError("--at now: write --now, which asks before it sends")
    if at is None:
        if channel_at:
            raise InputError("--channel-at is for channels that differ from --at, which is missing")
        return None
    return parse_start_times(at, _channel_times(channel_at or [], channels), zone=zone, now=app.clock())


def review_and_schedule(
    app: AppContext, campaign_id: int, *, now: bool, yes: bool, links: bool, as_json: bool
) -> CampaignReview:
    """Show the review of a draft and schedule it, after a confirmation if it is sent at once."""
    review = life_cycle.review(app, campaign_id, actor=ACTOR, with_links=links)
    if not as_json or (now and not yes):
        print_review(review)
    if review.blockers:
        if as_json:
            print_json({"id": campaign_id, "state": "draft", "review": review_as_json(review)})
        print_message(
            f"campaign {campaign_id} stays a draft: mend this, or leave a channel out by "
            f"`distributor campaign schedule {campaign_id} --without CHANNEL`"
        )
        raise typer.Exit(4)
    if now and not yes and not typer.confirm("Send it?", err=True):
        print_message(f"campaign {campaign_id} stays a draft")
        raise typer.Exit(1)
    # Reading the review took a while.
    start = StartTimes.at_once(app.clock(), undo_window=app.undo_window) if now else None
    return life_cycle.schedule(app, campaign_id, actor=ACTOR, start=start)


def print_result(result: CampaignReport, review: CampaignReview, start: StartTimes | None, *, as_json: bool) -> None:
    notes = start.notes if start else ()
    for note in notes:
        print_message(note)
    if as_json:
        print_json(report_as_json(result) | {"notes": notes, "review": review_as_json(review)})
        return
    for one in result.dispatches:
        if one.dispatch.local_time is not None:
            follow_up = one.dispatch.follow_up
            note = f", {spell_delay(follow_up.after)} after {follow_up.channel_name}" if follow_up else ""
            print_message(f"{one.dispatch.channel_name}: {format_time(one.dispatch.local_time)}{note}")
    if result.to_publish:
        print_message(publication_sentence(result))
    print_next_step(result)


def print_next_step(result: CampaignReport) -> None:
    """Print the state of a campaign, and the command that leads on."""
    number, state = result.campaign.id, result.state
    if state is CampaignState.SCHEDULED:
        print_message(
            f"campaign {number} is scheduled; `distributor campaign watch {number}` shows its progress, "
            f"`distributor campaign undo {number}` makes it a draft again"
        )
    elif state in (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.APPROVED):
        has_times = all(one.dispatch.scheduled_at is not None for one in result.dispatches)
        command = f"distributor campaign schedule {number}" + ("" if has_times else " --at TIME")
        if result.campaign.needs_approval and state is not CampaignState.APPROVED:
            command = f"distributor campaign approve {number}` approves it, then `{command}"
        print_message(f"campaign {number} is a draft; `{command}` schedules it")


def _channel_times(given: list[str], channels: Sequence[str]) -> dict[str, str]:
    times = {}
    for one in given:
        name, equals, time = one.partition("=")
        if not equals or name not in channels:
            raise InputError(f"--channel-at {one!r}: write CHANNEL=TIME with one of {', '.join(channels)}")
        times[name] = time
    return times
