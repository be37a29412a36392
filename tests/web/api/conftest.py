"""What the tests of the API share: clients with tokens, and an audience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any, cast

import httpx
import pytest
from starlette.testclient import TestClient

from distributor.domain.api_token import ApiToken, TokenScope, secret_of
from distributor.flow.app_context import AppContext
from distributor.storage import api_tokens
from distributor.web.app import create_app

# A program with a token of these scopes.
Program = Callable[..., httpx.Client]


class NewToken:
    """Makes tokens as `distributor token create` does, with secrets of no chance."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._numbers = count(1)

    def __call__(self, *scopes: TokenScope, expires_at: datetime | None = None) -> tuple[str, ApiToken]:
        secret = secret_of(next(self._numbers).to_bytes(32, "big"))
        with self._app.database.begin() as connection:
            made = api_tokens.add(
                connection,
                secret,
                name="test",
                scopes=scopes,
                expires_at=expires_at,
                now=self._app.clock(),
            )
        return secret, made


@pytest.fixture
def new_token(app: AppContext) -> NewToken:
    return NewToken(app)


@pytest.fixture
def program(app: AppContext, new_token: NewToken) -> Iterator[Program]:
    asgi = create_app(app)
    with TestClient(asgi, follow_redirects=False, raise_server_exceptions=False) as running:

        def with_token(*scopes: TokenScope) -> httpx.Client:
            headers = {"Authorization": f"Bearer {new_token(*scopes)[0]}"} if scopes else {}
            return cast("httpx.Client", Beyond(running, headers))

        yield with_token


class Beyond:
    """A client that asks below `/api/v1` with the same headers each time."""

    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(path: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
            return self._client.request(
                method.upper(), f"/api/v1{path}", headers={**self._headers, **(headers or {})}, **more
            )

        return ask


@pytest.fixture
def api(program: Program) -> Any:
    """A program that may do everything."""
    return program(TokenScope.EVERYTHING)
