"""Who may open which page: every route of the team's app declares the permission that it needs.

A request passes here before its page sees it. One that changes something must come from a page of ours; one without a
session is led to the sign-in, which keeps what was typed into a form; one that the role does not allow is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from gettext import gettext as _
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from distributor.domain.errors import DataError, InputError, PermissionDeniedError, StateError
from distributor.domain.stored_text import storable
from distributor.domain.user import SESSION_LIFETIME, Actor, Permission, User
from distributor.flow.app_context import AppContext
from distributor.flow.team.sign_in import Client, SignedIn, find_session, record_denial, user_of_session
from distributor.storage import users
from distributor.web.client_ip import client_ip, is_cross_site
from distributor.web.forms import Files, Form, Resend, kept_fields, number_of, read_form
from distributor.web.team.pages import TeamPages
from distributor.web.team.wording import for_pages

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_LONGEST_PATH = 2000
# The largest form without a long text, and with one: every letter may take nine bytes in a form.
FORM_BYTES = 64 * 1024
TEXT_BYTES = 4 * 1024 * 1024
UPLOAD_BYTES = 20 * 1024 * 1024
_KEPT = "keep:"
_RESUME = "resume"
_NO_FORM = Form({})

# The permission of a route that needs no session.
ANYONE = None


@dataclass(frozen=True, kw_only=True)
class TeamRequest:
    """A request that has been let through. `signed_in` is None only on routes for anyone."""

    request: Request
    form: Form
    client: Client
    signed_in: SignedIn | None

    @cached_property
    def user(self) -> User:
        """Who is signed in."""
        return self.session.user

    @property
    def session(self) -> SignedIn:
        assert self.signed_in is not None, "the route needs a permission"  # noqa: S101
        return self.signed_in

    @property
    def actor(self) -> Actor:
        """The user as who does something: for the flow, and the audit log."""
        return self.client.actor(self.user)

    @property
    def is_partial(self) -> bool:
        """Whether a script of the page asks for a part of it: the answer is a fragment."""
        return self.request.headers.get("hx-request") == "true"

    def number(self, name: str) -> int:
        """A parameter of the path that is a number. Raises HTTPException 404 for any other."""
        number = number_of(str(self.request.path_params[name]))
        if number is None:
            raise HTTPException(404)
        return number

    def before(self) -> int | None:
        """The id before which a page of a list begins; None on the first. Raises HTTPException 404."""
        text = self.request.query_params.get("before", "")
        number = number_of(text)
        if text and number is None:
            raise HTTPException(404)
        return number


Endpoint: TypeAlias = Callable[[TeamRequest], Response]


@dataclass(frozen=True, slots=True)
class TeamRoute:
    """One method of one path below `/app`, its page, and the permission that it needs (`ANYONE`: not even a session).

    There is no default: a route without a declaration cannot be made. `max_bytes` is the largest body that it takes,
    and `takes_files` whether its form may have files.
    """

    method: str
    path: str
    endpoint: Endpoint
    permission: Permission | None
    max_bytes: int = FORM_BYTES
    takes_files: bool = False


class Gate:
    """Lets requests through to the pages, or refuses them."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages
        # With the prefix a browser takes the cookie only over https and from this host alone (RFC 6265bis, 4.1.3.2).
        self._is_secure = urlsplit(app.site.public_url).scheme == "https"
        self.cookie_name = "__Host-distributor_session" if self._is_secure else "distributor_session"

    def routes(self, declared: Sequence[TeamRoute]) -> list[Route]:
        """The routes of the application, each of which asks this gate first."""
        return [
            Route(one.path, self._guarded(one), methods=[one.method], max_body_size=one.max_bytes) for one in declared
        ]

    def is_signed_in(self, request: Request) -> bool:
        """Whether the request has a valid session."""
        return self._find_session(request, _client_of(request)) is not None

    def still_allows(self, asked: TeamRequest, permission: Permission) -> bool:
        """Whether who sent a request that has not ended is still signed in, and allowed to read its answer."""
        user = user_of_session(self._app, asked.request.cookies.get(self.cookie_name, ""))
        return user is not None and user.allows(permission)

    def start_session(self, response: Response, token: str) -> Response:
        """The response with the cookie of a new session."""
        response.set_cookie(
            self.cookie_name,
            token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def end_session(self, response: Response) -> Response:
        """The response that removes the cookie."""
        response.delete_cookie(self.cookie_name, path="/", secure=self._is_secure, httponly=True, samesite="lax")
        return response

    def redirect(self, path: str) -> Response:
        """See the page at this path below the root of the site."""
        return RedirectResponse(f"{self._pages.root}{path}", 303)

    def _guarded(self, route: TeamRoute) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            is_change = request.method not in _SAFE_METHODS
            if is_change and is_cross_site(request, self._app.site.public_url):
                return self._pages.message(
                    _("This did not come from here"),
                    _(
                        "The request did not come from a page of this site, so nothing was changed. "
                        "Open the page again and repeat it there."
                    ),
                    status=403,
                )
            form = await self._read_form(route, request) if is_change else _NO_FORM
            return await run_in_threadpool(self._answer, route, request, form)

        return guarded

    async def _read_form(self, route: TeamRoute, request: Request) -> Form:
        """The form. Files are kept in memory only for those who are signed in."""
        if not route.takes_files:
            return await read_form(request, max_bytes=route.max_bytes)
        is_signed_in = await run_in_threadpool(self.is_signed_in, request)
        files = Files.KEPT if is_signed_in else Files.DROPPED
        return await read_form(request, max_bytes=route.max_bytes, files=files)

    def _answer(self, route: TeamRoute, request: Request, form: Form) -> Response:
        client = _client_of(request)
        signed_in = self._find_session(request, client)
        team_request = TeamRequest(request=request, form=form, client=client, signed_in=signed_in)
        if route.permission is not ANYONE:
            if signed_in is None:
                return self._sign_in_first(team_request)
            if not signed_in.user.allows(route.permission):
                return self._refuse(signed_in.user, f"{route.method} {route.path}", client)
        try:
            return route.endpoint(team_request)
        except PermissionDeniedError as error:
            return self._refuse(team_request.user, f"{route.method} {route.path}", client, reason=str(error))
        except DataError:
            raise
        except (InputError, StateError) as error:
            status = 422 if isinstance(error, InputError) else 409
            resend = Resend(_path_of(request), kept_fields(form), has_files=form.had_files) if form.fields else None
            return self._pages.message(_("Nothing was changed"), sentence_of(error), status=status, resend=resend)

    def _find_session(self, request: Request, client: Client) -> SignedIn | None:
        token = request.cookies.get(self.cookie_name, "")
        return find_session(self._app, token, client) if token else None

    def _sign_in_first(self, asked: TeamRequest) -> Response:
        request, form = asked.request, asked.form
        path = _path_of(request)
        if asked.is_partial or "application/json" in request.headers.get("accept", ""):
            target = f"{self._pages.root}/app/sign-in"
            return PlainTextResponse(
                _("Your session has ended: sign in again.\n"),
                401,
                headers={"HX-Redirect": target},
            )
        if request.method in _SAFE_METHODS:
            query = f"?{request.url.query}" if request.url.query else ""
            return self.redirect(f"/app/sign-in?{urlencode({'next': path + query})}")
        return self._pages.respond(
            "sign_in.html.j2",
            {"next": "/app", "email": "", "error": "", "kept": kept_fields(form), "resume": path},
            status=401,
        )

    def _refuse(self, user: User, what: str, client: Client, *, reason: str = "") -> Response:
        record_denial(self._app, user, what, client)
        with self._app.database.begin() as connection:
            able = [
                one
                for one in users.all_users(connection)
                if one.state == "active" and one.allows(Permission.USERS_WRITE) and one.id != user.id
            ]
        context = {"user": user, "reason": _capitalised(reason) if reason else "", "able": able[:3]}
        return self._pages.respond("denied.html.j2", context, status=403)


def _path_of(request: Request) -> str:
    """The path of a request below the root of the site."""
    return f"/app{request.scope['path'].removeprefix(request.scope.get('root_path', ''))}".rstrip("/")


def safe_next(text: str) -> str:
    """The path below `/app` to go to after the sign-in, or `/app` for anything else, such as another site."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/app"
    is_ours = (
        not parts.scheme
        and not parts.netloc
        and (parts.path == "/app" or parts.path.startswith("/app/"))
        and ".." not in parts.path.split("/")
        and parts.path not in ("/app/sign-in", "/app/sign-out")
        and len(text) <= _LONGEST_PATH
        and text.isascii()
        and text.isprintable()
        and "\\" not in text
    )
    return text if is_ours else "/app"


def kept_by(form: Form) -> tuple[str, list[tuple[str, str]]]:
    """The path and the fields that a sign-in form has kept; the path is empty if it has kept none."""
    resume = form.one(_RESUME)
    if not resume or safe_next(resume) != resume:
        return "", []
    fields = {name: values for name, values in form.fields.items() if name.startswith(_KEPT)}
    return resume, [(name.removeprefix(_KEPT), value) for name, values in fields.items() for value in values]


def sentence_of(error: Exception) -> str:
    """The message of an error as a sentence, without what is said to somebody at a command line."""
    return for_pages(str(error))


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _client_of(request: Request) -> Client:
    return Client(ip_address=client_ip(request), user_agent=storable(request.headers.get("user-agent", "")))
