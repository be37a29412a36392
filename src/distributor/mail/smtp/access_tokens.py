"""OAuth access tokens for XOAUTH2: fetched with a refresh token (RFC 6749 section 6) and cached until they expire."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import httpx
from pydantic import BaseModel, ValidationError

from distributor.domain.errors import ServiceError
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import OAuthClient, SmtpUrl

_SECONDS = 20.0
# A token is renewed this long before it expires; one without `expires_in` is cached for the shortest usual lifetime.
_RENEW_EARLY_SECONDS = 60.0
_DEFAULT_LIFETIME_SECONDS = 300.0
_MAX_ERROR_TEXT = 200


class TokenRequestRejectedError(ServiceError):
    """The token endpoint rejects the refresh token or the client of the URL: an operator has to correct them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An OAuth access token. `is_new`: it was just fetched and has not been used yet."""

    text: str = field(repr=False)
    is_new: bool


class AccessTokens:
    """The access tokens of one process, one per account. Thread-safe.

    `clock` returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cached: dict[SmtpUrl, tuple[str, float]] = {}
        self._locks: defaultdict[SmtpUrl, Lock] = defaultdict(Lock)

    def fetch(self, url: SmtpUrl, oauth_client: OAuthClient) -> AccessToken:
        """The cached token, or a new one; blocks until the endpoint responds.

        Raises TokenRequestRejectedError and SmtpSessionError.
        """
        with self._locks[url]:
            text, expires = self._cached.get(url, ("", 0.0))
            if text and self._clock() < expires:
                return AccessToken(text=text, is_new=False)
            granted = _request_token(oauth_client, url.password)
            lifetime = _DEFAULT_LIFETIME_SECONDS if granted.expires_in is None else granted.expires_in
            self._cached[url] = (granted.access_token, self._clock() + lifetime - _RENEW_EARLY_SECONDS)
            return AccessToken(text=granted.access_token, is_new=True)

    def forget(self, url: SmtpUrl, token: AccessToken) -> None:
        """Drop a token that the mail server rejected, even if it has not expired."""
        with self._locks[url]:
            if self._cached.get(url, ("", 0.0))[0] == token.text:
                del self._cached[url]


class _TokenResponse(BaseModel):
    access_token: str
    expires_in: float | None = None


class _ErrorResponse(BaseModel):
    error: str
    error_description: str = ""


def _request_token(oauth_client: OAuthClient, refresh_token: str) -> _TokenResponse:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": oauth_client.client_id,
        "client_secret": oauth_client.client_secret,
        "scope": oauth_client.scope,
    }
    try:
        response = httpx.post(
            oauth_client.token_url,
            data={name: value for name, value in form.items() if value},
            headers={"Accept": "application/json"},
            timeout=_SECONDS,
            follow_redirects=False,
        )
    except httpx.HTTPError as error:
        raise SmtpSessionError(
            f"{oauth_client.token_url} gives no access token: {str(error) or type(error).__name__}"
        ) from error
    if response.status_code >= 500 or response.status_code == 429:
        raise SmtpSessionError(
            f"{oauth_client.token_url} gives no access token: it responds with status {response.status_code}"
        )
    try:
        if response.is_success:
            return _TokenResponse.model_validate_json(response.content)
        rejection = _ErrorResponse.model_validate_json(response.content)
    except ValidationError as error:
        raise TokenRequestRejectedError(
            f"{oauth_client.token_url} responds with status {response.status_code} and no OAuth response (RFC 6749); "
            "is token_url right?"
        ) from error
    # Untrusted text: limited in length, and in one line for the log.
    words = f"{rejection.error} {rejection.error_description}".strip()[:_MAX_ERROR_TEXT]
    raise TokenRequestRejectedError(f"{oauth_client.token_url} gives no access token: {' '.join(words.split())}")
