"""The audience of a campaign: one query that counts it, samples it and freezes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.types import BigInteger, DateTime, Text

from distributor.domain.audience import AudiencePlan, LeftOut
from distributor.domain.campaign import CampaignPurpose
from distributor.domain.delivery import DeliveryState
from distributor.domain.merge_fields import FieldGroup, MergeFields
from distributor.domain.subscriber import Membership, Subscriber, SubscriberStatus
from distributor.storage import (
    articles,
    audience_lock,
    campaigns,
    dispatches,
    lists,
    merge_fields,
    subscribers,
    suppressions,
    tables,
    tags,
)
from distributor.storage.database import Connection, tune_for_large_query
from distributor.storage.segments import filter_of

# A delivery in one of these states has not reached its recipient.
_NOT_RECEIVED = (DeliveryState.FAILED, DeliveryState.SUPPRESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceQuery:
    """The articles of a campaign, the slugs of all of their topics, and the audience they are for.

    `campaign_id` is the campaign itself, whose own deliveries do not count as earlier ones; None before it exists.
    """

    plan: AudiencePlan
    article_ids: tuple[int, ...]
    tag_slugs: tuple[str, ...]
    campaign_id: int | None = None


def count(connection: Connection, mailing: AudienceQuery, *, now: datetime) -> int:
    """How many subscribers get it if released now. Raises NotFoundError for an unknown list or segment."""
    chosen = _recipients(connection, mailing, now=now).subquery()
    tune_for_large_query(connection)
    number: int = connection.execute(select(func.count()).select_from(chosen)).scalar_one()
    return number


def count_by_reason(
    connection: Connection, mailing: AudienceQuery, *, now: datetime
) -> Iterator[tuple[LeftOut | None, int]]:
    """How many people are on the lists (None), then how many each reason leaves, asked one after the other.

    The last number is that of `count`. Each is counted when it is read, in a transaction that `read_one_moment` began.
    Raises NotFoundError for an unknown list or segment.
    """
    list_ids = [lists.find(connection, slug).id for slug in mailing.plan.lists]
    of_rows = [(LeftOut.UNSUBSCRIBED, tables.memberships.c.state != Membership.UNSUBSCRIBED)]
    of_rows += _conditions_of_rows(mailing, now=now)
    others = list(_conditions_of_others(connection, mailing, now=now))
    tune_for_large_query(connection)
    reached = _numbers_by_rank(connection, [condition for _, condition in of_rows], list_ids)
    yield None, sum(reached)
    for rank, (reason, _) in enumerate(of_rows, start=1):
        yield reason, sum(reached[rank:])
    query = _members(list_ids).with_only_columns(tables.memberships.c.subscriber_id)
    query = query.where(*(condition for _, condition in of_rows))
    for reason, condition in others:
        query = query.where(condition)
        # On one list nobody is twice.
        chosen = (query if len(list_ids) == 1 else query.distinct()).subquery()
        yield reason, connection.execute(select(func.count()).select_from(chosen)).scalar_one()


def _numbers_by_rank(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], list_ids: Sequence[int]
) -> list[int]:
    """Of how many people the best membership meets none of the conditions, only the first, the first two, up to all."""
    rank = case(*((~condition, number) for number, condition in enumerate(conditions)), else_=len(conditions))
    query = _members(list_ids).with_only_columns(rank.label("rank"))
    if len(list_ids) != 1:
        query = query.with_only_columns(func.max(rank).label("rank")).group_by(tables.memberships.c.subscriber_id)
    best = query.subquery()
    rows = connection.execute(select(best.c.rank, func.count().label("people")).group_by(best.c.rank))
    found = {row.rank: row.people for row in rows}
    return [found.get(number, 0) for number in range(len(conditions) + 1)]


def sample(connection: Connection, mailing: AudienceQuery, *, limit: int, now: datetime) -> list[Subscriber]:
    """The first `limit` subscribers who would get it, by id. Raises NotFoundError."""
    chosen = _recipients(connection, mailing, now=now).subquery()
    rows = connection.execute(
        select(tables.subscribers)
        .join(chosen, chosen.c.subscriber_id == tables.subscribers.c.id)
        .order_by(tables.subscribers.c.id)
        .limit(limit)
    )
    return [subscribers.subscriber_of(row) for row in rows]


def field_groups(
    connection: Connection, mailing: AudienceQuery, needs: MergeFields, *, now: datetime
) -> Iterator[FieldGroup]:
    """The subscribers who would get it now and lack a needed field, grouped by the fields that matter.

    The query runs when the first group is read. Raises NotFoundError for an unknown list or segment.
    """
    chosen = _recipients(connection, mailing, now=now).subquery()
    rows = select(merge_fields.frozen_fields(needs.fields).label("fields")).join(
        chosen, chosen.c.subscriber_id == tables.subscribers.c.id
    )
    tune_for_large_query(connection)
    yield from merge_fields.group_rows(connection, rows, needs)


def hold(connection: Connection, article_ids: Sequence[int]) -> None:
    """To be called before audiences of these articles are frozen in this transaction.

    Until it ends, releases of the same articles wait, so that no subscriber gets one from both, and no subscriber and
    no list is deleted.
    """
    articles.lock(connection, article_ids)
    audience_lock.lock_shared(connection)
    tune_for_large_query(connection)


def freeze(
    connection: Connection, dispatch_id: int, mailing: AudienceQuery, *, now: datetime, fields: Collection[str] = ()
) -> int:
    """Insert one pending delivery for each subscriber in the audience now, in one statement; returns how many.

    `fields` are the keys of the merge fields stored with each delivery besides name and email, where they have a value.
    """
    chosen = _recipients(connection, mailing, now=now).subquery()
    person = tables.subscribers.c
    time = literal(now, DateTime(timezone=True))
    rows = (
        select(
            literal(dispatch_id, BigInteger),
            person.id,
            chosen.c.list_id,
            person.email,
            merge_fields.frozen_fields(fields),
            literal(DeliveryState.PENDING.value, Text),
            time,
            time,
        )
        .join(chosen, chosen.c.subscriber_id == person.id)
        .order_by(person.id)
    )
    columns = ["dispatch_id", "subscriber_id", "list_id", "recipient", "fields", "state", "created_at", "updated_at"]
    frozen = connection.execute(
        insert(tables.deliveries).from_select(columns, rows), execution_options={"preserve_rowcount": True}
    )
    return frozen.rowcount


def is_sendable(now: datetime) -> ColumnElement[bool]:
    """A condition on memberships joined with subscribers: subscribed, active, not paused, and not suppressed."""
    return and_(*(condition for _, condition in _sendable_rows(now)), suppressions.is_not_suppressed())


def has_received(connection: Connection, mailing: AudienceQuery) -> ColumnElement[bool]:
    """A condition on subscribers: another campaign has sent them one of the articles, or is going to."""
    return or_(*_receipts(connection, mailing))


def _receipts(connection: Connection, mailing: AudienceQuery) -> list[ColumnElement[bool]]:
    """The same by a delivery, and by a past delivery."""
    dispatch, about = tables.dispatches.alias(), tables.campaign_articles.alias()
    concerned = (
        select(dispatch.c.id)
        .join(about, about.c.campaign_id == dispatch.c.campaign_id)
        .where(_concerns(dispatch, about, mailing))
    )
    return [
        exists().where(
            earlier.c.subscriber_id == tables.subscribers.c.id,
            earlier.c.dispatch_id.in_(concerned),
            _counts_as_received(connection, earlier, mailing),
        )
        for earlier in (tables.deliveries.alias(), tables.past_deliveries.alias())
    ]


def account_has_received(connection: Connection, mailing: AudienceQuery) -> ColumnElement[bool]:
    """The same condition on deliveries to accounts and feeds, joined with channels: for the recipient of each."""
    earlier = _earlier_to_accounts(connection, mailing)
    return exists(
        earlier.where(
            earlier.selected_columns.kind == tables.channels.c.kind,
            earlier.selected_columns.recipient == tables.deliveries.c.recipient,
        ).correlate(tables.channels, tables.deliveries)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierDelivery:
    """A delivery of one of the articles, by its title, to an account or feed by another campaign."""

    recipient: str
    title: str
    campaign_id: int
    at: datetime


def received_by_accounts(
    connection: Connection, mailing: AudienceQuery, kind: str, recipients: Sequence[str]
) -> dict[str, EarlierDelivery]:
    """The first delivery to each of these accounts or feeds of a kind that has one of the articles, or will get it.

    Empty if the plan allows repeats.
    """
    if mailing.plan.repeats or not mailing.article_ids:
        return {}
    earlier = _earlier_to_accounts(connection, mailing).subquery()
    rows = connection.execute(
        select(earlier)
        .where(earlier.c.kind == kind, earlier.c.recipient.in_(recipients))
        .order_by(earlier.c.recipient, earlier.c.id)
        .ext(distinct_on(earlier.c.recipient))
    ).all()
    titles = {one.id: one.article.title for one in articles.find_many(connection, [row.article_id for row in rows])}
    return {
        row.recipient: EarlierDelivery(
            recipient=row.recipient, title=titles[row.article_id], campaign_id=row.campaign_id, at=row.at
        )
        for row in rows
    }


def _earlier_to_accounts(connection: Connection, mailing: AudienceQuery) -> Select[Any]:
    """`id`, `recipient`, `kind`, `campaign_id`, `article_id` and `at` of what accounts and feeds have or will get."""
    earlier, dispatch, about = tables.deliveries.alias(), tables.dispatches.alias(), tables.campaign_articles.alias()
    channel = tables.channels.alias()
    return (
        select(
            earlier.c.id,
            earlier.c.recipient,
            channel.c.kind,
            dispatch.c.campaign_id,
            about.c.article_id,
            func.coalesce(earlier.c.first_attempt_at, earlier.c.created_at).label("at"),
        )
        .join(dispatch, dispatch.c.id == earlier.c.dispatch_id)
        .join(channel, channel.c.id == dispatch.c.channel_id)
        .join(about, about.c.campaign_id == dispatch.c.campaign_id)
        .where(
            earlier.c.list_id.is_(None),
            _concerns(dispatch, about, mailing),
            _counts_as_received(connection, earlier, mailing),
        )
    )


def _concerns(dispatch: FromClause, about: FromClause, mailing: AudienceQuery) -> ColumnElement[bool]:
    """The dispatch of another campaign that sends one of the articles, and not as a test."""
    tests = select(tables.campaigns.c.id).where(tables.campaigns.c.purpose == CampaignPurpose.TEST)
    return and_(
        about.c.article_id.in_(mailing.article_ids),
        dispatch.c.campaign_id.is_distinct_from(mailing.campaign_id),
        dispatch.c.campaign_id.not_in(tests),
    )


def _counts_as_received(connection: Connection, earlier: FromClause, mailing: AudienceQuery) -> ColumnElement[bool]:
    """The delivery has reached its recipient, or may still do so."""
    return and_(
        earlier.c.state.not_in(_NOT_RECEIVED),
        ~_ended_in_state(connection, earlier, DeliveryState.UNKNOWN, mailing.plan.unknown_of),
    )


def _recipients(connection: Connection, mailing: AudienceQuery, *, now: datetime) -> Select[Any]:
    """`subscriber_id` and `list_id`, the list on whose behalf the mail is sent: the first one named in the plan."""
    membership = tables.memberships.c
    list_ids = [lists.find(connection, slug).id for slug in mailing.plan.lists]
    query = _members(list_ids).where(*(condition for _, condition in _conditions(connection, mailing, now=now)))
    if len(list_ids) == 1:
        return query
    rank = (
        func.array_position(cast(list_ids, ARRAY(BigInteger)), membership.list_id) if list_ids else membership.list_id
    )
    return query.ext(distinct_on(membership.subscriber_id)).order_by(membership.subscriber_id, rank)


def _members(list_ids: Sequence[int]) -> Select[Any]:
    """Memberships in any state on these lists, or on all lists if there are none, with their subscribers."""
    membership = tables.memberships.c
    query = select(membership.subscriber_id, membership.list_id).join(
        tables.subscribers, tables.subscribers.c.id == membership.subscriber_id
    )
    return query.where(membership.list_id.in_(list_ids)) if list_ids else query


def _conditions(
    connection: Connection, mailing: AudienceQuery, *, now: datetime
) -> Iterator[tuple[LeftOut, ColumnElement[bool]]]:
    """What a membership and its subscriber must meet, in the order of `LeftOut`, and why who does not is left out.

    The first one, for UNCONFIRMED, is not met by those who have unsubscribed either.
    """
    yield from _conditions_of_rows(mailing, now=now)
    yield from _conditions_of_others(connection, mailing, now=now)


def _conditions_of_rows(mailing: AudienceQuery, *, now: datetime) -> Iterator[tuple[LeftOut, ColumnElement[bool]]]:
    """The conditions on what the two rows say themselves."""
    topics = tables.memberships.c.topics
    yield from _sendable_rows(now)
    yield LeftOut.TOPIC_NOT_CHOSEN, or_(topics.is_(None), topics.overlap(_texts(mailing.tag_slugs)))


def _sendable_rows(now: datetime) -> Iterator[tuple[LeftOut, ColumnElement[bool]]]:
    membership, person = tables.memberships.c, tables.subscribers.c
    yield LeftOut.UNCONFIRMED, membership.state == Membership.SUBSCRIBED
    yield LeftOut.DISABLED, person.status == SubscriberStatus.ACTIVE
    yield LeftOut.PAUSED, or_(person.paused_until.is_(None), person.paused_until <= now)


def _conditions_of_others(
    connection: Connection, mailing: AudienceQuery, *, now: datetime
) -> Iterator[tuple[LeftOut, ColumnElement[bool]]]:
    """The conditions on what other tables say about them."""
    plan = mailing.plan
    yield LeftOut.SUPPRESSED, suppressions.is_not_suppressed()
    if plan.failed_of or plan.unknown_of:
        yield LeftOut.NOT_MISSED, _was_not_reached(connection, plan)
    if plan.topics:
        yield LeftOut.OUTSIDE_TOPICS, _has_topic(connection, plan.topics)
    if plan.segments:
        inside = or_(*(filter_of(connection, slug, now=now) for slug in plan.segments))
        yield LeftOut.OUTSIDE_SEGMENTS, inside
    excepted = list(_exceptions(connection, plan, now=now))
    if excepted:
        yield LeftOut.EXCEPTED, and_(*(~one for one in excepted))
    if not plan.repeats and mailing.article_ids:
        # Each for itself, so that PostgreSQL makes an anti-join of each.
        yield LeftOut.RECEIVED, and_(*(~one for one in _receipts(connection, mailing)))


def _exceptions(connection: Connection, plan: AudiencePlan, *, now: datetime) -> Iterator[ColumnElement[bool]]:
    if plan.except_lists:
        yield _is_on([lists.find(connection, slug).id for slug in plan.except_lists])
    if plan.except_topics:
        yield _has_topic(connection, plan.except_topics)
    for slug in plan.except_segments:
        yield filter_of(connection, slug, now=now)


def _is_on(list_ids: Sequence[int]) -> ColumnElement[bool]:
    other = tables.memberships.alias()
    return exists().where(
        other.c.subscriber_id == tables.subscribers.c.id,
        other.c.list_id.in_(list_ids),
        other.c.state == Membership.SUBSCRIBED,
    )


def _has_topic(connection: Connection, slugs: Sequence[str]) -> ColumnElement[bool]:
    other = tables.memberships.alias()
    return exists().where(
        other.c.subscriber_id == tables.subscribers.c.id,
        other.c.state == Membership.SUBSCRIBED,
        other.c.topics.overlap(_texts(tags.with_aliases(connection, slugs))),
    )


def _was_not_reached(connection: Connection, plan: AudiencePlan) -> ColumnElement[bool]:
    """A delivery to them for the same list has failed or is unknown in one of the campaigns named."""
    columns = ("subscriber_id", "list_id", "dispatch_id", "state")
    earlier = union_all(
        *(select(*(table.c[name] for name in columns)) for table in (tables.deliveries, tables.past_deliveries))
    ).subquery()
    return exists().where(
        earlier.c.subscriber_id == tables.memberships.c.subscriber_id,
        earlier.c.list_id == tables.memberships.c.list_id,
        or_(
            _ended_in_state(connection, earlier, DeliveryState.FAILED, plan.failed_of),
            _ended_in_state(connection, earlier, DeliveryState.UNKNOWN, plan.unknown_of),
        ),
    )


def _ended_in_state(
    connection: Connection, delivery: FromClause, state: DeliveryState, campaign_ids: Sequence[int]
) -> ColumnElement[bool]:
    """The delivery belongs to one of these campaigns and is in this state. Raises NotFoundError."""
    named = [campaigns.find(connection, campaign_id).id for campaign_id in campaign_ids]
    concerned = [dispatch.id for number in named for dispatch in dispatches.of_campaign(connection, number)]
    return and_(delivery.c.dispatch_id.in_(concerned), delivery.c.state == state)


def _texts(slugs: Sequence[str]) -> ColumnElement[Any]:
    return cast(list(slugs), ARRAY(Text))
