"""The audit of a campaign: whether every delivery is accounted for, and what is not."""

from __future__ import annotations

from datetime import timedelta
from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.audit import DifferenceKind
from distributor.flow.operations.audit_runs import MOST_LISTED, last_audit, request_audit
from distributor.flow.publishing.report import totals_of
from distributor.storage import dispatches
from distributor.storage.campaign_audits import AuditState
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

# With scripts the page of an audit that runs is loaded again by itself.
_LOOKED_AGAIN_AFTER = timedelta(seconds=4)


class DeliveryAuditPages:
    """An audit is asked for on the page and runs in the background: the page shows how far it is."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        path = "/campaigns/{campaign_id}/audit"
        return [
            TeamRoute("GET", path, self.show, Permission.CAMPAIGNS_READ),
            TeamRoute("POST", path, self.start, Permission.CAMPAIGNS_WRITE),
        ]

    def show(self, asked: TeamRequest) -> Response:
        campaign_id = asked.number("campaign_id")
        audit = last_audit(self._app, campaign_id)
        name, totals, is_running = totals_of(self._app, campaign_id)
        with self._app.database.begin() as connection:
            planned = dispatches.of_campaign(connection, campaign_id)
        context = {
            "user": asked.user,
            "page": "campaigns",
            "campaign_id": campaign_id,
            "campaign_name": name or _("Campaign %(number)s") % {"number": campaign_id},
            "totals": totals,
            "planned": planned,
            "is_running": is_running,
            "audit": audit,
            "now": self._app.clock(),
            "looked_again_at": self._app.clock() + _LOOKED_AGAIN_AFTER,
            "is_open": audit is not None and audit.state is not AuditState.FINISHED,
            "kinds": list(DifferenceKind),
            "most_listed": MOST_LISTED,
            "may_start": asked.user.allows(Permission.CAMPAIGNS_WRITE),
        }
        return self._pages.respond("delivery_audit.html.j2", context)

    def start(self, asked: TeamRequest) -> Response:
        campaign_id = asked.number("campaign_id")
        request_audit(self._app, campaign_id, actor=asked.actor.name)
        return self._gate.redirect(f"/app/campaigns/{campaign_id}/audit")
