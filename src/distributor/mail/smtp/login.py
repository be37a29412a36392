"""SMTP authentication (RFC 4954): PLAIN, LOGIN and XOAUTH2."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

from distributor.mail.smtp.access_tokens import AccessTokens, TokenRequestRejectedError
from distributor.mail.smtp.reply import SmtpReply
from distributor.mail.smtp.url import AuthMechanism, SmtpUrl

# Sends one command line and returns the reply to it.
SendCommand = Callable[[str], Awaitable[SmtpReply]]

# Connections last for a few batches; a token is used by many of them.
_TOKENS = AccessTokens()


def choose_mechanism(url: SmtpUrl, offered: frozenset[str]) -> AuthMechanism | None:
    """The mechanism to use, given those that the server offers (in upper case); None if there is none in common."""
    wanted = (AuthMechanism.PLAIN, AuthMechanism.LOGIN) if url.auth is AuthMechanism.AUTO else (url.auth,)
    return next((mechanism for mechanism in wanted if mechanism.upper() in offered), None)


async def log_in(url: SmtpUrl, mechanism: AuthMechanism, send: SendCommand) -> SmtpReply:
    """Authenticate by `mechanism`; returns the server's final reply."""
    return await _MECHANISMS[mechanism](url, send)


async def _log_in_plain(url: SmtpUrl, send: SendCommand) -> SmtpReply:
    return await send("AUTH PLAIN " + _base64(f"\0{url.user}\0{url.password}"))


async def _log_in_login(url: SmtpUrl, send: SendCommand) -> SmtpReply:
    reply = await send("AUTH LOGIN")
    for answer in (url.user or "", url.password):
        if reply.code != 334:
            break
        reply = await send(_base64(answer))
    return reply


async def _log_in_xoauth2(url: SmtpUrl, send: SendCommand) -> SmtpReply:
    """Authenticate with the token in the URL, or with one that is fetched from the token endpoint.

    If the endpoint gives no token, the result is the reply that a server sends for an invalid one (RFC 4954 section 6).
    A cached token that the server rejects is replaced once. Raises SmtpSessionError if the endpoint cannot be reached.
    """
    if url.oauth_client is None:
        return await _send_token(url, url.password, send)
    try:
        token = await asyncio.to_thread(_TOKENS.fetch, url, url.oauth_client)
        reply = await _send_token(url, token.text, send)
        if reply.code == 535:
            _TOKENS.forget(url, token)
        if reply.code == 535 and not token.is_new:
            token = await asyncio.to_thread(_TOKENS.fetch, url, url.oauth_client)
            reply = await _send_token(url, token.text, send)
    except TokenRequestRejectedError as error:
        return SmtpReply(535, (f"5.7.8 {error}",))
    return reply


async def _send_token(url: SmtpUrl, token: str, send: SendCommand) -> SmtpReply:
    """SASL XOAUTH2 as Google and Microsoft document it.

    The server answers an invalid token with a challenge that contains the reason as JSON. The final reply, which says
    less, comes only after an empty response to the challenge.
    """
    reply = await send("AUTH XOAUTH2 " + _base64(f"user={url.user}\x01auth=Bearer {token}\x01\x01"))
    if reply.code != 334:
        return reply
    rejection = await send("")
    return SmtpReply(rejection.code, (*rejection.lines, f"(the token: {_reason_from(reply.text)})"))


def _reason_from(challenge: str) -> str:
    try:
        error = json.loads(b64decode(challenge, validate=True))
    except ValueError:
        return "no reason was given"
    # Untrusted text: only the two documented fields, limited in length.
    words = (str(error[key])[:100] for key in ("status", "error") if key in error) if isinstance(error, dict) else ()
    return " ".join(word for word in words if word.isprintable()) or "no reason was given"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


_MECHANISMS: dict[AuthMechanism, Callable[[SmtpUrl, SendCommand], Awaitable[SmtpReply]]] = {
    AuthMechanism.PLAIN: _log_in_plain,
    AuthMechanism.LOGIN: _log_in_login,
    AuthMechanism.XOAUTH2: _log_in_xoauth2,
}
