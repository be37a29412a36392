"""What the tests of the team's app share: users, and browsers that sign in as them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import lxml.html
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.applications import Starlette
from starlette.testclient import TestClient

from distributor.domain.user import Actor, Role, User
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts, passwords
from distributor.storage import audit_log, users
from distributor.web.app import create_app
from distributor.web.config import WebConfig

PASSWORD = "a sentence that only tests know"
OPERATOR = Actor(name="cli:test")
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="session")
def cheap_hasher() -> PasswordHash:
    """Argon2 that takes no time: nearly every test here signs somebody in."""
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


@pytest.fixture(autouse=True)
def _cheap_hashes(cheap_hasher: PasswordHash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", cheap_hasher)


@pytest.fixture(scope="session")
def password_hash(cheap_hasher: PasswordHash) -> str:
    return cheap_hasher.hash(PASSWORD)


class TestClock:
    """The time, which tests move."""

    __test__ = False

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Browser:
    """A client that keeps cookies, follows no redirect, and says that its forms come from our pages."""

    client: TestClient

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.client.post(path, data=data or {}, **{"headers": SAME_ORIGIN, **options})

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> Any:
        return self.post("/app/sign-in", {"email": email, "password": password, **fields})

    def page(self, path: str) -> Any:
        response = self.get(path)
        assert response.status_code == 200, response.text
        return lxml.html.fromstring(response.text)

    @property
    def token(self) -> str:
        return str(self.client.cookies["distributor_session"])


@dataclass
class Team:
    """A team app on real servers, whose clock can be moved."""

    app: AppContext
    asgi: Starlette
    clock: TestClock
    stack: ExitStack
    password_hash: str

    def user(self, role: Role = Role.OWNER, email: str = "", *, name: str = "", has_password: bool = True) -> User:
        address = email or f"{role}@example.org"
        user, _ = accounts.create_user(self.app, email=address, name=name, role=role, actor=OPERATOR)
        if not has_password:
            return user
        with self.app.database.begin() as connection:
            return users.change(connection, user.id, {"password_hash": self.password_hash})

    def browser(self, **options: Any) -> Browser:
        client = TestClient(self.asgi, follow_redirects=False, raise_server_exceptions=False, **options)
        return Browser(self.stack.enter_context(client))

    def signed_in(self, user: User) -> Browser:
        browser = self.browser()
        assert browser.sign_in(user.email).status_code == 303
        return browser

    def log(self) -> list[tuple[str, str, str]]:
        """Actor, action and subject of the audit log, oldest first."""
        with self.app.database.begin() as connection:
            entries = audit_log.latest(connection, limit=500)
        return [(one.actor, one.action, one.subject) for one in reversed(entries)]

    def reload(self, user: User) -> User:
        with self.app.database.begin() as connection:
            return users.find_by_id(connection, user.id)


MakeTeam = Callable[..., Team]


@pytest.fixture
def make_team(app: AppContext, password_hash: str) -> Iterator[MakeTeam]:
    """Make a team app with these changes to the context."""
    with ExitStack() as stack:

        def make(**changes: Any) -> Team:
            clock = TestClock(app.clock())
            changed = replace(app, clock=clock, **changes)
            asgi = create_app(changed, WebConfig(answer_after=timedelta()))
            return Team(changed, asgi, clock, stack, password_hash)

        yield make


@pytest.fixture
def team(make_team: MakeTeam) -> Team:
    return make_team()
