"""Requests to a provider's API, and what its response means: by the provider's own rules, else by the HTTP status."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

from distributor.channels.api import Lease
from distributor.channels.email.delivery.replies import ClassifiedReply, ReplyClass, verdict_of
from distributor.channels.email.providers.provider import (
    ApiRequest,
    ApiUrl,
    Provider,
    ResponseRule,
    deferred,
    sender_rejected,
)
from distributor.channels.social.http import checking
from distributor.domain.delivery import Verdict
from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.policy import PauseScope, consequences_of_reply, consequences_of_report
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand
from distributor.mail.smtp.connection import SmtpStage, SmtpTimeouts

# A server may close an idle connection just when a request is written to it, and then no one knows whether the request
# was processed: an older connection is not used again.
_MAX_IDLE_SECONDS = 3.0
_MAX_BODY_BYTES = 64 * 1024
# A Retry-After is obeyed up to this.
_LONGEST_WAIT = timedelta(days=1)
_MAX_MESSAGE = 500
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# RFC 9110 section 15. An error of authorization concerns all mails, and so does a URL at which there is no API; a
# mistake in the request itself would be repeated with the next mail.
_BY_STATUS: tuple[ResponseRule, ...] = (
    sender_rejected(Reason.AUTHFAILURE, r"^40[123]\b"),
    sender_rejected(Reason.SYSTEMERROR, r"^(3\d\d|404|405|410)\b"),
    deferred(Reason.SPEEDING, r"^(425|429)\b"),
    deferred(Reason.SYSTEMERROR, r"^(408|503)\b"),
    sender_rejected(Reason.MESGTOOBIG, r"^413\b"),
    sender_rejected(Reason.SYNTAXERROR, r"^4\d\d\b"),
)
# A server error may come after the mail was accepted, and so may a response that matches no rule.
_UNCLEAR = ReplyClass(verdict=Verdict.UNKNOWN, reason=Reason.UNDEFINED)
# Words in these do not count: "unknown user <joe@antispam.example>" is not about spam.
_ADDRESSES_AND_LINKS = re.compile(r"<?[^\s<>@]{1,320}@[^\s<>]+>?|https?://\S+")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NotConnected:
    """No connection was made: definitely nothing was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The request was written, at least in part, and no response to it was read."""

    why: str


def open_client(*, timeouts: SmtpTimeouts, tls: ssl.SSLContext | None) -> httpx.AsyncClient:
    """A client with one connection. `tls` replaces the system's certificate authorities, for tests."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeouts.command, connect=timeouts.connect),
        limits=httpx.Limits(max_connections=1, keepalive_expiry=_MAX_IDLE_SECONDS),
        verify=tls or _system_authorities(),
        follow_redirects=False,
    )


async def post(
    client: httpx.AsyncClient, url: ApiUrl, request: ApiRequest, *, seconds: float, lease: Lease
) -> Response | NotConnected | NoResponse:
    """Post the request and wait at most `seconds` for the response. No text in the result names the account's key.

    Raises LeaseLostError; then the request was not sent to its end.
    """
    built = client.build_request(
        "POST",
        url.root + request.path,
        headers=dict(request.headers),
        content=request.body,
        extensions=checking(lease),
    )
    return await _send(client, url, built, seconds=seconds)


async def ask_account(
    client: httpx.AsyncClient, url: ApiUrl, *, seconds: float, now: datetime
) -> Response | NotConnected | NoResponse:
    """Ask the provider whose key it is that the URL holds. No text in the result names the key."""
    account = url.provider.account
    built = client.build_request("GET", url.root + account.path(url), headers=dict(account.headers(url, now)))
    return await _send(client, url, built, seconds=seconds)


async def _send(
    client: httpx.AsyncClient, url: ApiUrl, request: httpx.Request, *, seconds: float
) -> Response | NotConnected | NoResponse:
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                return Response(response.status_code, response.headers, await _read_body(response))
            finally:
                await response.aclose()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        return NotConnected(f"no connection to {url.root}: {error}")
    except (httpx.TransportError, httpx.DecodingError) as error:
        return NoResponse(f"the connection was lost before the response: {type(error).__name__} {error}".strip())
    except TimeoutError:
        return NoResponse(f"no response within {seconds:g} s")


def classify_response(provider: Provider, response: Response, *, now: datetime) -> ClassifiedReply:
    """What a response means for the delivery: by the provider's codes, a server's reply in it, or the HTTP status."""
    status, result = response.status, provider.parse_response(response.body, response.headers)
    if 200 <= status < 300 and result.remote_id:
        accepted = ReplyClass(verdict=Verdict.SENT)
        return ClassifiedReply(status, (_in_one_line(f"accepted as {result.remote_id}"),), accepted)
    text = _in_one_line(" ".join(part for part in (result.code, result.message) if part))
    words = _ADDRESSES_AND_LINKS.sub("…", f"{status} {text}")
    if rule := _first_match(provider.rules, words):
        return ClassifiedReply(status, (text,), _class_by(rule, text, response.headers, now))
    if 400 <= status < 500 and (quoted := _class_of_quoted_reply(result.message)):
        return ClassifiedReply(status, (text,), quoted)
    rule = _first_match(_BY_STATUS, words)
    return ClassifiedReply(status, (text,), _class_by(rule, text, response.headers, now) if rule else _UNCLEAR)


def retry_after(value: str | None, *, now: datetime) -> datetime | None:
    """The time that a Retry-After names, in seconds or as a date (RFC 9110 section 10.2.3); None if it names none."""
    text = (value or "").strip()
    try:
        time = now + timedelta(seconds=float(text)) if text[:1].isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return min(max(time, now), now + _LONGEST_WAIT)


def _first_match(rules: Sequence[ResponseRule], words: str) -> ResponseRule | None:
    return next((rule for rule in rules if rule.pattern.search(words)), None)


def _class_by(rule: ResponseRule, text: str, headers: Mapping[str, str], now: datetime) -> ReplyClass:
    """By a rule, which says whether the recipient or the sender is rejected, and why."""
    reason = classify(BounceEvidence(recipient="", notice=text, stated_reason=rule.reason), None)
    if rule.verdict is Verdict.FAILED:
        effect = consequences_of_report(reason, status="", reply_code="").subscriber
        return ReplyClass(verdict=rule.verdict, reason=reason, subscriber=effect)
    if rule.verdict is Verdict.SENDER_REJECTED:
        # What an API says about the sender applies to everything sent through it, as an SMTP greeting does.
        found = consequences_of_reply(reason, status="", reply_code="", stage=SmtpStage.SESSION)
        return ReplyClass(verdict=rule.verdict, reason=reason, pause=found.pause)
    retry_at = retry_after(headers.get("retry-after"), now=now) if rule.verdict is Verdict.DEFERRED else None
    return ReplyClass(verdict=rule.verdict, reason=reason, retry_at=retry_at)


def _class_of_quoted_reply(message: str) -> ReplyClass | None:
    """By the SMTP reply that a message quotes, if it rejects the recipient; None if there is none."""
    evidence = BounceEvidence(recipient="", reply_text=message, command=SmtpCommand.RCPT).completed()
    if not evidence.reply_code:
        return None
    reason, status, code = classify(evidence, None), evidence.status, evidence.reply_code
    found = consequences_of_reply(reason, status=status, reply_code=code, stage=SmtpStage.RCPT)
    if found.pause is not PauseScope.NONE:
        return None
    return ReplyClass(verdict=verdict_of(found), reason=reason, status=status, subscriber=found.subscriber)


def _in_one_line(text: str) -> str:
    """Untrusted text without the characters that could corrupt a log."""
    return _UNPRINTABLE.sub(" ", text)[:_MAX_MESSAGE].strip()


async def _read_body(response: httpx.Response) -> bytes:
    """The body up to a size that is far more than a provider's response has."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            break
    return body


@cache  # reading them takes longer than a request
def _system_authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()
