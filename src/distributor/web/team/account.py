"""One's own account: name, password, and the browsers that are signed in."""

from __future__ import annotations

import re
from gettext import gettext as _

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.domain.errors import InputError
from distributor.domain.user import SHORTEST_PASSWORD, Permission
from distributor.flow.app_context import AppContext
from distributor.flow.request_limits import LimitExceeded
from distributor.flow.team import accounts
from distributor.flow.team import sign_in as flow
from distributor.storage import calendar_feeds, user_sessions
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

# In this order: browsers also name those that they are compatible with.
_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari", "curl")
_BROWSER_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")
_SYSTEM_NAMES = {"Mac OS X": "macOS", "CrOS": "ChromeOS"}


class AccountPages:
    """Pages of which everything is about the user who is signed in."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        own = Permission.ACCOUNT
        return [
            TeamRoute("GET", "/account", self.show, own),
            TeamRoute("POST", "/account/profile", self.change_profile, own),
            TeamRoute("POST", "/account/password", self.change_password, own),
            TeamRoute("POST", "/account/sessions/end-others", self.end_other_sessions, own),
            TeamRoute("POST", "/account/sessions/{session_id}/end", self.end_session, own),
        ]

    def show(self, asked: TeamRequest) -> Response:
        done = {
            "profile": _("Your name is saved."),
            "password": _("Your password is changed. All other browsers are signed out."),
            "sessions": _("Signed out there."),
            "feed": _("The calendar feed is removed: its address no longer works."),
        }
        return self._show(asked, notice=done.get(asked.request.query_params.get("done", ""), ""))

    def change_profile(self, asked: TeamRequest) -> Response:
        try:
            accounts.change_profile(self._app, asked.user.id, name=asked.form.one("name"), actor=asked.actor)
        except InputError as error:
            return self._show(asked, errors={"name": sentence_of(error)})
        return self._gate.redirect("/app/account?done=profile")

    def change_password(self, asked: TeamRequest) -> Response:
        form = asked.form
        if form.exact("password") != form.exact("password_again"):
            return self._show(asked, errors={"password": _("The two passwords are not the same.")})
        try:
            result = flow.change_password(
                self._app,
                asked.session,
                current=form.exact("current_password"),
                new=form.exact("password"),
                client=asked.client,
            )
        except InputError as error:
            return self._show(asked, errors={"password": sentence_of(error)})
        if isinstance(result, LimitExceeded):
            return self._show(asked, errors={"password": _("There were too many attempts. Please wait a little.")})
        return self._gate.start_session(self._gate.redirect("/app/account?done=password"), result)

    def end_session(self, asked: TeamRequest) -> Response:
        if not flow.end_own_session(self._app, asked.session, asked.client, session_id=asked.number("session_id")):
            raise HTTPException(404)
        return self._gate.redirect("/app/account?done=sessions")

    def end_other_sessions(self, asked: TeamRequest) -> Response:
        flow.end_own_session(self._app, asked.session, asked.client)
        return self._gate.redirect("/app/account?done=sessions")

    def _show(self, asked: TeamRequest, *, errors: dict[str, str] | None = None, notice: str = "") -> Response:
        with self._app.database.begin() as connection:
            sessions = user_sessions.of_user(connection, asked.user.id, now=self._app.clock())
            feed = calendar_feeds.of_user(connection, asked.user.id)
        context = {
            "feed": feed,
            "user": asked.user,
            "page": "account",
            "name": asked.form.one("name") or asked.user.name,
            "sessions": [
                {"session": one, "device": device_of(one.user_agent), "is_own": one.id == asked.session.session.id}
                for one in sessions
            ],
            "errors": {"name": "", "password": "", **(errors or {})},
            "notice": notice,
            "shortest": SHORTEST_PASSWORD,
        }
        return self._pages.respond("account.html.j2", context, status=422 if errors else 200)


def device_of(user_agent: str) -> str:
    """What people call the browser and system that a User-Agent names, such as ``Firefox on Linux``."""
    browser = next((name for name in _BROWSERS if re.search(rf"\b{name}\w*/", user_agent)), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    named = _BROWSER_NAMES.get(browser, browser) or _("A browser")
    place = _SYSTEM_NAMES.get(system, system)
    return _("%(browser)s on %(system)s") % {"browser": named, "system": place} if place else named
