"""Campaign and Dispatch: one or more articles on some channels, each at its own time.

A dispatch is draft → scheduled (its rendition is prepared near its time) → running (its audience is frozen) →
finished; it may be paused and resumed, cancelled, or fail before anything went out. The state of a campaign is derived
from its dispatches and reviews, its totals from their deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from distributor.domain.audience import AudiencePlan
from distributor.domain.delivery import DeliveryState
from distributor.domain.message_options import MessageOptions
from distributor.domain.problems import Problem
from distributor.domain.schedule import FollowUp, find_zone, followed_by


class DispatchState(StrEnum):
    """A DRAFT is never sent; all dispatches of a campaign stop being drafts together, when it is scheduled."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN_STATES = frozenset({DispatchState.DRAFT, DispatchState.SCHEDULED, DispatchState.RUNNING, DispatchState.PAUSED})


# Why a delivery is suppressed that was waiting when its campaign was cancelled.
BY_CANCELLATION = "the campaign was cancelled"


class CampaignState(StrEnum):
    """The state of a whole campaign.

    While its dispatches are drafts, it is REVIEWED or APPROVED if the newest review or approval is of its current
    content and found nothing that blocks it, else DRAFT. After that it is the state of the least finished dispatch.
    """

    DRAFT = "draft"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class CampaignStage(StrEnum):
    """Where a campaign is in a list: each is in the first of these that applies to one of its dispatches.

    ATTENTION: it waits for a person. RUNNING: it is being sent, or rests and goes on by itself. FAILED: what did not go
    out at its time. CANCELLED: nothing but cancelled dispatches.
    """

    ATTENTION = "attention"
    RUNNING = "running"
    SCHEDULED = "scheduled"
    DRAFT = "draft"
    FAILED = "failed"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class ChangePolicy(StrEnum):
    """What happens if a campaign would go out other than it was reviewed, such as because an article was revised.

    REFRESH: it goes out as it is then. WAIT: it waits for a person. KEEP: it goes out as it was reviewed.
    """

    REFRESH = "refresh"
    WAIT = "wait"
    KEEP = "keep"


class CampaignPurpose(StrEnum):
    """ARTICLES goes to subscribers with consent; CONFIRMATION to each new sign-up; TEST to the team, as a trial.

    ACCOUNT is a mail with a one-time link for a user of the team's app.
    """

    ARTICLES = "articles"
    CONFIRMATION = "confirmation"
    TEST = "test"
    ACCOUNT = "account"


class UnknownPolicy(StrEnum):
    """What to do with a delivery whose outcome cannot be determined: leave it as unknown, or send it again."""

    ASSUME_SENT = "assume_sent"
    RESEND = "resend"


class FailureCause(StrEnum):
    """TEMPORARY: given up after temporary failures. PERMANENT: rejected with a permanent error."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureChoice:
    """Selects failed deliveries by channels, reasons, cause and their ids; an empty field selects all.

    Reasons are the failure codes of a channel, such as `userunknown`.
    """

    channel_names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    cause: FailureCause | None = None
    delivery_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryCount:
    """What happens to the failed deliveries of a campaign in a retry.

    `retried` are sent again; `not_selected` do not match the choice, or their dispatch was cancelled; `not_sendable`
    are for subscribers who unsubscribed, paused or are suppressed; `received_since` for recipients who received one
    of the articles by another campaign, or are about to.
    """

    retried: int
    not_selected: int
    not_sendable: int
    received_since: int

    @property
    def failed(self) -> int:
        """The number of failed deliveries."""
        return self.retried + self.not_selected + self.not_sendable + self.received_since


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """The plan of a campaign. `times` are start times of channels by name; `starts_at` is for the others.

    A channel in `follow_ups` starts after another one, whatever `times` has for it. A draft may have no times:
    `starts_at` is None then. `channel_options` are message options of channels by name,
    without attachments; `message_options` are for the rest. `on_change` is None for the default.
    """

    name: str
    article_slugs: tuple[str, ...]
    channel_names: tuple[str, ...]
    audience: AudiencePlan
    starts_at: datetime | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)
    zone: str = "UTC"
    track_opens: bool = True
    track_clicks: bool = True
    unknown_policy: UnknownPolicy = UnknownPolicy.ASSUME_SENT
    message_options: MessageOptions = field(default_factory=MessageOptions)
    channel_options: Mapping[str, MessageOptions] = field(default_factory=dict)
    needs_approval: bool = False
    on_change: ChangePolicy | None = None
    follow_ups: Mapping[str, FollowUp] = field(default_factory=dict)

    def time_of(self, channel_name: str) -> datetime | None:
        """When sending on this channel starts; None if that is open. Raises ScheduleError as `followed_by` does."""
        leader, after = followed_by(channel_name, self.follow_ups)
        start = self.times.get(leader, self.starts_at)
        return start + after if start is not None else None

    @property
    def change_policy(self) -> ChangePolicy:
        """What was chosen, or the default: a campaign that needs approval waits for a person."""
        return self.on_change or (ChangePolicy.WAIT if self.needs_approval else ChangePolicy.REFRESH)

    def options_for(self, channel_name: str) -> MessageOptions:
        """The message options on this channel."""
        return self.message_options.overridden_by(self.channel_options.get(channel_name, MessageOptions()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKey:
    """An idempotency key of a plan: `name` is the key of the caller, `digest` the hash of the whole plan."""

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}:{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign. `version` grows with each edit.

    `is_reviewed` and `is_approved` are whether the newest review or approval is of this version and of the current
    revisions of its articles, and found nothing that blocks it. `test_of` is the campaign that a test shows.
    """

    id: int
    version: int
    name: str
    article_ids: tuple[int, ...]
    purpose: CampaignPurpose
    audience: AudiencePlan
    track_opens: bool
    track_clicks: bool
    unknown_policy: UnknownPolicy
    on_change: ChangePolicy
    needs_approval: bool
    is_reviewed: bool
    is_approved: bool
    created_at: datetime
    test_of: int | None = None


class CampaignAction(StrEnum):
    """What happened to a campaign in an entry of its history."""

    CREATED = "created"
    DUPLICATED = "duplicated"
    EDITED = "edited"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RESCHEDULED = "rescheduled"
    UNDONE = "undone"
    RELEASED = "released"
    PAUSED = "paused"
    RESUMED = "resumed"
    TESTED = "tested"
    RETRIED = "retried"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    DETAILS_REMOVED = "details_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvent:
    """An entry of the history: what was done, by whom and when, and the version of the campaign that followed."""

    action: CampaignAction
    actor: str
    detail: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One campaign on one channel.

    `scheduled_at` is None only in drafts. `rendition_id` is of the rendition that was reviewed, and from `prepared_at`
    on of the one that is sent. `audience_size` is the number frozen at release, None before; of confirmations it is how
    many have joined so far. `reason` is the text why it is paused or failed; `problems` are the findings of the check.
    `is_held`: it waits for a person since the database was restored. `known_until`: what was sent of it between this
    and the restore is not in the database.
    With a `follow_up` it starts after another one, and moves along with it.
    `deliveries_removed_at` is since when its deliveries are past ones; None while they are kept.
    """

    id: int
    campaign_id: int
    channel_id: int
    channel_name: str
    kind: str
    state: DispatchState
    scheduled_at: datetime | None
    zone: str
    rendition_id: int | None
    prepared_at: datetime | None
    audience_size: int | None
    reason: str
    problems: tuple[Problem, ...]
    released_at: datetime | None
    finished_at: datetime | None
    is_held: bool = False
    known_until: datetime | None = None
    follow_up: FollowUp | None = None
    deliveries_removed_at: datetime | None = None

    @property
    def local_time(self) -> datetime | None:
        """When it starts, in the time zone that was chosen for it; None if that is open."""
        return self.scheduled_at.astimezone(find_zone(self.zone) or UTC) if self.scheduled_at else None


def first_removal(planned: Iterable[Dispatch]) -> datetime | None:
    """Since when deliveries of these dispatches are past ones; None while all are kept."""
    return min((one.deliveries_removed_at for one in planned if one.deliveries_removed_at), default=None)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many deliveries are in each state. The sum equals the audience, always."""

    by_state: Mapping[DeliveryState, int]

    def __getitem__(self, state: DeliveryState) -> int:
        return self.by_state.get(state, 0)

    @property
    def audience(self) -> int:
        """The number of deliveries in any state."""
        return sum(self.by_state.values())

    @classmethod
    def sum_of(cls, parts: Iterable[Totals]) -> Totals:
        """The sum of the totals of several dispatches."""
        return cls.of_counts(counted for part in parts for counted in part.by_state.items())

    @classmethod
    def of_counts(cls, counts: Iterable[tuple[DeliveryState, int]]) -> Totals:
        """The totals of counts of deliveries in a state, of which several may be of the same one."""
        summed: dict[DeliveryState, int] = {}
        for state, count in counts:
            summed[state] = summed.get(state, 0) + count
        return cls(summed)


LEAST_FINISHED_FIRST = (
    DispatchState.RUNNING,
    DispatchState.PAUSED,
    DispatchState.SCHEDULED,
    DispatchState.DRAFT,
    DispatchState.FAILED,
    DispatchState.FINISHED,
    DispatchState.CANCELLED,
)


def campaign_state(
    states: Iterable[DispatchState], *, is_reviewed: bool = False, is_approved: bool = False
) -> CampaignState:
    """The state of a campaign whose dispatches are in these states: that of the least finished one.

    A draft that is reviewed or approved as it is now is so as a whole.
    """
    present = set(states)
    state = next(state for state in LEAST_FINISHED_FIRST if state in present)
    if state is not DispatchState.DRAFT:
        return CampaignState(state.value)
    return CampaignState.APPROVED if is_approved else CampaignState.REVIEWED if is_reviewed else CampaignState.DRAFT
