"""Plan: make a campaign with one dispatch for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from distributor.channels.api import Audience
from distributor.channels.registry import kind_of
from distributor.domain.campaign import CampaignPlan, PlanKey
from distributor.domain.errors import InputError, ScheduleError
from distributor.domain.message_options import MessageOptions
from distributor.domain.schedule import GRACE, format_time, spell_duration, zone_named
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import require_sendable
from distributor.flow.publishing.campaign_content import check_channel_options, check_message_options
from distributor.storage import articles, audiences, campaigns, channels, dispatches
from distributor.storage.audiences import AudienceQuery
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection


def plan(app: AppContext, asked: CampaignPlan, *, key: PlanKey | None = None) -> int:
    """Add a campaign with a dispatch per channel in one transaction; returns its id.

    `key` is an idempotency key: the same plan under the same key returns the campaign of the first call, a different
    plan raises StateError. The release publishes the articles that are not published yet.

    Raises StateError for an article that is withdrawn, or under embargo at the time of the campaign, NotFoundError for
    an unknown article, channel, list or segment, ScheduleError for a time in the past, and InputError for a campaign
    without articles, channels or audience, or with message options that cannot be rendered.
    """
    now = app.clock()
    if not asked.article_slugs:
        raise InputError("a campaign needs at least one article")
    if not asked.channel_names:
        raise InputError("a campaign needs at least one channel")
    names = tuple(dict.fromkeys(asked.channel_names))
    with app.database.begin() as connection:
        known = campaigns.find_by_key(connection, key) if key else None
        if known is not None:
            return known
        _insist_on_times_to_come(asked, names, now=now)
        stored = [articles.find_by_slug(connection, slug) for slug in asked.article_slugs]
        require_sendable(connection, [one.id for one in stored], at=min(asked.time_of(name) for name in names))
        records = [channels.find(connection, name) for name in names]
        mailing = AudienceQuery(
            plan=asked.audience,
            article_ids=tuple(one.id for one in stored),
            tag_slugs=articles.tag_slugs(connection, [one.id for one in stored]),
        )
        _insist_on_audience(connection, records, mailing, now=now)
        _insist_on_usable_options(app, asked, records)
        campaign_id = campaigns.add(
            connection,
            name=asked.name or stored[0].article.title,
            article_ids=[one.id for one in stored],
            audience=asked.audience,
            track_opens=asked.track_opens,
            track_clicks=asked.track_clicks,
            unknown_policy=asked.unknown_policy,
            message_options=asked.message_options,
            channel_options=asked.channel_options,
            key=key,
            now=now,
        )
        for record in records:
            dispatches.add(connection, campaign_id, record.id, scheduled_at=asked.time_of(record.name), zone=asked.zone)
    return campaign_id


def _insist_on_times_to_come(asked: CampaignPlan, names: Sequence[str], *, now: datetime) -> None:
    for name in names:
        if asked.time_of(name) < now - GRACE:
            time = asked.time_of(name).astimezone(zone_named(asked.zone))
            raise ScheduleError(
                f"{format_time(time)}, the time for {name}, is in the past: it was {spell_duration(now - time)} ago; "
                "choose a later time or now"
            )


def _insist_on_usable_options(app: AppContext, asked: CampaignPlan, records: Sequence[ChannelRecord]) -> None:
    for name in asked.channel_options:
        if name not in {record.name for record in records}:
            raise InputError(f"there are texts for channel {name}, which the campaign does not have")
    for record in records:
        own, options = asked.channel_options.get(record.name), asked.options_for(record.name)
        if options != MessageOptions():
            channel = app.open_channel(record)
            check_channel_options(record.name, channel, own or MessageOptions())
            check_message_options(channel, options)


def _insist_on_audience(
    connection: Connection, records: list[ChannelRecord], mailing: AudienceQuery, *, now: datetime
) -> None:
    to_people = [
        record.name for record in records if kind_of(record.kind).capabilities.audience is Audience.SUBSCRIBERS
    ]
    if not to_people:
        return
    if mailing.plan.is_empty:
        raise InputError(f"channel {to_people[0]} sends to subscribers: name a list, a topic or a segment")
    if audiences.count(connection, mailing, now=now) == 0:
        raise InputError(
            "the audience is empty: it contains no subscriber who has consented, or all of them got the article "
            "before; `distributor campaign audience` with the same options shows the count"
        )
