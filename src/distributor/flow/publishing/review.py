"""Review: what a campaign would send now on all of its channels and what is wrong, before anything is public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from gettext import gettext as _

import structlog

from distributor.channels.api import (
    Audience,
    Channel,
    ConfiguredChannel,
    CostEstimatingChannel,
    PublishingChannel,
    ScheduledChannel,
    SubjectChannel,
)
from distributor.channels.registry import kinds
from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import Campaign, CampaignPurpose, Dispatch, DispatchState
from distributor.domain.campaign_review import CampaignReview, Cost, DispatchReview, Reach, called, counted, joined
from distributor.domain.errors import DistributorError, RemovedError, ServiceError, StateError
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import CheckResult, Problem, Severity
from distributor.domain.schedule import GRACE, format_time, spell_duration, spell_time
from distributor.domain.send_schedule import WarmUp
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_checks import article_problems
from distributor.flow.publishing.article_control import sending_problem
from distributor.flow.publishing.campaign_content import (
    RenderedDispatch,
    audience_query_of,
    render_dispatch,
    without_repetition,
)
from distributor.flow.publishing.link_check import check_links
from distributor.storage import articles, audiences, campaigns, dispatches, lists, paused_routes
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection
from distributor.storage.paused_routes import PausedRouteRecord

# An audience of at least so many is unusual if it is so many times as large or small as the last one.
_MANY, _UNUSUAL = 50, 4
# So often a review is made if something changes meanwhile.
_ATTEMPTS = 3
_ENDED = frozenset({DispatchState.FINISHED, DispatchState.CANCELLED})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audience:
    """How many subscribers get the campaign now, and how many more would but got one of its articles before."""

    description: str = ""
    count: int = 0
    received: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What is reviewed, read in one transaction: `waiting` is to be released, `hidden` are slugs not yet public.

    `texts` are those of the campaign that each channel uses, `unused` the names of those that none does.
    """

    campaign: Campaign
    waiting: Sequence[Dispatch]
    found: Sequence[StoredArticle]
    hidden: Sequence[str]
    audience: _Audience
    texts: Mapping[str, MessageOptions]
    unused: Sequence[str]

    @property
    def revisions(self) -> Mapping[str, int]:
        """The revisions of the articles by slug."""
        return {one.article.slug: one.article.revision for one in self.found}


def review_campaign(app: AppContext, campaign_id: int, *, with_links: bool = False) -> CampaignReview:
    """Render and check a campaign on every channel that is not released yet; the campaign stays as it is.

    `with_links` asks over HTTP whether links and images answer, which may take fifteen seconds. What cannot be
    rendered on one channel is a blocking problem of that channel. A change of an article or of the campaign meanwhile
    makes it begin again. Raises NotFoundError, StateError if nothing is left to review or if it changes all the time,
    and ServiceError if PostgreSQL is away.
    """
    for _attempt in range(_ATTEMPTS):
        now = app.clock()
        snapshot = _read(app, campaign_id, now=now)
        review = _review(app, snapshot, with_links=with_links, now=now)
        with app.database.begin() as connection:
            found = articles.find_many(connection, snapshot.campaign.article_ids)
            is_same = campaigns.find(connection, campaign_id) == snapshot.campaign
        if is_same and snapshot.revisions == {one.article.slug: one.article.revision for one in found}:
            return review
    raise StateError(f"campaign {campaign_id} or its articles are being edited: review it again when that is done")


def _read(app: AppContext, campaign_id: int, *, now: datetime) -> _Snapshot:
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        waiting = [one for one in planned if one.released_at is None and one.state not in _ENDED]
        if campaign.purpose is not CampaignPurpose.ARTICLES or (planned and not waiting):
            raise StateError(
                f"campaign {campaign_id} has no channel that is still to be released, so nothing to review"
            )
        to_people = [one.channel_name for one in waiting if reach_of(one.kind) is Reach.SENT]
        texts = {one.channel_name: _texts_of(connection, campaign, one) for one in waiting}
        given = campaigns.message_options_of(connection, campaign_id)
        return _Snapshot(
            campaign=campaign,
            waiting=waiting,
            found=articles.find_many(connection, campaign.article_ids),
            hidden=articles.hidden_of_campaign(connection, campaign_id, now=now),
            audience=_audience_of(connection, campaign, to_people, now=now) if to_people else _Audience(),
            texts=texts,
            unused=[
                option.name
                for option in fields(MessageOptions)
                if getattr(given, option.name) and not any(getattr(one, option.name) for one in texts.values())
            ],
        )


def _review(app: AppContext, snapshot: _Snapshot, *, with_links: bool, now: datetime) -> CampaignReview:
    campaign, waiting, found = snapshot.campaign, snapshot.waiting, snapshot.found
    checked = CheckResult.of(_campaign_checks(app, snapshot, with_links=with_links, now=now))
    return CampaignReview(
        campaign_id=campaign.id,
        made_at=now,
        titles=tuple(one.article.title for one in found),
        revisions=snapshot.revisions,
        dispatches=tuple(_review_dispatch(app, campaign, one, snapshot.audience, now=now) for one in waiting),
        problems=checked.problems,
        to_publish=tuple(snapshot.hidden),
        audience=snapshot.audience.description,
        received=snapshot.audience.received,
        passed=checked.passed,
        with_links=with_links,
    )


def _campaign_checks(
    app: AppContext, snapshot: _Snapshot, *, with_links: bool, now: datetime
) -> Iterator[tuple[str, Iterable[Problem]]]:
    """Each check of the campaign as a whole, with what is so if it finds nothing."""
    waiting, found, audience = snapshot.waiting, snapshot.found, snapshot.audience
    titles = joined(one.article.title for one in found)
    yield (
        _("It has channels (%(count)s) and articles: %(titles)s.") % {"count": len(waiting), "titles": titles},
        [*_part_problems(waiting, found)],
    )
    if found:
        yield _("The articles may go out then."), _sending_problems(waiting, found, now=now)
    if any(getattr(one, option.name) for one in snapshot.texts.values() for option in fields(MessageOptions)):
        yield _("Each of its texts is used by a channel."), _unused_text_problems(snapshot.unused)
    if audience.description or audience.problems:
        yield _audience_text(audience), audience.problems
    if found:
        yield _("Titles, texts and languages look finished."), article_problems([one.article for one in found])
    if with_links:
        asked = check_links(app, found, snapshot.texts, to_publish=snapshot.hidden, now=now)
        yield _("Links and images answer."), asked


def _audience_text(audience: _Audience) -> str:
    return _("Today %(people)s get it.") % {"people": counted(audience.count, "subscriber")}


def _part_problems(waiting: Sequence[Dispatch], found: Sequence[StoredArticle]) -> Iterator[Problem]:
    if not waiting:
        yield Problem(Severity.BLOCK, "no-channel", "the campaign has no channel: choose at least one")
    if not found:
        yield Problem(Severity.BLOCK, "no-article", "the campaign has no article: choose at least one")


def _sending_problems(
    waiting: Sequence[Dispatch], found: Sequence[StoredArticle], *, now: datetime
) -> Iterator[Problem]:
    starts = [one.scheduled_at for one in waiting if one.scheduled_at is not None]
    for one in found:
        problem = sending_problem(one, at=max(now, min(starts, default=now)))
        # A draft without a time may get one after the embargo.
        if problem is not None and (starts or problem.code != "article-embargoed"):
            yield problem


def _unused_text_problems(names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        advice = f"the campaign has its own {name.replace('_', ' ')}, and none of its channels uses it"
        yield Problem(Severity.WARN, "text-unused", advice, name)


def _audience_of(
    connection: Connection, campaign: Campaign, channel_names: Sequence[str], *, now: datetime
) -> _Audience:
    if campaign.audience.is_empty:
        advice = f"{joined(channel_names)} sends to subscribers: name a list, a topic or a segment"
        return _Audience(problems=(Problem(Severity.BLOCK, "no-audience", advice),))
    query, description = audience_query_of(connection, campaign), _describe(connection, campaign.audience)
    try:
        count = audiences.count(connection, query, now=now)
        everyone = replace(query, plan=replace(query.plan, repeats=True))
        all_ = count if query.plan.repeats else audiences.count(connection, everyone, now=now)
    except DistributorError as error:
        if isinstance(error, ServiceError):
            raise
        return _Audience(description=description, problems=(Problem(Severity.BLOCK, "audience-unknown", str(error)),))
    if count:
        return _Audience(description=description, count=count, received=all_ - count)
    reason = f"{counted(all_, 'subscriber')} got the article before" if all_ else "no subscriber in it has consented"
    warning = Problem(Severity.WARN, "audience-empty", f"the audience is empty today: {reason}")
    return _Audience(description=description, received=all_, problems=(warning,))


def _describe(connection: Connection, plan: AudiencePlan) -> str:
    """The chosen lists, topics and segments, to follow the word subscribers."""
    names = {one.slug: one.name for one in lists.listed(connection)}
    parts = [
        ("of", [names.get(slug, slug) for slug in plan.lists]),
        ("who follow", plan.topics),
        ("in", plan.segments),
        ("not of", [names.get(slug, slug) for slug in plan.except_lists]),
        ("who do not follow", plan.except_topics),
        ("not in", plan.except_segments),
    ]
    words = [f"{before} {joined(chosen, 'or')}" for before, chosen in parts if chosen]
    for numbers, state in ((plan.failed_of, "failed"), (plan.unknown_of, "is unknown")):
        if numbers:
            named = [called(number, campaigns.find(connection, number).name) for number in numbers]
            words.append(f"whose delivery of {joined(named, 'or')} {state}")
    return " ".join(words)


def _review_dispatch(
    app: AppContext, campaign: Campaign, dispatch: Dispatch, audience: _Audience, *, now: datetime
) -> DispatchReview:
    reach = reach_of(dispatch.kind)
    rendered: RenderedDispatch | None = None
    recipients = audience.count if reach is Reach.SENT else 0
    checked = CheckResult.of(_time_check(dispatch, now=now))
    cost: Cost | None = None
    try:
        if campaign.article_ids:
            rendered = render_dispatch(app, campaign, dispatch)
            checked += rendered.checked
            if reach is not Reach.SENT:
                recipients = _count_accounts(app, campaign, rendered)
            if recipients and isinstance(rendered.channel, CostEstimatingChannel):
                cost = rendered.channel.estimate_cost(rendered.rendition, recipients)
            checked += CheckResult.of(_channel_checks(app, rendered.channel, dispatch, recipients, now=now))
            if not (campaign.audience.failed_of or campaign.audience.unknown_of):
                checked += CheckResult.of(_comparison_checks(app, campaign, dispatch, rendered, recipients))
    except ServiceError:
        raise
    except DistributorError as error:
        checked += CheckResult(problems=(Problem(Severity.BLOCK, "render-failed", str(error)),))
    except Exception as error:
        log.warning("dispatch.review_failed", dispatch_id=dispatch.id, reason=type(error).__name__, exc_info=error)
        fault = f"it cannot be rendered, because of a fault in the channel: {type(error).__name__}: {error}"
        checked += CheckResult(problems=(Problem(Severity.BLOCK, "render-failed", fault),))
    return DispatchReview(
        dispatch_id=dispatch.id,
        channel_name=dispatch.channel_name,
        kind=dispatch.kind,
        reach=reach,
        scheduled_at=dispatch.scheduled_at,
        zone=dispatch.zone,
        rendition=rendered.rendition if rendered else None,
        problems=tuple(sorted(checked.problems, key=lambda one: one.severity is not Severity.BLOCK)),
        recipients=recipients,
        cost=cost,
        passed=checked.passed,
    )


def _count_accounts(app: AppContext, campaign: Campaign, rendered: RenderedDispatch) -> int:
    with app.database.begin() as connection:
        return len(without_repetition(connection, rendered.channel, rendered.rendition, campaign)[0])


def _time_check(dispatch: Dispatch, *, now: datetime) -> Iterator[tuple[str, Iterable[Problem]]]:
    start = dispatch.local_time
    # One that is paused starts at once when it is resumed.
    if start is not None and dispatch.state is not DispatchState.PAUSED:
        yield _("Its time is to come: %(time)s.") % {"time": spell_time(start)}, _time_problems(start, now=now)


def _time_problems(start: datetime, *, now: datetime) -> Iterator[Problem]:
    if start < now - GRACE:
        ago = spell_duration(now - start)
        advice = f"its time, {format_time(start)}, was {ago} ago: choose a later time, or now"
        yield Problem(Severity.BLOCK, "time-past", advice)


def _channel_checks(
    app: AppContext, channel: Channel, dispatch: Dispatch, recipients: int, *, now: datetime
) -> Iterator[tuple[str, Iterable[Problem]]]:
    """What is known about the channel itself without sending anything."""
    if isinstance(channel, ConfiguredChannel):
        yield _("The channel has all settings that it needs."), channel.check_settings()
    with app.database.begin() as connection:
        routes = paused_routes.paused(connection, dispatch.channel_id)
        paused = dispatches.paused_on(connection, dispatch.channel_id, except_campaign=dispatch.campaign_id)
        stopped = [(called(one.campaign_id, campaigns.find(connection, one.campaign_id).name), one) for one in paused]
    yield _("The channel is sending: nothing on it is paused, no route waits."), _pause_problems(stopped, routes)
    if isinstance(channel, ScheduledChannel) and channel.send_schedule.warm_up is not None:
        starts_at = max(now, dispatch.scheduled_at or now)
        warm_up = _warm_up_problems(channel.send_schedule.warm_up, recipients, starts_at)
        yield _("The warm-up plan has room for all of it on one day."), warm_up


def _pause_problems(stopped: Sequence[tuple[str, Dispatch]], routes: Sequence[PausedRouteRecord]) -> Iterator[Problem]:
    for campaign_name, other in stopped:
        advice = f"{campaign_name} is paused on this channel after its release: {other.reason}"
        yield Problem(Severity.WARN, "channel-paused", advice)
    for route in routes:
        advice = (
            f"route {route.name} is in backoff since {format_time(route.since)}, and what goes over it waits until a "
            f"probe succeeds: {route.reason}"
        )
        yield Problem(Severity.WARN, "route-in-backoff", advice, route.name)


def _comparison_checks(
    app: AppContext, campaign: Campaign, dispatch: Dispatch, rendered: RenderedDispatch, recipients: int
) -> Iterator[tuple[str, Iterable[Problem]]]:
    """What differs strangely from the last campaign on this channel, or does not differ at all."""
    with app.database.begin() as connection:
        last = dispatches.last_released(connection, dispatch.channel_id, except_campaign=campaign.id)
        if last is None or last.rendition_id is None:
            return
        earlier_one = campaigns.find(connection, last.campaign_id)
        is_other = earlier_one.article_ids != campaign.article_ids
        before = None
        with suppress(RemovedError):
            before = dispatches.rendition_of(connection, last.id)
    channel, its_name = rendered.channel, called(earlier_one.id, earlier_one.name)
    if is_other and before is not None and isinstance(channel, SubjectChannel):
        subject, earlier = channel.subject_of(rendered.rendition), channel.subject_of(before)
        yield _("The subject is not that of the last campaign."), _subject_problems(subject, earlier, its_name)
    if channel.capabilities.audience is Audience.SUBSCRIBERS and recipients:
        about_as_large = _("The audience is about as large as that of the last campaign.")
        yield about_as_large, _audience_size_problems(recipients, last, its_name)


def _subject_problems(subject: str, earlier: str, campaign_name: str) -> Iterator[Problem]:
    if subject == earlier:
        message = f"the subject is that of the last campaign here, {campaign_name}, about something else: {subject}"
        yield Problem(Severity.WARN, "subject-repeated", message, "subject")


def _audience_size_problems(recipients: int, last: Dispatch, campaign_name: str) -> Iterator[Problem]:
    size = last.audience_size or 0
    fewer, more = sorted((recipients, size))
    if fewer and more >= max(_MANY, fewer * _UNUSUAL):
        message = (
            f"{counted(recipients, 'subscriber')} get it, while {counted(size, 'subscriber')} got the last campaign "
            f"here, {campaign_name}: is the audience right?"
        )
        yield Problem(Severity.WARN, "audience-unusual", message)


def _warm_up_problems(plan: WarmUp, recipients: int, starts_at: datetime) -> Iterator[Problem]:
    """A warning if the plan spreads the recipients over several days, as if nothing else were sent on them."""
    today = starts_at.astimezone(UTC).date()
    first = max(today, plan.since)
    day, left = first, recipients
    while (limit := plan.limit_on(day)) is not None and limit < left:
        left -= limit
        day += timedelta(days=1)
    if recipients and day > today:
        advice = (
            f"the warm-up plan allows {counted(plan.limit_on(first) or 0, 'mail')} on {first:%Y-%m-%d}: the last of "
            f"{counted(recipients, 'mail')} is sent on {day:%Y-%m-%d} (UTC)"
        )
        yield Problem(Severity.WARN, "warm-up-slow", advice)


def _texts_of(connection: Connection, campaign: Campaign, dispatch: Dispatch) -> MessageOptions:
    """The texts of the campaign on this channel, without those that its kind does not use."""
    kind = kinds().get(dispatch.kind)
    options = campaigns.message_options_of(connection, campaign.id, channel_name=dispatch.channel_name)
    used = kind.capabilities.message_options if kind else ()
    return MessageOptions(**{name: getattr(options, name) for name in used})


def reach_of(kind_name: str) -> Reach:
    """How a channel of this kind reaches its readers; one that is not installed counts as an account."""
    kind = kinds().get(kind_name)
    if kind is not None and kind.capabilities.audience is Audience.SUBSCRIBERS:
        return Reach.SENT
    return Reach.PUBLISHED if kind is not None and issubclass(kind, PublishingChannel) else Reach.POSTED
