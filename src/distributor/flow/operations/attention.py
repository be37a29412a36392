"""What needs a person: everything that is wrong, stuck or about to be, each as one sentence about one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from gettext import gettext as _
from gettext import ngettext
from urllib.parse import quote

from redis import RedisError

from distributor.domain.article import ArticleState
from distributor.domain.campaign import DispatchState, Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.source import CONTENT_FOLDER, SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.operations.clocks import compare_clocks
from distributor.flow.operations.processes import split_by_life
from distributor.storage import (
    api_tokens,
    articles,
    campaigns,
    channels,
    delivery_totals,
    dispatch_overviews,
    heartbeats,
    imports,
    paused_routes,
    processes,
    quarantine,
    sources,
)
from distributor.storage.database import Connection
from distributor.storage.dispatch_overviews import DispatchOverview

# What failed before it is past mending; what is unknown can be settled later.
_FAILURES_MATTER = timedelta(days=7)
_UNKNOWNS_MATTER = timedelta(days=30)
_EXPIRES_SOON = timedelta(days=14)
_BEAT_IS_LATE = timedelta(seconds=60)
_CLOCK_IS_OFF = timedelta(seconds=2)
_MOST_DISPATCHES = 500
# One that fails may be busy.
_FAILED_RUNS_MATTER = 3
# Of one concern; the number of the others is said.
MOST_OF_A_CONCERN = 5


class Concern(StrEnum):
    """What something that needs a person is about, the most urgent first."""

    SERVICE = "service"
    NOT_SENT = "not_sent"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    FAILED = "failed"
    APPROVAL = "approval"
    ROUTE = "route"
    SOURCE = "source"
    ARTICLE = "article"
    IMPORT = "import"
    QUARANTINE = "quarantine"
    TOKEN = "token"  # noqa: S105 - no secret
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """One sentence about one thing that a person has to look at.

    `about` is its name. `count` is how many things the sentence is about, such as deliveries. `campaign_id`,
    `article_id` or `channel` say what it is, if it is one of these, and `part` what of it where that is not all.
    """

    concern: Concern
    about: str
    sentence: str
    count: int = 1
    campaign_id: int | None = None
    article_id: int | None = None
    channel: str = ""
    part: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others, as long as it lasts."""
        what = self.campaign_id or self.article_id or self.channel or (not self.part and self.about)
        return " ".join(str(one) for one in (self.concern.value, what, self.part) if one)

    @property
    def path(self) -> str:
        """The page of the team's app on which it is mended; empty if there is none."""
        if self.article_id is not None:
            return f"/app/articles/{self.article_id}"
        if self.channel:
            return f"/app/channels/{quote(self.channel, safe='')}"
        if self.campaign_id is not None:
            return f"/app/campaigns/{self.campaign_id}{_PART_OF_A_CAMPAIGN.get(self.concern, '')}"
        if self.concern is Concern.SOURCE:
            return f"/app/sources/{quote(self.about, safe='')}"
        part = _PART_OF_THE_SYSTEM.get(self.concern, "")
        return f"{SYSTEM_PATH}{part}" if part else ""


SYSTEM_PATH = "/app/system"
"""The page of those who run the service."""
_PART_OF_THE_SYSTEM = {
    Concern.SERVICE: "#processes",
    Concern.CLOCK: "#processes",
    Concern.IMPORT: "#imports",
    Concern.QUARANTINE: "#quarantine",
}
_PART_OF_A_CAMPAIGN = {
    Concern.UNKNOWN: "/deliveries?state=unknown",
    Concern.FAILED: "/deliveries?state=failed",
    Concern.APPROVAL: "/review",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What needs a person, the most urgent first; `more` has for each concern how many were left out."""

    items: Sequence[AttentionItem]
    more: Mapping[Concern, int]


def needs_attention(app: AppContext) -> Attention:
    """Everything that needs a person now. Raises ServiceError if the database cannot say."""
    return _limited(all_attention(app))


def all_attention(app: AppContext) -> list[AttentionItem]:
    """The same without leaving anything out. Raises ServiceError."""
    with app.database.begin() as connection:
        found = [
            *_service(app, connection),
            *_campaigns(app, connection),
            *_approvals(connection),
            *_routes(connection),
            *_sources(connection),
            *_articles(connection),
            *_imports(app, connection),
            *_quarantine(connection),
            *_tokens(app, connection),
        ]
    return [*found, *_clocks(app)]


def _limited(found: Sequence[AttentionItem]) -> Attention:
    items: list[AttentionItem] = []
    more: dict[Concern, int] = {}
    for concern in Concern:
        these = [item for item in found if item.concern is concern]
        items += these[:MOST_OF_A_CONCERN]
        if len(these) > MOST_OF_A_CONCERN:
            more[concern] = len(these) - MOST_OF_A_CONCERN
    return Attention(items=items, more=more)


def _service(app: AppContext, connection: Connection) -> Iterator[AttentionItem]:
    last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
    if last is None or app.clock() - last > _BEAT_IS_LATE:
        yield AttentionItem(
            concern=Concern.SERVICE,
            about=_("The scheduler"),
            sentence=_("It is not running, so nothing is sent and nothing starts. Whoever runs the service starts it."),
        )
    running, silent = split_by_life(processes.all_reported(connection))
    if running and not any(process.kind == "worker" for process in running):
        yield AttentionItem(
            concern=Concern.SERVICE,
            about=_("The workers"),
            sentence=_("None is running, so nothing is sent. Whoever runs the service starts one."),
        )
    for one in silent:
        minutes = int(one.silent_for.total_seconds() // 60)
        sentence = ngettext(
            "It has been silent for %(count)d minute: it has ended, or is cut off from the database.",
            "It has been silent for %(count)d minutes: it has ended, or is cut off from the database.",
            minutes,
        )
        yield AttentionItem(
            concern=Concern.SERVICE,
            about=one.process.title,
            sentence=sentence % {"count": minutes},
            count=minutes,
            part=str(one.process.id),
        )


def _campaigns(app: AppContext, connection: Connection) -> Iterator[AttentionItem]:
    now = app.clock()
    waiting = dispatch_overviews.waiting_for_a_person(connection, since=now - _UNKNOWNS_MATTER, limit=_MOST_DISPATCHES)
    for campaign in _by_campaign(waiting):
        yield _waiting(campaign)
    recent = dispatch_overviews.released(connection, since=now - _UNKNOWNS_MATTER, limit=_MOST_DISPATCHES)
    totals = delivery_totals.of_dispatches(connection, [one.id for one in recent])
    for campaign in _by_campaign(recent):
        whole = Totals.sum_of(totals[one.id] for one in campaign)
        if whole[DeliveryState.UNKNOWN]:
            yield _unknown(campaign[0], whole)
        if whole[DeliveryState.FAILED] and _is_after(campaign, now - _FAILURES_MATTER):
            yield _failed(campaign[0], whole)


def _is_after(campaign: Sequence[DispatchOverview], time: datetime) -> bool:
    return any(one.released_at is not None and one.released_at >= time for one in campaign)


def _by_campaign(found: Iterable[DispatchOverview]) -> list[list[DispatchOverview]]:
    campaigns_found: dict[int, list[DispatchOverview]] = {}
    for one in found:
        campaigns_found.setdefault(one.campaign_id, []).append(one)
    return list(campaigns_found.values())


def _waiting(campaign: Sequence[DispatchOverview]) -> AttentionItem:
    failed = [one for one in campaign if one.state is DispatchState.FAILED]
    shown = failed or campaign
    names = ", ".join(sorted({one.channel_name for one in shown}))
    reason = next((one.reason for one in shown if one.reason), "")
    if failed:
        sentence = _("It was not sent on %(channels)s.") % {"channels": names}
    elif all(one.released_at is None for one in shown):
        sentence = _("It is paused on %(channels)s, and nobody has it yet.") % {"channels": names}
    else:
        sentence = _("It is paused on %(channels)s, and a part of the audience has it.") % {"channels": names}
    return AttentionItem(
        concern=Concern.NOT_SENT if failed else Concern.PAUSED,
        about=campaign[0].campaign_name,
        sentence=f"{sentence} {_as_sentence(reason)}".rstrip(),
        count=len(shown),
        campaign_id=campaign[0].campaign_id,
    )


def _unknown(campaign: DispatchOverview, totals: Totals) -> AttentionItem:
    count = totals[DeliveryState.UNKNOWN]
    sentence = ngettext(
        "Of %(count)s delivery of %(audience)s it is not known whether it arrived: look, and settle it.",
        "Of %(count)s deliveries of %(audience)s it is not known whether they arrived: look, and settle them.",
        count,
    )
    return _about_deliveries(Concern.UNKNOWN, campaign, sentence, count, totals)


def _failed(campaign: DispatchOverview, totals: Totals) -> AttentionItem:
    count = totals[DeliveryState.FAILED]
    sentence = ngettext(
        "%(count)s delivery of %(audience)s failed.", "%(count)s deliveries of %(audience)s failed.", count
    )
    return _about_deliveries(Concern.FAILED, campaign, sentence, count, totals)


def _about_deliveries(
    concern: Concern, campaign: DispatchOverview, sentence: str, count: int, totals: Totals
) -> AttentionItem:
    return AttentionItem(
        concern=concern,
        about=campaign.campaign_name,
        sentence=sentence % {"count": f"{count:,}", "audience": f"{totals.audience:,}"},
        count=count,
        campaign_id=campaign.campaign_id,
    )


def _approvals(connection: Connection) -> Iterator[AttentionItem]:
    for number, name in campaigns.waiting_for_approval(connection, limit=_MOST_DISPATCHES):
        yield AttentionItem(
            concern=Concern.APPROVAL, about=name, sentence=_("It waits for approval."), campaign_id=number
        )


def _routes(connection: Connection) -> Iterator[AttentionItem]:
    for channel in channels.all_channels(connection):
        for wait in paused_routes.waits(connection, channel.id):
            sentence = _("%(route)s refuses us; it is tried again by itself. %(reason)s")
            if wait.deliveries:
                sentence = ngettext(
                    "%(route)s refuses us, so %(count)s delivery waits; it is tried again by itself. %(reason)s",
                    "%(route)s refuses us, so %(count)s deliveries wait; it is tried again by itself. %(reason)s",
                    wait.deliveries,
                )
            values = {
                "route": wait.route.destination or wait.route.relay,
                "count": f"{wait.deliveries:,}",
                "reason": _as_sentence(wait.route.reason),
            }
            yield AttentionItem(
                concern=Concern.ROUTE,
                about=channel.name,
                sentence=(sentence % values).rstrip(),
                count=wait.deliveries,
                channel=channel.name,
                part=wait.route.name,
            )


def _sources(connection: Connection) -> Iterator[AttentionItem]:
    for source in sources.failing(connection, failures=_FAILED_RUNS_MATTER):
        paused = source.state is SourceState.PAUSED
        sentence = _("It is paused. %(reason)s") if paused else _("It cannot be read. %(reason)s")
        yield AttentionItem(
            concern=Concern.SOURCE,
            about=source.name,
            sentence=(sentence % {"reason": _as_sentence(source.error)}).rstrip(),
            part=str(source.id),
        )


def _articles(connection: Connection) -> Iterator[AttentionItem]:
    for stored in articles.missing(connection):
        if stored.source != CONTENT_FOLDER and stored.status.state is not ArticleState.PUBLISHED:
            # Nobody has seen a draft that another site has taken back.
            continue
        yield AttentionItem(
            concern=Concern.ARTICLE,
            about=stored.article.title,
            sentence=_("Its source does not have it any more; the article is still as it was."),
            article_id=stored.id,
        )


def _imports(app: AppContext, connection: Connection) -> Iterator[AttentionItem]:
    for one in imports.failed(connection, since=app.clock() - _FAILURES_MATTER, limit=_MOST_DISPATCHES):
        sentence = _("The import stopped. %(reason)s") % {"reason": _as_sentence(one.error)}
        yield AttentionItem(concern=Concern.IMPORT, about=one.name, sentence=sentence.rstrip(), part=str(one.id))


def _quarantine(connection: Connection) -> Iterator[AttentionItem]:
    count = sum(quarantine.count_by_loop(connection).values())
    if count:
        sentence = ngettext(
            "%(count)s item could not be processed, and is kept until whoever runs the service has looked at it.",
            "%(count)s items could not be processed, and are kept until whoever runs the service has looked at them.",
            count,
        )
        yield AttentionItem(
            concern=Concern.QUARANTINE, about=_("Quarantine"), sentence=sentence % {"count": f"{count:,}"}, count=count
        )


def _tokens(app: AppContext, connection: Connection) -> Iterator[AttentionItem]:
    now = app.clock()
    for token in api_tokens.expiring(connection, after=now, before=now + _EXPIRES_SOON):
        assert token.expires_at is not None, "the query is for those that expire"  # noqa: S101
        days = max(0, (token.expires_at - now).days)
        sentence = ngettext(
            "This access for another program ends in %(count)d day.",
            "This access for another program ends in %(count)d days.",
            days,
        )
        yield AttentionItem(
            concern=Concern.TOKEN,
            about=token.name,
            sentence=sentence % {"count": days},
            count=days,
            part=str(token.id),
        )


def _clocks(app: AppContext) -> Iterator[AttentionItem]:
    try:
        differences = compare_clocks(app)
    except RedisError:
        sentence = _("It cannot be reached, so nothing is sent. Whoever runs the service starts it.")
        yield AttentionItem(concern=Concern.SERVICE, about="Redis", sentence=sentence)
        return
    for one in differences:
        if abs(one.ahead) >= _CLOCK_IS_OFF:
            seconds = int(abs(one.ahead).total_seconds())
            sentence = _("Its clock differs by %(seconds)d s from that of the database, so times are off by that.")
            yield AttentionItem(concern=Concern.CLOCK, about=one.name, sentence=sentence % {"seconds": seconds})


def _as_sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""
