"""SendGrid (twilio.com/docs/sendgrid, "Mail Send" and its errors, which have no codes; "Event Webhook")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage, NamedAddress
from distributor.channels.email.providers.payload import (
    as_object,
    check_age,
    dump_json,
    encode_base64,
    parse_leniently,
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
from distributor.domain.errors import InputError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason

# SendGrid repeats a request for 24 hours.
_LONGEST_VALID = timedelta(days=1)
_KINDS = {
    "delivered": FeedbackKind.DELIVERED,
    "bounce": FeedbackKind.BOUNCE,
    "spamreport": FeedbackKind.COMPLAINT,
    "unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "group_unsubscribe": FeedbackKind.UNSUBSCRIBE,
}
# Reasons for which SendGrid drops a mail without an attempt, as feedback about the recipient.
_DROP_REASONS = {
    "Bounced Address": FeedbackKind.BOUNCE,
    "Invalid": FeedbackKind.BOUNCE,
    "Spam Reporting Address": FeedbackKind.COMPLAINT,
    "Unsubscribed Address": FeedbackKind.UNSUBSCRIBE,
}


def _build_request(url: ApiUrl, message: ApiMessage, now: datetime) -> ApiRequest:
    bodies = (("text/plain", message.text), ("text/html", message.html))
    body = dump_json(
        {
            "personalizations": [{"to": [_address(message.to)]}],
            "from": _address(message.sender),
            "reply_to_list": [_address(one) for one in message.reply_to],
            "subject": message.subject,
            "content": [{"type": media_type, "value": value} for media_type, value in bodies if value],
            "headers": {**dict(message.headers), "Message-ID": message.message_id},
            "custom_args": {"delivery": message.delivery_token},
            # Links, opens and unsubscriptions are ours; SendGrid's own tracking would rewrite the mail.
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
            "attachments": [
                {
                    "filename": file.name,
                    "type": file.media_type,
                    "content": encode_base64(file.content),
                    "disposition": "inline" if file.content_id else "attachment",
                    **({"content_id": file.content_id} if file.content_id else {}),
                }
                for file in message.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {url.key}"}
    return ApiRequest(path="/v3/mail/send", headers=fields, body=body)


def _address(one: NamedAddress) -> dict[str, str]:
    return {"email": one.email} | ({"name": one.name} if one.name else {})


def _account_headers(url: ApiUrl, now: datetime) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {url.key}"}


def _read_account(url: ApiUrl, body: bytes) -> list[Finding]:
    """The response to `GET /v3/scopes` ("API Key Permissions")."""
    scopes = parse_object(body).get("scopes")
    if isinstance(scopes, list) and "mail.send" in scopes:
        return [Finding("account", DiagnosticStatus.OK, "the key may send mail (mail.send)")]
    sentence = "the key has no permission mail.send: make one with Mail Send, and set the relay's URL with it"
    return [Finding("account", DiagnosticStatus.FAIL, sentence)]


def _parse_response(body: bytes, headers: Mapping[str, str]) -> ApiResult:
    errors = parse_object(body).get("errors")
    listed = [as_object(one) for one in errors] if isinstance(errors, list) else []
    message = "; ".join(f"{text_of(one, 'field')} {text_of(one, 'message')}".strip() for one in listed)
    return ApiResult(message=message, remote_id=headers.get("x-message-id") or None)


def read_sendgrid_webhook(request: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the verification key, base64 of DER: ECDSA over P-256 signs the timestamp and the body."""
    timestamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
        signature = base64.b64decode(request.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        if not isinstance(key, EllipticCurvePublicKey):
            raise SignatureError("events_secret of this channel is not a verification key of SendGrid")
        key.verify(signature, timestamp.encode() + request.body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise SignatureError("the request is not signed by SendGrid with this channel's key") from error
    check_age(timestamp, now=request.now, longest=_LONGEST_VALID)
    events = parse_leniently(request.body)
    if not isinstance(events, list):
        raise InputError("the body is not a list of events")
    return read_each(events, lambda event: _feedback(event, request), provider="sendgrid")


def _feedback(event: Mapping[str, Any], request: WebhookRequest) -> Feedback | None:
    event_type, reason = type_of(event, "event"), text_of(event, "reason")
    is_drop = event_type == "dropped"
    kind = _DROP_REASONS.get(reason) if is_drop else _KINDS.get(event_type)
    if kind is None:
        return None
    # After a bounce of type `bounce` SendGrid suppresses the address, after one of type `blocked` it does not.
    otherwise = Reason.BLOCKED if text_of(event, "type") == "blocked" else Reason.USERUNKNOWN
    report = report_of(
        text_of(event, "email"),
        reply="" if is_drop else reason,
        status=text_of(event, "status"),
        otherwise=otherwise,
        is_temporary=otherwise is Reason.BLOCKED,
    )
    return feedback_of(
        kind,
        event,
        report,
        key=key_of("sendgrid", event, text_of(event, "sg_event_id")),
        time=text_of(event, "timestamp"),
        tokens=request.tokens,
    )


PROVIDER = Provider(
    name="sendgrid",
    title="SendGrid",
    questions=(
        Question(
            name="key", label="API key", hint="Under Settings, API Keys, with the permission Mail Send.", is_secret=True
        ),
    ),
    example="sendgrid://KEY@api.sendgrid.com",
    root_of=lambda host: f"https://{host}",
    build_request=_build_request,
    parse_response=_parse_response,
    account=AccountRequest(path=lambda url: "/v3/scopes", headers=_account_headers, read=_read_account),
    read_webhook=read_sendgrid_webhook,
    # "Unique arguments".
    delivery_header=lambda token: f'X-SMTPAPI: {{"unique_args": {{"delivery": "{token}"}}}}\r\n',
    rules=(
        sender_rejected(Reason.SPEEDING, r"maximum credits exceeded", r"(sending|daily|monthly) limit"),
        sender_rejected(Reason.REJECTED, r"verified sender identity", r"^400 from\b"),
        failed(Reason.USERUNKNOWN, r"personalizations\.\d+\.to\b"),
    ),
)
