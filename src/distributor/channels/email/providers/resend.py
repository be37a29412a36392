"""Resend (resend.com/docs, "Send Email", "Errors", "Idempotency Keys" and "Webhooks")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.payload import (
    as_object,
    check_age,
    dump_json,
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
    deferred,
    failed,
    sender_rejected,
    unknown,
)
from distributor.channels.email.providers.webhook_events import feedback_of, read_each, report_of, type_of
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason

# Every attempt to call the webhook has a signature of its own.
_LONGEST_VALID = timedelta(minutes=5)
_KINDS = {
    "email.delivered": FeedbackKind.DELIVERED,
    "email.bounced": FeedbackKind.BOUNCE,
    "email.complained": FeedbackKind.COMPLAINT,
}


def _build_request(url: ApiUrl, message: ApiMessage, now: datetime) -> ApiRequest:
    body = dump_json(
        {
            "from": str(message.sender),
            "to": [str(message.to)],
            "reply_to": [str(one) for one in message.reply_to],
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "headers": dict(message.headers),
            "tags": [{"name": "delivery", "value": message.delivery_token}],
            "attachments": [
                {
                    "filename": file.name,
                    "content_type": file.media_type,
                    "content": encode_base64(file.content),
                    **({"content_id": file.content_id} if file.content_id else {}),
                }
                for file in message.attachments
            ],
        }
    )
    fields = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {url.key}",
        # The same for every attempt at a delivery, as are the mail's bytes; Resend keeps it for 24 hours.
        "Idempotency-Key": f"delivery-{message.delivery_token}",
    }
    return ApiRequest(path="/emails", headers=fields, body=body)


def _account_headers(url: ApiUrl, now: datetime) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {url.key}"}


def _read_account(url: ApiUrl, body: bytes) -> list[Finding]:
    """The response to `GET /domains` ("List Domains")."""
    data = parse_object(body).get("data")
    domains = [as_object(one) for one in data] if isinstance(data, list) else []
    verified = [text_of(one, "name") for one in domains if text_of(one, "status") == "verified"]
    if verified:
        return [Finding("account", DiagnosticStatus.OK, f"the key may send for {', '.join(verified)}")]
    sentence = (
        "the account has no verified domain: add the sender's at Resend and publish the DNS records that it shows"
    )
    return [Finding("account", DiagnosticStatus.FAIL, sentence)]


def _may_only_send(status: int, body: bytes) -> bool:
    """Whether the key is valid and only lacks the permission to ask ("Errors": restricted_api_key)."""
    return status == HTTPStatus.UNAUTHORIZED and text_of(parse_object(body), "name") == "restricted_api_key"


def _parse_response(body: bytes, headers: Mapping[str, str]) -> ApiResult:
    response = parse_object(body)
    return ApiResult(
        code=text_of(response, "name"), message=text_of(response, "message"), remote_id=text_of(response, "id") or None
    )


def read_resend_webhook(request: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the signing secret: ``whsec_`` and base64 (docs.svix.com, "Verifying Webhooks Manually")."""
    identity, timestamp = request.headers.get("svix-id", ""), request.headers.get("svix-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise SignatureError("events_secret of this channel is not a signing secret of Resend") from error
    expected = base64.b64encode(hmac.digest(key, f"{identity}.{timestamp}.".encode() + request.body, hashlib.sha256))
    given = [one.partition(",") for one in request.headers.get("svix-signature", "").split()]
    if not any(version == "v1" and hmac.compare_digest(expected, value.encode()) for version, _, value in given):
        raise SignatureError("the request is not signed by Resend with this channel's secret")
    check_age(timestamp, now=request.now, longest=_LONGEST_VALID)
    return read_each([parse_json(request.body)], lambda event: _feedback(event, identity, request), provider="resend")


def _feedback(event: Mapping[str, Any], identity: str, request: WebhookRequest) -> Feedback | None:
    kind = _KINDS.get(type_of(event, "type"))
    if kind is None:
        return None
    data = as_object(event.get("data"))
    bounce = as_object(data.get("bounce"))
    to = data.get("to")
    email = to[0] if isinstance(to, list) and to else to
    otherwise = Reason.USERUNKNOWN if text_of(bounce, "type") == "Permanent" else Reason.UNDEFINED
    return feedback_of(
        kind,
        data,
        report_of(
            email if isinstance(email, str) else "",
            reply=text_of(bounce, "message"),
            otherwise=otherwise,
            is_temporary=text_of(bounce, "type") == "Transient",
        ),
        key=f"resend-{identity}",
        time=text_of(event, "created_at"),
        tokens=request.tokens,
    )


PROVIDER = Provider(
    name="resend",
    title="Resend",
    questions=(Question(name="key", label="API key", hint="Under API Keys, with sending access.", is_secret=True),),
    example="resend://KEY@api.resend.com",
    root_of=lambda host: f"https://{host}",
    build_request=_build_request,
    parse_response=_parse_response,
    account=AccountRequest(
        path=lambda url: "/domains", headers=_account_headers, read=_read_account, is_valid_key=_may_only_send
    ),
    read_webhook=read_resend_webhook,
    is_idempotent=True,
    rules=(
        sender_rejected(Reason.SPEEDING, r"\b(daily|monthly)_quota_exceeded\b"),
        deferred(Reason.SPEEDING, r"\brate_limit_exceeded\b", r"\bconcurrent_idempotent_requests\b"),
        # Resend has this key with another mail: an earlier attempt was accepted.
        unknown(Reason.UNDEFINED, r"\binvalid_idempotent_request\b"),
        sender_rejected(Reason.AUTHFAILURE, r"\b(missing|invalid|restricted)_api_key\b"),
        sender_rejected(
            Reason.REJECTED,
            r"\binvalid_from_address\b|\binvalid_access\b",
            r"not verified|testing emails|`from`",
        ),
        failed(Reason.USERUNKNOWN, r"^4(00|22) .*`to`"),
        sender_rejected(Reason.POLICYVIOLATION, r"\bsecurity_error\b"),
        sender_rejected(Reason.CONTENTERROR, r"\binvalid_attachment\b"),
    ),
)
