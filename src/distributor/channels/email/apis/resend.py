"""Resend (resend.com/docs, "Send Email", "Errors" and "Idempotency Keys")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from distributor.channels.email.apis.bodies import as_json, in_base64, object_in
from distributor.channels.email.apis.mail import Mail
from distributor.channels.email.apis.provider import ApiUrl, Provider, Request, Told, delay, doubt, failure, refusal
from distributor.channels.email.hooks.words import text_of
from distributor.mail.bounces.reasons import Reason


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


def _tell(body: bytes, headers: Mapping[str, str]) -> Told:
    told = object_in(body)
    return Told(code=text_of(told, "name"), words=text_of(told, "message"), remote_id=text_of(told, "id") or None)


RESEND = Provider(
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
