"""Who is told what needs a person: the addresses and the web hook, and what was told."""

from __future__ import annotations

from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.errors import DataError, InputError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.notice_targets import targets_set_in_app
from distributor.flow.operations.notices import change_notice_settings
from distributor.storage import notices
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

_PER_PAGE = 30


class NoticePages:
    """For those who run the service. The secret of the web hook is shown once, when it is made."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        return [
            TeamRoute("GET", "/settings/notices", self.show, Permission.SERVICE_READ),
            TeamRoute("POST", "/settings/notices", self.change, Permission.SERVICE_WRITE),
        ]

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def change(self, asked: TeamRequest) -> Response:
        form = asked.form
        with self._app.database.begin() as connection:
            before = targets_set_in_app(self._app, connection)
        try:
            changed = change_notice_settings(
                self._app,
                addresses=form.exact("addresses"),
                hook_url=form.one("hook_url"),
                hook_secret=form.one("hook_secret"),
                actor=asked.actor,
            )
        except DataError:
            raise
        except InputError as error:
            return self._show(asked, error=sentence_of(error))
        if changed.hook_secret and not form.one("hook_secret") and changed.hook_secret != before.hook_secret:
            return self._show(asked, made_secret=changed.hook_secret)
        return self._gate.redirect("/app/settings/notices?done=saved")

    def _show(self, asked: TeamRequest, *, error: str = "", made_secret: str = "") -> Response:
        before = asked.before()
        with self._app.database.begin() as connection:
            stored = targets_set_in_app(self._app, connection)
            found = notices.latest(connection, limit=_PER_PAGE + 1, before_id=before)
            attempts = notices.attempts(connection, [one.id for one in found])
        typed = {"addresses": "\n".join(stored.addresses), "hook_url": stored.hook_url}
        if error:
            typed = {name: asked.form.exact(name) for name in typed}
        shown = found[:_PER_PAGE]
        is_saved = made_secret or asked.request.query_params.get("done") == "saved"
        context = {
            "user": asked.user,
            "page": "notices",
            "fixed": self._app.notice_targets,
            "typed": typed,
            "has_secret": bool(stored.hook_secret),
            "made_secret": made_secret,
            "notices": shown,
            "attempts": attempts,
            "next_path": f"/app/settings/notices?before={shown[-1].id}" if len(found) > _PER_PAGE else "",
            "back_path": "/app/settings/notices" if before else "",
            "error": error,
            "notice": _("It is saved, and holds from now on.") if is_saved else "",
        }
        return self._pages.respond("notices.html.j2", context, status=422 if error else 200)
