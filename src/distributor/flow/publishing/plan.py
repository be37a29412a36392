"""Plan: make campaigns as drafts, edit and duplicate them, or make and schedule one in a single call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace

import structlog

from distributor.channels.api import Audience
from distributor.channels.registry import kind_of
from distributor.domain.campaign import CampaignAction, CampaignPlan, CampaignPurpose, DispatchState, PlanKey
from distributor.domain.campaign_review import CampaignReview
from distributor.domain.errors import InputError, NotFoundError, ScheduleError, StateError
from distributor.domain.message_options import MessageOptions
from distributor.domain.schedule import StartTimes
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import check_channel_options, check_message_options
from distributor.flow.publishing.life_cycle import (
    require_known_leaders,
    require_seen,
    require_time_to_come,
    require_unreleased,
    review,
    review_again,
    schedule,
)
from distributor.flow.publishing.post_words import check_post_words
from distributor.storage import articles, audiences, campaigns, channels, dispatches
from distributor.storage.articles import StoredArticle
from distributor.storage.audiences import AudienceQuery
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

# The fields of a plan that are called times together.
_TIMES = ("starts_at", "times", "follow_ups")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The articles and channels that a plan names."""

    articles: Sequence[StoredArticle]
    channels: Sequence[ChannelRecord]

    @property
    def article_ids(self) -> tuple[int, ...]:
        return tuple(one.id for one in self.articles)


def plan(app: AppContext, asked: CampaignPlan, *, key: PlanKey | None = None, actor: str = "") -> int:
    """Create a campaign, review it on all channels and schedule it in one call; returns its id.

    `key` is an idempotency key: the same plan under the same key returns the campaign of the first call, a different
    plan raises StateError. The release publishes the articles that are not published yet.

    Raises what `create_campaign` raises, ScheduleError for a time that is past or open, StateError for an article that
    is withdrawn or under embargo at the time of the campaign, and BlockedError that names everything else that blocks
    it on any channel. There is no campaign then.
    """
    for name in dict.fromkeys(asked.channel_names):
        if asked.time_of(name) is None:
            raise ScheduleError(f"the campaign has no time for {name}")
    campaign_id = create_campaign(app, asked, key=key, actor=actor)
    if _was_scheduled(app, campaign_id):
        return campaign_id
    try:
        schedule(app, campaign_id, actor=actor)
    except Exception:
        if _was_scheduled_by_another_call(app, campaign_id):
            return campaign_id
        raise
    return campaign_id


def create_campaign(app: AppContext, asked: CampaignPlan, *, key: PlanKey | None = None, actor: str = "") -> int:
    """Add a campaign as a draft with a dispatch per channel; returns its id. It may have no times yet.

    `key` is as for `plan`. Raises NotFoundError for an unknown article, channel, list or segment, ScheduleError for a
    time in the past, and InputError for a campaign without articles, channels or audience, or with message options that
    cannot be rendered.
    """
    now = app.clock()
    with app.database.begin() as connection:
        known = campaigns.find_by_key(connection, key) if key else None
        if known is not None:
            return known
        parts = _check(app, connection, asked)
        named = replace(asked, name=asked.name or parts.articles[0].article.title)
        campaign_id = campaigns.add(connection, named, parts.article_ids, key=key, now=now)
        for record in parts.channels:
            dispatches.add(connection, campaign_id, record.id, scheduled_at=asked.time_of(record.name), zone=asked.zone)
        dispatches.set_follow_ups(connection, campaign_id, asked.follow_ups)
        campaigns.record(connection, campaign_id, CampaignAction.CREATED, actor=actor, now=now)
    log.info("campaign.created", campaign_id=campaign_id, dispatches=len(parts.channels))
    return campaign_id


def create_and_schedule(
    app: AppContext, asked: CampaignPlan, *, actor: str, key: PlanKey | None = None, start: StartTimes | None = None
) -> tuple[int, CampaignReview | None]:
    """Create a campaign, review it on all channels and schedule it; returns its id and the review.

    One that needs an approval is reviewed and stays a draft. `start` is for a plan without times. `key` is as for
    `plan`: the review is None if a call under it has scheduled the campaign.

    Raises what `create_campaign` and `schedule` raise. If it is the latter, the campaign is a draft, and the same call
    with its key tries to schedule it again.
    """
    campaign_id = create_campaign(app, asked, key=key, actor=actor)
    if _was_scheduled(app, campaign_id):
        return campaign_id, None
    if asked.needs_approval:
        return campaign_id, review(app, campaign_id, actor=actor)
    try:
        return campaign_id, schedule(app, campaign_id, actor=actor, start=start)
    except StateError:
        if _was_scheduled(app, campaign_id):
            return campaign_id, None
        raise


def edit_campaign(
    app: AppContext,
    campaign_id: int,
    change: Callable[[CampaignPlan], CampaignPlan],
    *,
    actor: str,
    version: int | None = None,
) -> CampaignReview | None:
    """Edit a campaign of which nothing is released: `change` gets its plan and returns what it shall be.

    `version` is the one that the editor has seen, if it must be that one: StateError otherwise.

    A draft stays one, and may lose its times: None is returned. One that was scheduled is reviewed and scheduled again
    in the same call, and the review is returned; if it needs an approval, or something blocks it, it stays a draft.

    Raises what `create_campaign` and `schedule` raise; nothing is edited if the former does.
    """
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_seen(campaign, version)
        planned = dispatches.of_campaign(connection, campaign_id)
        if campaign.purpose is not CampaignPurpose.ARTICLES:
            raise StateError(f"campaign {campaign_id} is of {campaign.purpose.value} mails, which cannot be edited")
        require_unreleased(campaign, planned)
        before = campaigns.plan_of(connection, campaign_id)
        after = _without_lost_leaders(before, change(before))
        changed = ", ".join(_changes(before, after))
        if not changed:
            return None
        parts = _check(app, connection, after)
        dispatches.take_back(connection, campaign_id)
        campaigns.change(connection, campaign_id, after, parts.article_ids)
        chosen = {record.id: record for record in parts.channels}
        for one in planned:
            if one.channel_id not in chosen:
                dispatches.remove(connection, one.id)
        known = {one.channel_id: one.id for one in planned}
        for record in parts.channels:
            time = after.time_of(record.name)
            if record.id not in known:
                # A channel that is added starts with the first of the others, unless it is given a time.
                starts_at = time or min(before.times.values(), default=None)
                dispatches.add(connection, campaign_id, record.id, scheduled_at=starts_at, zone=after.zone)
            else:
                dispatches.set_time(connection, known[record.id], time, after.zone)
        dispatches.set_follow_ups(connection, campaign_id, after.follow_ups)
        campaigns.record(connection, campaign_id, CampaignAction.EDITED, actor=actor, detail=changed, now=app.clock())
    log.info("campaign.edited", campaign_id=campaign_id)
    was_scheduled = any(one.state is not DispatchState.DRAFT for one in planned)
    return review_again(app, campaign_id, actor=actor) if was_scheduled else None


def duplicate_campaign(
    app: AppContext, campaign_id: int, *, actor: str, key: PlanKey | None = None, to_the_rest: bool = False
) -> int:
    """A draft like this campaign, without its times; returns its id. Raises what `create_campaign` raises.

    `to_the_rest` leaves out everyone who has one of its articles or may have it, even if the campaign allowed repeats:
    for a corrected version of what was stopped. `key` is as for `plan`.
    """
    with app.database.begin() as connection:
        asked = replace(campaigns.plan_of(connection, campaign_id), starts_at=None, times={})
    if to_the_rest:
        asked = replace(asked, audience=replace(asked.audience, repeats=False))
    number = create_campaign(app, asked, key=key, actor=actor)
    with app.database.begin() as connection:
        campaigns.lock(connection, number)
        if any(one.action is CampaignAction.DUPLICATED for one in campaigns.history(connection, number)):
            return number
        for one, detail in ((campaign_id, f"as campaign {number}"), (number, f"from campaign {campaign_id}")):
            campaigns.record(connection, one, CampaignAction.DUPLICATED, actor=actor, detail=detail, now=app.clock())
    return number


def _was_scheduled(app: AppContext, campaign_id: int) -> bool:
    with app.database.begin() as connection:
        return _has_been_scheduled(connection, campaign_id)


def _was_scheduled_by_another_call(app: AppContext, campaign_id: int) -> bool:
    """Whether a call with the same key has scheduled it; if none has, it is removed."""
    with suppress(NotFoundError), app.database.begin() as connection:
        campaigns.lock(connection, campaign_id)
        if _has_been_scheduled(connection, campaign_id):
            return True
        campaigns.remove(connection, campaign_id)
    return False


def _has_been_scheduled(connection: Connection, campaign_id: int) -> bool:
    return any(one.action is CampaignAction.SCHEDULED for one in campaigns.history(connection, campaign_id))


def _changes(before: CampaignPlan, after: CampaignPlan) -> Iterator[str]:
    """What differs, in words."""
    for one in fields(CampaignPlan):
        if one.name not in _TIMES and getattr(before, one.name) != getattr(after, one.name):
            yield one.name.removesuffix("_slugs").removesuffix("_names").replace("_", " ")
    names = dict.fromkeys(after.channel_names)
    is_moved = any(before.time_of(name) != after.time_of(name) for name in names if name in before.channel_names)
    if is_moved or before.follow_ups != after.follow_ups:
        yield "times"


def _without_lost_leaders(before: CampaignPlan, after: CampaignPlan) -> CampaignPlan:
    """The plan in which whatever followed a channel that is taken out keeps the time that it had."""
    present = {name: one for name, one in after.follow_ups.items() if name in after.channel_names}
    lost = [
        name
        for name, one in present.items()
        if one.channel_name not in after.channel_names and one == before.follow_ups.get(name)
    ]
    kept = {name: one for name, one in present.items() if name not in lost}
    times = {name: time for name in lost if (time := before.time_of(name)) is not None}
    return replace(after, follow_ups=kept, times={**after.times, **times})


def _check(app: AppContext, connection: Connection, asked: CampaignPlan) -> _Parts:
    """The articles and channels of a plan. Raises what `create_campaign` raises."""
    if not asked.article_slugs:
        raise InputError("a campaign needs at least one article")
    if not asked.channel_names:
        raise InputError("a campaign needs at least one channel")
    now, names = app.clock(), tuple(dict.fromkeys(asked.channel_names))
    require_known_leaders(asked.follow_ups, names)
    for name in names:
        time = asked.time_of(name)
        if time is not None:
            require_time_to_come(name, time, asked.zone, now=now)
    parts = _Parts(
        articles=[articles.find_by_slug(connection, slug) for slug in dict.fromkeys(asked.article_slugs)],
        channels=[channels.hold(connection, name) for name in names],
    )
    mailing = AudienceQuery(
        plan=asked.audience,
        article_ids=parts.article_ids,
        tag_slugs=articles.tag_slugs(connection, parts.article_ids),
    )
    to_people = [one.name for one in parts.channels if kind_of(one.kind).capabilities.audience is Audience.SUBSCRIBERS]
    if to_people:
        if asked.audience.is_empty:
            raise InputError(f"channel {to_people[0]} sends to subscribers: name a list, a topic or a segment")
        # Raises NotFoundError for unknown lists and segments. An audience may still be empty: the review says so.
        audiences.count(connection, mailing, now=now)
    _require_usable_options(app, asked, parts)
    return parts


def _require_usable_options(app: AppContext, asked: CampaignPlan, parts: _Parts) -> None:
    for name in asked.channel_options:
        if name not in {record.name for record in parts.channels}:
            raise InputError(f"there are texts for channel {name}, which the campaign does not have")
    for record in parts.channels:
        own, options = asked.channel_options.get(record.name), asked.options_for(record.name)
        if options != MessageOptions():
            channel = app.open_channel(record)
            check_channel_options(record.name, channel, own or MessageOptions())
            check_message_options(channel, options)
            check_post_words(app, record, parts.articles[0].article, options)
