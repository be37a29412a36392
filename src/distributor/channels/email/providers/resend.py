"""Resend (resend.com/docs, "Send Email", "Errors" and "Idempotency Keys")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.api import (
    ApiAnswer,
    ApiProvider,
    ApiUrl,
    Request,
    as_json,
    delay,
    doubt,
    failure,
    in_base64,
    object_in,
    refusal,
)
from distributor.channels.email.providers.events import (
    as_object,
    feedback_of,
    moment_of,
    read_json,
    text_of,
    verdict_of,
)
from distributor.channels.email.providers.message import Mail
from distributor.domain.errors import SignatureError
from distributor.domain.feedback import FeedbackKind
from distributor.mail.bounces import Reason, RecipientReport


def _write(url: ApiUrl, mail: Mail, now: datetime) -> Request:
    body = as_json(
        {
            "from": str(mail.sender),
            "to": [str(mail.to)],
            "reply_to": [str(one) for one in mail.reply_to],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "headers": dict(mail.headers),
            "tags": [{"name": "delivery", "value": mail.mark}],
            "attachments": [
                {
                    "filename": file.name,
                    "content_type": file.media_type,
                    "content": in_base64(file.content),
                    **({"content_id": file.content_id} if file.content_id else {}),
                }
                for file in mail.attachments
            ],
        }
    )
    fields = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {url.key}",
        # The same for every attempt at a delivery, as are the mail's bytes; it is remembered for 24 hours.
        "Idempotency-Key": f"delivery-{mail.mark}",
    }
    return Request(path="/emails", headers=fields, body=body)


def _tell(body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
    told = object_in(body)
    return ApiAnswer(code=text_of(told, "name"), words=text_of(told, "message"), remote_id=text_of(told, "id") or None)


RESEND = ApiProvider(
    scheme="resend",
    example="resend://KEY@api.resend.com",
    root_of=lambda host: f"https://{host}",
    write=_write,
    tell=_tell,
    is_exact=True,
    rules=(
        refusal(Reason.SPEEDING, r"\b(daily|monthly)_quota_exceeded\b"),
        delay(Reason.SPEEDING, r"\brate_limit_exceeded\b", r"\bconcurrent_idempotent_requests\b"),
        # The key is known, and with another mail: an earlier attempt was taken.
        doubt(Reason.UNDEFINED, r"\binvalid_idempotent_request\b"),
        refusal(Reason.AUTHFAILURE, r"\b(missing|invalid|restricted)_api_key\b"),
        refusal(
            Reason.REJECTED,
            r"\binvalid_from_address\b|\binvalid_access\b",
            r"not verified|testing emails|`from`",
        ),
        failure(Reason.USERUNKNOWN, r"^4(00|22) .*`to`"),
        refusal(Reason.POLICYVIOLATION, r"\bsecurity_error\b"),
        refusal(Reason.CONTENTERROR, r"\binvalid_attachment\b"),
    ),
)


# Every attempt is signed anew.
OLDEST = timedelta(minutes=5)
_MEANINGS = {
    "email.delivered": FeedbackKind.DELIVERED,
    "email.bounced": FeedbackKind.BOUNCE,
    "email.complained": FeedbackKind.COMPLAINT,
}


def read_resend(call: WebhookRequest, secret: str) -> WebhookEvents:
    """`secret` is the signing secret, ``whsec_`` and base64."""
    identity, stamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise SignatureError("events_secret of this channel is no signing secret of Resend's") from error
    expected = base64.b64encode(hmac.digest(key, f"{identity}.{stamp}.".encode() + call.body, hashlib.sha256))
    given = [one.partition(",") for one in call.headers.get("svix-signature", "").split()]
    if not any(version == "v1" and hmac.compare_digest(expected, value.encode()) for version, _, value in given):
        raise SignatureError("the call is not signed by Resend under this channel's secret")
    moment = moment_of(stamp)
    if moment is None or abs(call.now - moment) > OLDEST:
        raise SignatureError("the signature of the call is too old, or of the future")
    told = as_object(read_json(call.body))
    meaning = _MEANINGS.get(text_of(told, "type"))
    if meaning is None:
        return WebhookEvents()
    data = as_object(told.get("data"))
    bounce = as_object(data.get("bounce"))
    to = data.get("to")
    address = str(to[0]) if isinstance(to, list) and to else str(to or "")
    otherwise = Reason.USERUNKNOWN if text_of(bounce, "type") == "Permanent" else Reason.UNDEFINED
    verdict = verdict_of(address, words=text_of(bounce, "message"), otherwise=otherwise)
    feedback = feedback_of(
        meaning,
        data,
        verdict if meaning is FeedbackKind.BOUNCE else RecipientReport(address=address),
        key=f"resend-{identity}",
        at=text_of(told, "created_at"),
        tokens=call.tokens,
    )
    return WebhookEvents(feedback=[feedback])
