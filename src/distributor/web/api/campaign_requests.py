"""Request bodies of campaigns: what they send, to whom, when, and the changes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, StrictBool, model_validator

from distributor.domain.campaign import CampaignPlan, ChangePolicy, FailureCause, UnknownPolicy
from distributor.domain.hashtags import checked_hashtags
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.schedule import StartTimes, parse_start_times
from distributor.flow.publishing.send_test import MAX_ADDRESSES
from distributor.web.api.audiences import ArticleSlugs, AudienceIn
from distributor.web.api.fields import MAX_BIGINT, Line, LongText, RequestBody, ShortText, Zone, checked_by

ChannelNames = Annotated[list[ShortText], Field(max_length=100, examples=[["mail"]])]
StartTime = Annotated[ShortText, Field(examples=["2027-03-01T09:00:00+01:00"])]
Version = Annotated[
    Annotated[int, Field(ge=1, le=2**31 - 1)] | None,
    Field(description="The `version` that you have seen: a conflict (409) if the campaign has another one by now."),
]

_TEXTS = ("subject", "preheader", "greeting", "closing", "text")
THREAD = "The posts that continue `text` as replies, in order, on networks with threads."
HASHTAGS = (
    "The hashtags under a post, in this order, with or without `#`; none of them is left out. `[]`: none. Default: as "
    "many of the article's tags as there is room for."
)
Hashtags = Annotated[list[ShortText], checked_by(checked_hashtags), Field(examples=[["Garden", "Compost"]])]
Thread = Annotated[
    list[Annotated[LongText, Field(min_length=1)]], Field(max_length=100, examples=[["And now the rest."]])
]
PREHEADER = "What an inbox shows beside the subject, without merge fields. Default: the summary of the first article."
LAYOUT = (
    "How mails show the articles: `whole`, `teaser` with picture, title, summary and a button, or `digest`, a list of "
    "titles and summaries. Default: `whole`."
)


class OptionsIn(RequestBody):
    """The text around the articles, or in their place."""

    subject: Line = Field(
        "", description="Instead of the title; may contain merge fields such as `{{ subscriber.name }}`."
    )
    greeting: LongText = Field("", description="Text above the articles, in Markdown with merge fields.")
    closing: LongText = Field("", description="Text below the articles.")
    cut_after: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="In mails each article ends after so many blocks, with a link to its page to read on."
    )
    text: LongText = Field("", description="What a post says instead of the title and the summary of the article.")
    preheader: Line = Field("", description=PREHEADER)
    layout: MailLayout | None = Field(None, description=LAYOUT)
    thread: Thread = Field(default_factory=list, description=THREAD)
    hashtags: Hashtags | None = Field(None, description=HASHTAGS)

    def options(self) -> MessageOptions:
        """The message options of the domain."""
        return MessageOptions(
            subject=self.subject,
            greeting=self.greeting,
            closing=self.closing,
            cut_after=self.cut_after,
            text=self.text,
            preheader=self.preheader,
            layout=self.layout,
            thread=tuple(self.thread),
            hashtags=None if self.hashtags is None else tuple(self.hashtags),
        )


class StartIn(RequestBody):
    """When to start."""

    at: StartTime | None = Field(
        None,
        description="A date and time with an offset, or without one the time in `zone`; or a delay such as `+2h`.",
    )
    now: StrictBool = Field(False, description="Start at once, after a while in which it can be undone.")
    times: dict[ShortText, StartTime] = Field(
        default_factory=dict,
        description="Start times of channels that differ from `at`. A delay counts from `at`, and one such as "
        "`+2h after mail` from another channel: then it moves along whenever that is moved.",
        examples=[{}],
    )
    zone: Zone = Field(
        "", description="The time zone of its times: an IANA name, or an offset such as `UTC+02:00`; default: UTC."
    )

    @model_validator(mode="after")
    def _one_time(self) -> StartIn:
        if self.now and (self.at is not None or self.times):
            raise ValueError("`now` is for all channels at once: leave out `at` and `times`")
        if self.times and self.at is None:
            raise ValueError("`times` are for channels that differ from `at`, which is missing")
        if self.at is not None and self.at.strip().casefold() == "now":
            raise ValueError("to start at once, set `now` to true instead of `at`")
        return self

    def start(self, *, now: datetime, undo_window: timedelta, zone: str = "") -> StartTimes | None:
        """The times in it, None if there are none; `zone` is for times without one. Raises ScheduleError."""
        if self.now:
            return StartTimes.at_once(now, undo_window=undo_window)
        if self.at is None:
            return None
        return parse_start_times(self.at, self.times, zone=self.zone or zone or None, now=now)


class CampaignCreate(OptionsIn, StartIn):
    """A campaign to create: articles to send on channels. Without `at` and `now` it is a draft."""

    name: Line = Field("", description="Default: the title of the first article.")
    articles: ArticleSlugs = Field(min_length=1, description="Their slugs.")
    channels: ChannelNames = Field(min_length=1, description="Their names, as in `GET /v1/channels`.")
    audience: AudienceIn = Field(
        default_factory=AudienceIn,
        description="For channels that send to subscribers; other channels reach their followers.",
    )
    channel_options: dict[ShortText, OptionsIn] = Field(
        default_factory=dict, description="The texts of channels that differ from those of the campaign.", examples=[{}]
    )
    track_opens: StrictBool = True
    track_clicks: StrictBool = True
    unknown: UnknownPolicy = Field(
        UnknownPolicy.ASSUME_SENT, description="What to do with deliveries whose outcome stays unknown."
    )
    needs_approval: StrictBool = Field(
        False, description="It is scheduled only once a token with `campaigns:approve` has approved it as it is then."
    )
    on_change: ChangePolicy | None = Field(
        None,
        description="If it would go out other than it was reviewed, such as because an article was revised: `refresh` "
        "sends it as it is then, `wait` pauses it for a person, `keep` sends what was reviewed. Default: `wait` if it "
        "needs an approval, else `refresh`.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> CampaignCreate:
        for name in self.times:
            if name not in self.channels:
                raise ValueError(f"`times` has a time for {name!r}, which is not among `channels`")
        if self.now and self.needs_approval:
            raise ValueError("what needs an approval cannot start at once: leave out `now`, and schedule it after that")
        return self

    def plan(self, start: StartTimes | None) -> CampaignPlan:
        """The plan of the domain, with these times."""
        return CampaignPlan(
            name=self.name,
            article_slugs=tuple(self.articles),
            channel_names=tuple(self.channels),
            audience=self.audience.plan(),
            starts_at=start.starts_at if start else None,
            times=start.times if start else {},
            follow_ups=start.follow_ups if start else {},
            zone=self.zone or "UTC",
            track_opens=self.track_opens,
            track_clicks=self.track_clicks,
            unknown_policy=self.unknown,
            message_options=self.options(),
            channel_options={name: one.options() for name, one in self.channel_options.items()},
            needs_approval=self.needs_approval,
            on_change=self.on_change,
        )


class CampaignUpdate(RequestBody):
    """The fields to update; a field that is missing or null stays. `audience` and `channel_options` are replaced."""

    version: Version = None
    name: Line | None = None
    articles: Annotated[ArticleSlugs, Field(min_length=1)] | None = None
    channels: Annotated[ChannelNames, Field(min_length=1)] | None = Field(
        None, description="One that is new starts with the first of the others."
    )
    audience: AudienceIn | None = None
    at: StartTime | None = Field(None, description="As in `POST /v1/campaigns`; for all channels.")
    times: dict[ShortText, StartTime] | None = Field(
        None, description="Start times of channels that differ from `at`.", examples=[{}]
    )
    zone: Zone | None = None
    subject: Line | None = None
    greeting: LongText | None = None
    closing: LongText | None = None
    cut_after: Annotated[int, Field(ge=0, le=10_000)] | None = Field(None, description="0: articles are not cut.")
    text: LongText | None = None
    preheader: Line | None = None
    layout: MailLayout | None = Field(None, description="`whole` for whole articles again.")
    thread: Thread | None = Field(None, description=THREAD)
    hashtags: Hashtags | None = Field(
        None, description="`[]`: none. `default_hashtags` takes them from the article's tags again."
    )
    default_hashtags: StrictBool = Field(False, description="Take the hashtags from the article's tags again.")
    channel_options: dict[ShortText, OptionsIn] | None = Field(None, examples=[{}])
    track_opens: StrictBool | None = None
    track_clicks: StrictBool | None = None
    unknown: UnknownPolicy | None = None
    needs_approval: StrictBool | None = Field(
        None, description="Only a token with `campaigns:approve` may set it to false."
    )
    on_change: ChangePolicy | None = Field(None, description="If only `needs_approval` is given, its default.")

    @model_validator(mode="after")
    def _time_for_all(self) -> CampaignUpdate:
        if self.times and self.at is None:
            raise ValueError("`times` are for channels that differ from `at`, which is missing")
        if self.default_hashtags and self.hashtags is not None:
            raise ValueError(
                "`hashtags` replaces them, and `default_hashtags` takes the article's: give one of the two"
            )
        return self

    def start(self, *, now: datetime, zone: str) -> StartTimes | None:
        """The times in it, None if there are none; `zone` is for times without one. Raises ScheduleError."""
        if self.at is None:
            return None
        return parse_start_times(self.at, self.times or {}, zone=self.zone or zone or None, now=now)

    def changed(self, plan: CampaignPlan, start: StartTimes | None) -> CampaignPlan:
        """The plan with these changes and these times."""
        given: dict[str, Any] = {
            "name": self.name or None,
            "zone": self.zone or None,
            "track_opens": self.track_opens,
            "track_clicks": self.track_clicks,
            "article_slugs": self.articles and tuple(self.articles),
            "channel_names": self.channels and tuple(self.channels),
            "audience": self.audience and self.audience.plan(),
            "unknown_policy": self.unknown,
            "needs_approval": self.needs_approval,
            "on_change": self.on_change,
            "message_options": self._options(plan.message_options),
        }
        if self.channel_options is not None:
            given["channel_options"] = {name: one.options() for name, one in self.channel_options.items()}
        elif self.channels is not None:
            given["channel_options"] = {k: one for k, one in plan.channel_options.items() if k in self.channels}
        if start is not None:
            # What follows another channel goes on following it, unless it gets a time of its own.
            kept = {name: one for name, one in plan.follow_ups.items() if name not in start.times}
            given |= {"starts_at": start.starts_at, "times": start.times, "follow_ups": {**kept, **start.follow_ups}}
        changes = {name: value for name, value in given.items() if value is not None}
        if self.needs_approval is not None and self.on_change is None:
            # The default depends on it.
            changes["on_change"] = None
        return replace(plan, **changes)

    def _options(self, options: MessageOptions) -> MessageOptions:
        given: dict[str, Any] = {name: value for name in _TEXTS if (value := getattr(self, name)) is not None}
        if self.cut_after is not None:
            given["cut_after"] = self.cut_after or None
        if self.layout is not None:
            given["layout"] = self.layout
        if self.thread is not None:
            given["thread"] = tuple(self.thread)
        if self.hashtags is not None:
            given["hashtags"] = tuple(self.hashtags)
        if self.default_hashtags:
            given["hashtags"] = None
        return replace(options, **given)


class ReviewRequest(RequestBody):
    """How to review a campaign."""

    links: StrictBool = Field(
        False, description="Also ask whether links and images answer, which takes up to fifteen seconds."
    )


class ApprovalRequest(RequestBody):
    """What is approved."""

    version: Version = None


class ScheduleRequest(StartIn):
    """When a draft starts: by default at the times that it has."""

    without: ChannelNames = Field(
        default_factory=list, description="Leave these channels out of it, such as one that is blocked.", examples=[[]]
    )
    version: Version = None


class RescheduleRequest(StartIn):
    """The new times of a campaign: `at` or `now` is required."""

    version: Version = None


class ResumeRequest(RequestBody):
    """How to resume a campaign."""

    without: ChannelNames = Field(
        default_factory=list,
        description="Cancel these channels, which are paused before their release, such as one that is blocked.",
        examples=[[]],
    )
    after_restore: bool = Field(
        default=False,
        description="It waits since the database was restored: somebody has looked at what may have been sent since "
        "the backup, and lets the rest go on.",
    )


class RetryRequest(RequestBody):
    """Which of the failed deliveries to retry; empty or null selects all."""

    channels: ChannelNames = Field(default_factory=list)
    reasons: list[ShortText] = Field(
        default_factory=list, max_length=100, description="The reasons they failed for.", examples=[["mailboxfull"]]
    )
    failure: FailureCause | None = Field(
        None, description="`temporary`: only those given up on after temporary errors."
    )
    dry_run: StrictBool = Field(False, description="Only count them; retry nothing.")


class TestRequest(RequestBody):
    """A test of a campaign: a mail to `to`, or a post over `via`."""

    channel: ShortText = Field("", description="The campaign's channel to test; default: the one that fits.")
    to: Annotated[list[ShortText], Field(max_length=MAX_ADDRESSES)] = Field(
        default_factory=list, description="The addresses that a mail goes to.", examples=[["me@example.org"]]
    )
    group: Annotated[int, Field(ge=1, le=MAX_BIGINT)] | None = Field(
        None, description="The id of a test group, whose addresses it goes to as well."
    )
    as_subscriber: ShortText = Field(
        "", description="The address of the subscriber whose merge fields the mail shows.", examples=[""]
    )
    via: ShortText = Field("", description="A channel of the same kind to send over: that of a test account.")
