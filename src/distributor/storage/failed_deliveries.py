"""Retry of failed deliveries: which are retried, and why the others are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select

from distributor.domain.campaign import (
    Campaign,
    CampaignPurpose,
    Dispatch,
    DispatchState,
    FailureCause,
    FailureChoice,
    RetryCount,
)
from distributor.domain.delivery import DeliveryState
from distributor.storage import articles, audiences, delivery_history, dispatches, tables
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection


class _RetryStatus(StrEnum):
    """What a retry does with one failed delivery; the values are the fields of `RetryCount`."""

    RETRIED = "retried"
    NOT_SELECTED = "not_selected"
    NOT_SENDABLE = "not_sendable"
    RECEIVED_SINCE = "received_since"


def count_failed(connection: Connection, campaign: Campaign, choice: FailureChoice, *, now: datetime) -> RetryCount:
    """What a retry would do now with the failed deliveries of a campaign."""
    statuses = _statuses(connection, campaign, choice, now=now).subquery()
    rows = connection.execute(select(statuses.c.status, func.count().label("deliveries")).group_by(statuses.c.status))
    counts = {row.status: row.deliveries for row in rows}
    return RetryCount(**{status.value: counts.get(status, 0) for status in _RetryStatus})


def retry_failed(
    connection: Connection, campaign: Campaign, choice: FailureChoice, *, now: datetime, actor: str = ""
) -> RetryCount:
    """Make the chosen failed deliveries pending again, with attempts counted anew, and reopen their dispatches.

    Their histories say that it was `actor` who did.

    The dispatches and then the articles are locked, so that no other campaign sends these to the same subscribers
    meanwhile.
    """
    dispatches.lock_of_campaign(connection, campaign.id)
    articles.lock(connection, campaign.article_ids)
    counted = count_failed(connection, campaign, choice, now=now)
    statuses = _statuses(connection, campaign, choice, now=now).subquery()
    chosen = select(statuses.c.id).where(statuses.c.status == _RetryStatus.RETRIED).scalar_subquery()
    retried = [
        _retry_dispatch(connection, dispatch, chosen, now=now, actor=actor)
        for dispatch in dispatches.of_campaign(connection, campaign.id)
    ]
    return replace(counted, retried=sum(retried))


def _retry_dispatch(
    connection: Connection, dispatch: Dispatch, chosen: ColumnElement[int], *, now: datetime, actor: str
) -> int:
    row = tables.deliveries.c
    retried = connection.execute(
        tables.deliveries.update()
        .where(row.dispatch_id == dispatch.id, row.state == DeliveryState.FAILED, row.id.in_(chosen))
        .values(
            state=DeliveryState.PENDING,
            attempt=0,
            next_at=None,
            updated_at=now,
            detail=row.detail.op("-")("given_up"),
        )
        .returning(row.id)
    )
    ids = list(retried.scalars())
    if ids:
        delivery_history.record_by_hand(connection, ids, actor=actor, reason="", now=now)
        dispatches.reopen(connection, dispatch.id)
    return len(ids)


def _statuses(connection: Connection, campaign: Campaign, choice: FailureChoice, *, now: datetime) -> Select[Any]:
    """`id` and `status` of the failed deliveries of a campaign."""
    delivery, dispatch, membership = tables.deliveries.c, tables.dispatches.c, tables.memberships.c
    status = case(
        (~_is_chosen(choice), _RetryStatus.NOT_SELECTED.value),
        (_is_not_sendable(campaign, now=now), _RetryStatus.NOT_SENDABLE.value),
        (_has_received(connection, campaign), _RetryStatus.RECEIVED_SINCE.value),
        else_=_RetryStatus.RETRIED.value,
    )
    return (
        select(delivery.id, status.label("status"))
        .join(tables.dispatches, dispatch.id == delivery.dispatch_id)
        .join(tables.channels, tables.channels.c.id == dispatch.channel_id)
        .outerjoin(tables.subscribers, tables.subscribers.c.id == delivery.subscriber_id)
        .outerjoin(
            tables.memberships,
            and_(membership.list_id == delivery.list_id, membership.subscriber_id == delivery.subscriber_id),
        )
        .where(dispatch.campaign_id == campaign.id, delivery.state == DeliveryState.FAILED)
    )


def _is_chosen(choice: FailureChoice) -> ColumnElement[bool]:
    detail = tables.deliveries.c.detail
    conditions = [tables.dispatches.c.state != DispatchState.CANCELLED]
    if choice.channel_names:
        conditions.append(tables.channels.c.name.in_(choice.channel_names))
    if choice.reasons:
        conditions.append(func.coalesce(detail["reason"].astext, "").in_(choice.reasons))
    if choice.delivery_ids:
        conditions.append(tables.deliveries.c.id.in_(choice.delivery_ids))
    if choice.cause is not None:
        is_given_up = detail.contains({"given_up": True})
        conditions.append(is_given_up if choice.cause is FailureCause.TEMPORARY else ~is_given_up)
    return and_(*conditions)


def _is_not_sendable(campaign: Campaign, *, now: datetime) -> ColumnElement[bool]:
    """Its subscriber may not get mail now. For confirmation mails the claim decides."""
    if campaign.purpose is CampaignPurpose.CONFIRMATION:
        return false()
    is_sendable = func.coalesce(audiences.is_sendable(now), false())
    return and_(tables.deliveries.c.list_id.is_not(None), ~is_sendable)


def _has_received(connection: Connection, campaign: Campaign) -> ColumnElement[bool]:
    if campaign.audience.repeats:
        return false()
    mailing = AudienceQuery(
        plan=campaign.audience, article_ids=campaign.article_ids, tag_slugs=(), campaign_id=campaign.id
    )
    # What goes to subscribers has a list. Asked for each of them, what accounts got is looked for among all recipients.
    is_to_account = tables.deliveries.c.list_id.is_(None)
    return or_(
        audiences.has_received(connection, mailing),
        and_(is_to_account, audiences.account_has_received(connection, mailing)),
    )
