"""The calendar: month, week, day and list of what starts when, and the form that moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from gettext import gettext as _
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from distributor.domain.calendar import (
    CROWDED_WITHIN,
    CalendarEntry,
    CalendarFilter,
    CalendarPeriod,
    CalendarView,
    period_around,
)
from distributor.domain.campaign import DispatchState
from distributor.domain.errors import DataError, InputError, NotFoundError, StateError
from distributor.domain.schedule import short_time
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import calendar as flow
from distributor.web.forms import Form, number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

# So many fit into a day of a page; the rest is a link to the page of the day, which hints to choose fewer.
_PER_DAY = {CalendarView.MONTH: 3, CalendarView.WEEK: 20, CalendarView.DAY: 200, CalendarView.LIST: 12}
_LONGEST_TEXT = 200
_NOTHING: Mapping[str, str] = {}
# What a draft is offered that has no time of day yet.
_MORNING = "09:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPlace:
    """Where somebody is in the calendar: the period and the filter, as the address of the page holds them."""

    period: CalendarPeriod
    chosen: CalendarFilter

    def query(self, *, view: str = "", day: date | None = None, more: Mapping[str, str] = _NOTHING) -> str:
        """The query of this place, or of another view or day of it."""
        fields = {
            "view": view or self.period.view.value,
            "from": (day or self.period.day).isoformat(),
            "channel": self.chosen.channel_name,
            "state": self.chosen.state.value if self.chosen.state else "",
            "q": self.chosen.text,
            **more,
        }
        return urlencode({name: value for name, value in fields.items() if value})

    @property
    def is_filtered(self) -> bool:
        return self.chosen != CalendarFilter()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The same for hidden fields of a form."""
        return [
            ("view", self.period.view.value),
            ("from", self.period.day.isoformat()),
            ("channel", self.chosen.channel_name),
            ("state", self.chosen.state.value if self.chosen.state else ""),
            ("q", self.chosen.text),
        ]


class CalendarPages:
    """What is planned, for all who may see campaigns; who may write them may move it."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("GET", "/calendar", self.show, read),
            TeamRoute("GET", "/calendar/{dispatch_id}/move", self.ask, write),
            TeamRoute("POST", "/calendar/{dispatch_id}/move", self.move, write),
        ]

    def show(self, asked: TeamRequest) -> Response:
        place = self._place(asked.request.query_params)
        return self._show(asked, place, self._notice(asked.request.query_params))

    def ask(self, asked: TeamRequest) -> Response:
        place = self._place(asked.request.query_params)
        try:
            entry, others = flow.find_movable(self._app, asked.number("dispatch_id"))
        except NotFoundError as error:
            raise HTTPException(404) from error
        local = entry.scheduled_at.astimezone(self._app.site.zone) if entry.scheduled_at else None
        day = _read_day(asked.request.query_params.get("day", "")) or (local or self._now()).date()
        values = {
            "day": day.isoformat(),
            "time": f"{local:%H:%M}" if local else _MORNING,
            "scope": "one",
            "version": str(entry.version),
        }
        return self._ask(asked, place, entry, others, values)

    def move(self, asked: TeamRequest) -> Response:
        form, dispatch_id = asked.form, asked.number("dispatch_id")
        place = self._place({name: form.one(name) for name in ("view", "from", "channel", "state", "q")})
        try:
            entry, _others = flow.find_movable(self._app, dispatch_id)
            moved = flow.move(
                self._app,
                dispatch_id,
                flow.time_of_move(self._app, entry, _day_of(form), _clock_of(form)),
                with_others=form.one("scope") == "all",
                actor=asked.actor.name,
                version=_version_of(form),
            )
        except NotFoundError as error:
            raise HTTPException(404) from error
        except DataError:
            raise
        except (InputError, StateError) as error:
            return self._refused(asked, place, error)
        outcome = "blocked" if moved.blockers else "approval" if moved.needs_approval else "moved"
        was = entry.scheduled_at.isoformat() if entry.scheduled_at else ""
        done = {"done": outcome, "of": str(dispatch_id), "was": was, "scope": form.one("scope")}
        if asked.is_partial:
            return self._show(asked, place, self._notice(done), is_fragment=True)
        return self._gate.redirect(f"/app/calendar?{place.query(more=done)}")

    def _refused(self, asked: TeamRequest, place: CalendarPlace, error: InputError | StateError) -> Response:
        status = 422 if isinstance(error, InputError) else 409
        if asked.is_partial:
            return PlainTextResponse(sentence_of(error), status)
        try:
            entry, others = flow.find_movable(self._app, asked.number("dispatch_id"))
        except StateError:
            return self._pages.message(_("Nothing was moved"), sentence_of(error), status=status)
        values = {name: asked.form.one(name) for name in ("day", "time", "scope")}
        # Whoever sees why it was refused has seen the campaign as it is now.
        values["version"] = str(entry.version)
        return self._ask(asked, place, entry, others, values, error=sentence_of(error), status=status)

    def _ask(
        self,
        asked: TeamRequest,
        place: CalendarPlace,
        entry: CalendarEntry,
        others: tuple[CalendarEntry, ...],
        values: Mapping[str, str],
        *,
        error: str = "",
        status: int = 200,
    ) -> Response:
        context = {
            "user": asked.user,
            "page": "calendar",
            "place": place,
            "entry": entry,
            "others": others,
            "followers": flow.find_followers(self._app, entry) if others else {},
            "values": values,
            "today": self._now().date(),
            "error": error,
        }
        return self._pages.respond("calendar_move.html.j2", context, status=status)

    def _show(
        self,
        asked: TeamRequest,
        place: CalendarPlace,
        notice: Mapping[str, object] | None,
        *,
        is_fragment: bool = False,
    ) -> Response:
        period = place.period
        shown = flow.show_calendar(self._app, period, place.chosen, per_day=_PER_DAY[period.view])
        context = {
            "user": asked.user,
            "page": "calendar",
            "place": place,
            "period": period,
            "calendar": shown,
            "weeks": [shown.days[first : first + 7] for first in range(0, len(shown.days), 7)],
            "is_empty": not any(day.total for day in shown.days),
            "views": list(CalendarView),
            "states": list(DispatchState),
            "today": self._now().date(),
            "may_move": asked.user.allows(Permission.CAMPAIGNS_WRITE),
            "crowded_minutes": int(CROWDED_WITHIN.total_seconds()) // 60,
            "full_time": self._full_time,
            "notice": notice,
        }
        if is_fragment:
            return self._pages.fragment("calendar_region.html.j2", context)
        return self._pages.respond("calendar.html.j2", context)

    def _notice(self, query: Mapping[str, str]) -> Mapping[str, object] | None:
        """What was done, by the query of the page that follows it; None if nothing was."""
        outcome, number = query.get("done", ""), number_of(query.get("of", ""))
        if outcome not in ("moved", "blocked", "approval") or number is None:
            return None
        try:
            entry, _others = flow.find_movable(self._app, number)
        except (NotFoundError, StateError):
            return None
        was = _read_moment(query.get("was", ""))
        local = was.astimezone(self._app.site.zone) if was else None
        return {
            "entry": entry,
            "outcome": outcome,
            "scope": "all" if query.get("scope") == "all" else "one",
            "day": f"{local:%Y-%m-%d}" if local else "",
            "time": f"{local:%H:%M:%S}" if local else "",
        }

    def _place(self, query: Mapping[str, str]) -> CalendarPlace:
        view, state = query.get("view", ""), query.get("state", "")
        day = _read_day(query.get("from", "")) or self._now().date()
        return CalendarPlace(
            period=period_around(CalendarView(view) if view in set(CalendarView) else CalendarView.MONTH, day),
            chosen=CalendarFilter(
                channel_name=query.get("channel", "")[:_LONGEST_TEXT],
                state=DispatchState(state) if state in set(DispatchState) else None,
                text=query.get("q", "").strip()[:_LONGEST_TEXT],
            ),
        )

    def _full_time(self, entry: CalendarEntry) -> str:
        """When it starts, by the clocks of the team, and by those of its own zone where they differ; empty if open."""
        own, zone = entry.own_time, self._app.site.zone
        if own is None:
            return ""
        text = short_time(own, zone)
        differs = own.utcoffset() != own.astimezone(zone).utcoffset()
        return f"{text} ({short_time(own, own.tzinfo or zone)})" if differs else text

    def _now(self) -> datetime:
        return self._app.clock().astimezone(self._app.site.zone)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _read_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and 1990 <= moment.year < 2200 else None


def _day_of(form: Form) -> date:
    day = _read_day(form.one("day"))
    if day is None:
        raise InputError(_("choose a day"))
    return day


def _clock_of(form: Form) -> time | None:
    """The time of day of the form; None if it has none, and the day alone changes."""
    text = form.one("time")
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(_("choose a time of day, such as 09:00")) from error


def _version_of(form: Form) -> int | None:
    version = number_of(form.one("version"), digits=9)
    if version is None:
        raise InputError(_("the page is out of date: open it again"))
    return version
