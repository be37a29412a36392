"""`distributor campaign create | edit | duplicate | audience`: what a campaign sends, where and to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.lifecycle import (
    At,
    ChannelAt,
    Links,
    Now,
    Without,
    Yes,
    ZoneName,
    print_next_step,
    print_result,
    review_and_schedule,
    start_times,
)
from distributor.cli.campaign.report import CampaignId
from distributor.cli.campaign.review import print_review
from distributor.cli.console import ACTOR, AsJson, print_json, print_message, print_rows
from distributor.cli.preview import AttachOption, message_options
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, ChangePolicy, UnknownPolicy
from distributor.domain.errors import InputError
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.schedule import zone_named
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing.audience import preview_audience
from distributor.flow.publishing.plan import create_campaign, duplicate_campaign, edit_campaign
from distributor.flow.publishing.report import report

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

OnChange = Annotated[
    ChangePolicy | None,
    typer.Option(
        help="If it would go out other than reviewed: refresh sends it as it is then, wait asks a person (the default "
        "with --needs-approval), keep sends what was reviewed."
    ),
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

PostThread = Annotated[
    list[str] | None,
    typer.Option(
        "--thread", metavar="[CHANNEL=]TEXT", help="A post that continues the text as a reply; repeat for the next one."
    ),
]
PostHashtags = Annotated[
    list[str] | None,
    typer.Option(
        "--hashtags", metavar="[CHANNEL=]HASHTAGS", help="Under posts, in this order, or none; default: from its tags."
    ),
]

# The options of which there may be several.
_REPEATED = frozenset({"thread"})

Layout = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[CHANNEL=]LAYOUT",
        help="How mails show the articles: whole, teaser (picture, title, summary, button) or digest (a list).",
    ),
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
    thread: PostThread = None,
    hashtags: PostHashtags = None,
    preheader: Words = None,
    layout: Layout = None,
    cut_after: CutAfter = None,
    attach: AttachOption = None,
    track_opens: Annotated[bool, typer.Option(help="Count opens by a pixel.")] = True,
    track_clicks: Annotated[bool, typer.Option(help="Count clicks by redirects.")] = True,
    unknown: Annotated[UnknownPolicy, typer.Option(help="What to do with deliveries whose outcome stays unknown.")] = (
        UnknownPolicy.ASSUME_SENT
    ),
    needs_approval: Annotated[
        bool, typer.Option("--needs-approval", help="It is scheduled only after `campaign approve`.")
    ] = False,
    on_change: OnChange = None,
    as_json: AsJson = False,
) -> None:
    """Create a campaign and review it on all channels; with --at it is scheduled if nothing blocks it.

    Without a time it is a draft. With --now it is sent after a confirmation and a while to undo it. Exit status 4 if
    the review finds what blocks it: it stays a draft then.
    """
    with open_app() as app:
        words = {"subject": subject, "greeting": greeting, "closing": closing, "text": text, "cut_after": cut_after}
        words |= {"preheader": preheader, "layout": layout, "thread": thread, "hashtags": hashtags}
        options = _options(words, channel, attach)
        start = start_times(app, at, channel_at, channel, zone=zone, now=now, yes=yes)
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
            follow_ups=start.follow_ups if start else {},
            zone=str(zone_named(zone or "UTC")),
            track_opens=track_opens,
            track_clicks=track_clicks,
            unknown_policy=unknown,
            message_options=options.pop("", MessageOptions()),
            channel_options=options,
            needs_approval=needs_approval,
            on_change=on_change,
        )
        campaign_id = create_campaign(app, campaign, actor=ACTOR)
        if start is None or needs_approval:
            review = life_cycle.review(app, campaign_id, actor=ACTOR, with_links=links)
            if not as_json:
                print_review(review)
        else:
            if without:
                life_cycle.arrange(app, campaign_id, actor=ACTOR, without=without)
            review = review_and_schedule(app, campaign_id, now=now, yes=yes, links=links, as_json=as_json)
        result = report(app, campaign_id)
    print_result(result, review, start, as_json=as_json)


@commands.command()
def edit(
    campaign_id: CampaignId,
    article: Annotated[list[str] | None, typer.Option(help="The article's slug; may be repeated.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="A channel's name; may be repeated.")] = None,
    on_list: OnList = None,
    topic: FollowsTopic = None,
    segment: InSegment = None,
    except_list: ExceptList = None,
    except_topic: ExceptTopic = None,
    except_segment: ExceptSegment = None,
    to_failed_of: ToFailedOf = None,
    to_unknown_of: ToUnknownOf = None,
    again: Annotated[bool | None, typer.Option(help="Whether those who got one of the articles get it again.")] = None,
    name: str | None = None,
    subject: Words = None,
    greeting: Words = None,
    closing: Words = None,
    text: PostWords = None,
    thread: PostThread = None,
    hashtags: PostHashtags = None,
    preheader: Words = None,
    layout: Layout = None,
    cut_after: CutAfter = None,
    attach: AttachOption = None,
    track_opens: Annotated[bool | None, typer.Option(help="Count opens by a pixel.")] = None,
    track_clicks: Annotated[bool | None, typer.Option(help="Count clicks by redirects.")] = None,
    unknown: Annotated[
        UnknownPolicy | None, typer.Option(help="What to do with deliveries whose outcome stays unknown.")
    ] = None,
    needs_approval: Annotated[bool | None, typer.Option(help="Scheduled only after `campaign approve`.")] = None,
    on_change: OnChange = None,
) -> None:
    """Edit a campaign of which nothing is released: each option replaces what it has there; an empty value clears it.

    One that was scheduled is reviewed and scheduled again. Exit status 4 if that finds what blocks it: it is a draft
    then.
    """
    audience = {
        "lists": on_list,
        "topics": topic,
        "segments": segment,
        "except_lists": except_list,
        "except_topics": except_topic,
        "except_segments": except_segment,
        "failed_of": to_failed_of,
        "unknown_of": to_unknown_of,
    }
    single: dict[str, Any] = {
        "name": name,
        "track_opens": track_opens,
        "track_clicks": track_clicks,
        "unknown_policy": unknown,
        "needs_approval": needs_approval,
        "on_change": on_change,
    }
    words = {"subject": subject, "greeting": greeting, "closing": closing, "text": text, "cut_after": cut_after}
    words |= {"preheader": preheader, "layout": layout, "thread": thread, "hashtags": hashtags}

    def change(before: CampaignPlan) -> CampaignPlan:
        names = tuple(channel or before.channel_names)
        parts: dict[str, Any] = {
            key: tuple(one for one in given if one) for key, given in audience.items() if given is not None
        }
        after = replace(
            before,
            article_slugs=tuple(article or before.article_slugs),
            channel_names=names,
            times={one: time for one, time in before.times.items() if one in names},
            audience=replace(before.audience, **parts, repeats=before.audience.repeats if again is None else again),
            **{key: value for key, value in single.items() if value is not None},
        )
        if needs_approval is not None and on_change is None:
            after = replace(after, on_change=None)
        return _with_words(after, words, attach)

    with open_app() as app:
        review = edit_campaign(app, campaign_id, change, actor=ACTOR)
        result = report(app, campaign_id)
    if review is not None:
        print_review(review)
    print_next_step(result)


@commands.command()
def duplicate(campaign_id: CampaignId) -> None:
    """Make a draft like this campaign, without its times."""
    with open_app() as app:
        number = duplicate_campaign(app, campaign_id, actor=ACTOR)
        result = report(app, number)
    print_next_step(result)


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


def _options(
    words: Mapping[str, list[str] | None], channels: Sequence[str], attach: list[Path] | None
) -> dict[str, MessageOptions]:
    """The message options by channel; those for all channels under an empty name."""
    return {name: _read(about, None if name else attach) for name, about in _by_channel(words, channels).items()}


def _with_words(plan: CampaignPlan, words: Mapping[str, list[str] | None], attach: list[Path] | None) -> CampaignPlan:
    """The plan with these words in the place of those it has, and without those of channels that it has not."""
    given = _by_channel(words, plan.channel_names)
    own = {name: one for name, one in plan.channel_options.items() if name in plan.channel_names}
    for name, about in given.items():
        read = _read(about, attach if not name else None)
        changes: dict[str, Any] = {option: getattr(read, option) for option in about}
        if name:
            own[name] = replace(own.get(name, MessageOptions()), **changes)
        else:
            if attach is not None:
                changes["attachments"] = read.attachments
            plan = replace(plan, message_options=replace(plan.message_options, **changes))
    return replace(plan, channel_options={name: one for name, one in own.items() if one != MessageOptions()})


def _by_channel(words: Mapping[str, list[str] | None], channels: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The words by channel and option, as they were written; those for all channels under an empty name.

    Raises InputError for an option that is there twice, unless it may be.
    """
    by_channel: dict[str, dict[str, list[str]]] = {"": {}}
    for option, given in words.items():
        for one in given or ():
            name, equals, value = one.partition("=")
            chosen, value = (name, value) if equals and name in channels else ("", one)
            if option in by_channel.setdefault(chosen, {}) and option not in _REPEATED:
                where = f" for {chosen}" if chosen else ""
                raise InputError(f"--{option.replace('_', '-')} is there twice{where}")
            by_channel[chosen].setdefault(option, []).append(value)
    return by_channel


def _read(about: Mapping[str, list[str]], attach: list[Path] | None) -> MessageOptions:
    def one(option: str) -> str:
        return about[option][0] if option in about else ""

    return message_options(
        one("subject"),
        one("greeting"),
        one("closing"),
        attach,
        cut_after=_block_count(one("cut_after")) if one("cut_after") else None,
        text=one("text"),
        preheader=one("preheader"),
        layout=_layout(one("layout")) if one("layout") else None,
        thread=about.get("thread", ()),
        hashtags=one("hashtags"),
    )


def _layout(text: str) -> MailLayout:
    try:
        return MailLayout(text)
    except ValueError:
        raise InputError(f"--layout {text[:40]!r}: write {', '.join(MailLayout)}, or CHANNEL=LAYOUT") from None


def _block_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text)):
        raise InputError(f"--cut-after {text[:40]!r}: write a number of blocks, or CHANNEL=NUMBER")
    return int(text)


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
