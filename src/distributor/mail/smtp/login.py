"""Logging in to an SMTP server (RFC 4954): PLAIN, LOGIN and XOAUTH2."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable

from distributor.mail.smtp.access_tokens import AccessTokens, TokenRequestRejectedError
from distributor.mail.smtp.reply import SmtpReply
from distributor.mail.smtp.url import AuthMechanism, SmtpUrl

# Writes a line and gives the reply to it.
Ask = Callable[[str], Awaitable[SmtpReply]]

# Connections come and go with every batch; a token outlives them.
_TOKENS = AccessTokens()


def choose_mechanism(url: SmtpUrl, offered: frozenset[str]) -> AuthMechanism | None:
    """How to log in where these are offered (in upper case); None if there is no way that both know."""
    wanted = (AuthMechanism.PLAIN, AuthMechanism.LOGIN) if url.auth is AuthMechanism.AUTO else (url.auth,)
    return next((mechanism for mechanism in wanted if mechanism.upper() in offered), None)


async def log_in(url: SmtpUrl, mechanism: AuthMechanism, ask: Ask) -> SmtpReply:
    """Give user and password in the manner of `mechanism`; the server's last word on them."""
    return await _MANNERS[mechanism](url, ask)


async def _log_in_plain(url: SmtpUrl, ask: Ask) -> SmtpReply:
    return await ask("AUTH PLAIN " + _base64(f"\0{url.user}\0{url.password}"))


async def _log_in_by_questions(url: SmtpUrl, ask: Ask) -> SmtpReply:
    reply = await ask("AUTH LOGIN")
    for answer in (url.user or "", url.password):
        if reply.code != 334:
            break
        reply = await ask(_base64(answer))
    return reply


async def _log_in_with_token(url: SmtpUrl, ask: Ask) -> SmtpReply:
    """With the token that the URL holds, or with one that is fetched for it.

    That the endpoint gives none is told as what the server would say to a wrong one (RFC 4954 section 6). A token that
    was kept and is no longer accepted is replaced once. Raises BrokenSessionError for an endpoint that is away.
    """
    if url.oauth_client is None:
        return await _give_token(url, url.password, ask)
    try:
        token = await asyncio.to_thread(_TOKENS.fetch, url, url.oauth_client)
        reply = await _give_token(url, token.text, ask)
        if reply.code == 535:
            _TOKENS.forget(url, token)
        if reply.code == 535 and not token.is_new:
            token = await asyncio.to_thread(_TOKENS.fetch, url, url.oauth_client)
            reply = await _give_token(url, token.text, ask)
    except TokenRequestRejectedError as error:
        return SmtpReply(535, (f"5.7.8 {error}",))
    return reply


async def _give_token(url: SmtpUrl, token: str, ask: Ask) -> SmtpReply:
    """SASL XOAUTH2 as Google and Microsoft document it.

    A token that is not accepted is answered with a challenge that holds the reason as JSON; the refusal itself comes
    only after an empty answer to that, and says less.
    """
    reply = await ask("AUTH XOAUTH2 " + _base64(f"user={url.user}\x01auth=Bearer {token}\x01\x01"))
    if reply.code != 334:
        return reply
    refusal = await ask("")
    return SmtpReply(refusal.code, (*refusal.lines, f"(the token: {_reason_in(reply.text)})"))


def _reason_in(challenge: str) -> str:
    try:
        told = json.loads(b64decode(challenge, validate=True))
    except ValueError:
        return "no reason was given"
    # A stranger's text: only the two words that are documented, and not at any length.
    words = (str(told[key])[:100] for key in ("status", "error") if key in told) if isinstance(told, dict) else ()
    return " ".join(word for word in words if word.isprintable()) or "no reason was given"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


_MANNERS: dict[AuthMechanism, Callable[[SmtpUrl, Ask], Awaitable[SmtpReply]]] = {
    AuthMechanism.PLAIN: _log_in_plain,
    AuthMechanism.LOGIN: _log_in_by_questions,
    AuthMechanism.XOAUTH2: _log_in_with_token,
}
