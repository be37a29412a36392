"""The system: which processes run, what is in quarantine, and what became of imports."""

from __future__ import annotations

from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.errors import NotFoundError
from distributor.domain.user import AuditAction, Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.processes import compare_settings, split_by_life
from distributor.flow.quarantine_retries import retry_item
from distributor.storage import audit_log, heartbeats, imports, processes, quarantine
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_MOST_ITEMS = 50
_MOST_IMPORTS = 20


class SystemPages:
    """For those who run the service: what is held may quote a mail, with the addresses in it."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        path = "/system/quarantine/{item_id}"
        return [
            TeamRoute("GET", "/system", self.show, Permission.SERVICE_READ),
            TeamRoute("POST", f"{path}/retry", self.retry, Permission.SERVICE_WRITE),
            TeamRoute("POST", f"{path}/discard", self.discard, Permission.SERVICE_WRITE),
        ]

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def retry(self, asked: TeamRequest) -> Response:
        item_id = asked.number("item_id")
        try:
            retried = retry_item(self._app, item_id)
        except NotFoundError:
            # It works by now, or somebody else has discarded it.
            return self._gate.redirect("/app/system?done=gone#quarantine")
        self._record(asked, AuditAction.QUARANTINE_RETRIED, item_id)
        if not retried.is_well:
            return self._show(asked, error=_("It still fails: %(reason)s") % {"reason": retried.reason}, status=409)
        return self._gate.redirect(f"/app/system?done={'later' if retried.is_later else 'works'}#quarantine")

    def discard(self, asked: TeamRequest) -> Response:
        item_id = asked.number("item_id")
        try:
            with self._app.database.begin() as connection:
                quarantine.discard(connection, item_id)
        except NotFoundError:
            return self._gate.redirect("/app/system?done=gone#quarantine")
        self._record(asked, AuditAction.QUARANTINE_DISCARDED, item_id)
        return self._gate.redirect("/app/system?done=discarded#quarantine")

    def _record(self, asked: TeamRequest, action: AuditAction, item_id: int) -> None:
        with self._app.database.begin() as connection:
            audit_log.record(connection, asked.actor, action, subject=f"item {item_id}", now=self._app.clock())

    def _show(self, asked: TeamRequest, *, error: str = "", status: int = 200) -> Response:
        before = asked.before()
        with self._app.database.begin() as connection:
            reported = processes.all_reported(connection)
            beat = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
            held = quarantine.listed(connection, before_id=before, limit=_MOST_ITEMS + 1)
            counts = quarantine.count_by_loop(connection)
            imported = imports.listed(connection, limit=_MOST_IMPORTS)
        running, silent = split_by_life(reported)
        items = held[:_MOST_ITEMS]
        context = {
            "user": asked.user,
            "page": "system",
            "running": running,
            "silent": silent,
            "beat": beat,
            "differences": compare_settings(running),
            "items": items,
            "held": sum(counts.values()),
            "imports": imported,
            "next_path": f"/app/system?before={items[-1].id}#quarantine" if len(held) > _MOST_ITEMS else "",
            "back_path": "/app/system#quarantine" if before else "",
            "error": error,
            "notice": _notice(asked),
        }
        return self._pages.respond("system.html.j2", context, status=status)


def _notice(asked: TeamRequest) -> str:
    texts = {
        "works": _("It works, and has left the quarantine."),
        "later": _("It is tried again within a minute; if it works, it leaves the quarantine."),
        "discarded": _("It is deleted."),
        "gone": _("It is not in quarantine any more."),
    }
    return texts.get(asked.request.query_params.get("done", ""), "")
