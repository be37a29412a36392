"""`/v1/calendar`"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.calendar import CalendarEntry, CalendarFilter, CalendarView, period_around
from distributor.domain.campaign import DispatchState
from distributor.flow.publishing.calendar import show_calendar
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import MAX_PAGE_SIZE, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS

router = APIRouter(prefix="/v1/calendar", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class CalendarEntryOut(BaseModel):
    """A campaign on one channel, on its day."""

    dispatch: int
    campaign: int
    name: str
    version: int = Field(description="That of the campaign; `POST /v1/campaigns/{campaign_id}/reschedule` takes it.")
    channel: str = Field(examples=["mail"])
    kind: str = Field(examples=["email"])
    state: DispatchState
    scheduled_at: datetime | None = Field(description="Null if its time is open.")
    zone: str
    is_released: bool
    is_crowded: bool = Field(description="Another campaign uses the channel within half an hour.")
    is_repeated: bool = Field(description="Another campaign has the same subscribers on the channel within a day.")

    @classmethod
    def of(cls, found: CalendarEntry) -> CalendarEntryOut:
        return cls(
            dispatch=found.dispatch_id,
            campaign=found.campaign_id,
            name=found.campaign_name,
            version=found.version,
            channel=found.channel_name,
            kind=found.kind,
            state=found.state,
            scheduled_at=found.scheduled_at,
            zone=found.zone,
            is_released=found.is_released,
            is_crowded=found.is_crowded,
            is_repeated=found.is_repeated,
        )


class CalendarDayOut(BaseModel):
    """A day in the time zone of the site."""

    day: date
    entries: list[CalendarEntryOut] = Field(description=f"By time, at most {MAX_PAGE_SIZE}.")
    total: int = Field(description="How many there are.")


class CalendarOut(BaseModel):
    """What starts when."""

    zone: str = Field(description="The time zone of the site, in which its days begin.", examples=["Europe/Vienna"])
    days: list[CalendarDayOut]
    without_time: list[CalendarEntryOut] = Field(description="The first drafts whose time is open.")
    without_time_total: int


@router.get("", dependencies=[requires(TokenScope.CAMPAIGNS_READ)])
def get_calendar(
    app: App,
    view: Annotated[
        CalendarView,
        Query(description="`month` in whole weeks, `week`, `day`, or `list`: the days of the month alone."),
    ] = CalendarView.MONTH,
    day: Annotated[date | None, Query(alias="from", description="A day of the period; default: today.")] = None,
    channel: Annotated[ShortText, Query(description="Only on the channel with this name.")] = "",
    state: Annotated[DispatchState | None, Query(description="Only in this state.")] = None,
    text: Annotated[ShortText, Query(alias="q", description="Only with this in the name, or with this tag.")] = "",
) -> CalendarOut:
    """Get what starts when, as the calendar of the team's app shows it: every campaign on each of its channels."""
    zone = app.site.zone
    period = period_around(view, day or app.clock().astimezone(zone).date())
    chosen = CalendarFilter(channel_name=channel, state=state, text=text)
    page = show_calendar(app, period, chosen, per_day=MAX_PAGE_SIZE)
    return CalendarOut(
        zone=app.site.time_zone,
        days=[
            CalendarDayOut(day=one.day, entries=[CalendarEntryOut.of(entry) for entry in one.entries], total=one.total)
            for one in page.days
        ],
        without_time=[CalendarEntryOut.of(entry) for entry in page.tray],
        without_time_total=page.tray_total,
    )
