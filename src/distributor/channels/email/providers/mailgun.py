"""Mailgun (documentation.mailgun.com, "Send an email in MIME format", "API Response Codes" and "Webhooks")."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.payload import (
    as_object,
    check_age,
    encode_base64,
    parse_json,
    parse_object,
    text_of,
)
from distributor.channels.email.providers.provider import (
    AccountRequest,
    ApiRequest,
    ApiResult,
    ApiUrl,
    Provider,
    failed,
    sender_rejected,
)
from distributor.channels.email.providers.webhook_events import feedback_of, key_of, read_each, report_of, type_of
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason

# Mailgun repeats a request for eight hours with the signature of the first one.
_LONGEST_VALID = timedelta(hours=12)
_KINDS = {
    "delivered": FeedbackKind.DELIVERED,
    "complained": FeedbackKind.COMPLAINT,
    "unsubscribed": FeedbackKind.UNSUBSCRIBE,
}
_SUPPRESSED = {"suppress-complaint": FeedbackKind.COMPLAINT, "suppress-unsubscribe": FeedbackKind.UNSUBSCRIBE}


def _build_request(url: ApiUrl, message: ApiMessage, now: datetime) -> ApiRequest:
    """The mail is sent as composed and signed: Mailgun keeps its fields and adds its own signature."""
    path = f"/v3/{url.path}/messages.mime"
    # Links and opens are counted by us, as far as the campaign counts them at all.
    fields = {"to": message.recipient, "o:tracking": "no", "v:delivery": message.delivery_token}
    form = httpx.Request(
        "POST", url.root + path, data=fields, files={"message": ("mail.eml", message.content, "message/rfc822")}
    )
    headers = {"Content-Type": form.headers["content-type"], **_account_headers(url, now)}
    return ApiRequest(path=path, headers=headers, body=form.read())


def _account_headers(url: ApiUrl, now: datetime) -> Mapping[str, str]:
    return {"Authorization": f"Basic {encode_base64(f'api:{url.key}'.encode())}"}


def _read_account(url: ApiUrl, body: bytes) -> list[Finding]:
    """The response to `GET /v3/domains/{name}` ("Domains")."""
    domain = as_object(parse_object(body).get("domain"))
    name, state = text_of(domain, "name") or url.path, text_of(domain, "state")
    if state == "active":
        return [Finding("account", DiagnosticStatus.OK, f"the key may send for {name}, which is verified")]
    sentence = f"the domain {name} is {state or 'of unknown state'} at Mailgun: publish the DNS records that it shows"
    return [Finding("account", DiagnosticStatus.FAIL, sentence)]


def _parse_response(body: bytes, headers: Mapping[str, str]) -> ApiResult:
    response = parse_object(body)
    # Some errors come as plain text.
    message = text_of(response, "message") or ("" if response else body[:500].decode("utf-8", "replace"))
    return ApiResult(message=message, remote_id=text_of(response, "id") or None)


def read_mailgun_webhook(request: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the HTTP webhook signing key. The signature does not cover the body, so it is accepted only once."""
    payload = as_object(parse_json(request.body))
    signature = as_object(payload.get("signature"))
    timestamp, token = text_of(signature, "timestamp"), text_of(signature, "token")
    expected = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not token or not hmac.compare_digest(expected.encode(), text_of(signature, "signature").lower().encode()):
        raise SignatureError("the request is not signed by Mailgun with this channel's key")
    check_age(timestamp, now=request.now, longest=_LONGEST_VALID)
    read = read_each([payload.get("event-data")], lambda event: _feedback(event, request), provider="mailgun")
    return replace(read, replay_key=token)


def _feedback(event: Mapping[str, Any], request: WebhookRequest) -> Feedback | None:
    reason = text_of(event, "reason")
    kind = _kind_of(type_of(event, "event"), text_of(event, "severity"), reason)
    if kind is FeedbackKind.NOTHING:
        return None
    status = as_object(event.get("delivery-status"))
    reply = f"{text_of(status, 'code')} {text_of(status, 'message') or text_of(status, 'description')}".strip()
    otherwise = Reason.USERUNKNOWN if reason == "suppress-bounce" else Reason.UNDEFINED
    return feedback_of(
        kind,
        event,
        report_of(text_of(event, "recipient"), reply=reply, otherwise=otherwise),
        key=key_of("mailgun", event, text_of(event, "id")),
        time=text_of(event, "timestamp"),
        tokens=request.tokens,
    )


def _kind_of(event: str, severity: str, reason: str) -> FeedbackKind:
    if event == "failed":
        # Mailgun retries after a temporary failure; if it gives up, a permanent one follows.
        bounced = FeedbackKind.BOUNCE if severity == "permanent" else FeedbackKind.NOTHING
        return _SUPPRESSED.get(reason, bounced)
    return _KINDS.get(event, FeedbackKind.NOTHING)


PROVIDER = Provider(
    name="mailgun",
    title="Mailgun",
    questions=(
        Question(name="key", label="API key", hint="Under API keys: a sending key of the domain.", is_secret=True),
        Question(name="path", label="Domain", hint="As Mailgun lists it, such as mg.example.org."),
        Question(
            name="host",
            label="Region",
            default="api.eu.mailgun.net",
            choices=(("api.eu.mailgun.net", "Europe"), ("api.mailgun.net", "United States")),
        ),
    ),
    example="mailgun://KEY@api.eu.mailgun.net/example.org",
    root_of=lambda host: f"https://{host}",
    build_request=_build_request,
    parse_response=_parse_response,
    account=AccountRequest(path=lambda url: f"/v3/domains/{url.path}", headers=_account_headers, read=_read_account),
    read_webhook=read_mailgun_webhook,
    # "Attaching data to messages".
    delivery_header=lambda token: f'X-Mailgun-Variables: {{"delivery": "{token}"}}\r\n',
    needs_path=True,
    rules=(
        failed(Reason.USERUNKNOWN, r"'?to'? parameter is not a valid address"),
        sender_rejected(Reason.REJECTED, r"'?from'? parameter|sender address|authorized recipients"),
        sender_rejected(Reason.SPEEDING, r"(recipient|sending|message|daily|hourly|plan) limit", r"^4(02|20)\b"),
        sender_rejected(
            Reason.SUSPEND,
            r"not allowed to send|(account|domain)\b.*\b(disabled|suspended|inactive)|probation|business verification",
        ),
        sender_rejected(Reason.MESGTOOBIG, r"too (large|big)|size limit"),
    ),
)
