"""`distributor campaign …`"""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distributor.cli.session import AsJson, err, installation_at_hand, say, show, show_rows
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, CampaignPurpose, DispatchState, UnknownPolicy
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import InputError
from distributor.domain.schedule import parse_moment
from distributor.flow import steer
from distributor.flow.audience import preview_audience
from distributor.flow.installation import Installation
from distributor.flow.plan import plan
from distributor.flow.report import CampaignReport, report, summarise
from distributor.storage import campaigns, deliveries, events

commands = typer.Typer(no_args_is_help=True, help="Send articles out, and know what became of them.")

CampaignId = Annotated[int, typer.Argument(help="The campaign's number.")]
OnList = Annotated[list[str] | None, typer.Option("--list", help="Who is on this list; may be repeated.")]
FollowsTopic = Annotated[list[str] | None, typer.Option("--topic", help="Only who follows this topic; repeatable.")]
InSegment = Annotated[list[str] | None, typer.Option("--segment", help="Only who is in this segment; may be repeated.")]
ExceptList = Annotated[list[str] | None, typer.Option(help="Not who is on this list; may be repeated.")]
ExceptTopic = Annotated[list[str] | None, typer.Option(help="Not who follows this topic; may be repeated.")]
ExceptSegment = Annotated[list[str] | None, typer.Option(help="Not who is in this segment; may be repeated.")]
Again = Annotated[bool, typer.Option("--again", help="Also to people who already got one of the articles.")]
_NONE_YET = {
    CampaignPurpose.ARTICLES: "No campaigns yet: `distributor campaign create` plans one.",
    CampaignPurpose.CONFIRMATION: "Nobody has been asked to confirm anything yet.",
}
_DONE = frozenset({DispatchState.FINISHED, DispatchState.FAILED, DispatchState.CANCELLED})


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
    again: Again = False,
    at: Annotated[str, typer.Option(help="now, +10m, or a time such as '2027-03-01 09:00'.")] = "now",
    zone: Annotated[str | None, typer.Option(help="IANA time zone of the times, such as Europe/Berlin.")] = None,
    channel_at: Annotated[list[str] | None, typer.Option(help="CHANNEL=TIME for a channel with its own time.")] = None,
    name: str = "",
    track_opens: Annotated[bool, typer.Option(help="Count opens by a pixel.")] = True,
    track_clicks: Annotated[bool, typer.Option(help="Count clicks by redirects.")] = True,
    unknown: Annotated[UnknownPolicy, typer.Option(help="What to do if an answer is lost for good.")] = (
        UnknownPolicy.ASSUME_SENT
    ),
    as_json: AsJson = False,
) -> None:
    """Plan a campaign; it goes out by itself while a worker and a beat run."""
    with installation_at_hand() as installation:
        now = installation.clock()
        asked = CampaignPlan(
            name=name,
            article_slugs=tuple(article),
            channel_names=tuple(channel),
            audience=_audience(on_list, topic, segment, except_list, except_topic, except_segment, again),
            starts_at=parse_moment(at, zone=zone, now=now),
            times=_times(channel_at or [], channel, zone=zone, now=now),
            zone=zone or "UTC",
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown,
        )
        campaign_id = plan(installation, asked)
        if as_json:
            show(_told(report(installation, campaign_id)))
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
    again: Again = False,
    sample: Annotated[int, typer.Option(help="How many people to name.")] = 10,
    as_json: AsJson = False,
) -> None:
    """How many people a campaign to this audience would reach now, and some of them; nothing is planned."""
    chosen = _audience(on_list, topic, segment, except_list, except_topic, except_segment, again)
    with installation_at_hand() as installation:
        found = preview_audience(installation, chosen, article or (), sample=sample)
    if as_json:
        show({"count": found.count, "sample": [one.address for one in found.sample]})
        return
    show_rows(("address", "name"), [(one.address, one.name) for one in found.sample], as_json=False, empty="")
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
    with installation_at_hand() as installation:
        with installation.database.begin() as connection:
            newest = campaigns.latest(connection, limit=limit, purpose=purpose)
        reports = [report(installation, campaign.id) for campaign in newest]
    rows = [(one.campaign.id, one.campaign.name, one.state.value, *summarise(one.totals).values()) for one in reports]
    columns = ("id", "name", "state", "audience", "sent", "deferred", "failed", "suppressed", "unknown", "pending")
    show_rows(columns, rows, as_json=as_json, empty=_NONE_YET[purpose])


@commands.command("show")
def show_campaign(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """One campaign: its channels, their states and totals, and what recipients did."""
    with installation_at_hand() as installation:
        told = report(installation, campaign_id)
    _print(told, as_json=as_json)


@commands.command()
def watch(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Follow a campaign until it is done; exit status 4 if anything failed."""
    with installation_at_hand() as installation:
        told = follow(installation, campaign_id)
    _print(told, as_json=as_json)
    if any(one.dispatch.state is not DispatchState.FINISHED for one in told.dispatches):
        raise typer.Exit(4)


@commands.command()
def pause(campaign_id: CampaignId) -> None:
    """Hold a campaign: nothing new is begun after the batches at work."""
    with installation_at_hand() as installation:
        held = steer.pause(installation, campaign_id)
    say(f"{held} dispatches are paused; `distributor campaign resume {campaign_id}` lets them go on")


@commands.command()
def resume(campaign_id: CampaignId) -> None:
    """Let a campaign go on that is paused, or whose rendering failed for a cause that has been mended."""
    with installation_at_hand() as installation:
        going = steer.resume(installation, campaign_id)
    say(f"{going} dispatches go on")


@commands.command()
def cancel(campaign_id: CampaignId) -> None:
    """Stop a campaign for good; what was sent stays sent."""
    with installation_at_hand() as installation:
        unsent = steer.cancel(installation, campaign_id)
        sent = summarise(report(installation, campaign_id).totals)["sent"]
    say(f"cancelled: {sent} had been sent, {unsent} will not be")


@commands.command("retry-failed")
def retry_failed(campaign_id: CampaignId) -> None:
    """Send the failed deliveries of a campaign again."""
    with installation_at_hand() as installation:
        count = steer.retry_failed(installation, campaign_id)
    say(f"{count} deliveries are sent again")


@commands.command("deliveries")
def list_deliveries(
    campaign_id: CampaignId,
    state: DeliveryState | None = None,
    limit: int = 100,
    as_json: AsJson = False,
) -> None:
    """Who received it, who did not, and what the other side said."""
    with installation_at_hand() as installation, installation.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        rows = [
            (
                record.id,
                dispatch.channel_name,
                record.recipient,
                record.state.value,
                record.attempt,
                record.reply_code,
                record.reply,
                record.permalink or record.remote_id,
                record.updated_at,
            )
            for dispatch in campaigns.dispatches_of(connection, campaign_id)
            for record in deliveries.listed(connection, dispatch.id, state=state, limit=limit)
        ]
    columns = ("id", "channel", "recipient", "state", "attempts", "code", "reply", "remote", "updated_at")
    show_rows(columns, rows, as_json=as_json, empty="No deliveries: the campaign has not been released yet.")


@commands.command("events")
def list_events(
    delivery_id: Annotated[int, typer.Argument(help="A delivery's number.")], as_json: AsJson = False
) -> None:
    """What happened to one delivery afterwards."""
    with installation_at_hand() as installation, installation.database.begin() as connection:
        deliveries.find(connection, delivery_id)
        happened = events.of_delivery(connection, delivery_id)
    show_rows(
        ("at", "kind", "detail"),
        [(event.at, event.kind.value, dict(event.detail)) for event in happened],
        as_json=as_json,
        empty="Nothing has happened to it yet.",
    )


def follow(installation: Installation, campaign_id: int, *, patience: float = math.inf) -> CampaignReport:
    """Show the progress of each channel until the campaign is done or waits for somebody.

    Gives up when nothing has changed for `patience` seconds.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[state]}"), console=err) as progress:
        told = report(installation, campaign_id)
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
                    total=one.dispatch.audience,
                    completed=counts["audience"] - counts["pending"] - counts["deferred"],
                    state=one.dispatch.state.value,
                )
            if all(one.dispatch.state in _DONE | {DispatchState.PAUSED} for one in told.dispatches):
                return told
            time.sleep(0.3)
            before, told = told, report(installation, campaign_id)
            if told != before:
                changed = time.monotonic()
            if time.monotonic() - changed > patience:
                return told


def _times(given: list[str], channels: list[str], *, zone: str | None, now: datetime) -> dict[str, datetime]:
    times = {}
    for one in given:
        name, equals, moment = one.partition("=")
        if not equals or name not in channels:
            raise InputError(f"--channel-at {one!r}: write CHANNEL=TIME with one of {', '.join(channels)}")
        times[name] = parse_moment(moment, zone=zone, now=now)
    return times


def _told(told: CampaignReport) -> dict[str, Any]:
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
            }
            for one in told.dispatches
        ],
        "events": {kind.value: {"total": total, "deliveries": unique} for kind, (total, unique) in told.events.items()},
    }


def _print(told: CampaignReport, *, as_json: bool) -> None:
    if as_json:
        show(_told(told))
        return
    say(f"campaign {told.campaign.id}, {told.campaign.name}: {told.state.value}")
    rows = [
        (one.dispatch.channel_name, one.dispatch.state.value, *summarise(one.totals).values(), one.dispatch.reason)
        for one in told.dispatches
    ]
    columns = ("channel", "state", "audience", "sent", "deferred", "failed", "suppressed", "unknown", "pending", "why")
    show_rows(columns, rows, as_json=False, empty="")
    for kind, (total, unique) in told.events.items():
        say(f"{kind.value}: {total} in all, of {unique} deliveries")


def _audience(
    lists: list[str] | None,
    topics: list[str] | None,
    segments: list[str] | None,
    except_lists: list[str] | None,
    except_topics: list[str] | None,
    except_segments: list[str] | None,
    again: bool,
) -> AudiencePlan:
    return AudiencePlan(
        lists=tuple(lists or ()),
        topics=tuple(topics or ()),
        segments=tuple(segments or ()),
        except_lists=tuple(except_lists or ()),
        except_topics=tuple(except_topics or ()),
        except_segments=tuple(except_segments or ()),
        repeats=again,
    )
