"""The first page after the sign-in, the settings, and the audit log."""

from __future__ import annotations

from starlette.responses import Response

from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.attention import needs_attention
from distributor.flow.operations.data_sizes import measure_data, spell_bytes
from distributor.flow.operations.overview import read_overview
from distributor.storage import audit_log
from distributor.web.team.access import TeamRequest, TeamRoute
from distributor.web.team.navigation import settings_for
from distributor.web.team.pages import TeamPages

_ENTRIES = 50


class OverviewPages:
    """Pages that only show."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[TeamRoute]:
        return [
            TeamRoute("GET", "/", self.show_overview, Permission.ACCOUNT),
            TeamRoute("GET", "/settings", self.show_settings, Permission.ACCOUNT),
            TeamRoute("GET", "/settings/data", self.show_data, Permission.SITE_WRITE),
            TeamRoute("GET", "/audit-log", self.show_audit_log, Permission.AUDIT_LOG_READ),
        ]

    def show_overview(self, asked: TeamRequest) -> Response:
        context = {
            "user": asked.user,
            "page": "overview",
            "attention": needs_attention(self._app),
            "overview": read_overview(self._app),
            "today": self._app.clock().astimezone(self._app.site.zone).date(),
        }
        return self._pages.respond("overview.html.j2", context)

    def show_settings(self, asked: TeamRequest) -> Response:
        items = settings_for(asked.user)
        return self._pages.respond("settings.html.j2", {"user": asked.user, "page": "settings", "items": items})

    def show_data(self, asked: TeamRequest) -> Response:
        context = {"user": asked.user, "page": "data", "data": measure_data(self._app), "spell_bytes": spell_bytes}
        return self._pages.respond("data.html.j2", context)

    def show_audit_log(self, asked: TeamRequest) -> Response:
        before = asked.before()
        with self._app.database.begin() as connection:
            entries = audit_log.latest(connection, limit=_ENTRIES + 1, before_id=before)
        shown, has_more = entries[:_ENTRIES], len(entries) > _ENTRIES
        context = {"user": asked.user, "page": "audit", "entries": shown, "has_more": has_more, "before": before}
        return self._pages.respond("audit_log.html.j2", context)
