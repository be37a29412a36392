"""`distributor campaign create | schedule | undo | audience | preview | pause | resume | cancel`"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import ACTOR, CampaignId, publication_sentence, report_as_json
from distributor.cli.campaign.review import print_review, review_as_json
from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.cli.preview import (
    AttachOption,
    message_options,
    write_preview,
)
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import (
    CampaignPlan,
    CampaignState,
    UnknownPolicy,
)
from distributor.domain.campaign_review import CampaignReview
from distributor.domain.errors import InputError
from distributor.domain.message_options import MessageOptions
from distributor.domain.schedule import StartTimes, format_time, parse_start_times, zone_named
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.audience import preview_audience
from distributor.flow.publishing.plan import create_campaign
from distributor.flow.publishing.preview import preview_campaign
from distributor.flow.publishing.report import CampaignReport, report, summarise
from distributor.storage import dispatches

commands = typer.Typer()

OnList = Annotated[list[str] | None, typer.Option("--list", help="Subscribers of this list; may be repeated.")]
FollowsTopic = Annotated[
    list[str] | None, typer.Option("--topic", help="Only followers of this topic; may be repeated.")
]
InSegment = Annotated[
    list[str] | None, typer.Option("--segment", help="Only subscribers in this segment; may be repeated.")
]
ExceptList = Annotated[list[str] | None, typer.Option(help="Not the subscribers of this list; may be repeated.")]
ExceptTopic = Annotated[list[str] | None, typer.Option(help="Not the followers of this topic; may be repeated.")]
ExceptSegment = Annotated[list[str] | None, typer.Option(help="Not subscribers in this segment; may be repeated.")]
ToFailedOf = Annotated[
    list[int] | None,
    typer.Option(
        metavar="CAMPAIGN",
        help="Only recipients whose delivery of this campaign failed, for the same list; repeatable.",
    ),
]
ToUnknownOf = Annotated[
    list[int] | None,
    typer.Option(
        metavar="CAMPAIGN",
        help="Only recipients whose delivery of this campaign is unknown; some get it twice; repeatable.",
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Also to subscribers, accounts and feeds that already got one of the articles.")
]

At = Annotated[str | None, typer.Option(help="When to start: +10m, or a time such as '2027-03-01 09:00'.")]
Now = Annotated[bool, typer.Option("--now", help="Send it after a confirmation, and a while in which `undo` works.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for the confirmation of --now.")]
ZoneName = Annotated[str | None, typer.Option("--zone", help="Time zone of the times: Europe/Berlin, +10:00, UTC+2.")]
ChannelAt = Annotated[
    list[str] | None, typer.Option(help="CHANNEL=TIME for a channel with its own time; +2h counts from --at.")
]
Links = Annotated[bool, typer.Option(help="Ask whether links and images answer: up to 15 seconds.")]
Without = Annotated[
    list[str] | None,
    typer.Option(metavar="CHANNEL", help="Leave this channel out of the campaign, such as one that is blocked."),
]

# Each may be there once for all channels, and once as CHANNEL=… for each channel.
Words = Annotated[
    list[str] | None,
    typer.Option(help="In mails, with merge fields; CHANNEL=… for one channel; @FILE reads a greeting or closing."),
]
PostWords = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="[CHANNEL=]TEXT", help="What posts say instead of title and summary; or @FILE."),
]
CutAfter = Annotated[
    list[str] | None,
    typer.Option(metavar="[CHANNEL=]N", help="End each article in mails after N blocks, with a link to read on."),
]


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
    at: At = None,
    now: Now = False,
    yes: Yes = False,
    zone: ZoneName = None,
    channel_at: ChannelAt = None,
    without: Without = None,
    links: Links = True,
    name: str = "",
    subject: Words = None,
    greeting: Words = None,
    closing: Words = None,
    text: PostWords = None,
    cut_after: CutAfter = None,
    attach: AttachOption = None,
    track_opens: Annotated[bool, typer.Option(help="Count opens by a pixel.")] = True,
    track_clicks: Annotated[bool, typer.Option(help="Count clicks by redirects.")] = True,
    unknown: Annotated[UnknownPolicy, typer.Option(help="What to do with deliveries whose outcome stays unknown.")] = (
        UnknownPolicy.ASSUME_SENT
    ),
    as_json: AsJson = False,
) -> None:
    """Create a campaign and review it on all channels; with --at it is scheduled if nothing blocks it.

    Without a time it is a draft. With --now it is sent after a confirmation and a while to undo it. Exit status 4 if
    the review finds what blocks it: it stays a draft then.
    """
    with open_app() as app:
        words = {"subject": subject, "greeting": greeting, "closing": closing, "text": text, "cut_after": cut_after}
        options = _options(words, channel, attach)
        start = _start_times(app, at, channel_at, channel, now=now, zone=zone)
        campaign = CampaignPlan(
            name=name,
            article_slugs=tuple(article),
            channel_names=tuple(channel),
            audience=_audience(
                (on_list, topic, segment),
                (except_list, except_topic, except_segment),
                (to_failed_of, to_unknown_of),
                again,
            ),
            starts_at=start.starts_at if start else None,
            times=start.times if start else {},
            zone=str(zone_named(zone or "UTC")),
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown,
            message_options=options.pop("", MessageOptions()),
            channel_options=options,
        )
        campaign_id = create_campaign(app, campaign, actor=ACTOR)
        if start is None:
            review = life_cycle.review(app, campaign_id, actor=ACTOR, with_links=links)
            if not as_json:
                print_review(review)
        else:
            if without:
                life_cycle.arrange(app, campaign_id, actor=ACTOR, without=without)
            review = _schedule(app, campaign_id, now=now, yes=yes, links=links, as_json=as_json)
        result = report(app, campaign_id)
    _print_result(result, review, start, as_json=as_json)


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
        start = _start_times(app, at, channel_at, names, now=now, zone=zone)
        life_cycle.arrange(
            app,
            campaign_id,
            actor=ACTOR,
            start=start,
            zone=str(zone_named(zone)) if zone else "",
            without=without or (),
        )
        review = _schedule(app, campaign_id, now=now, yes=yes, links=links, as_json=as_json)
        result = report(app, campaign_id)
    _print_result(result, review, start, as_json=as_json)


@commands.command()
def undo(campaign_id: CampaignId) -> None:
    """Make a campaign that is scheduled, and not released on any channel, a draft again."""
    with open_app() as app:
        life_cycle.undo(app, campaign_id, actor=ACTOR)
    print_message(f"campaign {campaign_id} is a draft again, nothing of it was sent")


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
    sample: Annotated[int, typer.Option(help="How many of the subscribers to list.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Count the subscribers a campaign would reach now, and list some of them; nothing is created."""
    audience = _audience(
        (on_list, topic, segment),
        (except_list, except_topic, except_segment),
        (to_failed_of, to_unknown_of),
        again,
    )
    with open_app() as app:
        found = preview_audience(app, audience, article or (), sample=sample)
    if as_json:
        print_json({"count": found.count, "sample": [one.email for one in found.sample]})
        return
    print_rows(("email", "name"), [(one.email, one.name) for one in found.sample], as_json=False, empty="")
    print_message(f"{found.count} subscribers")


@commands.command("preview")
def preview(
    campaign_id: CampaignId,
    email: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="As this subscriber receives it.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out"),
) -> None:
    """Write the renditions of a campaign on each of its channels as files.

    They are the stored ones once the campaign is rendered, else what it would render now. Exit status 4 if a check
    finds a blocking problem.
    """
    with open_app() as app:
        result = preview_campaign(app, campaign_id, email=email)
    write_preview(result, out)


@commands.command()
def pause(campaign_id: CampaignId) -> None:
    """Pause a campaign: batches being sent are finished, and no new ones start."""
    with open_app() as app:
        count = campaign_control.pause(app, campaign_id, actor=ACTOR)
    print_message(f"{count} dispatches are paused; `distributor campaign resume {campaign_id}` resumes them")


@commands.command()
def resume(campaign_id: CampaignId) -> None:
    """Resume a campaign that is paused, was too late, or waits for a person; what is not released is reviewed again."""
    with open_app() as app:
        review = campaign_control.resume(app, campaign_id, actor=ACTOR)
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


def _start_times(
    app: AppContext,
    at: str | None,
    channel_at: list[str] | None,
    channels: Sequence[str],
    *,
    now: bool,
    zone: str | None,
) -> StartTimes | None:
    """The times that the options name; None without --at and --now."""
    if now and (at or channel_at):
        raise InputError("--now is for all channels at once: leave out --at and --channel-at")
    if now:
        return StartTimes(starts_at=app.clock() + app.undo_window, times={}, notes=())
    if at is not None and at.strip().casefold() == "now":
        raise InputError("--at now: write --now, which asks before it sends")
    if at is None:
        if channel_at:
            raise InputError("--channel-at is for channels that differ from --at, which is missing")
        return None
    return parse_start_times(at, _channel_times(channel_at or [], channels), zone=zone, now=app.clock())


def _schedule(app: AppContext, campaign_id: int, *, now: bool, yes: bool, links: bool, as_json: bool) -> CampaignReview:
    """Show the review of a draft and schedule it, after a confirmation if it is sent at once."""
    if now and not yes and not sys.stdin.isatty():
        raise InputError("--now asks before it sends, and there is no terminal: add --yes to send without asking")
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
    start = StartTimes(starts_at=app.clock() + app.undo_window, times={}, notes=()) if now else None
    return life_cycle.schedule(app, campaign_id, actor=ACTOR, start=start)


def _print_result(result: CampaignReport, review: CampaignReview, start: StartTimes | None, *, as_json: bool) -> None:
    notes = start.notes if start else ()
    for note in notes:
        print_message(note)
    if as_json:
        print_json(report_as_json(result) | {"notes": notes, "review": review_as_json(review)})
        return
    number = result.campaign.id
    for one in result.dispatches:
        if one.dispatch.local_time is not None:
            print_message(f"{one.dispatch.channel_name}: {format_time(one.dispatch.local_time)}")
    if result.to_publish:
        print_message(publication_sentence(result))
    if result.state is CampaignState.SCHEDULED:
        print_message(
            f"campaign {number} is scheduled; `distributor campaign watch {number}` shows its progress, "
            f"`distributor campaign undo {number}` makes it a draft again"
        )
    else:
        print_message(f"campaign {number} is a draft; `distributor campaign schedule {number} --at TIME` schedules it")


def _options(
    words: Mapping[str, list[str] | None], channels: Sequence[str], attach: list[Path] | None
) -> dict[str, MessageOptions]:
    """The message options by channel; those for all channels under an empty name."""
    by_channel: dict[str, dict[str, str]] = {"": {}}
    for option, given in words.items():
        for one in given or ():
            name, equals, value = one.partition("=")
            chosen, value = (name, value) if equals and name in channels else ("", one)
            if option in by_channel.setdefault(chosen, {}):
                where = f" for {chosen}" if chosen else ""
                raise InputError(f"--{option.replace('_', '-')} is there twice{where}")
            by_channel[chosen][option] = value
    return {
        name: message_options(
            about.get("subject", ""),
            about.get("greeting", ""),
            about.get("closing", ""),
            None if name else attach,
            cut_after=_block_count(about["cut_after"]) if "cut_after" in about else None,
            text=about.get("text", ""),
        )
        for name, about in by_channel.items()
    }


def _block_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text)):
        raise InputError(f"--cut-after {text[:40]!r}: write a number of blocks, or CHANNEL=NUMBER")
    return int(text)


def _channel_times(given: list[str], channels: Sequence[str]) -> dict[str, str]:
    times = {}
    for one in given:
        name, equals, time = one.partition("=")
        if not equals or name not in channels:
            raise InputError(f"--channel-at {one!r}: write CHANNEL=TIME with one of {', '.join(channels)}")
        times[name] = time
    return times


def _audience(
    included: tuple[list[str] | None, list[str] | None, list[str] | None],
    excluded: tuple[list[str] | None, list[str] | None, list[str] | None],
    retries: tuple[list[int] | None, list[int] | None],
    again: bool,
) -> AudiencePlan:
    lists, topics, segments = included
    except_lists, except_topics, except_segments = excluded
    failed_of, unknown_of = retries
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
