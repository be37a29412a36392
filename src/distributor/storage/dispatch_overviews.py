"""Dispatches of all campaigns of articles at once: which run, start, wait for a person, or have ended.

Tests, confirmations and mails of accounts are not among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select

from distributor.domain.campaign import CampaignPurpose, DispatchState
from distributor.storage import tables
from distributor.storage.database import Connection

_DISPATCH, _CAMPAIGN, _CHANNEL = tables.dispatches.c, tables.campaigns.c, tables.channels.c
_OVERVIEW: Select[Any] = (
    select(
        _DISPATCH.id,
        _DISPATCH.campaign_id,
        _CAMPAIGN.name.label("campaign_name"),
        _CHANNEL.name.label("channel_name"),
        _DISPATCH.state,
        _DISPATCH.scheduled_at,
        _DISPATCH.reason,
        _DISPATCH.released_at,
        _DISPATCH.finished_at,
    )
    .join(tables.campaigns, _CAMPAIGN.id == _DISPATCH.campaign_id)
    .join(tables.channels, _CHANNEL.id == _DISPATCH.channel_id)
    .where(_CAMPAIGN.purpose == CampaignPurpose.ARTICLES)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOverview:
    """A dispatch with the names of its campaign and channel. `reason` says why it is paused or failed."""

    id: int
    campaign_id: int
    campaign_name: str
    channel_name: str
    state: DispatchState
    scheduled_at: datetime | None
    reason: str
    released_at: datetime | None
    finished_at: datetime | None


def running(connection: Connection, *, limit: int) -> list[DispatchOverview]:
    """Those that are being sent, the one released last first."""
    return _found(connection, _DISPATCH.state == DispatchState.RUNNING, order=_DISPATCH.released_at.desc(), limit=limit)


def starting(connection: Connection, *, before: datetime, limit: int) -> list[DispatchOverview]:
    """Those that are scheduled before this time, by their time."""
    is_to_start = and_(_DISPATCH.state == DispatchState.SCHEDULED, _DISPATCH.scheduled_at < before)
    return _found(connection, is_to_start, order=_DISPATCH.scheduled_at.asc(), limit=limit)


def waiting_for_a_person(connection: Connection, *, since: datetime, limit: int) -> list[DispatchOverview]:
    """Those that are paused and do not resume by themselves, or failed after this time; the newest first."""
    is_paused = and_(_DISPATCH.state == DispatchState.PAUSED, _DISPATCH.resume_at.is_(None))
    has_failed = and_(_DISPATCH.state == DispatchState.FAILED, _DISPATCH.scheduled_at >= since)
    return _found(connection, or_(is_paused, has_failed), order=_DISPATCH.id.desc(), limit=limit)


def released(connection: Connection, *, since: datetime, limit: int) -> list[DispatchOverview]:
    """Those that were released at or after this time, the last first."""
    return _found(connection, _DISPATCH.released_at >= since, order=_DISPATCH.released_at.desc(), limit=limit)


def finished(connection: Connection, *, limit: int) -> list[DispatchOverview]:
    """Those that have finished, the last first."""
    is_finished = and_(_DISPATCH.state == DispatchState.FINISHED, _DISPATCH.finished_at.is_not(None))
    return _found(connection, is_finished, order=_DISPATCH.finished_at.desc(), limit=limit)


def _found(
    connection: Connection, condition: ColumnElement[bool], *, order: ColumnElement[datetime], limit: int
) -> list[DispatchOverview]:
    query = _OVERVIEW.where(condition).order_by(order, _DISPATCH.id.desc()).limit(limit)
    return [_overview(row) for row in connection.execute(query)]


def _overview(row: Row[Any]) -> DispatchOverview:
    values = {name: getattr(row, name) for name in DispatchOverview.__slots__}
    return DispatchOverview(**values | {"state": DispatchState(row.state)})
