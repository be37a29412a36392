"""Results: what came of campaigns, by channel and link. Page, file, command line and API show the same numbers.

A mail counts once, however often it was opened. Beside the numbers as they came stand those without known machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from distributor.channels.api import Audience
from distributor.channels.registry import kinds
from distributor.domain.campaign import Campaign, Dispatch, Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.proportion import Proportion
from distributor.domain.stored_text import stored_key
from distributor.flow.app_context import AppContext
from distributor.flow.event_counting import count_events
from distributor.storage import campaign_results, campaigns, delivery_totals, dispatches, event_totals
from distributor.storage.campaign_results import ReleasedCampaign
from distributor.storage.database import Connection
from distributor.storage.event_totals import EventTotal, TotalKey

# Taken by the other side, and not come back.
_ARRIVED = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.COMPLAINED)
# The chart shows the first clicks within so many hours.
CHART_HOURS = 72
# A tag with fewer deliveries says nothing yet.
FEWEST_OF_TAG = 200
_COMPARED = 50
# In the order of the page.
MEASURES = (EventKind.CLICK, EventKind.OPEN, EventKind.UNSUBSCRIBE, EventKind.COMPLAINT)
_STATES = (DeliveryState.BOUNCED, DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SUPPRESSED)
RESULT_COLUMNS = (
    *("channel", "link", "measure", "count_people", "count_all", "events", "of"),
    *("rate_people", "low_people", "high_people", "rate_all", "low_all", "high_all"),
)
OVERVIEW_COLUMNS = (
    *("campaign", "name", "released_at", "delivered", "clicked_people", "rate_people", "low_people", "high_people"),
    *("unsubscribed", "complained"),
)
_TAGS_OF = timedelta(days=365)
_NOTHING = EventTotal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCount:
    """Of how many messages something happened: of `people` alone, and of all; `events` is how often it did in all.

    Both are proportions of what arrived.
    """

    people: Proportion
    all: Proportion
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTotals:
    """What came of deliveries: their `totals` by state, and events by kind."""

    totals: Totals
    events: Mapping[EventKind, EventTotal]

    @property
    def delivered(self) -> int:
        """How many arrived, as far as the other side said. A click proves the same of one whose outcome is unknown."""
        proven = max((one.deliveries for one in self.events.values()), default=0)
        return max(sum(self.totals[state] for state in _ARRIVED), min(proven, self.totals.audience))

    def count(self, kind: EventKind) -> ResponseCount:
        """How many of those that arrived had such an event."""
        found, whole = self.events.get(kind, _NOTHING), self.delivered
        return ResponseCount(
            people=Proportion(min(found.people_deliveries, whole), whole),
            all=Proportion(min(found.deliveries, whole), whole),
            events=found.events,
        )

    @property
    def clicked_unopened(self) -> int:
        """How many were clicked and show no open: their images were not loaded."""
        clicked = self.events.get(EventKind.CLICK, _NOTHING)
        return max(0, clicked.deliveries - clicked.opened)

    @classmethod
    def sum_of(cls, parts: Sequence[ResponseTotals]) -> ResponseTotals:
        """Over several channels or campaigns."""
        summed: dict[EventKind, EventTotal] = {}
        for part in parts:
            for kind, found in part.events.items():
                summed[kind] = summed.get(kind, _NOTHING).plus(found)
        return cls(totals=Totals.sum_of(part.totals for part in parts), events=summed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResults:
    """One channel. `is_personal`: its messages go to people, and what they do with them is counted."""

    dispatch: Dispatch
    is_personal: bool
    responses: ResponseTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResults:
    """One link of the messages on one channel; `of` are those that arrived."""

    channel_name: str
    url: str
    clicks: ResponseCount


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickPoint:
    """How many messages were clicked within so many hours after the release: by people, and in all."""

    hours: int
    people: int
    all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResults:
    """The results of a campaign. `responses` sum up the channels that go to people.

    `clicks_over_time` has a point for each of the first hours that has passed; none if nothing goes to people.
    """

    campaign: Campaign
    released_at: datetime | None
    channels: Sequence[ChannelResults]
    responses: ResponseTotals
    links: Sequence[LinkResults]
    clicks_over_time: Sequence[ClickPoint]

    @property
    def has_people(self) -> bool:
        """Whether any of its channels goes to people."""
        return any(one.is_personal for one in self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """A campaign in the list of results; `responses` are of its channels that go to people."""

    campaign: ReleasedCampaign
    responses: ResponseTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResults:
    """What came of the articles with a tag in the last year: how many messages, and of how many a link was clicked."""

    label: str
    clicks: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsOverview:
    """The results of several campaigns, the newest first.

    `median_rate` is the median of clicks by people over deliveries of the last campaigns, None of fewer than three.
    `next_id` is the campaign before which the next page begins.
    """

    campaigns: Sequence[CampaignSummary]
    median_rate: float | None
    tags: Sequence[TagResults]
    next_id: int | None


def results_of(app: AppContext, campaign_id: int) -> CampaignResults:
    """The results of a campaign now. Raises NotFoundError."""
    count_events(app)
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        channels = _channels(connection, planned)
        personal = [one for one in channels if one.is_personal]
        released = [one.dispatch.released_at for one in personal or channels if one.dispatch.released_at]
        return CampaignResults(
            campaign=campaign,
            released_at=min(released) if released else None,
            channels=channels,
            responses=ResponseTotals.sum_of([one.responses for one in personal]),
            links=_links(connection, personal),
            clicks_over_time=_over_time(connection, personal, min(released), now=app.clock()) if released else (),
        )


def results_overview(app: AppContext, *, before_id: int | None = None, limit: int) -> ResultsOverview:
    """The results of the campaigns with articles that were released, the newest first, and by tag."""
    count_events(app)
    with app.database.begin() as connection:
        found = campaign_results.released(connection, before_id=before_id, limit=limit + 1)
        summaries = _summaries(connection, found[:limit])
        last = summaries
        if before_id is not None or limit < _COMPARED:
            last = _summaries(connection, campaign_results.released(connection, limit=_COMPARED))
        return ResultsOverview(
            campaigns=summaries,
            median_rate=_median(last),
            tags=_tags(app, connection),
            next_id=found[limit - 1].id if len(found) > limit else None,
        )


def personal_kinds() -> list[str]:
    """The kinds of channels whose messages go to people."""
    return [name for name, kind in kinds().items() if kind.capabilities.audience is Audience.SUBSCRIBERS]


def result_rows(found: CampaignResults) -> Iterator[list[str]]:
    """What the page shows as rows: for the file, and for the command line."""
    for channel in found.channels:
        name = channel.dispatch.channel_name
        yield _state_row(name, "delivered", channel.responses.delivered, channel.responses)
        if channel.is_personal:
            for kind in MEASURES:
                yield _row(name, "", kind.value, channel.responses.count(kind))
            unopened = channel.responses.clicked_unopened
            yield _state_row(name, "clicked without an open", unopened, channel.responses)
        for state in _STATES:
            yield _state_row(name, state.value, channel.responses.totals[state], channel.responses)
    for link in found.links:
        yield _row(link.channel_name, link.url, "click", link.clicks)


def overview_rows(found: ResultsOverview) -> Iterator[list[str]]:
    """The campaigns of the overview as rows, as the page shows them."""
    for one in found.campaigns:
        clicks = one.responses.count(EventKind.CLICK).people
        yield [
            *(str(one.campaign.id), one.campaign.name, one.campaign.released_at.isoformat()),
            *(str(one.responses.delivered), str(clicks.part), *_rates(clicks)),
            *(str(one.responses.count(kind).all.part) for kind in (EventKind.UNSUBSCRIBE, EventKind.COMPLAINT)),
        ]


def _row(channel: str, link: str, measure: str, count: ResponseCount) -> list[str]:
    return [
        *(channel, link, measure, str(count.people.part), str(count.all.part), str(count.events), str(count.all.whole)),
        *_rates(count.people),
        *_rates(count.all),
    ]


def _state_row(channel: str, measure: str, number: int, responses: ResponseTotals) -> list[str]:
    audience = responses.totals.audience
    return [channel, "", measure, "", str(number), "", str(audience), "", "", "", *_rates(Proportion(number, audience))]


def _rates(proportion: Proportion) -> list[str]:
    if proportion.value is None or proportion.interval is None:
        return ["", "", ""]
    return [f"{number:.6f}" for number in (proportion.value, *proportion.interval)]


def _channels(connection: Connection, planned: Sequence[Dispatch]) -> list[ChannelResults]:
    ids = [one.id for one in planned]
    responses, personal = _responses(connection, ids), personal_kinds()
    return [
        ChannelResults(dispatch=one, is_personal=one.kind in personal, responses=responses[one.id]) for one in planned
    ]


def _responses(connection: Connection, dispatch_ids: Sequence[int]) -> dict[int, ResponseTotals]:
    totals = delivery_totals.of_dispatches(connection, dispatch_ids)
    events: dict[int, dict[EventKind, EventTotal]] = {number: {} for number in dispatch_ids}
    for key, found in event_totals.of_dispatches(connection, dispatch_ids).items():
        events[key.dispatch_id][key.kind] = found
    return {number: ResponseTotals(totals=totals[number], events=events[number]) for number in dispatch_ids}


def _links(connection: Connection, channels: Sequence[ChannelResults]) -> list[LinkResults]:
    """Every link of the messages, the most clicked first; also those that nobody clicked."""
    counted = event_totals.of_links(connection, [one.dispatch.id for one in channels])
    found = []
    for channel in channels:
        whole = channel.responses.delivered
        for url in _urls(connection, channel.dispatch, counted):
            total = counted.get(TotalKey(channel.dispatch.id, EventKind.CLICK, stored_key(url)), _NOTHING)
            clicks = ResponseCount(
                people=Proportion(min(total.people_deliveries, whole), whole),
                all=Proportion(min(total.deliveries, whole), whole),
                events=total.events,
            )
            found.append(LinkResults(channel_name=channel.dispatch.channel_name, url=url, clicks=clicks))
    return sorted(found, key=lambda one: (-one.clicks.people.part, -one.clicks.all.part))


def _urls(connection: Connection, dispatch: Dispatch, counted: Mapping[TotalKey, EventTotal]) -> list[str]:
    """The links of the rendition, and those that were clicked and are none of it any more."""
    links = [url for url in dispatches.links_of(connection, dispatch.id) if url.startswith(("http://", "https://"))]
    known = {stored_key(url) for url in links}
    gone = [key.link for key in counted if key.dispatch_id == dispatch.id and key.link not in known]
    return list(dict.fromkeys([*links, *gone]))


def _over_time(
    connection: Connection, channels: Sequence[ChannelResults], released_at: datetime, *, now: datetime
) -> list[ClickPoint]:
    if not channels:
        return []
    hours = event_totals.hours_of(connection, [one.dispatch.id for one in channels], EventKind.CLICK)
    passed = min(CHART_HOURS, max(1, -(-int((now - released_at).total_seconds()) // 3600)))
    points = []
    for after in range(passed + 1):
        before = [one for one in hours if one.hour < after]
        points.append(
            ClickPoint(
                hours=after,
                people=sum(one.people_deliveries for one in before),
                all=sum(one.deliveries for one in before),
            )
        )
    return points


def _summaries(connection: Connection, found: Sequence[ReleasedCampaign]) -> list[CampaignSummary]:
    personal = set(personal_kinds())
    ids = [number for one in found for number, kind in one.dispatches.items() if kind in personal]
    responses = _responses(connection, ids)
    return [
        CampaignSummary(
            campaign=one,
            responses=ResponseTotals.sum_of([responses[number] for number in one.dispatches if number in responses]),
        )
        for one in found
    ]


def _median(summaries: Sequence[CampaignSummary]) -> float | None:
    rates = [one.responses.count(EventKind.CLICK).people.value for one in summaries]
    known = [rate for rate in rates if rate is not None]
    return median(known) if len(known) >= 3 else None


def _tags(app: AppContext, connection: Connection) -> list[TagResults]:
    counted = campaign_results.by_tag(connection, kinds=personal_kinds(), since=app.clock() - _TAGS_OF)
    found = [
        TagResults(label=one.label, clicks=Proportion(min(one.clicked, one.delivered), one.delivered))
        for one in counted
        if one.delivered >= FEWEST_OF_TAG
    ]
    return sorted(found, key=lambda one: -(one.clicks.value or 0))
