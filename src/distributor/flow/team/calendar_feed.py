"""The private calendar feed of a user, which other calendars subscribe to by its secret address."""

from __future__ import annotations

import secrets
from datetime import timedelta
from gettext import gettext as _
from urllib.parse import urlsplit

from distributor.domain.api_token import ENTROPY_BYTES
from distributor.domain.calendar import CalendarEntry
from distributor.domain.campaign import DispatchState
from distributor.domain.icalendar import CalendarEvent, EventStatus, icalendar_text
from distributor.domain.user import Actor, AuditAction, Permission, User
from distributor.flow.app_context import AppContext
from distributor.storage import audit_log, calendar_feeds, dispatch_calendar, users

_PAST, _FUTURE = timedelta(days=60), timedelta(days=400)
_MOST_EVENTS = 2000
_STATUS = {
    DispatchState.DRAFT: EventStatus.TENTATIVE,
    DispatchState.PAUSED: EventStatus.TENTATIVE,
    DispatchState.CANCELLED: EventStatus.CANCELLED,
    DispatchState.FAILED: EventStatus.CANCELLED,
}


def make_feed(app: AppContext, user: User, *, actor: Actor) -> str:
    """Give a user a feed; returns its address, which cannot be shown again. The one before no longer works."""
    token = secrets.token_urlsafe(ENTROPY_BYTES)
    now = app.clock()
    with app.database.begin() as connection:
        calendar_feeds.put(connection, user.id, token, now=now)
        audit_log.record(connection, actor, AuditAction.CALENDAR_FEED_MADE, subject=user.email, now=now)
    return f"{app.site.public_url}/calendar/{token}.ics"


def remove_feed(app: AppContext, user: User, *, actor: Actor) -> None:
    """Take the feed of a user away: its address no longer works."""
    now = app.clock()
    with app.database.begin() as connection:
        if calendar_feeds.remove(connection, user.id):
            audit_log.record(connection, actor, AuditAction.CALENDAR_FEED_REMOVED, subject=user.email, now=now)


def read_feed(app: AppContext, token: str) -> str | None:
    """The calendar under this token; None if there is none, or if its user may not see campaigns any more."""
    now = app.clock()
    with app.database.begin() as connection:
        user_id = calendar_feeds.reader_of(connection, token, now=now)
        if user_id is None:
            return None
        user = users.find_by_id(connection, user_id)
        if user.disabled_at is not None or not user.allows(Permission.CAMPAIGNS_READ):
            return None
        found = dispatch_calendar.between(connection, now - _PAST, now + _FUTURE, limit=_MOST_EVENTS)
    return icalendar_text(app.site.name, (_event(app, one) for one in found), now=now)


def _event(app: AppContext, one: CalendarEntry) -> CalendarEvent:
    assert one.scheduled_at is not None, "it starts within a time"  # noqa: S101
    url = f"{app.site.public_url}/app/campaigns/{one.campaign_id}"
    state = {
        DispatchState.DRAFT: _("Draft: it does not go out before it is scheduled."),
        DispatchState.SCHEDULED: _("Scheduled."),
        DispatchState.RUNNING: _("Being sent."),
        DispatchState.PAUSED: _("Paused: it waits for a person."),
        DispatchState.FINISHED: _("Finished."),
        DispatchState.CANCELLED: _("Cancelled: it does not go out."),
        DispatchState.FAILED: _("Not sent."),
    }[one.state]
    return CalendarEvent(
        uid=f"dispatch-{one.dispatch_id}@{urlsplit(app.site.public_url).hostname or 'localhost'}",
        sequence=one.version,
        starts_at=one.scheduled_at,
        summary=f"{one.campaign_name} · {one.channel_name}",
        description=f"{state}\n{url}",
        url=url,
        status=_STATUS.get(one.state, EventStatus.CONFIRMED),
    )
