"""Authentication of API requests: tokens, scopes, and a limit of concurrent requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from distributor.domain.address import without_addresses
from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.user import Actor
from distributor.flow.app_context import AppContext
from distributor.storage import api_tokens
from distributor.web.client_ip import client_ip

_bearer = HTTPBearer(
    scheme_name="token",
    bearerFormat="dst_…",
    description=(
        "A token of `distributor token create NAME --scope SCOPE`, sent as `Authorization: Bearer dst_…`. "
        "Each operation names the scopes that it needs."
    ),
    auto_error=False,
)
_CHALLENGE = 'Bearer realm="distributor"'


async def _app(request: Request) -> AppContext:
    found: AppContext = request.app.state.app
    return found


App = Annotated[AppContext, Depends(_app)]


def _authorise(
    request: Request,
    required: SecurityScopes,
    app: App,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> ApiToken:
    """Check the token (RFC 6750, section 3): a request without one gets a plain challenge, a bad one an error code."""
    if credentials is None:
        raise _auth_error(401, "this needs a token, sent as `Authorization: Bearer dst_…`")
    now = app.clock()
    with app.database.begin() as connection:
        token = api_tokens.find(connection, credentials.credentials)
        if token is None or not token.is_valid(now):
            raise _auth_error(401, "the token is unknown, revoked or expired", error="invalid_token")
        missing = [scope for scope in map(TokenScope, required.scopes) if not token.allows(scope)]
        if missing:
            raise _scope_error(*missing)
        api_tokens.record_use(connection, token, now=now)
    # For what responds to errors.
    request.state.token = token
    return token


async def _request_slot(request: Request) -> AsyncIterator[None]:
    # The body is read by now: a slow sender takes no slot.
    async with request.app.state.request_slots:
        yield


RequestSlot = Depends(_request_slot, scope="function")


def requires(*scopes: TokenScope) -> Any:
    """Require a valid token with these scopes, and give it. Returns `Any`, as FastAPI's own markers do."""
    return Security(_authorise, scopes=[scope.value for scope in scopes])


def actor_of(token: ApiToken) -> str:
    """Who does what a request with this token asks for, as the history of articles and campaigns names it."""
    return f"api:{token.name}"


def acting(request: Request, token: ApiToken) -> Actor:
    """The same for the audit log, with the address that the request came from."""
    return Actor(name=actor_of(token), ip_address=client_ip(request))


def require_scope(token: ApiToken, scope: TokenScope) -> None:
    """Raises HTTPException 403 unless the token has this scope."""
    if not token.allows(scope):
        raise _scope_error(scope)


def shows_addresses(token: ApiToken) -> bool:
    """Whether responses to this token may hold addresses of subscribers: that is what `subscribers:read` is for."""
    return token.allows(TokenScope.SUBSCRIBERS_READ)


def require_addresses(token: ApiToken) -> None:
    """Raises HTTPException 403 unless the token may see addresses."""
    require_scope(token, TokenScope.SUBSCRIBERS_READ)


def text_for(token: ApiToken, text: str) -> str:
    """A text of a server or of a file, without the addresses in it if the token may not see them."""
    return text if shows_addresses(token) else without_addresses(text)


def _scope_error(*missing: TokenScope) -> HTTPException:
    return _auth_error(
        403, f"the token lacks the scope {missing[0]}", error="insufficient_scope", scope=" ".join(missing)
    )


def _auth_error(status: int, detail: str, **attributes: str) -> HTTPException:
    challenge = ", ".join([_CHALLENGE, *(f'{name}="{value}"' for name, value in attributes.items())])
    return HTTPException(status, detail, headers={"WWW-Authenticate": challenge})
