"""`distributor campaign …`"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli import covers, deliveries
from distributor.cli.campaign_report import as_json as told_as_json
from distributor.cli.campaign_report import follow, print_report
from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import (
    CampaignPlan,
    CampaignPurpose,
    DispatchState,
    UnknownPolicy,
)
from distributor.domain.errors import InputError
from distributor.domain.schedule import parse_local_time
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.audience import preview_audience
from distributor.flow.publishing.plan import plan
from distributor.flow.publishing.preview import measure_campaign, preview_campaign
from distributor.flow.publishing.report import CampaignReport, report, summarise
from distributor.storage import campaigns

commands = typer.Typer()
commands.add_typer(deliveries.commands)

CampaignId = Annotated[int, typer.Argument(help="The campaign's number.")]
OnList = Annotated[list[str] | None, typer.Option("--list", help="Who is on this list; may be repeated.")]
FollowsTopic = Annotated[list[str] | None, typer.Option("--topic", help="Only who follows this topic; repeatable.")]
InSegment = Annotated[list[str] | None, typer.Option("--segment", help="Only who is in this segment; may be repeated.")]
ExceptList = Annotated[list[str] | None, typer.Option(help="Not who is on this list; may be repeated.")]
ExceptTopic = Annotated[list[str] | None, typer.Option(help="Not who follows this topic; may be repeated.")]
ExceptSegment = Annotated[list[str] | None, typer.Option(help="Not who is in this segment; may be repeated.")]
ToFailedOf = Annotated[
    list[int] | None,
    typer.Option(metavar="CAMPAIGN", help="Only to whom this campaign failed; on behalf of the same list; repeatable."),
]
ToUnknownOf = Annotated[
    list[int] | None,
    typer.Option(
        metavar="CAMPAIGN",
        help="Only to who may or may not have got this campaign: some get it a second time; repeatable.",
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Also to people who already got one of the articles.")]
_NONE_YET = {
    CampaignPurpose.ARTICLES: "No campaigns yet: `distributor campaign create` plans one.",
    CampaignPurpose.CONFIRMATION: "Nobody has been asked to confirm anything yet.",
}


@commands.command()
def create(
    article: Annotated[list[str], typer.Option(help="The article's slug; may be repeated.")],
    channel: Annotated[list[str], typer.Option(help="A channel's name; may be repeated.")],
    on_list: OnList = None,
    topic: FollowsTopic = None,
    segment: InSegment = None,
    except_list: ExceptList = None,
    except_topic: ExceptTopic = None,
    except_segment: ExceptSegment = None,
    to_failed_of: ToFailedOf = None,
    to_unknown_of: ToUnknownOf = None,
    again: Again = False,
    at: Annotated[str, typer.Option(help="now, +10m, or a time such as '2027-03-01 09:00'.")] = "now",
    zone: Annotated[str | None, typer.Option(help="IANA time zone of the times, such as Europe/Berlin.")] = None,
    channel_at: Annotated[list[str] | None, typer.Option(help="CHANNEL=TIME for a channel with its own time.")] = None,
    name: str = "",
    subject: covers.Subject = "",
    greeting: covers.Greeting = "",
    closing: covers.Closing = "",
    attach: covers.Attach = None,
    track_opens: Annotated[bool, typer.Option(help="Count opens by a pixel.")] = True,
    track_clicks: Annotated[bool, typer.Option(help="Count clicks by redirects.")] = True,
    unknown: Annotated[UnknownPolicy, typer.Option(help="What to do if an answer is lost for good.")] = (
        UnknownPolicy.ASSUME_SENT
    ),
    as_json: AsJson = False,
) -> None:
    """Plan a campaign; it goes out by itself while a worker and a beat run."""
    with installation_at_hand() as app:
        now = app.clock()
        asked = CampaignPlan(
            name=name,
            article_slugs=tuple(article),
            channel_names=tuple(channel),
            audience=_audience(
                (on_list, topic, segment),
                (except_list, except_topic, except_segment),
                (to_failed_of, to_unknown_of),
                again,
            ),
            starts_at=parse_local_time(at, zone=zone, now=now),
            times=_times(channel_at or [], channel, zone=zone, now=now),
            zone=zone or "UTC",
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown,
            cover=covers.cover_of(subject, greeting, closing, attach),
        )
        campaign_id = plan(app, asked)
        if as_json:
            show(told_as_json(report(app, campaign_id)))
            return
    say(f"campaign {campaign_id} is planned; `distributor campaign watch {campaign_id}` follows it")


@commands.command("audience")
def show_audience(
    article: Annotated[list[str] | None, typer.Option(help="The article's slug; may be repeated.")] = None,
    on_list: OnList = None,
    topic: FollowsTopic = None,
    segment: InSegment = None,
    except_list: ExceptList = None,
    except_topic: ExceptTopic = None,
    except_segment: ExceptSegment = None,
    to_failed_of: ToFailedOf = None,
    to_unknown_of: ToUnknownOf = None,
    again: Again = False,
    sample: Annotated[int, typer.Option(help="How many people to name.")] = 10,
    as_json: AsJson = False,
) -> None:
    """How many people a campaign to this audience would reach now, and some of them; nothing is planned."""
    chosen = _audience(
        (on_list, topic, segment),
        (except_list, except_topic, except_segment),
        (to_failed_of, to_unknown_of),
        again,
    )
    with installation_at_hand() as app:
        found = preview_audience(app, chosen, article or (), sample=sample)
    if as_json:
        show({"count": found.count, "sample": [one.email for one in found.sample]})
        return
    show_rows(("email", "name"), [(one.email, one.name) for one in found.sample], as_json=False, empty="")
    say(f"{found.count} people")


@commands.command("list")
def list_campaigns(
    purpose: Annotated[
        CampaignPurpose, typer.Option(help="confirmation: the mails that ask people who signed up to confirm it.")
    ] = CampaignPurpose.ARTICLES,
    as_json: AsJson = False,
    limit: int = 20,
) -> None:
    """The newest campaigns with their totals."""
    with installation_at_hand() as app:
        with app.database.begin() as connection:
            newest = campaigns.latest(connection, limit=limit, purpose=purpose)
        reports = [report(app, campaign.id) for campaign in newest]
    rows = [(one.campaign.id, one.campaign.name, one.state.value, *summarise(one.totals).values()) for one in reports]
    columns = ("id", "name", "state", "audience", "sent", "deferred", "failed", "suppressed", "unknown", "pending")
    show_rows(columns, rows, as_json=as_json, empty=_NONE_YET[purpose])


@commands.command("show")
def show_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """One campaign: its channels, their states and totals, the size of its mails, and what recipients did."""
    with installation_at_hand() as app:
        told = report(app, campaign_id)
        weights = measure_campaign(app, campaign_id)
    if as_json:
        show(told_as_json(told) | {"sizes": covers.weights_as_json(weights)})
        return
    print_report(told)
    covers.say_weights(weights)


@commands.command("preview")
def preview(
    campaign_id: CampaignId,
    reader: Annotated[str | None, typer.Option("--as", metavar="ADDRESS", help="As this subscriber gets it.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out"),
) -> None:
    """Write what a campaign says on each of its channels, as files: what is frozen, else what it would say now.

    Exit status 4 if a check finds something that must be mended.
    """
    with installation_at_hand() as app:
        shown = preview_campaign(app, campaign_id, email=reader)
    covers.write_preview(shown, out)


@commands.command()
def watch(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Follow a campaign until it is done; exit status 4 if anything failed."""
    with installation_at_hand() as app:
        told = follow(app, campaign_id)
    _show(told, as_json=as_json)
    if any(one.dispatch.state is not DispatchState.FINISHED for one in told.dispatches):
        raise typer.Exit(4)


@commands.command()
def pause(campaign_id: CampaignId) -> None:
    """Hold a campaign: nothing new is begun after the batches at work."""
    with installation_at_hand() as app:
        held = campaign_control.pause(app, campaign_id)
    say(f"{held} dispatches are paused; `distributor campaign resume {campaign_id}` lets them go on")


@commands.command()
def resume(campaign_id: CampaignId) -> None:
    """Let a campaign go on that is paused, or whose rendering failed for a cause that has been mended."""
    with installation_at_hand() as app:
        going = campaign_control.resume(app, campaign_id)
    say(f"{going} dispatches go on")


@commands.command()
def cancel(campaign_id: CampaignId) -> None:
    """Stop a campaign for good; what was sent stays sent."""
    with installation_at_hand() as app:
        unsent = campaign_control.cancel(app, campaign_id)
        sent = summarise(report(app, campaign_id).totals)["sent"]
    say(f"cancelled: {sent} had been sent, {unsent} will not be")


def _show(told: CampaignReport, *, as_json: bool) -> None:
    if as_json:
        show(told_as_json(told))
    else:
        print_report(told)


def _times(given: list[str], channels: list[str], *, zone: str | None, now: datetime) -> dict[str, datetime]:
    times = {}
    for one in given:
        name, equals, moment = one.partition("=")
        if not equals or name not in channels:
            raise InputError(f"--channel-at {one!r}: write CHANNEL=TIME with one of {', '.join(channels)}")
        times[name] = parse_local_time(moment, zone=zone, now=now)
    return times


def _audience(
    to: tuple[list[str] | None, list[str] | None, list[str] | None],
    but_not_to: tuple[list[str] | None, list[str] | None, list[str] | None],
    missed_by: tuple[list[int] | None, list[int] | None],
    again: bool,
) -> AudiencePlan:
    lists, topics, segments = to
    except_lists, except_topics, except_segments = but_not_to
    failed_of, unknown_of = missed_by
    return AudiencePlan(
        lists=tuple(lists or ()),
        topics=tuple(topics or ()),
        segments=tuple(segments or ()),
        except_lists=tuple(except_lists or ()),
        except_topics=tuple(except_topics or ()),
        except_segments=tuple(except_segments or ()),
        repeats=again,
        failed_of=tuple(failed_of or ()),
        unknown_of=tuple(unknown_of or ()),
    )
