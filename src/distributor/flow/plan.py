"""Plan: turn what a person asks for into a campaign with its dispatches."""

from __future__ import annotations

from datetime import timedelta

from distributor.channels.contract import Audience
from distributor.channels.shelf import kind_of
from distributor.domain.campaign import CampaignPlan
from distributor.domain.errors import InputError, ScheduleError
from distributor.domain.subscriber import List
from distributor.flow.installation import Installation
from distributor.storage import articles, audience, campaigns, channels
from distributor.storage.channels import ChannelRecord

# "Now" is said a moment before it is written down.
_GRACE = timedelta(minutes=1)


def plan(installation: Installation, asked: CampaignPlan) -> int:
    """A campaign with a dispatch per channel, all or nothing; returns its number.

    Raises NotFoundError for an unknown article, list or channel, ScheduleError for a time in the past, InputError for a
    campaign that has nothing to say or nobody to say it to.
    """
    now = installation.clock()
    if not asked.article_slugs:
        raise InputError("a campaign needs at least one article")
    if not asked.channel_names:
        raise InputError("a campaign needs at least one channel")
    names = tuple(dict.fromkeys(asked.channel_names))
    for name in names:
        if asked.time_of(name) < now - _GRACE:
            raise ScheduleError(f"{asked.time_of(name):%Y-%m-%d %H:%M} UTC, the time for {name}, is in the past")
    with installation.database.begin() as connection:
        stored = [articles.find_by_slug(connection, slug) for slug in asked.article_slugs]
        records = [channels.find(connection, name) for name in names]
        chosen = audience.find_list(connection, asked.list_slug) if asked.list_slug else None
        _insist_on_audience(records, chosen, people=audience.count_subscribed(connection, chosen.id) if chosen else 0)
        campaign_id = campaigns.add(
            connection,
            name=asked.name or stored[0].article.title,
            article_ids=[one.id for one in stored],
            list_id=chosen.id if chosen else None,
            track_opens=asked.track_opens,
            track_clicks=asked.track_clicks,
            unknown_policy=asked.unknown_policy,
            now=now,
        )
        for record in records:
            campaigns.add_dispatch(
                connection, campaign_id, record.id, scheduled_at=asked.time_of(record.name), zone=asked.zone
            )
    return campaign_id


def _insist_on_audience(records: list[ChannelRecord], chosen: List | None, *, people: int) -> None:
    to_people = [
        record.name for record in records if kind_of(record.kind).capabilities.audience is Audience.SUBSCRIBERS
    ]
    if not to_people:
        return
    if chosen is None:
        raise InputError(f"channel {to_people[0]} sends to people: say to which list, with --list")
    if people == 0:
        raise InputError(
            f"nobody is subscribed to list {chosen.slug!r}: add people with `distributor subscriber add` or "
            "`distributor subscriber import` first"
        )
