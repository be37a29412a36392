"""A campaign's own page, in every state: how far it is on each channel, what keeps it, and what can be done."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from gettext import gettext as _
from itertools import zip_longest
from typing import Any

from starlette.responses import Response

from distributor.domain.campaign import CampaignAction, CampaignEvent, CampaignState, PlanKey
from distributor.domain.errors import DataError, InputError, ScheduleError, StateError
from distributor.domain.schedule import StartTimes, parse_instant
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.correction import correct_campaign
from distributor.flow.publishing.plan import duplicate_campaign
from distributor.flow.publishing.progress import CampaignProgress, DispatchProgress, progress_of
from distributor.storage import campaigns
from distributor.web.forms import number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.campaign_view import Viewer, is_live, is_movable, progress_context
from distributor.web.team.live import LivePages
from distributor.web.team.pages import TeamPages

_INVALID = 422
_CONFLICT = 409
# Of the history, the newest first.
_SHOWN_EVENTS = 20
# Entries of the history that one act makes.
_TOGETHER = timedelta(seconds=5)
_LOCAL_TIME = "%Y-%m-%dT%H:%M"


class CampaignPages:
    """The page of a campaign and what is done there: pause, resume, cancel, other times, a copy, a correction."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self.live = LivePages(app, pages, gate)

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_WRITE
        path = "/campaigns/{campaign_id}"
        return [
            TeamRoute("GET", path, self.show, read),
            *self.live.routes(),
            TeamRoute("POST", f"{path}/pause", self.pause, write),
            TeamRoute("GET", f"{path}/resume", self.show_resume, write),
            TeamRoute("POST", f"{path}/resume", self.resume, write),
            TeamRoute("GET", f"{path}/cancel", self.show_cancel, write),
            TeamRoute("POST", f"{path}/cancel", self.cancel, write),
            TeamRoute("GET", f"{path}/reschedule", self.show_reschedule, write),
            TeamRoute("POST", f"{path}/reschedule", self.reschedule, write),
            TeamRoute("GET", f"{path}/duplicate", self.show_duplicate, write),
            TeamRoute("POST", f"{path}/duplicate", self.duplicate, write),
            TeamRoute("GET", f"{path}/correct", self.show_correct, write),
            TeamRoute("POST", f"{path}/correct", self.correct, write),
        ]

    def show(self, asked: TeamRequest) -> Response:
        done = {
            "paused": _("Paused. What was being sent at that moment is finished; nothing else begins."),
            "resumed": _("Resumed."),
            "cancelled": _("Cancelled."),
            "rescheduled": _("The times are changed."),
            "reviewed-again": _("The times are changed. It needs an approval of what it is now."),
        }
        return self._show(asked, notice=done.get(asked.request.query_params.get("done", ""), ""))

    def pause(self, asked: TeamRequest) -> Response:
        number = asked.number("campaign_id")
        try:
            campaign_control.pause(self._app, number, actor=asked.actor.name)
        except StateError:
            # Pressed twice, or somebody else was quicker.
            if progress_of(self._app, number).state is not CampaignState.PAUSED:
                raise
        return self._back(asked, "paused")

    def show_resume(self, asked: TeamRequest) -> Response:
        return self._ask(asked, "resume")

    def resume(self, asked: TeamRequest) -> Response:
        number, version = asked.number("campaign_id"), _version(asked)
        without = asked.form.all("without")
        try:
            campaign_control.resume(
                self._app,
                number,
                without=without,
                after_restore=bool(asked.form.one("after-restore")),
                actor=asked.actor.name,
                version=version,
            )
        except StateError as error:
            if progress_of(self._app, number).state is CampaignState.RUNNING:
                return self._back(asked, "resumed")
            return self._ask(asked, "resume", error=sentence_of(error), without=without)
        return self._back(asked, "resumed")

    def show_cancel(self, asked: TeamRequest) -> Response:
        return self._ask(asked, "cancel")

    def cancel(self, asked: TeamRequest) -> Response:
        number = asked.number("campaign_id")
        try:
            campaign_control.cancel(self._app, number, actor=asked.actor.name, version=_version(asked))
        except StateError as error:
            if progress_of(self._app, number).state is not CampaignState.CANCELLED:
                return self._ask(asked, "cancel", error=sentence_of(error))
        return self._back(asked, "cancelled")

    def show_reschedule(self, asked: TeamRequest) -> Response:
        return self._ask(asked, "reschedule")

    def reschedule(self, asked: TeamRequest) -> Response:
        number = asked.number("campaign_id")
        progress = progress_of(self._app, number)
        typed = {one.dispatch.channel_name: asked.form.one(f"at-{one.dispatch.id}") for one in _movable(progress)}
        try:
            made = life_cycle.reschedule(
                self._app,
                number,
                _start_times(progress, typed),
                actor=asked.actor.name,
                version=_version(asked),
            )
        except DataError:
            raise
        except (InputError, StateError) as error:
            status = _INVALID if isinstance(error, InputError) else _CONFLICT
            return self._ask(asked, "reschedule", error=sentence_of(error), status=status, typed=typed)
        waits = made is not None and progress.campaign.needs_approval
        return self._back(asked, "reviewed-again" if waits else "rescheduled")

    def show_duplicate(self, asked: TeamRequest) -> Response:
        return self._ask(asked, "duplicate", once=secrets.token_urlsafe(16))

    def duplicate(self, asked: TeamRequest) -> Response:
        key = _key(asked, "duplicate")
        number = duplicate_campaign(self._app, asked.number("campaign_id"), actor=asked.actor.name, key=key)
        return self._gate.redirect(f"/app/campaigns/{number}/edit")

    def show_correct(self, asked: TeamRequest) -> Response:
        return self._ask(asked, "correct", once=secrets.token_urlsafe(16))

    def correct(self, asked: TeamRequest) -> Response:
        try:
            number = correct_campaign(
                self._app,
                asked.number("campaign_id"),
                actor=asked.actor.name,
                key=_key(asked, "correct"),
                version=_version(asked),
            )
        except StateError as error:
            once = asked.form.one("once")
            return self._ask(asked, "correct", error=sentence_of(error), once=once)
        return self._gate.redirect(f"/app/campaigns/{number}/edit")

    def _show(self, asked: TeamRequest, *, notice: str) -> Response:
        number = asked.number("campaign_id")
        progress = progress_of(self._app, number)
        with self._app.database.begin() as connection:
            events = _told(campaigns.history(connection, number))
        context = {
            **progress_context(progress, Viewer.of(asked.user)),
            "user": asked.user,
            "page": "campaigns",
            "notice": notice,
            "live_path": f"/app/campaigns/{number}/live" if is_live(progress) else "",
            "events": events[::-1][:_SHOWN_EVENTS],
            "earlier_events": max(0, len(events) - _SHOWN_EVENTS),
        }
        return self._pages.respond("campaign.html.j2", context)

    def _ask(self, asked: TeamRequest, act: str, *, error: str = "", status: int = _CONFLICT, **more: Any) -> Response:
        """The page that says what an act does, to whom, before it is done."""
        progress = progress_of(self._app, asked.number("campaign_id"))
        context = {
            **progress_context(progress, Viewer.of(asked.user)),
            "user": asked.user,
            "page": "campaigns",
            "act": act,
            "error": error,
            "once": "",
            "without": (),
            "typed": {},
            "movable": [(one, _shown_time(one.dispatch.local_time)) for one in _movable(progress)],
            **more,
        }
        return self._pages.respond(f"campaign_{act}.html.j2", context, status=status if error else 200)

    def _back(self, asked: TeamRequest, done: str) -> Response:
        return self._gate.redirect(f"/app/campaigns/{asked.number('campaign_id')}?done={done}")


def _told(events: Sequence[CampaignEvent]) -> list[CampaignEvent]:
    """The history without the reviews that only a decision asked for, right before it, by the same person."""
    return [
        one
        for one, following_one in zip_longest(events, events[1:])
        if not (
            one.action is CampaignAction.REVIEWED
            and following_one is not None
            and following_one.actor == one.actor
            and following_one.action in (CampaignAction.SCHEDULED, CampaignAction.APPROVED, CampaignAction.RESUMED)
            and following_one.created_at - one.created_at < _TOGETHER
        )
    ]


def _version(asked: TeamRequest) -> int | None:
    """The version of the campaign that the user has seen; None if the form says none. Raises InputError."""
    text = asked.form.one("version")
    if not text:
        return None
    version = number_of(text, digits=9)
    if version is None:
        raise InputError("the version of the campaign is not a number")
    return version


def _key(asked: TeamRequest, act: str) -> PlanKey | None:
    """A form that is sent twice makes one draft. Other users and other campaigns have other keys."""
    once = asked.form.one("once")
    if not once:
        return None
    subject = f"{act} {asked.number('campaign_id')}"
    name = hashlib.sha256(f"{asked.user.id}:{subject}:{once}".encode()).hexdigest()
    return PlanKey(name=f"app:{name}", digest=hashlib.sha256(subject.encode()).hexdigest())


def _movable(progress: CampaignProgress) -> list[DispatchProgress]:
    return [one for one in progress.dispatches if is_movable(one)]


def _shown_time(local: datetime | None) -> str:
    """A time as the field for it has it."""
    return local.strftime(_LOCAL_TIME) if local else ""


def _start_times(progress: CampaignProgress, typed: Mapping[str, str]) -> StartTimes:
    """The times that were typed, each in the zone of its channel; one that follows another goes on if it is untouched.

    Raises ScheduleError.
    """
    times: dict[str, datetime] = {}
    for one in _movable(progress):
        name, zone = one.dispatch.channel_name, one.dispatch.zone
        if one.dispatch.follow_up is not None and typed[name] == _shown_time(one.dispatch.local_time):
            continue
        if not typed[name]:
            raise ScheduleError(_("choose a time for %(channel)s") % {"channel": name})
        try:
            times[name] = parse_instant(typed[name], zone=zone)
        except ScheduleError as error:
            raise ScheduleError(f"{name}: {error}") from None
    if not times:
        raise ScheduleError(_("every channel has begun or ended: there is no time left to change"))
    return StartTimes(starts_at=min(times.values()), times=times, notes=())
