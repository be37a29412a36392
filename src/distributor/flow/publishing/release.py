"""Release: freeze the audience of a due dispatch and start it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

import structlog

from distributor.channels.api import Audience, Channel, PersonalizedChannel
from distributor.domain.article import ArticleAction
from distributor.domain.campaign import Campaign, CampaignAction, Dispatch, DispatchState
from distributor.domain.errors import ServiceError, StateError
from distributor.domain.merge_fields import FieldGroup, MergeFields, field_label
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.rendition import Rendition
from distributor.domain.schedule import TOO_LATE, format_time, spell_duration
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import DISPATCHES_AT_ONCE, Job, JobKind, delivery_jobs
from distributor.flow.publishing.article_control import insist_on_sendable, published_by_campaign
from distributor.flow.publishing.campaign_content import audience_query, count_missing_fields, without_repetition
from distributor.flow.publishing.prepare import SCHEDULER, hold_unreleased
from distributor.flow.quarantine import ItemGuard, key_of_job
from distributor.storage import (
    articles,
    audiences,
    campaigns,
    channels,
    deliveries,
    dispatches,
    generations,
    merge_fields,
)
from distributor.storage.articles import StatusChange, StoredArticle
from distributor.storage.database import Connection

log = structlog.get_logger(__name__)

# So many deliveries more change what PostgreSQL has to know about them; a few do not.
_MANY = 1000
# A release that has taken so long is committed: those that were to be released together with it wait for the next.
_TOGETHER_SECONDS = 1.0
_NOBODY = "the audience was empty at release"


def release(app: AppContext, dispatch_id: int) -> bool:
    """Freeze the audience of a prepared dispatch that is due; False if there is nothing to send.

    Accounts and feeds that got one of the articles by another campaign are left out, as subscribers are, unless the
    campaign allows repeats. Releases of the same article wait for each other.

    One transaction: either every recipient has a delivery, the articles are published and the dispatch runs, or
    nothing has changed. If it is later than TOO_LATE, an article is withdrawn or under embargo, or a subscriber lacks a
    field that the mail uses without a default, every dispatch of the campaign that is not released pauses with a reason
    instead. If an article was revised since it was prepared, it is prepared again.
    """
    try:
        return bool(_release(app, [dispatch_id]))
    except StateError as error:
        with app.database.begin() as connection:
            campaign_id = dispatches.find(connection, dispatch_id).campaign_id
            campaigns.lock(connection, campaign_id)
            if dispatches.lock_due(connection, [dispatch_id], now=app.clock()):
                hold_unreleased(connection, app, campaign_id, str(error))
        log.warning("dispatch.paused", dispatch_id=dispatch_id, reason=str(error))
        return False


def release_due(app: AppContext, *, part: int = 0) -> list[Job]:
    """Release several dispatches that are due, those first that are due the longest; returns the jobs that follow.

    They are released in one transaction, as each would be for itself. If one cannot be, none is, and then each is
    released for itself: one that fails is in quarantine. `part` tells workers that do this at the same time apart.
    """
    resting = key_of_job(JobKind.RELEASE, "")
    with app.database.begin() as connection:
        if not generations.sends(connection):
            return []
        due = dispatches.to_release(
            connection,
            now=app.clock(),
            limit=DISPATCHES_AT_ONCE + 1,
            offset=part * DISPATCHES_AT_ONCE,
            resting=resting,
        )
    guard = ItemGuard(app, QuarantineLoop.JOB)
    released = _release_together(app, due[:DISPATCHES_AT_ONCE], guard)
    with app.database.begin() as connection:
        jobs = delivery_jobs(dispatches.find_many(connection, released))
    # If nothing could be released, the scheduler finds out whether that is still so.
    return [*jobs, Job(JobKind.RELEASE_DUE, part=part)] if released and len(due) > len(released) else jobs


def _release_together(app: AppContext, dispatch_ids: Sequence[int], guard: ItemGuard) -> list[int]:
    """The ids of those that have something to send."""
    keys = {number: key_of_job(JobKind.RELEASE, number) for number in dispatch_ids}
    try:
        released = _release(app, dispatch_ids)
    except ServiceError:
        raise
    except Exception as error:
        log.info("release.each_for_itself", dispatches=len(keys), reason=type(error).__name__)
        released = []
        for number, key in keys.items():
            with guard.item(key, dispatch_id=number):
                released += [number] if release(app, number) else []
    else:
        guard.note_success(keys.values())
    return released


def _release(app: AppContext, dispatch_ids: Sequence[int]) -> list[int]:
    """Release these dispatches in one transaction; returns the ids of those that have something to send.

    Raises StateError if one of them cannot be released. What would take too long together is left for the next time.
    """
    began = time.monotonic()
    with app.database.begin() as connection:
        # The campaigns first: whoever takes one back or edits it waits, or has won.
        of_campaigns = campaigns.lock_for_release(connection, dispatch_ids)
        found = dispatches.find_many(connection, dispatches.lock_due(connection, dispatch_ids, now=app.clock()))
        article_ids = sorted({number for one in found for number in of_campaigns[one.campaign_id].article_ids})
        audiences.hold(connection, article_ids)
        # After the lock, which may have waited for a release that published an article.
        now = app.clock()
        run = _Release(
            connection=connection,
            now=now,
            campaigns=of_campaigns,
            articles={one.id: one for one in articles.find_many(connection, article_ids)},
            tags=articles.tags_of(connection, article_ids),
        )
        ready = run.up_to_date(found)
        on_channels = {
            number: app.open_channel(channels.find_by_id(connection, number))
            for number in {one.channel_id for one in ready}
        }
        renditions = dispatches.renditions_of(connection, [one.id for one in ready])
        frozen: dict[int, _Frozen] = {}
        for dispatch in ready:
            frozen[dispatch.id] = run.freeze(dispatch, on_channels[dispatch.channel_id], renditions[dispatch.id])
            if time.monotonic() - began > _TOGETHER_SECONDS:
                break
        run.store(frozen)
    if sum(one.audience for one in frozen.values()) >= _MANY:
        with app.database.begin() as connection:
            deliveries.gather_statistics(connection)
    for one in frozen.values():
        log.info(
            "dispatch.released",
            dispatch_id=one.dispatch.id,
            campaign_id=one.dispatch.campaign_id,
            channel=one.dispatch.channel_name,
            audience=one.audience,
            seconds=round(time.monotonic() - began, 3),
        )
    return [number for number, one in frozen.items() if one.audience > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frozen:
    """A dispatch whose audience is frozen, and how many are in it; if nobody is, why."""

    dispatch: Dispatch
    audience: int
    reason: str = _NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """One transaction that releases dispatches, with their campaigns and articles, which it has locked."""

    connection: Connection
    now: datetime
    campaigns: Mapping[int, Campaign]
    articles: Mapping[int, StoredArticle]
    # The slugs of the tags of each article that has any.
    tags: Mapping[int, Set[str]]

    def up_to_date(self, found: Sequence[Dispatch]) -> list[Dispatch]:
        """Those that can be released; those of which an article was revised meanwhile are prepared again.

        Raises StateError if one is too late, or has an article that cannot be sent.
        """
        prepared = dispatches.revisions_of(self.connection, [one.id for one in found])
        for dispatch in found:
            _insist_on_punctuality(dispatch, now=self.now)
            for one in self._articles_of(dispatch):
                insist_on_sendable(one, at=self.now)
        outdated = {one.id for one in found if self._was_revised(one, prepared[one.id])}
        for number in outdated:
            dispatches.prepare_again(self.connection, number)
        return [one for one in found if one.id not in outdated]

    def freeze(self, dispatch: Dispatch, channel: Channel, rendition: Rendition) -> _Frozen:
        """Give every recipient a delivery. Raises StateError if subscribers lack a field that they need."""
        campaign = self.campaigns[dispatch.campaign_id]
        if channel.capabilities.audience is Audience.BROADCAST:
            # The articles are locked: no other release of them is between this question and its answer.
            recipients, received = without_repetition(self.connection, channel, rendition, campaign)
            audience = deliveries.freeze_recipients(self.connection, dispatch.id, recipients, now=self.now)
            return _Frozen(dispatch=dispatch, audience=audience, reason=received or _NOBODY)
        mailing = audience_query(campaign, self.tags)
        needs = channel.merge_fields_of(rendition) if isinstance(channel, PersonalizedChannel) else MergeFields()
        audience = audiences.freeze(self.connection, dispatch.id, mailing, now=self.now, fields=needs.fields)
        if isinstance(channel, PersonalizedChannel) and needs.fields:
            groups = merge_fields.groups_of_dispatch(self.connection, dispatch.id, needs)
            _insist_on_fields(channel, rendition, groups, audience=audience)
        return _Frozen(dispatch=dispatch, audience=audience)

    def store(self, frozen: Mapping[int, _Frozen]) -> None:
        """Let the dispatches run, publish their articles, and write it into the histories."""
        connection, now = self.connection, self.now
        if not frozen:
            return
        dispatches.mark_released(connection, {number: one.audience for number, one in frozen.items()}, now=now)
        entries = [
            (one.dispatch.campaign_id, f"{one.dispatch.channel_name}: {one.audience:,}") for one in frozen.values()
        ]
        campaigns.record_all(connection, entries, CampaignAction.RELEASED, actor=SCHEDULER, now=now)
        self._publish([one.dispatch for one in frozen.values() if one.audience > 0])
        for number, one in frozen.items():
            if one.audience == 0:
                dispatches.change_state(
                    connection, number, before={DispatchState.RUNNING}, after=DispatchState.FAILED, reason=one.reason
                )

    def _publish(self, released: Sequence[Dispatch]) -> None:
        """Publish those articles that are not published yet. The campaign that starts first gives each its date."""
        starts = dispatches.starts_of_campaigns(self.connection, {one.campaign_id for one in released})
        changes: dict[int, StatusChange] = {}
        for campaign_id, start in sorted(starts.items(), key=itemgetter(1)):
            for number in self.campaigns[campaign_id].article_ids:
                change = published_by_campaign(
                    self.articles[number], campaign_id=campaign_id, start=start, now=self.now
                )
                if change is not None:
                    changes.setdefault(number, change)
        articles.change_statuses(self.connection, list(changes.values()), ArticleAction.PUBLISHED, now=self.now)

    def _was_revised(self, dispatch: Dispatch, prepared: Mapping[str, int]) -> bool:
        """Whether one of its articles was revised since the dispatch was prepared from these revisions."""
        current = {one.article.slug: one.article.revision for one in self._articles_of(dispatch)}
        return any(prepared.get(slug, number) != number for slug, number in current.items())

    def _articles_of(self, dispatch: Dispatch) -> list[StoredArticle]:
        return [self.articles[number] for number in self.campaigns[dispatch.campaign_id].article_ids]


def _insist_on_punctuality(dispatch: Dispatch, *, now: datetime) -> None:
    assert dispatch.local_time is not None, "only drafts have no time"  # noqa: S101
    late = now - dispatch.local_time
    if late > TOO_LATE:
        raise StateError(
            f"it was to start at {format_time(dispatch.local_time)}, {spell_duration(late)} ago, and could not; "
            "nothing was sent. Resume this campaign to send it now, or cancel it"
        )


def _insist_on_fields(
    channel: PersonalizedChannel, rendition: Rendition, groups: Iterable[FieldGroup], *, audience: int
) -> None:
    lacking = count_missing_fields(channel, rendition, groups)
    if not lacking:
        return
    counts = ", ".join(
        f"{count} of {audience} subscribers have no {field_label(key)}" for key, count in lacking.most_common()
    )
    example = field_label(next(iter(lacking)))
    raise StateError(
        f"{counts}, and the mail uses it without a default; nothing was sent. Use "
        f"{{{{ {example} | default('…') }}}} in a new campaign; or set the field for these subscribers, or exclude "
        "them by a segment, and resume this campaign"
    )
