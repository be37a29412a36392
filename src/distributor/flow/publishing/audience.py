"""Audience preview: how many subscribers a campaign would reach, with a sample, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from redis import Redis, RedisError

from distributor.domain.audience import AudienceCount, AudiencePlan, LeftOut
from distributor.domain.errors import InputError
from distributor.domain.subscriber import Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import articles, audiences
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection, read_one_moment

# How long one of the questions of a count may take.
COUNT_LIMIT = timedelta(seconds=15)
# How long it is known which count of a place is the newest.
_TURN_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePreview:
    """`count` is the size of the audience that a release now would freeze."""

    count: int
    sample: tuple[Subscriber, ...]


def preview_audience(
    app: AppContext, plan: AudiencePlan, article_slugs: Sequence[str], *, sample: int = 10
) -> AudiencePreview:
    """The current audience of a campaign with these articles, counted by the query that freezes it.

    Raises NotFoundError for an unknown article, list or segment, InputError for an empty plan.
    """
    _require_choice(plan)
    with app.database.begin() as connection:
        mailing = _query(connection, plan, article_slugs)
        now = app.clock()
        return AudiencePreview(
            count=audiences.count(connection, mailing, now=now),
            sample=tuple(audiences.sample(connection, mailing, limit=sample, now=now)),
        )


def count_audience(
    app: AppContext,
    plan: AudiencePlan,
    article_slugs: Sequence[str],
    *,
    campaign_id: int | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
    within: timedelta = COUNT_LIMIT,
) -> AudienceCount | None:
    """How many people a campaign with these articles would reach now, and why the others on its lists are left out.

    `campaign_id` is the campaign itself, if it exists already. The count is given up, and None returned, as soon as it
    is not wanted any more. Raises NotFoundError for an unknown article, list or segment, InputError for an empty plan,
    and QueryTimeoutError if one of its questions takes longer than `within`.
    """
    _require_choice(plan)
    with app.database.begin() as connection:
        read_one_moment(connection, within=within)
        mailing = _query(connection, plan, article_slugs, campaign_id=campaign_id)
        members = remaining = 0
        left_out: dict[LeftOut, int] = {}
        for reason, number in audiences.count_by_reason(connection, mailing, now=app.clock()):
            if reason is None:
                members = number
            else:
                left_out[reason] = remaining - number
            remaining = number
            if not is_wanted():
                return None
    return AudienceCount(members=members, left_out=left_out)


def take_turn(redis: Redis, place: str) -> Callable[[], bool]:
    """Begin a count at a place, such as one open page; the older ones there are not wanted any more.

    Whoever calls the result learns whether this is the newest one there. Without Redis each one is.
    """
    key = f"audience-count:{place}"
    try:
        turn = int(redis.incr(key))
        redis.expire(key, _TURN_LIFETIME)
    except RedisError:
        return lambda: True

    def is_newest() -> bool:
        try:
            return redis.get(key) in (None, str(turn).encode())
        except RedisError:
            return True

    return is_newest


def _require_choice(plan: AudiencePlan) -> None:
    if plan.is_empty:
        raise InputError("the audience is empty: name a list, a topic or a segment")


def _query(
    connection: Connection, plan: AudiencePlan, article_slugs: Sequence[str], *, campaign_id: int | None = None
) -> AudienceQuery:
    ids = tuple(articles.find_by_slug(connection, slug).id for slug in article_slugs)
    return AudienceQuery(
        plan=plan, article_ids=ids, tag_slugs=articles.tag_slugs(connection, ids), campaign_id=campaign_id
    )
