"""Article control: publish and withdraw articles, compare their revisions, and say what a campaign may send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from distributor.domain.article import ArticleAction, ArticleState, ArticleStatus
from distributor.domain.campaign import CampaignAction
from distributor.domain.errors import ScheduleError, StateError
from distributor.domain.problems import Problem, Severity
from distributor.domain.schedule import GRACE
from distributor.flow.app_context import AppContext
from distributor.storage import articles, campaigns, dispatches
from distributor.storage.articles import StatusChange, StoredArticle
from distributor.storage.database import Connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A withdrawn article, and the ids of the campaigns that are paused because of that."""

    article: StoredArticle
    paused_campaigns: tuple[int, ...]


def publish(app: AppContext, slug: str, *, actor: str, at: datetime | None = None) -> StoredArticle:
    """Publish an article at `at`; by default at the end of the embargo it has, or now without one.

    Raises NotFoundError, ScheduleError for a time in the past, and StateError.
    """
    now = app.clock()
    if at is not None and at < now - GRACE:
        raise ScheduleError(f"{at:%Y-%m-%d %H:%M} UTC is in the past; without a time it is published now")

    def change(found: StoredArticle) -> ArticleStatus:
        return found.status.published(now, at=at, dated=found.manuscript.published_at)

    with app.database.begin() as connection:
        return _change(connection, slug, ArticleAction.PUBLISHED, change, actor=actor, now=now)


def mark_ready(app: AppContext, slug: str, *, actor: str) -> StoredArticle:
    """Mark a draft as ready to be published. Raises NotFoundError and StateError."""
    with app.database.begin() as connection:
        return _change(
            connection, slug, ArticleAction.READY, lambda found: found.status.ready(), actor=actor, now=app.clock()
        )


def unpublish(app: AppContext, slug: str, *, actor: str) -> StoredArticle:
    """Make an article that was never public a draft again. Raises NotFoundError and StateError."""
    now = app.clock()
    with app.database.begin() as connection:
        return _change(
            connection,
            slug,
            ArticleAction.UNPUBLISHED,
            lambda found: found.status.unpublished(now),
            actor=actor,
            now=now,
        )


def withdraw(app: AppContext, slug: str, *, actor: str) -> Withdrawal:
    """Withdraw a published article, and pause the campaigns that are to send it or are sending it.

    Raises NotFoundError and StateError.
    """
    now = app.clock()
    with app.database.begin() as connection:
        reason = _withdrawn_reason(slug)
        paused = dispatches.pause_with_article(connection, articles.find_by_slug(connection, slug).id, reason=reason)
        for campaign_id in paused:
            campaigns.record(connection, campaign_id, CampaignAction.PAUSED, actor=actor, detail=reason, now=now)
        article = _change(
            connection, slug, ArticleAction.WITHDRAWN, lambda found: found.status.withdrawn(now), actor=actor, now=now
        )
    return Withdrawal(article=article, paused_campaigns=tuple(paused))


def published_by_campaign(
    found: StoredArticle, *, campaign_id: int, start: datetime, now: datetime
) -> StatusChange | None:
    """How the release of a campaign changes an article that is not published yet: its links lead to its page."""
    status = status_in_campaign(found, start=start, now=now)
    if status == found.status:
        return None
    return StatusChange(article_id=found.id, status=status, actor=f"campaign {campaign_id}")


def status_in_campaign(found: StoredArticle, *, start: datetime, now: datetime) -> ArticleStatus:
    """The status that an article has once a campaign that starts at `start` is released.

    One that is not public yet is public from the start on, and dated with it or with the date of its source, not with
    the time of the release: so it is the same before and after, and for releases on several channels at once.
    """
    if found.status.is_public(now):
        return found.status
    own = found.manuscript.published_at
    return found.status.published(start, dated=own if own is not None and own <= start else start)


def require_sendable(connection: Connection, article_ids: Sequence[int], *, at: datetime) -> None:
    """Lock the articles until the transaction ends. Raises StateError if a campaign cannot send one of them at `at`.

    It can send those that are public, and drafts, which its release publishes.
    """
    articles.lock(connection, article_ids)
    for found in articles.find_many(connection, article_ids):
        insist_on_sendable(found, at=at)


def insist_on_sendable(found: StoredArticle, *, at: datetime) -> None:
    """Raises StateError if a campaign cannot send the article at `at`."""
    problem = sending_problem(found, at=at)
    if problem is not None:
        raise StateError(problem.message)


def sending_problem(found: StoredArticle, *, at: datetime) -> Problem | None:
    """What keeps a campaign from sending the article at `at`; None if it can."""
    slug, status = found.article.slug, found.status
    if status.is_public(at):
        return None
    if status.state is ArticleState.WITHDRAWN:
        return Problem(Severity.BLOCK, "article-withdrawn", _withdrawn_reason(slug), slug)
    if embargo := status.embargo(at):
        reason = (
            f"article {slug} is under embargo until {embargo:%Y-%m-%d %H:%M} UTC, after the time of the campaign: "
            f"send it later, or run `distributor article publish {slug} --at TIME`"
        )
        return Problem(Severity.BLOCK, "article-embargoed", reason, slug)
    if found.missing_since is not None:
        reason = (
            f"article {slug} is not published, and its source {found.source} has {found.source_ref} no more: put it "
            f"back there, or run `distributor article publish {slug}`"
        )
        return Problem(Severity.BLOCK, "article-missing", reason, slug)
    return None


def _withdrawn_reason(slug: str) -> str:
    return (
        f"article {slug} was withdrawn: publish it again with `distributor article publish {slug}` and resume the "
        "campaign, or cancel it"
    )


def _change(
    connection: Connection,
    slug: str,
    action: ArticleAction,
    change: Callable[[StoredArticle], ArticleStatus],
    *,
    actor: str,
    now: datetime,
) -> StoredArticle:
    """Change the status of an article; one that stays as it is gets no entry in its history."""
    articles.lock(connection, [articles.find_by_slug(connection, slug).id])
    found = articles.find_by_slug(connection, slug)
    try:
        status = change(found)
    except StateError as error:
        raise StateError(f"article {slug}: {error}") from None
    if status == found.status:
        return found
    articles.change_status(connection, found.id, status, action, actor=actor, now=now)
    log.info("article.changed", article_id=found.id, action=action.value, state=status.state.value)
    return articles.find_by_slug(connection, slug)
