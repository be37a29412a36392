"""The page of components: what pages are made of, in all states, with made-up data. For those who build pages."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from distributor.domain.campaign import CampaignState, Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.user import Permission
from distributor.web.team.access import TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_NOON = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
_STATES = DeliveryState
# Names as they are in styles/components.css.j2.
_COLOURS = ("page", "surface", "sunken", "rule", "edge", "muted", "ink", "accent", "danger", "good")
_LEDGERS = {
    "running": Totals(
        {
            _STATES.SENT: 7_211,
            _STATES.DEFERRED: 143,
            _STATES.FAILED: 12,
            _STATES.UNKNOWN: 3,
            _STATES.SUPPRESSED: 312,
            _STATES.IN_FLIGHT: 40,
            _STATES.CLAIMED: 60,
            _STATES.PENDING: 4_627,
        }
    ),
    "finished": Totals(
        {
            _STATES.DELIVERED: 11_890,
            _STATES.SENT: 160,
            _STATES.COMPLAINED: 1,
            _STATES.BOUNCED: 33,
            _STATES.FAILED: 12,
            _STATES.SUPPRESSED: 312,
        }
    ),
    "all at once": Totals(dict.fromkeys(_STATES, 10)),
    "a million": Totals({_STATES.DELIVERED: 999_998, _STATES.UNKNOWN: 1, _STATES.FAILED: 1}),
    "one": Totals({_STATES.SENT: 1}),
    "none": Totals({}),
}
# What a user may have written: its style and its picture are shown, its script must not run.
_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A document</title></head>
<body style="font-family: sans-serif; color: rgb(1, 2, 3)">
<h1>A document</h1>
<p>It has a style of its own, and runs nothing.</p>
<img alt="A picture" src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='2' height='2'/%3E">
<script>document.body.textContent = "The script has run"</script>
</body>
</html>
"""


class ComponentPages:
    """Not in the navigation, and without data of the site."""

    def __init__(self, pages: TeamPages) -> None:
        self._pages = pages

    def routes(self) -> list[TeamRoute]:
        return [
            TeamRoute("GET", "/_components", self.show, Permission.ACCOUNT),
            TeamRoute("GET", "/_components/document", self.show_document, Permission.ACCOUNT),
        ]

    def show(self, asked: TeamRequest) -> Response:
        context = {
            "user": asked.user,
            "page": "components",
            "colours": _COLOURS,
            "campaign_states": tuple(CampaignState),
            "delivery_states": tuple(DeliveryState),
            "ledgers": _LEDGERS,
            "noon": _NOON,
        }
        return self._pages.respond("components.html.j2", context)

    def show_document(self, asked: TeamRequest) -> Response:
        return self._pages.frame(_DOCUMENT)
