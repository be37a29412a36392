"""Scheduling a campaign or sending it now, as one act with its review; the page on which it can be taken back."""

from __future__ import annotations

from datetime import datetime, tzinfo
from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.campaign import DispatchState
from distributor.domain.errors import BlockedError, DataError, InputError, ScheduleError, StateError
from distributor.domain.schedule import StartTimes, parse_start_times, zone_code
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import life_cycle
from distributor.flow.publishing.review_state import ReviewState, review_state
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.campaign_review import number_in
from distributor.web.team.pages import TeamPages
from distributor.web.team.review_page import ReviewForm, ReviewPage, title_of

_INVALID, _CONFLICT = 422, 409


class CampaignSchedulePages:
    """What makes a campaign go out. A form that is sent again, at once or much later, sends nothing twice."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._page = ReviewPage(app, pages)

    def routes(self) -> list[TeamRoute]:
        base = "/campaigns/{campaign_id}"
        write = Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("POST", f"{base}/schedule", self.schedule, write),
            TeamRoute("GET", f"{base}/sending", self.show_sending, Permission.CAMPAIGNS_READ),
            TeamRoute("POST", f"{base}/undo", self.undo, write),
        ]

    def schedule(self, asked: TeamRequest) -> Response:
        """Schedule what the page showed: at the times that it has, or now."""
        campaign_id = asked.number("campaign_id")
        state = review_state(self._app, campaign_id)
        if not state.is_draft:
            # The same form for the second time: the first one has done it.
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/sending")
        if state.doubts and asked.form.one("sure") != "yes":
            error = _("Nothing was sent yet: tick that you are sure.")
            return self._page.respond(asked, campaign_id, ReviewForm("send", error, _INVALID))
        try:
            life_cycle.schedule(
                self._app,
                campaign_id,
                actor=asked.actor.name,
                start=self._start(asked),
                zone=asked.form.one("zone") if asked.form.one("when") == "at" else "",
                version=number_in(asked, "version"),
                review_id=number_in(asked, "review"),
            )
        except BlockedError:
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/review?done=blocked")
        except DataError:
            raise
        except (InputError, StateError) as error:
            return self._not_scheduled(asked, error)
        return self._gate.redirect(f"/app/campaigns/{campaign_id}/sending")

    def show_sending(self, asked: TeamRequest) -> Response:
        """Until when it can be taken back. Once something is out, the campaign's own page shows more."""
        campaign_id = asked.number("campaign_id")
        state = review_state(self._app, campaign_id)
        if state.is_draft:
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/review")
        waiting = [one for one in state.planned if one.state is DispatchState.SCHEDULED and one.released_at is None]
        if len(waiting) < len(state.planned):
            return self._gate.redirect(f"/app/campaigns/{campaign_id}")
        now, starts_at = self._app.clock(), _first_start(state)
        seconds = max(0, int((starts_at - now).total_seconds()))
        is_soon = seconds <= 2 * self._app.undo_window.total_seconds()
        context = {
            "user": asked.user,
            "page": "campaigns",
            "campaign": state.campaign,
            "campaign_title": title_of(state.campaign),
            "state": state,
            "waiting": sorted(waiting, key=lambda one: one.scheduled_at or now),
            "starts_at": starts_at,
            "exact_time": exact_time(starts_at, self._app.site.zone),
            "now": now,
            "is_soon": is_soon,
        }
        # Without script the page comes back by itself once the time is over.
        headers = {"Refresh": str(seconds + 2)} if is_soon else None
        return self._pages.respond("campaign_sending.html.j2", context, headers=headers)

    def undo(self, asked: TeamRequest) -> Response:
        """Take it back. If something is out already, the campaign's own page is where it can be stopped."""
        campaign_id = asked.number("campaign_id")
        try:
            life_cycle.undo(self._app, campaign_id, actor=asked.actor.name)
        except StateError as error:
            state = review_state(self._app, campaign_id)
            if state.is_draft:
                return self._gate.redirect(f"/app/campaigns/{campaign_id}/review?done=undone")
            context = {
                "user": asked.user,
                "page": "campaigns",
                "campaign": state.campaign,
                "campaign_title": title_of(state.campaign),
                "reason": sentence_of(error),
            }
            return self._pages.respond("campaign_too_late.html.j2", context, status=_CONFLICT)
        return self._gate.redirect(f"/app/campaigns/{campaign_id}/review?done=undone")

    def _start(self, asked: TeamRequest) -> StartTimes | None:
        """The end of the undo window, the time that was chosen here, or None for the times that it has."""
        now = self._app.clock()
        match asked.form.one("when"):
            case "now":
                return StartTimes.at_once(now, undo_window=self._app.undo_window)
            case "at":
                if not asked.form.one("at"):
                    raise ScheduleError(_("choose when it goes out"))
                return parse_start_times(asked.form.one("at"), {}, zone=asked.form.one("zone") or "UTC", now=now)
            case _:
                return None

    def _not_scheduled(self, asked: TeamRequest, error: Exception) -> Response:
        campaign_id = asked.number("campaign_id")
        if not review_state(self._app, campaign_id).is_draft:
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/sending")
        if isinstance(error, StateError):
            life_cycle.review(self._app, campaign_id, actor=asked.actor.name)
        status = _INVALID if isinstance(error, InputError) else _CONFLICT
        form = ReviewForm("send", sentence_of(error), status)
        return self._page.respond(asked, campaign_id, form)


def exact_time(time: datetime, zone: tzinfo) -> str:
    """To the second, for what is seconds away: ``09:00:30 CET``."""
    local = time.astimezone(zone)
    return f"{local:%H:%M:%S} {zone_code(local)}"


def _first_start(state: ReviewState) -> datetime:
    return min(one.scheduled_at for one in state.planned if one.scheduled_at is not None)
