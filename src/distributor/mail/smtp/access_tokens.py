"""Access tokens for XOAUTH2, fetched by a refresh token (RFC 6749 section 6) and kept until they run out."""

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
# A token is replaced so long before its end, and one of unknown life is kept as long as the shortest that are common.
_EARLY_SECONDS = 60.0
_LIFE_SECONDS = 300.0
_MOST_WORDS = 200


class TokenRequestRejectedError(ServiceError):
    """The endpoint gives no token for what the URL of the relay holds: a person has to see to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """`is_new`: it was fetched for whoever asked, and nobody has used it yet."""

    text: str = field(repr=False)
    is_new: bool


class AccessTokens:
    """The tokens of one process, one for each account. Safe to be used by several threads.

    `clock` gives seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[SmtpUrl, tuple[str, float]] = {}
        self._locks: defaultdict[SmtpUrl, Lock] = defaultdict(Lock)

    def fetch(self, url: SmtpUrl, oauth_client: OAuthClient) -> AccessToken:
        """The cached token, or a new one; blocks until the endpoint responds.

        Raises TokenRequestRejectedError and SmtpSessionError.
        """
        with self._locks[url]:
            text, end = self._kept.get(url, ("", 0.0))
            if text and self._clock() < end:
                return AccessToken(text=text, is_new=False)
            granted = _ask(oauth_client, url.password)
            life = _LIFE_SECONDS if granted.expires_in is None else granted.expires_in
            self._kept[url] = (granted.access_token, self._clock() + life - _EARLY_SECONDS)
            return AccessToken(text=granted.access_token, is_new=True)

    def forget(self, url: SmtpUrl, token: AccessToken) -> None:
        """A server does not accept the token, whatever it was said to be good for."""
        with self._locks[url]:
            if self._kept.get(url, ("", 0.0))[0] == token.text:
                del self._kept[url]


class _Granted(BaseModel):
    access_token: str
    expires_in: float | None = None


class _Complaint(BaseModel):
    error: str
    error_description: str = ""


def _ask(oauth_client: OAuthClient, refresh_token: str) -> _Granted:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": oauth_client.client_id,
        "client_secret": oauth_client.client_secret,
        "scope": oauth_client.scope,
    }
    try:
        answer = httpx.post(
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
    if answer.status_code >= 500 or answer.status_code == 429:
        raise SmtpSessionError(f"{oauth_client.token_url} gives no access token: it answers {answer.status_code}")
    try:
        if answer.is_success:
            return _Granted.model_validate_json(answer.content)
        said = _Complaint.model_validate_json(answer.content)
    except ValidationError as error:
        raise TokenRequestRejectedError(
            f"{oauth_client.token_url} answers {answer.status_code} and nothing that RFC 6749 knows; is token_url right?"
        ) from error
    # A stranger's text: not at any length, and without what could spoil a log.
    words = f"{said.error} {said.error_description}".strip()[:_MOST_WORDS]
    raise TokenRequestRejectedError(f"{oauth_client.token_url} gave no access token: {' '.join(words.split())}")
