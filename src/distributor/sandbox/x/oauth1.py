"""OAuth 1.0a with HMAC-SHA1, checked as RFC 5849 says, from the request alone and without a library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote

from starlette.exceptions import HTTPException

from distributor.sandbox.x.account import XTestAccount

PUBLIC_BASES = ("https://api.twitter.com", "https://api.x.com")
"""Where X documents its API to be; a client that is led here by other means still signs for one of them."""

_MAX_SKEW_SECONDS = 300
_PARAMETER = re.compile(r'([A-Za-z_]+)="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """What a signature covers: `urls` are those it may have been made for, without a query; `parameters` are the
    decoded ones of the query and of a form body."""

    method: str
    urls: Iterable[str]
    parameters: Iterable[tuple[str, str]]
    authorization: str


@dataclass(slots=True)
class SignatureCheck:
    """Checks signatures of one account and remembers nonces, so that no call can be played again."""

    account: XTestAccount
    _seen: dict[str, float] = field(default_factory=dict)

    def check(self, call: SignedCall, now: datetime) -> None:
        """Raises HTTPException 401 that says what is wrong with the signature."""
        given = _read_header(call.authorization)
        self._check_claims(given, now.timestamp())
        if not any(hmac.compare_digest(self._sign(call, url, given), given["oauth_signature"]) for url in call.urls):
            raise HTTPException(401, "Unauthorized: the signature is not that of this request with these secrets")
        self._check_nonce(given, now.timestamp())

    def _check_claims(self, given: Mapping[str, str], now: float) -> None:
        expected = {
            "oauth_consumer_key": self.account.consumer_key,
            "oauth_token": self.account.access_token,
            "oauth_signature_method": "HMAC-SHA1",
        }
        for name, value in expected.items():
            if given.get(name) != value:
                raise HTTPException(401, f"Unauthorized: {name} is missing or unknown")
        if given.get("oauth_version", "1.0") != "1.0":
            raise HTTPException(401, "Unauthorized: oauth_version must be 1.0")
        if not given.get("oauth_nonce") or "oauth_signature" not in given:
            raise HTTPException(401, "Unauthorized: oauth_nonce or oauth_signature is missing")
        stamp = given.get("oauth_timestamp", "")
        if not re.fullmatch(r"[0-9]{1,15}", stamp) or abs(int(stamp) - now) > _MAX_SKEW_SECONDS:
            raise HTTPException(401, "Unauthorized: timestamp out of bounds")

    def _check_nonce(self, given: Mapping[str, str], now: float) -> None:
        self._seen = {nonce: at for nonce, at in self._seen.items() if now - at <= 2 * _MAX_SKEW_SECONDS}
        nonce = f"{given['oauth_timestamp']} {given['oauth_nonce']}"
        if nonce in self._seen:
            raise HTTPException(401, "Unauthorized: this nonce was used before")
        self._seen[nonce] = now

    def _sign(self, call: SignedCall, url: str, given: Mapping[str, str]) -> str:
        protocol = [(name, value) for name, value in given.items() if name not in ("oauth_signature", "realm")]
        pairs = sorted((_encode(name), _encode(value)) for name, value in (*protocol, *call.parameters))
        normalised = "&".join(f"{name}={value}" for name, value in pairs)
        base = "&".join((call.method.upper(), _encode(url), _encode(normalised)))
        key = f"{_encode(self.account.consumer_secret)}&{_encode(self.account.access_token_secret)}"
        return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def decode_form(encoded: str) -> list[tuple[str, str]]:
    """The parameters of a query string or of a form body."""
    return parse_qsl(encoded, keep_blank_values=True)


def _read_header(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "oauth":
        raise HTTPException(401, "Unauthorized: an OAuth 1.0a signature or a bearer token is needed")
    return {unquote(name): unquote(value) for name, value in _PARAMETER.findall(rest)}


def _encode(text: str) -> str:
    """Percent-encoding of RFC 5849, section 3.6: everything but letters, digits and -._~"""
    return quote(text, safe="-._~")
