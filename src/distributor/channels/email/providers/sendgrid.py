"""SendGrid (twilio.com/docs/sendgrid, "Mail Send" and its errors, which have no codes)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api import (
    ApiAnswer,
    ApiProvider,
    ApiUrl,
    Request,
    as_json,
    failure,
    in_base64,
    object_in,
    refusal,
)
from distributor.channels.email.providers.events import as_object, feedback_of, read_json, text_of, verdict_of
from distributor.channels.email.providers.message import Mail, Recipient
from distributor.domain.errors import InputError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind
from distributor.mail.bounces import Reason, RecipientReport


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    bodies = (("text/plain", mail.text), ("text/html", mail.html))
    body = as_json(
        {
            "personalizations": [{"to": [_person(mail.to)]}],
            "from": _person(mail.sender),
            "reply_to_list": [_person(one) for one in mail.reply_to],
            "subject": mail.subject,
            "content": [{"type": kind, "value": value} for kind, value in bodies if value],
            "headers": {**dict(mail.headers), "Message-ID": mail.message_id},
            "custom_args": {"delivery": mail.mark},
            # Links, opens and unsubscriptions are ours; its own would rewrite the mail.
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
            "attachments": [
                {
                    "filename": file.name,
                    "type": file.media_type,
                    "content": in_base64(file.content),
                    "disposition": "inline" if file.content_id else "attachment",
                    **({"content_id": file.content_id} if file.content_id else {}),
                }
                for file in mail.attachments
            ],
        }
    )
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {url.key}"}
    return Request(path="/v3/mail/send", headers=fields, body=body)


def _person(person: Recipient) -> dict[str, str]:
    return {"email": person.address} | ({"name": person.name} if person.name else {})


def _tell(body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
    errors = object_in(body).get("errors")
    listed = [as_object(one) for one in errors] if isinstance(errors, list) else []
    words = "; ".join(f"{text_of(one, 'field')} {text_of(one, 'message')}".strip() for one in listed)
    return ApiAnswer(words=words, remote_id=headers.get("x-message-id") or None)


SENDGRID = ApiProvider(
    scheme="sendgrid",
    example="sendgrid://KEY@api.sendgrid.com",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    rules=(
        refusal(Reason.SPEEDING, r"maximum credits exceeded", r"(sending|daily|monthly) limit"),
        refusal(Reason.REJECTED, r"verified sender identity", r"^400 from\b"),
        failure(Reason.USERUNKNOWN, r"personalizations\.\d+\.to\b"),
    ),
)


_MEANINGS = {
    "delivered": FeedbackKind.DELIVERED,
    "bounce": FeedbackKind.BOUNCE,
    "spamreport": FeedbackKind.COMPLAINT,
    "unsubscribe": FeedbackKind.UNSUBSCRIBE,
    "group_unsubscribe": FeedbackKind.UNSUBSCRIBE,
}
# Why it did not even try, and what that means of the person.
_DROPPED = {
    "Bounced Address": FeedbackKind.BOUNCE,
    "Invalid": FeedbackKind.BOUNCE,
    "Spam Reporting Address": FeedbackKind.COMPLAINT,
    "Unsubscribed Address": FeedbackKind.UNSUBSCRIBE,
}


def read_sendgrid(call: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the verification key, base64 of DER: ECDSA over P-256 signs the timestamp and the body."""
    stamp = call.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
        signature = base64.b64decode(call.headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
        if not isinstance(key, EllipticCurvePublicKey):
            raise SignatureError("events_secret of this channel is no key of SendGrid's")
        key.verify(signature, stamp.encode() + call.body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise SignatureError("the call is not signed by SendGrid under this channel's key") from error
    told = read_json(call.body)
    if not isinstance(told, list):
        raise InputError("the body is no list of events")
    events = [_feedback(as_object(one), call) for one in told]
    return WebhookEvents(feedback=[one for one in events if one is not None])


def _feedback(event: Mapping[str, Any], call: WebhookRequest) -> Feedback | None:
    kind, reason = text_of(event, "event"), text_of(event, "reason")
    meaning = _DROPPED.get(reason) if kind == "dropped" else _MEANINGS.get(kind)
    if meaning is None:
        return None
    address = text_of(event, "email")
    # Of type `bounce` its own rules hold the address for bad, of type `blocked` they do not.
    otherwise = Reason.BLOCKED if text_of(event, "type") == "blocked" else Reason.USERUNKNOWN
    words = "" if kind == "dropped" else reason
    verdict = verdict_of(address, words=words, status=text_of(event, "status"), otherwise=otherwise)
    return feedback_of(
        meaning,
        event,
        verdict if meaning is FeedbackKind.BOUNCE else RecipientReport(address=address),
        key=f"sendgrid-{text_of(event, 'sg_event_id')}",
        at=text_of(event, "timestamp"),
        tokens=call.tokens,
    )
