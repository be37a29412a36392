"""The team: who is in it, invitations, roles, and what can be taken away."""

from __future__ import annotations

from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.errors import ConfigurationError, DataError, InputError, StateError
from distributor.domain.user import Permission, Role, may_manage, parse_role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.flow.team.links import can_mail
from distributor.storage import user_sessions, users
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.account import device_of
from distributor.web.team.pages import TeamPages


class UserPages:
    """Pages for those who may see users; a change needs the permission for it, and a role that manages theirs."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.USERS_READ, Permission.USERS_WRITE
        return [
            TeamRoute("GET", "/users", self.show_all, read),
            TeamRoute("POST", "/users", self.invite, write),
            TeamRoute("GET", "/users/{user_id}", self.show, read),
            TeamRoute("POST", "/users/{user_id}/role", self.set_role, write),
            TeamRoute("POST", "/users/{user_id}/disable", self.disable, write),
            TeamRoute("POST", "/users/{user_id}/enable", self.enable, write),
            TeamRoute("POST", "/users/{user_id}/link", self.make_link, write),
            TeamRoute("POST", "/users/{user_id}/end-sessions", self.end_sessions, write),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        return self._show_all(asked, notice=_("The invitation is on its way.") if _done(asked) == "mailed" else "")

    def invite(self, asked: TeamRequest) -> Response:
        form = asked.form
        try:
            user, link = accounts.create_user(
                self._app,
                email=form.one("email"),
                name=form.one("name"),
                role=parse_role(form.one("role")),
                actor=asked.actor,
                by_mail=form.one("send") == "mail",
            )
        except DataError:
            raise
        except (InputError, StateError, ConfigurationError) as error:
            return self._show_all(asked, error=sentence_of(error))
        if not link:
            return self._gate.redirect("/app/users?done=mailed")
        return self._pages.respond("link.html.j2", {"user": asked.user, "page": "users", "one": user, "link": link})

    def show(self, asked: TeamRequest) -> Response:
        done = {
            "role": _("The role is changed, and the user is signed out everywhere."),
            "disable": _("The user is disabled, and signed out everywhere."),
            "enable": _("The user is enabled again."),
            "link": _("The link is on its way."),
            "sessions": _("The user is signed out everywhere."),
        }
        with self._app.database.begin() as connection:
            one = users.find_by_id(connection, asked.number("user_id"))
            sessions = user_sessions.of_user(connection, one.id, now=self._app.clock())
            is_mailable = can_mail(connection)
        context = {
            "user": asked.user,
            "page": "users",
            "one": one,
            "roles": _roles_for(asked),
            "may_manage": may_manage(asked.user.role, one.role) and asked.user.allows(Permission.USERS_WRITE),
            "sessions": [{"session": found, "device": device_of(found.user_agent)} for found in sessions],
            "can_mail": is_mailable,
            "notice": done.get(_done(asked), ""),
        }
        return self._pages.respond("user.html.j2", context)

    def set_role(self, asked: TeamRequest) -> Response:
        role = parse_role(asked.form.one("role"))
        accounts.set_role(self._app, asked.number("user_id"), role, actor=asked.actor)
        return self._back(asked, "role")

    def disable(self, asked: TeamRequest) -> Response:
        accounts.disable(self._app, asked.number("user_id"), actor=asked.actor)
        return self._back(asked, "disable")

    def enable(self, asked: TeamRequest) -> Response:
        accounts.enable(self._app, asked.number("user_id"), actor=asked.actor)
        return self._back(asked, "enable")

    def make_link(self, asked: TeamRequest) -> Response:
        is_by_mail = asked.form.one("send") == "mail"
        user, link = accounts.make_link(self._app, asked.number("user_id"), actor=asked.actor, by_mail=is_by_mail)
        if not link:
            return self._back(asked, "link")
        return self._pages.respond("link.html.j2", {"user": asked.user, "page": "users", "one": user, "link": link})

    def end_sessions(self, asked: TeamRequest) -> Response:
        accounts.end_sessions(self._app, asked.number("user_id"), actor=asked.actor)
        return self._back(asked, "sessions")

    def _back(self, asked: TeamRequest, done: str) -> Response:
        return self._gate.redirect(f"/app/users/{asked.number('user_id')}?done={done}")

    def _show_all(self, asked: TeamRequest, *, error: str = "", notice: str = "") -> Response:
        with self._app.database.begin() as connection:
            listed = users.all_users(connection)
            is_mailable = can_mail(connection)
        context = {
            "user": asked.user,
            "page": "users",
            "listed": listed,
            "roles": _roles_for(asked),
            "can_mail": is_mailable,
            "form": {name: asked.form.one(name) for name in ("email", "name", "role")},
            "error": error,
            "notice": notice,
        }
        return self._pages.respond("users.html.j2", context, status=422 if error else 200)


def _roles_for(asked: TeamRequest) -> list[Role]:
    """The roles that the user may give."""
    return [role for role in Role if may_manage(asked.user.role, role)]


def _done(asked: TeamRequest) -> str:
    return asked.request.query_params.get("done", "")
