"""The life of a campaign before its release: review, approve, schedule, reschedule and undo.

A draft is reviewed on all channels before any of them is scheduled, and one problem that blocks a channel holds all.
Reviews are made without locks and may take a while; what is decided on one is decided under the lock of the campaign,
and only if it is still the version that was reviewed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import structlog

from distributor.domain.campaign import Campaign, CampaignAction, CampaignPurpose, Dispatch, DispatchState
from distributor.domain.campaign_review import CampaignReview, joined
from distributor.domain.errors import BlockedError, InputError, NotFoundError, ScheduleError, StateError
from distributor.domain.schedule import (
    GRACE,
    FollowUp,
    StartTimes,
    followed_by,
    format_time,
    spell_duration,
    zone_named,
)
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import require_sendable
from distributor.flow.publishing.prepare import spell_changes
from distributor.flow.publishing.review import review_campaign
from distributor.storage import campaign_reviews, campaigns, dispatches
from distributor.storage.campaign_reviews import ReviewRecord
from distributor.storage.database import Connection

_WAITING = frozenset({DispatchState.DRAFT, DispatchState.SCHEDULED, DispatchState.PAUSED})

log = structlog.get_logger(__name__)


def review(app: AppContext, campaign_id: int, *, actor: str, with_links: bool = False) -> CampaignReview:
    """Review a campaign on all channels and keep what was shown; it is not scheduled or changed.

    Raises NotFoundError, and StateError if nothing is left to review.
    """
    with app.database.begin() as connection:
        version = campaigns.find(connection, campaign_id).version
    made = review_campaign(app, campaign_id, with_links=with_links)
    with app.database.begin() as connection:
        require_version(campaigns.lock(connection, campaign_id), version)
        _store(connection, app, made, version=version, actor=actor)
    return made


def approve(
    app: AppContext, campaign_id: int, *, actor: str, version: int | None = None, review_id: int | None = None
) -> CampaignReview:
    """Approve a draft, or a campaign that waits for a person, as it would go out now; returns what is approved.

    `version` is the one that the caller has seen, if it must be that one; `review_id` is of the review that was shown,
    if what goes out must be what it showed. Raises NotFoundError, BlockedError, and StateError for a campaign that is
    neither, has another version, or has changed since that review.
    """
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        require_seen(campaign, version)
        seen = _require_newest(connection, campaign, review_id, version=campaign.version)
        _require_resting(campaign, dispatches.of_campaign(connection, campaign_id))
    made = review_campaign(app, campaign_id)
    with app.database.begin() as connection:
        require_version(campaigns.lock(connection, campaign_id), campaign.version)
        _require_resting(campaign, dispatches.of_campaign(connection, campaign_id))
        stored = _store(connection, app, made, version=campaign.version, actor=actor)
        if not made.blockers:
            _require_same(campaign, seen, stored)
            campaign_reviews.approve(connection, stored.id, actor=actor, now=app.clock())
            campaigns.record(connection, campaign_id, CampaignAction.APPROVED, actor=actor, now=app.clock())
    require_unblocked(made)
    log.info("campaign.approved", campaign_id=campaign_id)
    return made


def arrange(
    app: AppContext,
    campaign_id: int,
    *,
    actor: str,
    start: StartTimes | None = None,
    zone: str = "",
    without: Sequence[str] = (),
    version: int | None = None,
) -> int:
    """Set the times of a draft and leave channels out of it; it stays a draft. Returns its version then.

    `zone` is that of the times, by default the one it has; `version` is the one that the caller has seen, if it must be
    that one. Raises ScheduleError for past times, NotFoundError, InputError if no channel is left, and StateError for a
    campaign that is no draft or has another version.
    """
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_seen(campaign, version)
        planned = dispatches.of_campaign(connection, campaign_id)
        _require_draft(campaign, planned)
        is_changed = _leave_out(connection, planned, without)
        planned = dispatches.of_campaign(connection, campaign_id)
        if start is not None:
            is_changed |= set_times(connection, planned, start, zone=zone, now=app.clock())
        if is_changed:
            campaigns.bump_version(connection, campaign_id)
            detail = f"without {joined(without)}" if without else "times"
            campaigns.record(
                connection, campaign_id, CampaignAction.EDITED, actor=actor, detail=detail, now=app.clock()
            )
        return campaigns.find(connection, campaign_id).version


def schedule(
    app: AppContext,
    campaign_id: int,
    *,
    actor: str,
    start: StartTimes | None = None,
    zone: str = "",
    without: Sequence[str] = (),
    with_links: bool = False,
    version: int | None = None,
    review_id: int | None = None,
) -> CampaignReview:
    """Review a draft, arranged as by `arrange`, and schedule it if nothing blocks it; returns the review.

    `review_id` is of the review that was shown, if what goes out must be what it showed: then a form that is sent again
    after the campaign was scheduled and taken back schedules nothing.

    Raises what `arrange` raises, BlockedError if the review finds problems that block it, ScheduleError without times
    or for past ones, and StateError if it was edited meanwhile, needs an approval of what it is now, or is not what was
    shown. It stays a draft then.
    """
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        seen = _require_newest(connection, campaign, review_id, version=campaign.version)
    version = arrange(app, campaign_id, actor=actor, start=start, zone=zone, without=without, version=version)
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _require_times(campaign, dispatches.of_campaign(connection, campaign_id), now=app.clock())
    made = review_campaign(app, campaign_id, with_links=with_links)
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_version(campaign, version)
        _require_draft(campaign, dispatches.of_campaign(connection, campaign_id))
        if made.blockers:
            _store(connection, app, made, version=version, actor=actor)
        else:
            # The times that were set above are an edit of this call, and of nobody else: `require_version` knows that.
            _require_newest(connection, campaign, review_id, version=seen.version if seen else version)
            accept_review(connection, app, campaign, made, actor=actor, seen=seen)
            starts = _spell_starts(dispatches.of_campaign(connection, campaign_id))
            campaigns.record(
                connection, campaign_id, CampaignAction.SCHEDULED, actor=actor, detail=starts, now=app.clock()
            )
    require_unblocked(made)
    log.info("campaign.scheduled", campaign_id=campaign_id, dispatches=len(made.dispatches))
    return made


def reschedule(
    app: AppContext,
    campaign_id: int,
    start: StartTimes,
    *,
    actor: str,
    zone: str = "",
    version: int | None = None,
    channel_names: Collection[str] = (),
) -> CampaignReview | None:
    """Change the times of a campaign on the channels that are not released yet, or on those of them that are named.

    What follows a channel that moves, moves with it.

    A draft stays one: None is returned. One that was scheduled is reviewed and scheduled again, or waits for an
    approval if it needs one; if a part of it is out already, only the times of the rest change. `zone` is that of the
    times, by default the one it has; `version` is the one that the caller has seen, if it must be that one.

    Raises what `schedule` raises; the campaign is a draft with the new times if the review finds what blocks it.
    """
    now = app.clock()
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_seen(campaign, version)
        planned = dispatches.of_campaign(connection, campaign_id)
        waiting = [one for one in planned if one.released_at is None and one.state in _WAITING]
        has_begun = any(one.released_at is not None for one in planned)
        require_decided(campaign, planned)
        if not waiting:
            require_unreleased(campaign, planned)
        moved = [one for one in waiting if not channel_names or one.channel_name in channel_names]
        if not moved:
            raise StateError(f"campaign {campaign_id} has nothing left to move on {joined(sorted(channel_names))}")
        was_scheduled = any(one.state is not DispatchState.DRAFT for one in waiting)
        if not has_begun:
            dispatches.take_back(connection, campaign_id)
        if set_times(connection, with_followers(moved, waiting), start, zone=zone, now=now):
            campaigns.bump_version(connection, campaign_id)
        starts = _spell_starts(dispatches.of_campaign(connection, campaign_id))
        campaigns.record(connection, campaign_id, CampaignAction.RESCHEDULED, actor=actor, detail=starts, now=now)
    log.info("campaign.rescheduled", campaign_id=campaign_id)
    return None if has_begun or not was_scheduled else review_again(app, campaign_id, actor=actor)


def review_again(app: AppContext, campaign_id: int, *, actor: str) -> CampaignReview:
    """Review a campaign that was scheduled and is a draft again because it was changed, and schedule it anew.

    If it needs an approval it stays a draft until it has one. Raises what `schedule` raises.
    """
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
    if campaign.needs_approval:
        return review(app, campaign_id, actor=actor)
    return schedule(app, campaign_id, actor=actor)


def undo(app: AppContext, campaign_id: int, *, actor: str) -> None:
    """Make a campaign that is scheduled, or paused before its release, a draft again; its times stay.

    Raises NotFoundError, and StateError if it is no such campaign: it says what is out already.
    """
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        require_unreleased(campaign, planned)
        if all(one.state is DispatchState.DRAFT for one in planned):
            raise StateError(f"campaign {campaign_id} is a draft: there is nothing to undo")
        dispatches.take_back(connection, campaign_id)
        campaigns.record(connection, campaign_id, CampaignAction.UNDONE, actor=actor, now=app.clock())
    log.info("campaign.undone", campaign_id=campaign_id)


def require_unreleased(campaign: Campaign, planned: Sequence[Dispatch]) -> None:
    """Raises StateError that says what is out already, or that nothing of the campaign is to come."""
    require_decided(campaign, planned)
    released = [one for one in planned if one.released_at is not None]
    if released:
        out = joined([f"{one.channel_name} ({one.audience_size or 0})" for one in released])
        waiting = [one.channel_name for one in planned if one.state in _WAITING and one.released_at is None]
        rest = f"; {joined(waiting)} can still be paused or cancelled" if waiting else ""
        raise StateError(f"campaign {campaign.id} has begun: {out} is out or on its way{rest}")
    if not any(one.state in _WAITING for one in planned):
        raise StateError(f"campaign {campaign.id} has ended: `distributor campaign duplicate {campaign.id}` copies it")


def require_decided(campaign: Campaign, planned: Sequence[Dispatch]) -> None:
    """Raises StateError if the campaign waits since the database was restored: nobody has said that it goes on."""
    held = [one for one in planned if one.is_held]
    if held:
        raise StateError(
            f"campaign {campaign.id} waits: {held[0].reason}; `distributor campaign resume {campaign.id} "
            f"--after-restore` lets the rest go on, and `distributor campaign cancel {campaign.id}` ends it"
        )


def accept_review(
    connection: Connection,
    app: AppContext,
    campaign: Campaign,
    made: CampaignReview,
    *,
    actor: str,
    seen: ReviewRecord | None = None,
) -> None:
    """Store a review that nothing blocks and schedule what it showed; the caller has locked the campaign.

    Raises StateError for an article that cannot be sent, if the campaign needs an approval of what it is now, and if it
    is not what was `seen`.
    """
    now = app.clock()
    stored = _store(connection, app, made, version=campaign.version, actor=actor)
    _require_same(campaign, seen, stored)
    _require_approval(connection, campaign, stored)
    campaign_reviews.accept(connection, stored.id, now=now)
    for one in made.dispatches:
        rendition_id = stored.rendition_ids[one.channel_name]
        dispatches.schedule(connection, one.dispatch_id, rendition_id=rendition_id, problems=one.problems, now=now)
    # Dispatches are locked before articles, as in a release.
    start = dispatches.start_of_campaign(connection, campaign.id)
    require_sendable(connection, campaign.article_ids, at=max(now, start) if start else now)


def set_times(
    connection: Connection, planned: Sequence[Dispatch], start: StartTimes, *, zone: str, now: datetime
) -> bool:
    """Set when these dispatches of one campaign start; whether one had another time before.

    One that follows another of these goes on following it, unless it gets a time of its own here. Raises ScheduleError
    and InputError.
    """
    known = {one.channel_name for one in planned}
    for name in (*start.times, *start.follow_ups):
        if name not in known:
            raise InputError(f"there is a time for channel {name}, but the campaign has {joined(sorted(known))}")
    require_known_leaders(start.follow_ups, known)
    kept = {
        one.channel_name: one.follow_up
        for one in planned
        if one.follow_up and one.follow_up.channel_name in known and one.channel_name not in start.times
    }
    follow_ups = {**kept, **start.follow_ups}
    is_changed = False
    for one in planned:
        leader, after = followed_by(one.channel_name, follow_ups)
        time = start.times.get(leader, start.starts_at) + after
        require_time_to_come(one.channel_name, time, zone or one.zone, now=now)
        is_changed |= one.scheduled_at is not None and one.scheduled_at != time
        is_changed |= one.follow_up != follow_ups.get(one.channel_name) and one.scheduled_at is not None
        dispatches.set_time(connection, one.id, time, zone or one.zone)
    if planned:
        campaign_id = planned[0].campaign_id
        others = {
            one.channel_name: one.follow_up
            for one in dispatches.of_campaign(connection, campaign_id)
            if one.follow_up and one.channel_name not in known
        }
        dispatches.set_follow_ups(connection, campaign_id, {**others, **follow_ups})
    return is_changed


def with_followers(moved: Sequence[Dispatch], waiting: Sequence[Dispatch]) -> list[Dispatch]:
    """The dispatches that move, with those of the waiting ones that follow one of them, over any number of others."""
    names = {one.channel_name for one in moved}
    while more := {
        one.channel_name
        for one in waiting
        if one.follow_up and one.follow_up.channel_name in names and one.channel_name not in names
    }:
        names |= more
    return [one for one in waiting if one.channel_name in names]


def require_known_leaders(follow_ups: Mapping[str, FollowUp], channel_names: Collection[str]) -> None:
    """Raises ScheduleError for a channel that follows none of these, or itself over others."""
    for name, one in follow_ups.items():
        if one.channel_name not in channel_names:
            there = joined(sorted(channel_names))
            raise ScheduleError(f"{name} starts after {one.channel_name}, and the campaign has {there}")
        followed_by(name, follow_ups)


def require_time_to_come(channel_name: str, time: datetime, zone: str, *, now: datetime) -> None:
    """Raises ScheduleError for a time in the past."""
    if time < now - GRACE:
        local = time.astimezone(zone_named(zone))
        raise ScheduleError(
            f"{format_time(local)}, the time for {channel_name}, is in the past: it was {spell_duration(now - time)} "
            "ago; choose a later time or now"
        )


def _leave_out(connection: Connection, planned: Sequence[Dispatch], without: Sequence[str]) -> bool:
    """Remove the drafts on these channels; whether there are any."""
    by_name = {one.channel_name: one for one in planned}
    for name in without:
        if name not in by_name:
            raise NotFoundError("channel of this campaign", name, hint=f"it has {', '.join(sorted(by_name))}")
    if without and set(by_name) <= set(without):
        raise InputError("a campaign needs at least one channel: without these, none is left")
    for name in without:
        dispatches.remove(connection, by_name[name].id)
    return bool(without)


def _require_draft(campaign: Campaign, planned: Sequence[Dispatch]) -> None:
    if campaign.purpose is CampaignPurpose.CONFIRMATION:
        raise StateError(f"campaign {campaign.id} is of confirmation mails, which are sent by themselves")
    require_unreleased(campaign, planned)
    if any(one.state is not DispatchState.DRAFT for one in planned):
        raise StateError(
            f"campaign {campaign.id} is scheduled already: `distributor campaign reschedule {campaign.id}` changes its "
            f"times, `distributor campaign undo {campaign.id}` makes it a draft again"
        )


def _require_resting(campaign: Campaign, planned: Sequence[Dispatch]) -> None:
    """Raises StateError for a campaign that is neither a draft nor paused before its release."""
    waiting = [one for one in planned if one.released_at is None]
    if not any(one.state in (DispatchState.DRAFT, DispatchState.PAUSED) for one in waiting):
        raise StateError(f"campaign {campaign.id} is neither a draft nor waits for a person: it cannot be approved")


def _require_times(campaign: Campaign, planned: Sequence[Dispatch], *, now: datetime) -> None:
    for one in planned:
        if one.scheduled_at is None:
            raise ScheduleError(
                f"campaign {campaign.id} has no time for {one.channel_name}: "
                f"`distributor campaign schedule {campaign.id} --at TIME`"
            )
        require_time_to_come(one.channel_name, one.scheduled_at, one.zone, now=now)


def require_seen(campaign: Campaign, version: int | None) -> None:
    """Raises StateError if a campaign has another version than the one that its editor has seen, if that is given."""
    if version is not None and campaign.version != version:
        raise StateError(
            f"campaign {campaign.id} was changed meanwhile: it has version {campaign.version}, not {version}; look at "
            "it again"
        )


def _require_newest(
    connection: Connection, campaign: Campaign, review_id: int | None, *, version: int
) -> ReviewRecord | None:
    """The newest review, if one was shown. Raises StateError if that was another, or is of another version."""
    if review_id is None:
        return None
    newest = campaign_reviews.newest(connection, campaign.id)
    if newest is None or newest.id != review_id or newest.version != version:
        raise StateError(f"campaign {campaign.id} was reviewed or changed since you looked: look at it again")
    return newest


def _require_same(campaign: Campaign, seen: ReviewRecord | None, stored: ReviewRecord) -> None:
    """Raises StateError if a review shows something else than the one that was seen."""
    changes = _changes_since(seen, stored) if seen is not None else ""
    if changes:
        raise StateError(f"campaign {campaign.id} is not what you looked at any more: {changes}; look at it again")


def _changes_since(before: ReviewRecord, after: ReviewRecord) -> str:
    """What differs between what two reviews showed, empty if nothing does.

    Articles that are not published yet are dated with the start: other times alone make other renditions, and so does
    every moment while there is no time.
    """
    is_comparable = before.starts == after.starts and None not in after.starts.values()
    changed = [name for name, number in after.rendition_ids.items() if number != before.rendition_ids.get(name)]
    if before.revisions == after.revisions and not (is_comparable and changed):
        return ""
    return spell_changes(before.revisions, after.revisions, changed)


def require_version(campaign: Campaign, version: int) -> None:
    if campaign.version != version:
        raise StateError(f"campaign {campaign.id} was edited while it was reviewed: review it again")


def require_unblocked(made: CampaignReview) -> None:
    if made.blockers:
        raise BlockedError(made.campaign_id, made.blockers)


def _store(connection: Connection, app: AppContext, made: CampaignReview, *, version: int, actor: str) -> ReviewRecord:
    stored = campaign_reviews.add(connection, made, version=version, actor=actor)
    found = f"{len(made.blockers)} blocking, {len(made.warnings)} warnings"
    campaigns.record(connection, made.campaign_id, CampaignAction.REVIEWED, actor=actor, detail=found, now=app.clock())
    return stored


def _require_approval(connection: Connection, campaign: Campaign, stored: ReviewRecord) -> None:
    """Raises StateError if a campaign needs an approval, and has none of what this review shows."""
    if not campaign.needs_approval:
        return
    advice = f"`distributor campaign approve {campaign.id}` approves it as it is now"
    approved = campaign_reviews.newest_approved(connection, campaign.id, version=campaign.version)
    if approved is None:
        raise StateError(f"campaign {campaign.id} needs an approval: {advice}")
    what = _changes_since(approved, stored)
    if what:
        raise StateError(f"campaign {campaign.id} changed since it was approved: {what}; {advice}")


def _spell_starts(planned: Sequence[Dispatch]) -> str:
    """The times of the channels: a time that is that of all once."""
    times = {one.channel_name: format_time(one.local_time) for one in planned if one.local_time}
    if len(times) == len(planned) > 1 and len(set(times.values())) == 1:
        return f"{joined(times)} {next(iter(times.values()))}"
    return ", ".join(f"{name} {time}" for name, time in times.items())
