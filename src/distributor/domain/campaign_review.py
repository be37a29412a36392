"""The review of a campaign: what would go out on every channel, to whom and when, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.domain.schedule import find_zone


class Reach(StrEnum):
    """How a channel reaches its readers: MAILED to subscribers, PUBLISHED in documents, POSTED on accounts."""

    MAILED = "mailed"
    PUBLISHED = "published"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a remote service is going to bill; `currency` is the code of ISO 4217, `basis` says how it was computed."""

    amount: Decimal
    currency: str
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchReview:
    """What one channel would send now. `rendition` is None if it cannot be rendered; `problems` then say why.

    `scheduled_at` is None for a draft without a time. `recipients` are subscribers, feeds or accounts, as of now.
    """

    dispatch_id: int
    channel_name: str
    kind: str
    reach: Reach
    scheduled_at: datetime | None
    zone: str
    rendition: Rendition | None
    problems: tuple[Problem, ...]
    recipients: int
    cost: Cost | None = None

    @property
    def local_time(self) -> datetime | None:
        """When it starts, in the time zone that was chosen for it."""
        return self.scheduled_at.astimezone(find_zone(self.zone) or UTC) if self.scheduled_at else None


@dataclass(frozen=True, slots=True)
class ReviewProblem:
    """A problem of one channel, or of the whole campaign if `channel_name` is empty."""

    channel_name: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.channel_name}: {self.problem.message}" if self.channel_name else self.problem.message


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReview:
    """A campaign as it would go out at `made_at`, on the channels that are not released yet.

    `revisions` are those of its articles by slug, `titles` their titles in order, `to_publish` the slugs of those that
    its release is going to publish. `problems` are those of the campaign as a whole.
    """

    campaign_id: int
    made_at: datetime
    titles: tuple[str, ...]
    revisions: Mapping[str, int]
    dispatches: tuple[DispatchReview, ...]
    problems: tuple[Problem, ...] = ()
    to_publish: tuple[str, ...] = field(default=())

    @property
    def blockers(self) -> tuple[ReviewProblem, ...]:
        """What keeps the campaign from being sent."""
        return tuple(one for one in self._all_problems() if one.problem.severity is Severity.BLOCK)

    @property
    def warnings(self) -> tuple[ReviewProblem, ...]:
        """What may be wrong, and does not keep it from being sent."""
        return tuple(one for one in self._all_problems() if one.problem.severity is Severity.WARN)

    @property
    def sentence(self) -> str:
        """Who gets what, when and on which channel, and how much is wrong."""
        names = ", ".join(one.channel_name for one in self.dispatches)
        return f"Sends {', '.join(self.titles)} on {names}"

    def _all_problems(self) -> Iterator[ReviewProblem]:
        yield from (ReviewProblem("", problem) for problem in self.problems)
        for one in self.dispatches:
            yield from (ReviewProblem(one.channel_name, problem) for problem in one.problems)
