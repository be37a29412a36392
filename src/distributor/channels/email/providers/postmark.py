"""Postmark (postmarkapp.com/developer, "Email API" and "API error codes")."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api import (
    ApiAnswer,
    ApiProvider,
    ApiUrl,
    Request,
    as_json,
    delay,
    failure,
    in_base64,
    object_in,
    refusal,
)
from distributor.channels.email.providers.events import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.channels.email.providers.message import Mail
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import FeedbackKind
from distributor.mail.bounces import Reason, RecipientReport


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    headers = [
        *mail.headers,
        ("Message-ID", mail.message_id),
        # Without this Postmark writes a Message-ID of its own.
        ("X-PM-KeepID", "true"),
    ]
    body = as_json(
        {
            "From": str(mail.sender),
            "To": str(mail.to),
            "ReplyTo": ", ".join(map(str, mail.reply_to)),
            "Subject": mail.subject,
            "TextBody": mail.text,
            "HtmlBody": mail.html,
            "MessageStream": url.options.get("stream"),
            # Links and opens are counted by us, as far as the campaign counts them at all.
            "TrackOpens": False,
            "TrackLinks": "None",
            "Metadata": {"delivery": mail.mark},
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
            "Attachments": [
                {
                    "Name": file.name,
                    "ContentType": file.media_type,
                    "Content": in_base64(file.content),
                    **({"ContentID": f"cid:{file.content_id}"} if file.content_id else {}),
                }
                for file in mail.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Accept": "application/json", "X-Postmark-Server-Token": url.key}
    return Request(path="/email", headers=fields, body=body)


def _tell(body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
    told = object_in(body)
    code = text_of(told, "ErrorCode")
    remote_id = text_of(told, "MessageID") if code == "0" else ""
    return ApiAnswer(code=code, words=text_of(told, "Message"), remote_id=remote_id or None)


POSTMARK = ApiProvider(
    scheme="postmark",
    example="postmark://TOKEN@api.postmarkapp.com?stream=broadcast",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    options=frozenset({"stream"}),
    rules=(
        refusal(Reason.AUTHFAILURE, r"^\d+ 10\b"),
        delay(Reason.SYSTEMERROR, r"^\d+ 100\b"),
        failure(Reason.SUSPEND, r"^\d+ 406\b"),
        failure(Reason.USERUNKNOWN, r"^\d+ 300 .*'To'", r"^\d+ 300 .*\brecipient"),
        refusal(Reason.REJECTED, r"^\d+ 300 .*'From'", r"^\d+ 40[01]\b"),
        refusal(Reason.MESGTOOBIG, r"^\d+ 300 .*\b(too large|size|limit)\b"),
        refusal(Reason.SPEEDING, r"^\d+ 405\b"),
        refusal(Reason.SUSPEND, r"^\d+ 41[23]\b"),
        refusal(Reason.CONTENTERROR, r"^\d+ 411\b"),
        # The message stream does not exist, or is archived.
        refusal(Reason.SYSTEMERROR, r"^\d+ 12(26|35|36)\b"),
    ),
)


# The types of its bounce API that are failures; others are answers, delays and troubles between it and us.
_BOUNCES = {
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


def read_postmark(call: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the ``user:password`` that stands in the address it calls (HTTP basic authentication)."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    try:
        said = base64.b64decode(given.strip(), validate=True)
    except (ValueError, binascii.Error):
        said = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(said, secret.encode()):
        raise SignatureError("the call does not name the user and password of this channel")
    told = as_object(read_json(call.body))
    meaning = _meaning(told)
    if meaning is FeedbackKind.NOTHING:
        return WebhookEvents()
    kind, record = text_of(told, "Type"), text_of(told, "RecordType")
    address = text_of(told, "Email") or text_of(told, "Recipient")
    verdict = (
        verdict_of(address, words=text_of(told, "Details"), otherwise=_BOUNCES[kind])
        if meaning is FeedbackKind.BOUNCE
        else RecipientReport(address=address)
    )
    feedback = feedback_of(
        meaning,
        told,
        verdict,
        key=f"postmark-{record}-{text_of(told, 'MessageID')}-{text_of(told, 'ID')}",
        at=text_of(told, "BouncedAt") or text_of(told, "DeliveredAt") or text_of(told, "ChangedAt"),
        tokens=call.tokens,
    )
    return WebhookEvents(feedback=[feedback])


def _meaning(told: dict[str, object] | object) -> FeedbackKind:
    said = as_object(told)
    record, kind = text_of(said, "RecordType"), text_of(said, "Type")
    if record == "SpamComplaint" or kind == "SpamComplaint":
        return FeedbackKind.COMPLAINT
    if record == "Bounce":
        return FeedbackKind.BOUNCE if kind in _BOUNCES else FeedbackKind.NOTHING
    if record == "SubscriptionChange" and said.get("SuppressSending") is True and said.get("Origin") == "Recipient":
        is_wish = said.get("SuppressionReason") == "ManualSuppression"
        return FeedbackKind.UNSUBSCRIBE if is_wish else FeedbackKind.NOTHING
    return FeedbackKind.DELIVERED if record == "Delivery" else FeedbackKind.NOTHING
