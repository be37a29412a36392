"""Postmark (postmarkapp.com/developer, "Email API", "API error codes" and "Webhooks")."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from distributor.channels.api import Question, WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.payload import (
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
)
from distributor.channels.email.providers.webhook_events import feedback_of, key_of, read_each, report_of, type_of
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason

# "Bounce types": those that are failures; the others are automatic replies, delays and errors of Postmark.
_BOUNCE_TYPES = {
    "HardBounce": Reason.USERUNKNOWN,
    "BadEmailAddress": Reason.USERUNKNOWN,
    "SoftBounce": Reason.UNDEFINED,
    "Unknown": Reason.UNDEFINED,
    "DnsError": Reason.NETWORKERROR,
    "Blocked": Reason.BLOCKED,
    "SpamNotification": Reason.SPAMDETECTED,
    "VirusNotification": Reason.VIRUSDETECTED,
    "DMARCPolicy": Reason.AUTHFAILURE,
}


def _build_request(url: ApiUrl, message: ApiMessage, now: datetime) -> ApiRequest:
    headers = [
        *message.headers,
        ("Message-ID", message.message_id),
        # Without this Postmark writes a Message-ID of its own.
        ("X-PM-KeepID", "true"),
    ]
    body = dump_json(
        {
            "From": str(message.sender),
            "To": str(message.to),
            "ReplyTo": ", ".join(map(str, message.reply_to)),
            "Subject": message.subject,
            "TextBody": message.text,
            "HtmlBody": message.html,
            "MessageStream": url.options.get("stream"),
            # Links and opens are counted by us, as far as the campaign counts them at all.
            "TrackOpens": False,
            "TrackLinks": "None",
            "Metadata": {"delivery": message.delivery_token},
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
            "Attachments": [
                {
                    "Name": file.name,
                    "ContentType": file.media_type,
                    "Content": encode_base64(file.content),
                    **({"ContentID": f"cid:{file.content_id}"} if file.content_id else {}),
                }
                for file in message.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Accept": "application/json", "X-Postmark-Server-Token": url.key}
    return ApiRequest(path="/email", headers=fields, body=body)


def _account_headers(url: ApiUrl, now: datetime) -> Mapping[str, str]:
    return {"Accept": "application/json", "X-Postmark-Server-Token": url.key}


def _read_account(url: ApiUrl, body: bytes) -> list[Finding]:
    """The response to `GET /server` ("Server API")."""
    server = parse_object(body)
    found = [Finding("account", DiagnosticStatus.OK, f"the token is of server {text_of(server, 'Name')!r}")]
    if text_of(server, "DeliveryType") == "Sandbox":
        sentence = "the server is a sandbox of Postmark: its mails reach no one; use the token of a live server"
        found.append(Finding("delivery", DiagnosticStatus.FAIL, sentence))
    return found


def _parse_response(body: bytes, headers: Mapping[str, str]) -> ApiResult:
    response = parse_object(body)
    code = text_of(response, "ErrorCode")
    remote_id = text_of(response, "MessageID") if code == "0" else ""
    return ApiResult(code=code, message=text_of(response, "Message"), remote_id=remote_id or None)


def read_postmark_webhook(request: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the ``user:password`` in the URL that Postmark calls (HTTP basic authentication)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        login = base64.b64decode(given.strip(), validate=True)
    except (ValueError, binascii.Error):
        login = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(login, secret.encode()):
        raise SignatureError("the request does not have the user and password of this channel")
    return read_each([parse_json(request.body)], lambda event: _feedback(event, request), provider="postmark")


def _feedback(event: Mapping[str, Any], request: WebhookRequest) -> Feedback | None:
    kind = _kind_of(event)
    if kind is FeedbackKind.NOTHING:
        return None
    record = text_of(event, "RecordType")
    email = text_of(event, "Email") or text_of(event, "Recipient")
    otherwise = _BOUNCE_TYPES.get(text_of(event, "Type"), Reason.UNDEFINED)
    return feedback_of(
        kind,
        event,
        report_of(
            email,
            reply=text_of(event, "Details"),
            otherwise=otherwise,
            is_temporary=text_of(event, "Type") == "SoftBounce",
        ),
        key=key_of("postmark-" + record, event, text_of(event, "MessageID"), text_of(event, "ID")),
        time=text_of(event, "BouncedAt") or text_of(event, "DeliveredAt") or text_of(event, "ChangedAt"),
        tokens=request.tokens,
    )


def _kind_of(event: Mapping[str, Any]) -> FeedbackKind:
    record, bounce_type = type_of(event, "RecordType"), text_of(event, "Type")
    if record == "SpamComplaint" or bounce_type == "SpamComplaint":
        return FeedbackKind.COMPLAINT
    if record == "Bounce":
        return FeedbackKind.BOUNCE if bounce_type in _BOUNCE_TYPES else FeedbackKind.NOTHING
    if record == "SubscriptionChange" and event.get("SuppressSending") is True and event.get("Origin") == "Recipient":
        is_unsubscribe = event.get("SuppressionReason") == "ManualSuppression"
        return FeedbackKind.UNSUBSCRIBE if is_unsubscribe else FeedbackKind.NOTHING
    return FeedbackKind.DELIVERED if record == "Delivery" else FeedbackKind.NOTHING


PROVIDER = Provider(
    name="postmark",
    title="Postmark",
    questions=(
        Question(
            name="key", label="Server token", hint="Of the server, under API Tokens; not the account's.", is_secret=True
        ),
        Question(
            name="stream",
            label="Message stream",
            hint="The one for newsletters is called broadcast.",
            default="broadcast",
            is_required=False,
        ),
    ),
    example="postmark://TOKEN@api.postmarkapp.com?stream=broadcast",
    root_of=lambda host: f"https://{host}",
    build_request=_build_request,
    parse_response=_parse_response,
    account=AccountRequest(path=lambda url: "/server", headers=_account_headers, read=_read_account),
    read_webhook=read_postmark_webhook,
    # "Custom metadata".
    delivery_header=lambda token: f"X-PM-Metadata-delivery: {token}\r\n",
    options=frozenset({"stream"}),
    rules=(
        sender_rejected(Reason.AUTHFAILURE, r"^\d+ 10\b"),
        deferred(Reason.SYSTEMERROR, r"^\d+ 100\b"),
        failed(Reason.SUSPEND, r"^\d+ 406\b"),
        failed(Reason.USERUNKNOWN, r"^\d+ 300 .*'To'", r"^\d+ 300 .*\brecipient"),
        sender_rejected(Reason.REJECTED, r"^\d+ 300 .*'From'", r"^\d+ 40[01]\b"),
        sender_rejected(Reason.MESGTOOBIG, r"^\d+ 300 .*\b(too large|size|limit)\b"),
        sender_rejected(Reason.SPEEDING, r"^\d+ 405\b"),
        sender_rejected(Reason.SUSPEND, r"^\d+ 41[23]\b"),
        sender_rejected(Reason.CONTENTERROR, r"^\d+ 411\b"),
        # The message stream does not exist, or is archived.
        sender_rejected(Reason.SYSTEMERROR, r"^\d+ 12(26|35|36)\b"),
    ),
)
