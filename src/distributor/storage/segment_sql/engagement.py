"""Conditions on engagement as SQL over events and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, select, true
from sqlalchemy.sql.selectable import FromClause

from distributor.domain.campaign import CampaignPurpose
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.segments.condition import Action, Bound, Engaged, EngagedWithLast, Leaf
from distributor.storage import tables
from distributor.storage.events import is_not_taken_back
from distributor.storage.segment_sql.context import Context, pattern_of

# A mail was sent if the server accepted it, whatever happened afterwards.
SENT = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)

_PERSON = tables.subscribers.c
_KINDS: Mapping[Action, tuple[EventKind, Mapping[str, bool]]] = {
    Action.OPENED: (EventKind.OPEN, {}),
    Action.CLICKED: (EventKind.CLICK, {}),
    Action.BOUNCED: (EventKind.BOUNCE, {}),
    Action.BOUNCED_SOFTLY: (EventKind.BOUNCE, {"hard": False}),
    Action.BOUNCED_HARD: (EventKind.BOUNCE, {"hard": True}),
    Action.COMPLAINED: (EventKind.COMPLAINT, {}),
    Action.UNSUBSCRIBED: (EventKind.UNSUBSCRIBE, {}),
}


def _engaged(condition: Engaged, context: Context) -> ColumnElement[bool]:
    """One is checked by EXISTS. For several, subscribers with that many are grouped once, and joined like a table."""
    source, is_selected = (
        _mails(condition, context) if condition.action is Action.MAILED else _events(condition, context)
    )
    if condition.at_least == 1:
        return exists().where(source.c.subscriber_id == _PERSON.id, is_selected)
    often = (
        select(source.c.subscriber_id)
        .where(source.c.subscriber_id.is_not(None), is_selected)
        .group_by(source.c.subscriber_id)
        .having(func.count() >= condition.at_least)
        .subquery()
    )
    return exists().where(often.c.subscriber_id == _PERSON.id)


def _events(condition: Engaged, context: Context) -> tuple[FromClause, ColumnElement[bool]]:
    event = tables.events.alias()
    return event, and_(
        _is_of(event, condition.action),
        func.coalesce(event.c.detail["url"].astext.ilike(pattern_of(condition.link)), false())
        if condition.link is not None
        else true(),
        event.c.delivery_id.in_(_deliveries_of(condition.campaign)) if condition.campaign is not None else true(),
        context.within(event.c.at, condition.window),
    )


def _mails(condition: Engaged, context: Context) -> tuple[FromClause, ColumnElement[bool]]:
    mail = tables.deliveries.alias()
    return mail, and_(
        _is_mail(mail),
        mail.c.dispatch_id.in_(_dispatches_of(condition.campaign)) if condition.campaign is not None else true(),
        context.within(mail.c.created_at, condition.window),
    )


def _engaged_with_last(condition: EngagedWithLast, _context: Context) -> ColumnElement[bool]:
    mail = tables.deliveries.alias()
    event = tables.events.alias()
    last = (
        select(mail.c.id)
        .where(mail.c.subscriber_id == _PERSON.id, _is_mail(mail))
        .order_by(mail.c.id.desc())
        .limit(condition.last)
        .correlate(tables.subscribers)
        .subquery()
    )
    engaged_with = (
        select(event.c.delivery_id)
        .where(event.c.subscriber_id == _PERSON.id, _is_of(event, condition.action))
        .correlate(tables.subscribers)
    )
    engaged = func.count().filter(last.c.id.in_(engaged_with))
    if condition.bound is Bound.AT_LEAST:
        enough = engaged >= condition.count
    else:
        enough = and_(func.count() == condition.last, engaged <= condition.count)
    return select(enough).select_from(last).correlate(tables.subscribers).scalar_subquery()


def _is_of(event: FromClause, action: Action) -> ColumnElement[bool]:
    kind, detail = _KINDS[action]
    is_kind = event.c.kind == kind
    if kind is EventKind.BOUNCE:
        is_kind = and_(is_kind, is_not_taken_back(event))
    return and_(is_kind, event.c.detail.contains(dict(detail))) if detail else is_kind


def _is_mail(mail: FromClause) -> ColumnElement[bool]:
    """A sent mail of a campaign: confirmation mails do not count as engagement."""
    dispatch, campaign = tables.dispatches.alias(), tables.campaigns.alias()
    other = (
        select(dispatch.c.id)
        .join(campaign, campaign.c.id == dispatch.c.campaign_id)
        .where(campaign.c.purpose != CampaignPurpose.ARTICLES)
    )
    return and_(mail.c.state.in_(SENT), mail.c.dispatch_id.not_in(other))


def _dispatches_of(campaign_id: int) -> Any:
    return select(tables.dispatches.c.id).where(tables.dispatches.c.campaign_id == literal(campaign_id))


def _deliveries_of(campaign_id: int) -> Any:
    return select(tables.deliveries.c.id).where(tables.deliveries.c.dispatch_id.in_(_dispatches_of(campaign_id)))


ENGAGEMENT: Mapping[type[Leaf], Callable[[Any, Context], ColumnElement[bool]]] = {
    Engaged: _engaged,
    EngagedWithLast: _engaged_with_last,
}
