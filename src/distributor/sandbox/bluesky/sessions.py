"""Sessions of a PDS: access tokens that expire, refresh tokens that are replaced with each use."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException

from distributor.sandbox.bluesky.account import BlueskyLimits, BlueskyTestAccount
from distributor.sandbox.json_store import JsonStore

_ACCESS = "com.atproto.appPass"
_REFRESH = "com.atproto.refresh"
_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedToken:
    """A refresh token that was used, and when first."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Makes and reads tokens of one account (JWT with HS256)."""

    account: BlueskyTestAccount
    used: JsonStore[UsedToken]

    def open(self, identifier: str, password: str, *, limits: BlueskyLimits, now: datetime) -> dict[str, Any]:
        """A new session. Raises HTTPException 401 for a wrong identifier or password."""
        known = identifier.removeprefix("@").lower() in (self.account.handle, self.account.did)
        if not known or not hmac.compare_digest(password.encode(), self.account.app_password.encode()):
            raise HTTPException(401, "AuthenticationRequired: Invalid identifier or password")
        return self._session(limits, now)

    def refresh(self, authorization: str, *, limits: BlueskyLimits, now: datetime) -> dict[str, Any]:
        """A new session for a refresh token. Raises HTTPException if it is none, has expired or was used before."""
        claims = self._read(authorization, _REFRESH, now)
        used = self.used.get(claims["jti"])
        if used is None:
            self.used.put(UsedToken(key=claims["jti"], at=now))
        elif now - used.at > timedelta(seconds=limits.refresh_grace_seconds):
            raise HTTPException(400, "ExpiredToken: Token has been revoked")
        return self._session(limits, now)

    def check_access(self, authorization: str, now: datetime) -> None:
        """Raises HTTPException if this is no access token, or one that has expired."""
        self._read(authorization, _ACCESS, now)

    def _session(self, limits: BlueskyLimits, now: datetime) -> dict[str, Any]:
        return {
            "accessJwt": self._write(_ACCESS, now, limits.access_token_seconds),
            "refreshJwt": self._write(_REFRESH, now, limits.refresh_token_seconds),
            "handle": self.account.handle,
            "did": self.account.did,
            "active": True,
        }

    def _write(self, scope: str, now: datetime, seconds: int) -> str:
        issued = int(now.timestamp())
        claims = {
            "scope": scope,
            "sub": self.account.did,
            "iat": issued,
            "exp": issued + seconds,
            "jti": secrets.token_urlsafe(16),
        }
        signed = f"{_base64(json.dumps(_HEADER).encode())}.{_base64(json.dumps(claims).encode())}"
        return f"{signed}.{self._sign(signed)}"

    def _read(self, authorization: str, scope: str, now: datetime) -> dict[str, Any]:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise HTTPException(401, "AuthMissing: Authentication Required")
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(signed).encode()):
            raise HTTPException(400, "InvalidToken: Token could not be verified")
        claims: dict[str, Any] = json.loads(_from_base64(signed.partition(".")[2]))
        if claims["scope"] != scope:
            raise HTTPException(400, "InvalidToken: Bad token scope")
        if now.timestamp() >= claims["exp"]:
            raise HTTPException(400, "ExpiredToken: Token has expired")
        return claims

    def _sign(self, signed: str) -> str:
        return _base64(hmac.new(self.account.token_key, signed.encode(), hashlib.sha256).digest())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise HTTPException(400, "InvalidToken: Token could not be verified") from None
