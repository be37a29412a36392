"""Signing in and out, asking for a new password, and choosing one with a one-time link."""

from __future__ import annotations

import time
from gettext import gettext as _

import structlog
from starlette.responses import Response

from distributor.domain.errors import DataError, InputError, ServiceError
from distributor.domain.user import SHORTEST_PASSWORD, LinkPurpose, Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.first_run import STEPS, first_run
from distributor.flow.request_limits import LimitExceeded
from distributor.flow.team import sign_in as flow
from distributor.flow.team.links import can_mail
from distributor.web.config import WebConfig
from distributor.web.errors import RETRY_LATER
from distributor.web.team.access import (
    ANYONE,
    TEXT_BYTES,
    Gate,
    TeamRequest,
    TeamRoute,
    kept_by,
    safe_next,
    sentence_of,
)
from distributor.web.team.pages import TeamPages

_INVALID = 422
_TOO_MANY_REQUESTS = 429
_AWAY = 503

log = structlog.get_logger(__name__)


class SignInPages:
    """The pages that need no session. Their answers do not reveal whether an address has an account."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate, config: WebConfig) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._config = config

    def routes(self) -> list[TeamRoute]:
        return [
            TeamRoute("GET", "/sign-in", self.show_sign_in, ANYONE),
            # It may keep a long text that was typed before the session ended.
            TeamRoute("POST", "/sign-in", self.sign_in, ANYONE, max_bytes=TEXT_BYTES),
            TeamRoute("POST", "/sign-out", self.sign_out, Permission.ACCOUNT),
            TeamRoute("GET", "/forgotten", self.show_forgotten, ANYONE),
            TeamRoute("POST", "/forgotten", self.request_reset, ANYONE),
            TeamRoute("GET", "/set-up/{token}", self.show_set_up, ANYONE),
            TeamRoute("POST", "/set-up/{token}", self.set_up, ANYONE),
        ]

    def show_sign_in(self, asked: TeamRequest) -> Response:
        target = safe_next(asked.request.query_params.get("next", ""))
        if asked.signed_in is not None:
            return self._gate.redirect(target)
        return self._show_sign_in(next=target)

    def sign_in(self, asked: TeamRequest) -> Response:
        form = asked.form
        email, target = form.one("email"), safe_next(form.one("next"))
        resume, kept = kept_by(form)
        try:
            result = flow.sign_in(self._app, email, form.exact("password"), asked.client)
        except ServiceError as away:
            log.error("service unavailable", reason=str(away))
            words = _("Signing in is not possible right now. Please try again in a minute.")
            return self._show_sign_in(next=target, email=email, resume=resume, kept=kept, error=words, status=_AWAY)
        if isinstance(result, LimitExceeded):
            return self._show_sign_in(
                next=target, email=email, resume=resume, kept=kept, error=_wait_text(result), exceeded=result
            )
        if result is None:
            error = _("The address or the password is not right. Nothing else is wrong with your browser.")
            return self._show_sign_in(next=target, email=email, resume=resume, kept=kept, error=error, status=_INVALID)
        self._end_session_of_before(asked)
        response = (
            self._pages.respond("resume.html.j2", {"resume": resume, "kept": kept, "email": email})
            if resume
            else self._gate.redirect(target)
        )
        return self._gate.start_session(response, result)

    def sign_out(self, asked: TeamRequest) -> Response:
        flow.sign_out(self._app, asked.session, asked.client)
        response = self._gate.end_session(self._gate.redirect("/app/sign-in"))
        # Pages that the browser has kept, such as for its back button. What it keeps of unsaved texts stays.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def show_forgotten(self, asked: TeamRequest) -> Response:
        with self._app.database.begin() as connection:
            is_possible = can_mail(connection)
        return self._pages.respond("forgotten.html.j2", {"is_possible": is_possible, "is_sent": False, "error": ""})

    def request_reset(self, asked: TeamRequest) -> Response:
        began = time.monotonic()
        exceeded = flow.request_reset(self._app, asked.form.one("email"), asked.client)
        if exceeded is not None:
            context = {"is_possible": True, "is_sent": False, "error": _wait_text(exceeded)}
            return self._pages.respond(
                "forgotten.html.j2", context, status=_TOO_MANY_REQUESTS, headers=_retry_after(exceeded)
            )
        # To queue a mail takes longer than to queue none.
        time.sleep(max(0, began + self._config.answer_after.total_seconds() - time.monotonic()))
        return self._pages.respond("forgotten.html.j2", {"is_possible": True, "is_sent": True, "error": ""})

    def show_set_up(self, asked: TeamRequest) -> Response:
        return self._show_set_up(asked)

    def set_up(self, asked: TeamRequest) -> Response:
        form = asked.form
        if form.exact("password") != form.exact("password_again"):
            return self._show_set_up(asked, error=_("The two passwords are not the same."))
        try:
            user, token = flow.use_link(
                self._app,
                asked.request.path_params["token"],
                password=form.exact("password"),
                client=asked.client,
                email=form.one("email"),
                name=form.one("name"),
            )
        except DataError:
            raise
        except InputError as error:
            return self._show_set_up(asked, error=sentence_of(error))
        self._end_session_of_before(asked)
        # The first who may set up the site goes on with it; who is invited later finds it done.
        is_first = user.allows(Permission.SITE_WRITE) and first_run(self._app).steps_done < STEPS
        return self._gate.start_session(self._gate.redirect("/app/setup" if is_first else "/app"), token)

    def _end_session_of_before(self, asked: TeamRequest) -> None:
        """End the session that the browser had when it got another one: maybe it is of someone else."""
        if asked.signed_in is not None:
            flow.sign_out(self._app, asked.signed_in, asked.client)

    def _show_sign_in(
        self,
        *,
        next: str,
        email: str = "",
        error: str = "",
        resume: str = "",
        kept: list[tuple[str, str]] | None = None,
        status: int = 200,
        exceeded: LimitExceeded | None = None,
    ) -> Response:
        context = {"next": next, "email": email, "error": error, "resume": resume, "kept": kept or []}
        return self._pages.respond(
            "sign_in.html.j2",
            context,
            status=_TOO_MANY_REQUESTS if exceeded else status,
            headers=_retry_after(exceeded) if exceeded else RETRY_LATER if status == _AWAY else None,
        )

    def _show_set_up(self, asked: TeamRequest, *, error: str = "") -> Response:
        link, user = flow.open_link(self._app, asked.request.path_params["token"])
        context = {
            "owner_of_link": user,
            "is_reset": link.purpose is LinkPurpose.RESET,
            "email": asked.form.one("email"),
            "name": asked.form.one("name"),
            "shortest": SHORTEST_PASSWORD,
            "error": error,
        }
        return self._pages.respond("set_up.html.j2", context, status=_INVALID if error else 200)


def _wait_text(exceeded: LimitExceeded) -> str:
    minutes = int(exceeded.wait.total_seconds()) // 60 + 1
    return _("There were too many attempts. Please try again in %(minutes)s minutes.") % {"minutes": minutes}


def _retry_after(exceeded: LimitExceeded) -> dict[str, str]:
    return {"Retry-After": str(int(exceeded.wait.total_seconds()) + 1)}
