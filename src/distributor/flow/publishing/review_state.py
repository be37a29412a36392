"""Where a campaign stands before its release: what its newest review showed, and whether that still holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from gettext import gettext as _

from distributor.domain.campaign import (
    Campaign,
    CampaignPurpose,
    CampaignState,
    Dispatch,
    DispatchState,
    campaign_state,
)
from distributor.domain.campaign_comment import CampaignComment, CommentKind
from distributor.domain.campaign_review import Reach
from distributor.domain.errors import NotFoundError
from distributor.domain.problems import Problem, ReviewProblem, Severity
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.prepare import spell_revisions
from distributor.flow.publishing.review import reach_of
from distributor.storage import articles, campaign_comments, campaign_reviews, campaigns, dispatches
from distributor.storage.articles import StoredArticle
from distributor.storage.campaign_reviews import ReviewedDispatch, ReviewRecord

# To so many people at once, one more look costs little.
_LARGE_AUDIENCE = 5_000
# Warnings that are about the act itself rather than about words.
_ASKED_ABOUT = frozenset({"audience-unusual", "subject-repeated"})
_MOST_COMMENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewState:
    """A campaign, what its newest review showed, and what the team says.

    `articles` are the numbers of its articles by slug. `changes` are sentences about what changed since the newest
    review; empty: it still holds. `approved` is the newest approved review of this version, which counts if the
    campaign `is_approved`. `question` is the newest question for an approval, or the answer to it. `comments` begin
    with the oldest.
    """

    campaign: Campaign
    articles: Mapping[str, int]
    planned: tuple[Dispatch, ...]
    newest: ReviewRecord | None
    changes: tuple[str, ...]
    approved: ReviewRecord | None
    question: CampaignComment | None
    comments: tuple[CampaignComment, ...]

    @property
    def state(self) -> CampaignState:
        """The state of the campaign; a draft without any channel is one too."""
        states = [one.state for one in self.planned]
        if not states:
            return CampaignState.DRAFT
        return campaign_state(states, is_reviewed=self.campaign.is_reviewed, is_approved=self.campaign.is_approved)

    @property
    def is_draft(self) -> bool:
        """Whether it is not scheduled yet."""
        return self.state in (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.APPROVED)

    @property
    def is_resting(self) -> bool:
        """Whether it is paused and something of it is still to be released: it waits for a person."""
        return self.state is CampaignState.PAUSED and any(
            one.state is DispatchState.PAUSED and one.released_at is None for one in self.planned
        )

    @property
    def is_decidable(self) -> bool:
        """Whether it can be reviewed and approved: as a draft, or while it waits for a person."""
        return self.is_draft or self.is_resting

    @property
    def is_current(self) -> bool:
        """Whether the newest review shows the campaign as it is now."""
        return self.newest is not None and not self.changes

    @property
    def may_go_out(self) -> bool:
        """Whether nothing that is known keeps a draft from being scheduled, as far as times are set."""
        return (
            self.is_draft
            and self.is_current
            and self.newest is not None
            and not self.newest.blockers
            and (self.campaign.is_approved or not self.campaign.needs_approval)
        )

    @property
    def has_times(self) -> bool:
        """Whether every channel has a time."""
        return bool(self.planned) and all(one.scheduled_at is not None for one in self.planned)

    @property
    def people(self) -> int:
        """How many subscribers the newest review counted."""
        if self.newest is None:
            return 0
        return max((one.recipients for one in self.newest.dispatches if reach_of(one.kind) is Reach.SENT), default=0)

    @property
    def leavable(self) -> tuple[str, ...]:
        """The channels that something blocks, if others are left that nothing blocks."""
        if self.newest is None or not self.is_draft or any(_blocks(one) for one in self.newest.problems):
            return ()
        blocked = [one.channel_name for one in self.newest.dispatches if any(map(_blocks, one.problems))]
        return tuple(blocked) if len(blocked) < len(self.newest.dispatches) else ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to be asked about once more before it goes out: many people, an unusual audience, an old subject."""
        if self.newest is None:
            return ()
        found = [one.problem.message for one in self.newest_problems if one.problem.code in _ASKED_ABOUT]
        if self.people >= _LARGE_AUDIENCE:
            found.insert(0, _("it goes to %(count)s people at once") % {"count": f"{self.people:,}"})
        return tuple(found)

    @property
    def newest_problems(self) -> tuple[ReviewProblem, ...]:
        """The problems of the newest review, those of the campaign as a whole first."""
        if self.newest is None:
            return ()
        own = [ReviewProblem("", one) for one in self.newest.problems]
        return (*own, *(found for one in self.newest.dispatches for found in _problems_on(one)))


def review_state(app: AppContext, campaign_id: int) -> ReviewState:
    """Where a campaign stands. Raises NotFoundError, also for a campaign that sends no articles."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        if campaign.purpose is not CampaignPurpose.ARTICLES:
            raise NotFoundError("campaign with a review", campaign_id)
        newest = campaign_reviews.newest(connection, campaign_id)
        kinds = [CommentKind.ASKED, CommentKind.SENT_BACK, CommentKind.APPROVED]
        found = articles.find_many(connection, campaign.article_ids)
        return ReviewState(
            campaign=campaign,
            articles={one.article.slug: one.id for one in found},
            planned=tuple(dispatches.of_campaign(connection, campaign_id)),
            newest=newest,
            changes=tuple(_changes(campaign, found, newest)) if newest else (),
            approved=campaign_reviews.newest_approved(connection, campaign_id, version=campaign.version),
            question=campaign_comments.newest_of_kind(connection, campaign_id, kinds),
            comments=tuple(reversed(campaign_comments.latest(connection, campaign_id, limit=_MOST_COMMENTS))),
        )


def _changes(campaign: Campaign, found: Sequence[StoredArticle], newest: ReviewRecord) -> Iterator[str]:
    if newest.version != campaign.version:
        yield _("the campaign was edited since the review")
    now = {one.article.slug: one.article.revision for one in found}
    yield from spell_revisions(newest.revisions, now)
    if newest.version == campaign.version and now.keys() != newest.revisions.keys():
        yield _("other articles belong to it now")


def _problems_on(one: ReviewedDispatch) -> list[ReviewProblem]:
    return [ReviewProblem(one.channel_name, problem) for problem in one.problems]


def _blocks(problem: Problem) -> bool:
    return problem.severity is Severity.BLOCK
