"""One person, to be read: what they get, what they agreed to, and every mail with what became of it."""

from __future__ import annotations

from starlette.responses import Response

from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.people.person_record import person_record
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_PER_PAGE = 50


class PeoplePages:
    """For those who may read subscribers."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        return [TeamRoute("GET", "/people/{subscriber_id}", self.show, Permission.SUBSCRIBERS_READ)]

    def show(self, asked: TeamRequest) -> Response:
        before = asked.before()
        number = asked.number("subscriber_id")
        found = person_record(self._app, number, before_id=before, limit=_PER_PAGE)
        context = {
            "user": asked.user,
            "page": "people",
            "found": found,
            "now": self._app.clock(),
            "next_path": f"/app/people/{number}?before={found.next_id}" if found.next_id else "",
            "back_path": f"/app/people/{number}" if before else "",
        }
        return self._pages.respond("person.html.j2", context)
